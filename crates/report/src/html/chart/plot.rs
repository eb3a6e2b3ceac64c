//! Points and lines over two axes.

use askama::Template;

use super::coordinate;
use super::labels::{Label, Placer};
use super::scale::{AxisKind, Scale};
use crate::html::render;
use crate::html::text::isolated;

/// A plot, before it is drawn.
pub(crate) struct Plot {
    /// Unique in the page.
    pub id: String,
    pub title: String,
    /// What a reader who does not see the picture should know.
    pub description: String,
    pub x: Axis,
    pub y: Axis,
    pub curves: Vec<Curve>,
    /// A value of x with a line and its text.
    pub mark: Option<(f64, String)>,
}

/// An axis, before its range is known.
pub(crate) struct Axis {
    pub name: String,
    pub kind: AxisKind,
    /// The text of a tick, where it is not the plain number.
    pub format: Option<fn(f64) -> String>,
}

impl Axis {
    pub(crate) fn new(name: impl Into<String>, kind: AxisKind) -> Self {
        Self {
            name: name.into(),
            kind,
            format: None,
        }
    }

    fn text(&self, scale: &Scale, tick: f64) -> String {
        if let AxisKind::Names(names) = &self.kind {
            // Ticks of names are their places, 0, 1, 2, …
            let named = names
                .iter()
                .enumerate()
                .find(|(place, _)| place.to_string() == tick.to_string());
            return named.map(|(_, name)| name.clone()).unwrap_or_default();
        }
        match self.format {
            Some(format) => format(tick),
            None => scale.text(tick),
        }
    }
}

/// How a curve is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stroke {
    /// Points only.
    Points,
    /// Points that a line connects.
    Line,
    /// Points under steps, as of a front: best so far.
    Steps,
}

/// Points of one kind.
pub(crate) struct Curve {
    /// For the legend; empty for none.
    pub name: String,
    pub stroke: Stroke,
    /// 0 to 5: its colour and dashes.
    pub colour: usize,
    pub points: Vec<Point>,
}

/// A point.
pub(crate) struct Point {
    pub x: f64,
    pub y: f64,
    /// Standard error of y.
    pub error: Option<f64>,
    /// Its own text.
    pub tip: String,
    /// A name beside it, if there is room.
    pub name: Option<String>,
    /// Place of its model, for the filter.
    pub model: Option<usize>,
}

/// Left, top, right, bottom of the area of points; `plot.html` draws it in a picture of 460 by 300.
const FRAME: [f64; 4] = [58.0, 14.0, 448.0, 252.0];

#[derive(Template)]
#[template(path = "plot.html")]
struct Drawn {
    id: String,
    title: String,
    description: String,
    x_name: String,
    y_name: String,
    x_ticks: Vec<Tick>,
    y_ticks: Vec<Tick>,
    curves: Vec<DrawnCurve>,
    labels: Vec<Label>,
    mark: Option<(String, String)>,
    has_legend: bool,
}

struct Tick {
    at: String,
    text: String,
}

struct DrawnCurve {
    name: String,
    colour: usize,
    path: Option<String>,
    points: Vec<DrawnPoint>,
}

struct DrawnPoint {
    x: String,
    y: String,
    error: Option<(String, String)>,
    tip: String,
    model: Option<usize>,
}

impl Plot {
    /// The picture; `None` without a point, or where the values are too far apart to be drawn.
    pub(crate) fn html(mut self) -> Option<String> {
        for curve in &mut self.curves {
            curve.points.retain(|point| {
                point.x.is_finite() && point.y.is_finite() && (self.x.kind != AxisKind::Logarithmic || point.x > 0.0)
            });
        }
        self.curves.retain(|curve| !curve.points.is_empty());
        let points = || self.curves.iter().flat_map(|curve| &curve.points);
        let x = Scale::new(&self.x.kind, points().map(|point| point.x))?;
        let ends = points().flat_map(|point| {
            let error = point.error.filter(|error| error.is_finite()).unwrap_or(0.0);
            [point.y - error, point.y + error]
        });
        let y = Scale::new(&self.y.kind, ends)?;
        let [left, top, right, bottom] = FRAME;
        let place = |point: &Point| {
            (
                left + x.place(point.x) * (right - left),
                bottom - y.place(point.y) * (bottom - top),
            )
        };
        let mut placer = Placer::new(FRAME, points().map(place));
        let labels = points().filter_map(|point| {
            let (x, y) = place(point);
            placer.place(x, y, point.name.as_ref()?)
        });
        let labels = labels.collect();
        let curves: Vec<DrawnCurve> = self.curves.iter().map(|curve| draw(curve, place, &y)).collect();
        let has_legend = curves.iter().filter(|curve| !curve.name.is_empty()).count() > 1;
        let ticks = |axis: &Axis, scale: &Scale, at: &dyn Fn(f64) -> f64| {
            let ticks = scale.ticks.iter().map(|&tick| Tick {
                at: coordinate(at(scale.place(tick))),
                text: axis.text(scale, tick),
            });
            thinned(ticks.collect())
        };
        let drawn = Drawn {
            x_ticks: ticks(&self.x, &x, &|place| left + place * (right - left)),
            y_ticks: ticks(&self.y, &y, &|place| bottom - place * (bottom - top)),
            mark: self
                .mark
                .map(|(value, text)| (coordinate(left + x.place(value) * (right - left)), text)),
            id: self.id,
            title: self.title,
            description: self.description,
            x_name: self.x.name,
            y_name: self.y.name,
            curves,
            labels,
            has_legend,
        };
        Some(render(&drawn))
    }
}

/// At most twelve ticks.
fn thinned(ticks: Vec<Tick>) -> Vec<Tick> {
    let stride = ticks.len().div_ceil(12).max(1);
    ticks.into_iter().step_by(stride).collect()
}

fn draw(curve: &Curve, place: impl Fn(&Point) -> (f64, f64), y: &Scale) -> DrawnCurve {
    let [_, top, _, bottom] = FRAME;
    let mut path = String::new();
    for (index, point) in curve.points.iter().enumerate() {
        let (x, y) = place(point);
        let (x, y) = (coordinate(x), coordinate(y));
        let step = match (index, curve.stroke) {
            (0, _) => format!("M{x} {y}"),
            (_, Stroke::Steps) => format!("H{x}V{y}"),
            _ => format!("L{x} {y}"),
        };
        path.push_str(&step);
    }
    let points = curve.points.iter().map(|point| {
        let (x, at) = place(point);
        DrawnPoint {
            x: coordinate(x),
            y: coordinate(at),
            error: point.error.map(|error| {
                let end = |value: f64| coordinate(bottom - y.place(value) * (bottom - top));
                (end(point.y - error), end(point.y + error))
            }),
            tip: point.tip.clone(),
            model: point.model,
        }
    });
    DrawnCurve {
        name: curve.name.clone(),
        colour: curve.colour % 6,
        path: (curve.stroke != Stroke::Points && curve.points.len() > 1).then_some(path),
        points: points.collect(),
    }
}

impl Point {
    /// A point with its own text, and no name beside it.
    pub(crate) fn new(x: f64, y: f64, tip: String) -> Self {
        Self {
            x,
            y,
            error: None,
            tip,
            name: None,
            model: None,
        }
    }

    /// The text of a point of a model: its name and a line.
    pub(crate) fn of_model(x: f64, y: f64, name: &str, line: &str) -> Self {
        Self::new(x, y, format!("{}\n{line}", isolated(name)))
    }
}
