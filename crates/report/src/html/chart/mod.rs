//! Pictures in SVG.
//!
//! They are templates like the rest of the page: colours are classes of the style sheet, so they follow light and dark; every picture has
//! a title and a description; every mark has its own text, and the number of its model where it shows one.

mod intervals;
mod labels;
mod plot;
mod scale;

pub(crate) use intervals::{Interval, Intervals};
pub(crate) use plot::{Axis, Curve, Plot, Point, Stroke};
pub(crate) use scale::AxisKind;

/// A coordinate in a picture: one decimal, so that the bytes do not depend on the last digits.
pub(crate) fn coordinate(value: f64) -> String {
    let text = format!("{value:.1}");
    // -0.0 is written as 0.0.
    if text == "-0.0" { "0.0".to_owned() } else { text }
}
