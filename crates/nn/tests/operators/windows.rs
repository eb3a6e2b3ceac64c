//! Convolutions, pools and resizing.

use crate::harness::{Case, Input, distinct, list, x};

#[test]
fn convolutions_agree() {
    let conv = |channels: usize, out: usize, groups: usize, kernel: [i64; 2]| {
        let weight = [out, channels / groups, kernel[0] as usize, kernel[1] as usize];
        Case::new("Conv", vec![x(&[2, channels, 8, 7]), x(&weight), x(&[out])])
            .int("group", groups as i64)
            .ints("kernel_shape", &kernel)
    };
    conv(3, 4, 1, [1, 1]).check();
    conv(3, 4, 1, [1, 1]).ints("strides", &[2, 2]).check();
    conv(3, 4, 1, [3, 3]).ints("pads", &[1, 1, 1, 1]).check();
    conv(3, 4, 1, [3, 3])
        .ints("pads", &[0, 0, 1, 1])
        .ints("strides", &[2, 2])
        .check();
    conv(3, 2, 1, [3, 3])
        .ints("dilations", &[2, 2])
        .ints("pads", &[2, 2, 2, 2])
        .check();
    conv(4, 4, 4, [3, 3]).ints("pads", &[1, 1, 1, 1]).check();
    conv(4, 4, 4, [5, 5])
        .ints("pads", &[2, 2, 2, 2])
        .ints("strides", &[2, 2])
        .check();
    conv(4, 8, 4, [3, 3]).ints("pads", &[1, 1, 1, 1]).check();
    conv(4, 6, 2, [3, 3]).ints("pads", &[1, 0, 1, 0]).check();
    conv(6, 6, 3, [1, 1]).check();
    conv(3, 4, 1, [3, 3])
        .string("auto_pad", "SAME_UPPER")
        .ints("strides", &[2, 2])
        .check();
    conv(3, 4, 1, [2, 2]).string("auto_pad", "SAME_UPPER").check();
}

#[test]
fn convolutions_of_many_channels_agree() {
    // Sizes that are larger than a vector register and no multiple of it.
    let conv = |channels: usize, out: usize, groups: usize, kernel: usize, pad: i64| {
        Case::new(
            "Conv",
            vec![x(&[2, channels, 9, 10]), x(&[out, channels / groups, kernel, kernel])],
        )
        .int("group", groups as i64)
        .ints("kernel_shape", &[kernel as i64; 2])
        .ints("pads", &[pad; 4])
    };
    conv(37, 37, 37, 3, 1).check();
    conv(37, 37, 37, 5, 2).ints("strides", &[2, 2]).check();
    conv(19, 35, 1, 1, 0).check();
    conv(19, 21, 1, 3, 1).ints("strides", &[2, 2]).check();
    conv(16, 32, 1, 3, 1).check();
}

#[test]
fn convolutions_over_one_axis_agree() {
    Case::new("Conv", vec![x(&[2, 3, 9]), x(&[4, 3, 3]), x(&[4])])
        .ints("kernel_shape", &[3])
        .ints("pads", &[1, 1])
        .check();
    Case::new("Conv", vec![x(&[2, 4, 9]), x(&[4, 2, 3])])
        .ints("kernel_shape", &[3])
        .ints("strides", &[2])
        .int("group", 2)
        .check();
}

#[test]
fn transposed_convolutions_agree() {
    let case = |kernel: usize| {
        Case::new(
            "ConvTranspose",
            vec![x(&[2, 3, 4, 5]), x(&[3, 2, kernel, kernel]), x(&[2])],
        )
        .ints("kernel_shape", &[kernel as i64; 2])
    };
    case(2).ints("strides", &[2, 2]).check();
    case(3).ints("strides", &[2, 2]).ints("pads", &[1, 1, 1, 1]).check();
    case(3).ints("pads", &[1, 0, 0, 1]).check();
    case(3)
        .ints("strides", &[2, 2])
        .ints("pads", &[1, 1, 1, 1])
        .ints("output_padding", &[1, 1])
        .check();
}

#[test]
fn pools_agree() {
    for op in ["MaxPool", "AveragePool"] {
        let case = || Case::new(op, vec![distinct(&[2, 3, 7, 8])]);
        case().ints("kernel_shape", &[2, 2]).ints("strides", &[2, 2]).check();
        case()
            .ints("kernel_shape", &[3, 3])
            .ints("strides", &[2, 2])
            .ints("pads", &[1, 1, 1, 1])
            .check();
        case().ints("kernel_shape", &[3, 2]).ints("strides", &[1, 2]).check();
        case()
            .ints("kernel_shape", &[2, 2])
            .ints("strides", &[2, 2])
            .int("ceil_mode", 1)
            .check();
        case()
            .ints("kernel_shape", &[3, 3])
            .ints("strides", &[2, 2])
            .ints("pads", &[0, 0, 1, 1])
            .check();
    }
    Case::new("AveragePool", vec![x(&[1, 2, 5, 5])])
        .ints("kernel_shape", &[3, 3])
        .ints("strides", &[1, 1])
        .ints("pads", &[1, 1, 1, 1])
        .int("count_include_pad", 1)
        .check();
    Case::new("MaxPool", vec![x(&[1, 2, 9])])
        .ints("kernel_shape", &[3])
        .ints("strides", &[2])
        .check();
    for op in ["GlobalAveragePool", "GlobalMaxPool"] {
        Case::new(op, vec![x(&[2, 3, 4, 5])]).check();
    }
}

