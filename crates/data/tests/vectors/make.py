"""Small images in every format that is read, and the pixels that Pillow gives for them.

    pip install pillow numpy safetensors
    python make.py

Writes the image files beside this script, and pixels.safetensors: by file name, what Pillow makes of the file as RGB, turned
as its EXIF data say, `[height, width, 3]` bytes.
"""

import pathlib
import struct

import numpy
import PIL
from PIL import Image, ImageOps
from safetensors.numpy import save_file

HERE = pathlib.Path(__file__).parent
HEIGHT, WIDTH = 29, 37


def picture():
    """Smooth in one half, noise in the other: what codecs find easy, and what they find hard."""
    y, x = numpy.mgrid[:HEIGHT, :WIDTH] / 8
    smooth = 128 + 100 * numpy.stack([numpy.sin(x), numpy.cos(y + x), numpy.sin(y) * numpy.cos(x)], axis=-1)
    noise = numpy.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, 3))
    left = numpy.arange(WIDTH)[None, :, None] < WIDTH // 2
    return Image.fromarray(numpy.where(left, smooth, noise).clip(0, 255).astype(numpy.uint8))


def alpha():
    ramp = numpy.linspace(0, 255, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH)
    return Image.fromarray(ramp.astype(numpy.uint8))


def oriented(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


def files():
    rgb = picture()
    grey, rgba, cmyk = rgb.convert("L"), rgb.copy(), rgb.convert("CMYK")
    rgba.putalpha(alpha())
    palette = rgb.quantize(17)
    grey_alpha = grey.copy()
    grey_alpha.putalpha(alpha())
    yield "rgb.png", rgb, {}
    yield "rgba.png", rgba, {}
    yield "grey.png", grey, {}
    yield "grey_alpha.png", grey_alpha, {}
    yield "palette.png", palette, {}
    yield "palette_4_bits.png", rgb.quantize(16), {"bits": 4}
    yield "palette_transparent.png", palette, {"transparency": 3}
    yield "one_bit.png", rgb.convert("1"), {}
    yield "turned.png", rgb, {"exif": oriented(6)}
    yield "420.jpg", rgb, {"quality": 75}
    yield "422.jpg", rgb, {"quality": 60, "subsampling": 1}
    yield "444.jpg", rgb, {"quality": 95, "subsampling": 0}
    yield "progressive.jpg", rgb, {"quality": 80, "progressive": True}
    yield "grey.jpg", grey, {"quality": 75}
    yield "cmyk.jpg", cmyk, {"quality": 75}
    yield "turned.jpg", rgb, {"quality": 75, "exif": oriented(8)}
    yield "restarts.jpg", rgb, {"quality": 75, "restart_marker_blocks": 2}
    yield "lossy.webp", rgb, {"quality": 70}
    yield "lossless.webp", rgb, {"lossless": True}
    yield "lossy_alpha.webp", rgba, {"quality": 70}
    yield "palette.gif", palette, {}
    yield "transparent.gif", palette, {"transparency": 3}
    yield "two_frames.gif", palette, {"save_all": True, "append_images": [rgb.rotate(180).quantize(9)], "duration": 50}
    yield "rgb.bmp", rgb, {}
    yield "grey.bmp", grey, {}
    yield "palette.bmp", palette, {}
    yield "one_bit.bmp", rgb.convert("1"), {}
    yield "rgb.tif", rgb, {}
    yield "grey.tif", grey, {}
    yield "deflate.tif", rgb, {"compression": "tiff_adobe_deflate"}
    yield "lzw.tif", rgb, {"compression": "tiff_lzw"}
    yield "group4.tif", rgb.convert("1"), {"compression": "group4"}
    yield "group4_white.tif", rgb.convert("1"), {"compression": "group4"}
    yield "jpeg.tif", rgb, {"compression": "jpeg", "quality": 80}
    yield "jpeg_ycbcr.tif", rgb.convert("YCbCr"), {"compression": "jpeg", "quality": 80}
    yield "jpeg_grey.tif", grey, {"compression": "jpeg", "quality": 80}
    yield "jpeg_strips.tif", rgb, {"compression": "jpeg", "quality": 80, "strip_size": 16 * 3 * WIDTH}
    yield "two_pages.tif", rgb, {"save_all": True, "append_images": [rgb.rotate(180)]}
    numbers = numpy.asarray(grey, dtype=numpy.float32) * 1.7 - 60.3
    yield "float.tif", Image.fromarray(numbers), {}
    yield "int32.tif", Image.fromarray(numbers.astype(numpy.int32)), {}
    yield "uint16.tif", Image.fromarray((numbers + 61).astype(numpy.uint16)), {}


def white_is_zero(path):
    """Pillow writes files in which black is zero only: the other value of the tag 262."""
    tag = struct.pack("<HHIHH", 262, 3, 1, 1, 0)
    content = path.read_bytes()
    assert content.count(tag) == 1
    path.write_bytes(content.replace(tag, struct.pack("<HHIHH", 262, 3, 1, 0, 0)))


def main():
    pixels = {}
    for name, image, options in files():
        image.save(HERE / name, **options)
        if "white" in name:
            white_is_zero(HERE / name)
        with Image.open(HERE / name) as read:
            pixels[name] = numpy.array(ImageOps.exif_transpose(read).convert("RGB"))
    save_file(pixels, HERE / "pixels.safetensors", {"made with": f"Pillow {PIL.__version__}"})


main()
