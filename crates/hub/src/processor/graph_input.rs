//! The image input of a graph: channels, height, width and their order.

use std::fmt;

use ranktune_onnx::{DataType, Dim, ValueInfo};

use crate::Error;

/// Order of an image input's dimensions after the batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ImageLayout {
    /// `[batch, channels, height, width]`, what PyTorch exports.
    #[default]
    ChannelsFirst,
    /// `[batch, height, width, channels]`, what TensorFlow exports.
    ChannelsLast,
}

/// The image input of a graph; dynamic sizes are `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GraphInput {
    /// 1 (grey) or 3 (colour).
    pub channels: Option<usize>,
    /// Rows.
    pub height: Option<usize>,
    /// Columns.
    pub width: Option<usize>,
    /// Order of the dimensions.
    pub layout: ImageLayout,
}

impl GraphInput {
    /// Reads the shape of a graph's input.
    ///
    /// The channels are the second dimension if it is 1 or 3, else the last. If neither is fixed, the second dimension is taken to
    /// hold three channels.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch) if the input cannot be an image: not of four dimensions, not of floating-point numbers or bytes, or
    /// without a dimension of one or three channels.
    pub fn from_value_info(input: &ValueInfo) -> Result<Self, Error> {
        let no_image = |why: String| {
            let text = format!(
                "input {:?} is not an image: expected float or uint8[batch, 1 or 3, height, width], {why}",
                input.name
            );
            Error::mismatch(text)
        };
        let is_pixel = |data_type: &DataType| data_type.is_float() || *data_type == DataType::U8;
        if let Some(other) = input.data_type.filter(|data_type| !is_pixel(data_type)) {
            return Err(no_image(format!("found elements of type {other:?}")));
        }
        let Some(shape) = &input.shape else {
            return Ok(Self::default());
        };
        let [_, second, third, last] = shape.as_slice() else {
            return Err(no_image(format!("found {} dimensions", shape.len())));
        };
        let channels = |dim: &Dim| matches!(dim.fixed(), Some(1 | 3));
        if channels(second) || (second.fixed().is_none() && !channels(last)) {
            let layout = ImageLayout::ChannelsFirst;
            let (channels, height, width) = (second.fixed(), third.fixed(), last.fixed());
            Ok(Self {
                channels,
                height,
                width,
                layout,
            })
        } else if channels(last) {
            let layout = ImageLayout::ChannelsLast;
            let (channels, height, width) = (last.fixed(), second.fixed(), third.fixed());
            Ok(Self {
                channels,
                height,
                width,
                layout,
            })
        } else {
            let (a, b) = (dim(second), dim(last));
            Err(no_image(format!(
                "found {a} as the second and {b} as the last dimension"
            )))
        }
    }
}

fn dim(dim: &Dim) -> String {
    dim.fixed()
        .map_or_else(|| "a dynamic size".to_owned(), |size| size.to_string())
}

impl fmt::Display for GraphInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = |size: Option<usize>| size.map_or_else(|| "?".to_owned(), |size| size.to_string());
        let (c, h, w) = (size(self.channels), size(self.height), size(self.width));
        match self.layout {
            ImageLayout::ChannelsFirst => write!(f, "[batch, {c}, {h}, {w}]"),
            ImageLayout::ChannelsLast => write!(f, "[batch, {h}, {w}, {c}]"),
        }
    }
}