#[test]
fn resizing_agrees() {
    let sizes = |sizes: &[i64]| vec![x(&[1, 2, 4, 5]), Input::Absent, Input::Absent, list(sizes)];
    for coordinates in ["half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"] {
        Case::new("Resize", sizes(&[1, 2, 7, 8]))
            .string("mode", "linear")
            .string("coordinate_transformation_mode", coordinates)
            .check();
        Case::new("Resize", sizes(&[1, 2, 8, 10]))
            .string("mode", "nearest")
            .string("nearest_mode", "floor")
            .string("coordinate_transformation_mode", coordinates)
            .check();
    }
    let scales = Input::Floats(vec![4], vec![1.0, 1.0, 2.0, 2.0]);
    Case::new("Resize", vec![x(&[1, 2, 3, 4]), Input::Absent, scales])
        .string("mode", "nearest")
        .check();
    Case::new("Resize", sizes(&[1, 2, 2, 3]))
        .string("mode", "linear")
        .check();
    // A constant stays constant under a cubic filter, whose weights add up to one.
    let constant = vec![
        Input::Random(vec![1, 1, 4, 4], 1.0, 1.0),
        Input::Absent,
        Input::Absent,
        list(&[1, 1, 7, 9]),
    ];
    Case::new("Resize", constant)
        .string("mode", "cubic")
        .check_against(&[1, 1, 7, 9], |_| vec![1.0; 63]);
}

#[test]
fn depth_and_space_agree() {
    Case::new("DepthToSpace", vec![x(&[2, 8, 2, 3])])
        .int("blocksize", 2)
        .check();
    Case::new("DepthToSpace", vec![x(&[2, 8, 2, 3])])
        .int("blocksize", 2)
        .string("mode", "CRD")
        .check();
    // The inverse of the other: element (c', h, w) of the block row b, column d comes from (c, 2h + b, 2w + d).
    Case::new("SpaceToDepth", vec![x(&[1, 2, 4, 6])])
        .int("blocksize", 2)
        .check_against(&[1, 8, 2, 3], |inputs| {
            let mut values = Vec::new();
            for row in 0..2 {
                for column in 0..2 {
                    for c in 0..2 {
                        for h in 0..2 {
                            for w in 0..3 {
                                values.push(inputs[0][(c * 4 + 2 * h + row) * 6 + 2 * w + column]);
                            }
                        }
                    }
                }
            }
            values
        });
}

#[test]
fn columns_are_laid_over_an_image_and_added_where_they_overlap() {
    // [1, 2·4, 9] → [1, 2, 4, 4]: windows of 2×2 at every place but the padding's.
    let (channels, taps, side) = (2, 4, 3);
    Case::new(
        "Col2Im",
        vec![x(&[1, channels * taps, side * side]), list(&[4, 4]), list(&[2, 2])],
    )
    .check_against(&[1, channels, 4, 4], |inputs| {
        let mut image = vec![0.0; channels * 16];
        for (at, value) in inputs[0].iter().enumerate() {
            let (row, place) = (at / 9, at % 9);
            let (channel, tap) = (row / taps, row % taps);
            let (y, x) = (place / side + tap / 2, place % side + tap % 2);
            image[channel * 16 + y * 4 + x] += value;
        }
        image
    });
    // With a stride of 2, a dilation and padding, the one place that is left is the middle.
    Case::new("Col2Im", vec![x(&[1, 4, 4]), list(&[3, 3]), list(&[2, 2])])
        .ints("strides", &[2, 2])
        .ints("dilations", &[2, 2])
        .ints("pads", &[1, 1, 1, 1])
        .check_against(&[1, 1, 3, 3], |inputs| {
            let mut image = vec![0.0; 9];
            for (at, value) in inputs[0].iter().enumerate() {
                let (tap, place) = (at / 4, at % 4);
                let (y, x) = (2 * (place / 2) + 2 * (tap / 2), 2 * (place % 2) + 2 * (tap % 2));
                if (1..4).contains(&y) && (1..4).contains(&x) {
                    image[(y - 1) * 3 + x - 1] += value;
                }
            }
            image
        });
}
