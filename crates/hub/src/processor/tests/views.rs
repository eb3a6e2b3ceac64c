//! Views: a crop in place of the model's own, and a flip.

use ranktune_data::view::{Extent, View};

use super::*;

fn whole(flip: bool) -> View {
    View {
        extent: Extent::Area { share: 1.0, ratio: 1.0 },
        x: 0.0,
        y: 0.0,
        flip,
    }
}

fn plain(edge: usize) -> ImageProcessor {
    let size = json!({"height": edge, "width": edge});
    hugging_face(
        &json!({"image_processor_type": "ViTImageProcessor", "size": size, "do_rescale": false, "do_normalize": false}),
    )
    .unwrap()
}

fn viewed(processor: &ImageProcessor, image: &RgbImage, view: &View) -> Vec<f32> {
    let mut out = vec![f32::NAN; processor.output_shape().iter().product()];
    processor.apply_view(image, Some(view), &mut out).unwrap();
    out
}

#[test]
fn the_whole_image_as_a_view_is_the_plain_resize() {
    let image = image(40, 40, |y, x| [(6 * y) as u8, (5 * x) as u8, (y * x) as u8]);
    for edge in [13, 40, 64] {
        assert_eq!(
            viewed(&plain(edge), &image, &whole(false)),
            applied(&plain(edge), &image)
        );
    }
}

#[test]
fn a_crop_of_the_image_is_the_image_of_the_crop() {
    let pixel = |y: usize, x: usize| [(3 * y) as u8, (2 * x) as u8, (y ^ x) as u8];
    let image_of_40 = image(40, 40, pixel);
    // A quarter of the area at the lower right; whole pixels, and no resize, so no filter reaches beyond the edge.
    let view = View {
        extent: Extent::Area {
            share: 0.25,
            ratio: 1.0,
        },
        x: 1.0,
        y: 1.0,
        flip: false,
    };
    let corner = image(20, 20, |y, x| pixel(y + 20, x + 20));
    assert_eq!(viewed(&plain(20), &image_of_40, &view), applied(&plain(20), &corner));
}

#[test]
fn a_flip_mirrors_every_row_in_both_layouts() {
    let picture = image(16, 16, |y, x| [(y * 16) as u8, (x * 16) as u8, 7]);
    let mirrored = image(16, 16, |y, x| [(y * 16) as u8, ((15 - x) * 16) as u8, 7]);
    assert_eq!(
        viewed(&plain(16), &picture, &whole(true)),
        applied(&plain(16), &mirrored)
    );
    let settings =
        json!({"image_processor_type": "ViTImageProcessor", "size": 16, "do_rescale": false, "do_normalize": false});
    let last = GraphInput {
        layout: ImageLayout::ChannelsLast,
        ..open(3)
    };
    let processor = ImageProcessor::from_dir(folder(&[("preprocessor_config.json", &settings)]).path(), &last).unwrap();
    assert_eq!(
        viewed(&processor, &picture, &whole(true)),
        applied(&processor, &mirrored)
    );
}

#[test]
fn a_graph_of_bytes_is_fed_bytes_whatever_the_settings() {
    let picture = image(16, 16, |y, x| [(y * 16) as u8, (x * 16) as u8, 7]);
    let settings = json!({"image_processor_type": "ViTImageProcessor", "size": 16});
    let scaled = hugging_face(&settings).unwrap();
    let bytes = applied(&plain(16), &picture);
    assert_ne!(applied(&scaled, &picture), bytes);
    let processor = scaled.of_bytes();
    assert_eq!(applied(&processor, &picture), bytes);
    assert!(processor.notes().iter().any(|note| note.contains("takes bytes")));
    let alone = ImageProcessor::from_graph_input(&open(3)).unwrap().of_bytes();
    assert!(
        alone.notes().iter().all(|note| !note.contains("normalized with")),
        "{:?}",
        alone.notes()
    );
}

#[test]
fn a_view_fills_the_input_also_where_the_model_would_crop() {
    let settings = json!({"image_processor_type": "CLIPImageProcessor", "do_rescale": false, "do_normalize": false});
    let processor = hugging_face(&settings).unwrap();
    let white = image(30, 90, |_, _| [255; 3]);
    let out = viewed(&processor, &white, &whole(false));
    assert!(out.iter().all(|&value| value == 255.0));
}
