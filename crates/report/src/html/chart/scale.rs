//! From values to places on an axis, and the ticks of an axis.

/// How values are placed on an axis.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum AxisKind {
    /// Evenly.
    Linear,
    /// By their logarithm; all values are above 0.
    Logarithmic,
    /// Whole numbers from 0, each with its name.
    Names(Vec<String>),
}

/// An axis over a range of values.
pub(crate) struct Scale {
    is_logarithmic: bool,
    low: f64,
    high: f64,
    pub(crate) ticks: Vec<f64>,
}

/// Number of ticks that an axis has room for.
const TICKS: f64 = 7.5;

impl Scale {
    /// An axis for `values`; `None` if there are none, or if they span more than numbers can hold.
    pub(crate) fn new(kind: &AxisKind, values: impl Iterator<Item = f64>) -> Option<Self> {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values {
            low = low.min(value);
            high = high.max(value);
        }
        if !(high - low).is_finite() {
            return None;
        }
        Some(match kind {
            AxisKind::Linear => Self::linear(low, high),
            AxisKind::Logarithmic => Self::logarithmic(low, high),
            AxisKind::Names(names) => Self::names(names.len()),
        })
    }

    fn linear(low: f64, high: f64) -> Self {
        let middle = f64::midpoint(low, high);
        // A single value gets a range of its own size.
        let span = if high > low {
            high - low
        } else {
            middle.abs().max(1.0) * 0.2
        };
        let (low, high) = (middle - 0.54 * span, middle + 0.54 * span);
        let step = nice_step((high - low) / TICKS);
        let first = (low / step).ceil();
        let ticks = (0..=12)
            .map(|i| (first + f64::from(i)) * step)
            .take_while(|tick| *tick <= high);
        Self {
            is_logarithmic: false,
            low,
            high,
            ticks: ticks.collect(),
        }
    }

    fn logarithmic(low: f64, high: f64) -> Self {
        let (low, high) = (low.log10(), high.log10());
        let (middle, span) = (f64::midpoint(low, high), (high - low).max(0.3));
        let (low, high) = (middle - 0.56 * span, middle + 0.56 * span);
        let decades = high - low;
        let factors: &[f64] = if decades < 1.6 {
            &[1.0, 2.0, 5.0]
        } else if decades < 3.0 {
            &[1.0, 3.0]
        } else {
            &[1.0]
        };
        let stride = (decades / TICKS).ceil().max(1.0);
        let mut ticks = Vec::new();
        let mut decade = low.floor();
        while decade <= high {
            ticks.extend(factors.iter().map(|factor| factor * 10f64.powf(decade)));
            decade += stride;
        }
        ticks.retain(|tick| (low..=high).contains(&tick.log10()));
        Self {
            is_logarithmic: true,
            low,
            high,
            ticks,
        }
    }

    fn names(count: usize) -> Self {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        Self {
            is_logarithmic: false,
            low: -0.5,
            high: f64::from(count) - 0.5,
            ticks: (0..count).map(f64::from).collect(),
        }
    }

    /// The place of a value, from 0 at the low end to 1 at the high end; values outside are at an end.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let value = if self.is_logarithmic { value.log10() } else { value };
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// The text of a tick: as many decimals as tell it from its neighbours.
    pub(crate) fn text(&self, tick: f64) -> String {
        let step = match self.ticks[..] {
            [first, second, ..] if !self.is_logarithmic => second - first,
            _ => tick.abs(),
        };
        if tick == 0.0 {
            return "0".to_owned();
        }
        if !(1e-4..1e6).contains(&tick.abs()) {
            return format!("{tick:e}");
        }
        let decimals = (0..=8)
            .find(|&decimals| {
                let scaled = step * 10f64.powi(decimals);
                (scaled - scaled.round()).abs() < 1e-6 * scaled.abs()
            })
            .unwrap_or(8);
        format!("{tick:.*}", usize::try_from(decimals).unwrap_or(0))
    }
}

/// The smallest of 1, 2 and 5 times a power of ten that is at least `step`.
fn nice_step(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= step);
    factor.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(kind: &AxisKind, values: &[f64]) -> Vec<String> {
        let scale = Scale::new(kind, values.iter().copied()).unwrap();
        scale.ticks.iter().map(|&tick| scale.text(tick)).collect()
    }

    #[test]
    fn linear_ticks_are_round_numbers_with_equal_steps() {
        assert_eq!(
            texts(&AxisKind::Linear, &[0.03, 0.61]),
            ["0.1", "0.2", "0.3", "0.4", "0.5", "0.6"]
        );
        assert_eq!(
            texts(&AxisKind::Linear, &[-1.0, 1.0]),
            ["-1.0", "-0.5", "0", "0.5", "1.0"]
        );
        assert_eq!(texts(&AxisKind::Linear, &[1.0, 10.0]), ["2", "4", "6", "8", "10"]);
    }

    #[test]
    fn logarithmic_ticks_are_decades_with_steps_between_where_there_is_room() {
        assert_eq!(
            texts(&AxisKind::Logarithmic, &[1e3, 1e5]),
            ["1000", "3000", "10000", "30000", "100000"]
        );
        assert_eq!(texts(&AxisKind::Logarithmic, &[10.0, 90.0]), ["10", "20", "50", "100"]);
    }

    #[test]
    fn a_single_value_lies_in_the_middle_and_extremes_have_no_axis() {
        let scale = Scale::new(&AxisKind::Linear, [5.0].into_iter()).unwrap();
        assert!((scale.place(5.0) - 0.5).abs() < 1e-12 && scale.ticks.len() > 1);
        assert!(Scale::new(&AxisKind::Linear, [f64::MIN, f64::MAX].into_iter()).is_none());
        assert!(Scale::new(&AxisKind::Linear, std::iter::empty()).is_none());
    }
}
