//! Activations as functions of one number, with their derivatives, written so that they vectorize.

use std::fmt::Debug;

/// A function of one number.
pub(crate) trait Curve: Copy + Debug + Send + Sync + 'static {
    /// `f(x)`.
    fn apply(self, x: f32) -> f32;

    /// `gradient · f′(x)`.
    fn backward(self, x: f32, gradient: f32) -> f32;
}

/// Clamps to limits; the gradient is 1 inside and at the limits, 0 outside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Range {
    pub low: f32,
    pub high: f32,
    /// Whether the gradient at `low` itself is 0, as in Relu.
    pub open: bool,
}

impl Range {
    /// No limits.
    pub(crate) const ALL: Self = Self {
        low: f32::NEG_INFINITY,
        high: f32::INFINITY,
        open: false,
    };
    /// `max(x, 0)`.
    pub(crate) const RELU: Self = Self {
        low: 0.0,
        high: f32::INFINITY,
        open: true,
    };
}

impl Curve for Range {
    #[inline(always)]
    fn apply(self, x: f32) -> f32 {
        let raised = if x < self.low { self.low } else { x };
        if raised > self.high { self.high } else { raised }
    }

    #[inline(always)]
    fn backward(self, x: f32, gradient: f32) -> f32 {
        // Without a branch between the two comparisons, so that they vectorize.
        let inside = (x > self.low) | (!self.open & (x == self.low));
        if inside & (x <= self.high) { gradient } else { 0.0 }
    }
}

/// An elementwise function that has a kernel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Activation {
    Limit(Range),
    Sigmoid,
    /// `x · σ(alpha·x)`.
    Swish {
        alpha: f32,
    },
    HardSwish,
    /// `clip(alpha·x + beta, 0, 1)`.
    HardSigmoid {
        alpha: f32,
        beta: f32,
    },
    Gelu,
    /// The tanh approximation of Gelu.
    GeluTanh,
    Tanh,
}

impl Activation {
    /// The identity.
    pub(crate) const NONE: Self = Self::Limit(Range::ALL);
}

/// Evaluates `$then` with the curve of `$activation`.
macro_rules! with_curve {
    ($activation:expr, $curve:ident => $then:expr) => {
        match $activation {
            Activation::Limit($curve) => $then,
            Activation::Sigmoid => {
                let $curve = $crate::kernels::curve::Sigmoid;
                $then
            }
            Activation::Swish { alpha } => {
                let $curve = $crate::kernels::curve::Swish { alpha };
                $then
            }
            Activation::HardSwish => {
                let $curve = $crate::kernels::curve::HardSwish;
                $then
            }
            Activation::HardSigmoid { alpha, beta } => {
                let $curve = $crate::kernels::curve::HardSigmoid { alpha, beta };
                $then
            }
            Activation::Gelu => {
                let $curve = $crate::kernels::curve::Gelu;
                $then
            }
            Activation::GeluTanh => {
                let $curve = $crate::kernels::curve::GeluTanh;
                $then
            }
            Activation::Tanh => {
                let $curve = $crate::kernels::curve::Tanh;
                $then
            }
        }
    };
}

pub(crate) use with_curve;

/// `σ(x) = 1 / (1 + e⁻ˣ)`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sigmoid;

impl Curve for Sigmoid {
    #[inline(always)]
    fn apply(self, x: f32) -> f32 {
        1.0 / (1.0 + exp(-x))
    }

    #[inline(always)]
    fn backward(self, x: f32, gradient: f32) -> f32 {
        let y = self.apply(x);
        gradient * y * (1.0 - y)
    }
}

/// `x · σ(alpha·x)`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Swish {
    pub alpha: f32,
}

impl Curve for Swish {
    #[inline(always)]
    fn apply(self, x: f32) -> f32 {
        x * Sigmoid.apply(self.alpha * x)
    }

    #[inline(always)]
    fn backward(self, x: f32, gradient: f32) -> f32 {
        let (inner, y) = (self.alpha * x, Sigmoid.apply(self.alpha * x));
        gradient * y * (1.0 + inner * (1.0 - y))
    }
}

/// `x · clip(x/6 + 1/2, 0, 1)`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HardSwish;

impl Curve for HardSwish {
    #[inline(always)]
    fn apply(self, x: f32) -> f32 {
        x * UNIT.apply(x * (1.0 / 6.0) + 0.5)
    }

    #[inline(always)]
    fn backward(self, x: f32, gradient: f32) -> f32 {
        let inner = x * (1.0 / 6.0) + 0.5;
        gradient * UNIT.apply(inner) + UNIT.backward(inner, gradient) * x * (1.0 / 6.0)
    }
}

/// `clip(alpha·x + beta, 0, 1)`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HardSigmoid {
    pub alpha: f32,
    pub beta: f32,
}

impl Curve for HardSigmoid {
    #[inline(always)]
    fn apply(self, x: f32) -> f32 {
        UNIT.apply(self.alpha * x + self.beta)
    }

    #[inline(always)]
    fn backward(self, x: f32, gradient: f32) -> f32 {
        UNIT.backward(self.alpha * x + self.beta, gradient * self.alpha)
    }
}

const UNIT: Range = Range {
    low: 0.0,
    high: 1.0,
    open: false,
};

/// `x · Φ(x)`, with the distribution function of the normal distribution.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gelu;

impl Curve for Gelu {
    #[inline(always)]
    fn apply(self, x: f32) -> f32 {
        x * normal(x).0
    }

    #[inline(always)]
    fn backward(self, x: f32, gradient: f32) -> f32 {
        let (below, density) = normal(x);
        gradient * (below + x * density)
    }
}

/// The tanh approximation of Gelu, `x/2 · (1 + tanh u) = x · σ(2u)` with `u = √(2/π) (x + 0.044715 x³)`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GeluTanh;

impl GeluTanh {
    /// `2 √(2/π)`.
    const SCALE: f32 = 1.595_769_2;
    const CUBE: f32 = 0.044_715;
}

impl Curve for GeluTanh {
    #[inline(always)]
    fn apply(self, x: f32) -> f32 {
        x * Sigmoid.apply(Self::SCALE * (x + Self::CUBE * x * x * x))
    }

    #[inline(always)]
    fn backward(self, x: f32, gradient: f32) -> f32 {
        let y = Sigmoid.apply(Self::SCALE * (x + Self::CUBE * x * x * x));
        let slope = Self::SCALE * (1.0 + 3.0 * Self::CUBE * x * x);
        gradient * y * (1.0 + x * slope * (1.0 - y))
    }
}

/// The hyperbolic tangent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tanh;

impl Curve for Tanh {
    #[inline(always)]
    fn apply(self, x: f32) -> f32 {
        // 1 − 2/(e²ˣ + 1) cancels for a small x, where the continued fraction of tanh is exact enough.
        let square = x * x;
        let near = x * (15.0 + square) / (15.0 + 6.0 * square);
        let far = 1.0 - 2.0 / (exp(2.0 * x) + 1.0);
        if square < 0.01 { near } else { far }
    }

    #[inline(always)]
    fn backward(self, x: f32, gradient: f32) -> f32 {
        let y = self.apply(x);
        gradient * (1.0 - y * y)
    }
}

/// `eˣ`, to about two units in the last place; results stay within the normal numbers of f32.
///
/// `x = k ln 2 + r`, `eʳ` by a polynomial of degree 7 (Cephes, `expf`), times `2ᵏ` by its bits.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    const LOW: f32 = -87.3;
    const HIGH: f32 = 88.3;
    // Adding and subtracting it rounds to a whole number, which the last bits of the sum hold.
    const ROUND: f32 = 12_582_912.0;
    // ln 2 in two parts; the first has few digits, so that its product with k is exact.
    const LN2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    // These comparisons keep a NaN.
    let x = if x < LOW { LOW } else { x };
    let x = if x > HIGH { HIGH } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let k = shifted - ROUND;
    let r = x - k * LN2[0] - k * LN2[1];
    let mut p = 1.987_569_1e-4;
    for coefficient in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5] {
        p = p * r + coefficient;
    }
    let power = shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23;
    (p * r * r + r + 1.0) * f32::from_bits(power)
}

/// The distribution function and the density of the normal distribution, which share the exponential function.
///
/// `Φ(x) = (1 + erf(x/√2))/2` by Abramowitz and Stegun's 7.1.26, whose error of 1.5e-7 is about that of f32 near 1.
#[inline(always)]
fn normal(x: f32) -> (f32, f32) {
    const FRAC_1_SQRT_TAU: f32 = 0.398_942_3;
    let bell = exp(-0.5 * x * x);
    let t = 1.0 / (1.0 + 0.327_591_1 * std::f32::consts::FRAC_1_SQRT_2 * x.abs());
    let mut p = 1.061_405_4;
    for coefficient in [-1.453_152, 1.421_413_7, -0.284_496_74, 0.254_829_6] {
        p = p * t + coefficient;
    }
    let outside = 0.5 * p * t * bell;
    let below = if x < 0.0 { outside } else { 1.0 - outside };
    (below, bell * FRAC_1_SQRT_TAU)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers from −20 to 20, close to each other near 0.
    fn points() -> impl Iterator<Item = f32> {
        (-2000..=2000).map(|at: i32| at as f32 / 100.0 * (at as f32 / 2000.0).abs())
    }

    fn check(name: &str, curve: impl Curve, expected: impl Fn(f64) -> f64) {
        for x in points() {
            let right = expected(f64::from(x));
            let found = f64::from(curve.apply(x));
            assert!(
                (found - right).abs() <= 4e-7 * right.abs().max(1.0),
                "{name}({x}): {found}, not {right}"
            );
            // The central difference of the exact function.
            let step = 1e-5;
            let slope = (expected(f64::from(x) + step) - expected(f64::from(x) - step)) / (2.0 * step);
            let found = f64::from(curve.backward(x, 2.0)) / 2.0;
            assert!((found - slope).abs() <= 3e-6, "{name}'({x}): {found}, not {slope}");
        }
    }

    #[test]
    fn functions_and_derivatives_agree_with_those_in_double_precision() {
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        check("sigmoid", Sigmoid, sigmoid);
        check("swish", Swish { alpha: 1.7 }, |x| x * sigmoid(1.7 * x));
        check("tanh", Tanh, f64::tanh);
        let tanh_form =
            |x: f64| 0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3))).tanh());
        check("gelu by tanh", GeluTanh, tanh_form);
        check("gelu", Gelu, |x| x * distribution(x));
    }

    /// The normal distribution by its series (A&S 26.2.11), or its tail where nothing is left of it.
    fn distribution(x: f64) -> f64 {
        if x.abs() > 7.0 {
            return if x > 0.0 { 1.0 } else { 0.0 };
        }
        let (mut term, mut sum) = (x, x);
        for n in 1..200 {
            term *= x * x / f64::from(2 * n + 1);
            sum += term;
        }
        0.5 + sum * (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt()
    }

    #[test]
    fn hard_swish_bends_where_it_should() {
        for (x, y, slope) in [
            (-4.0, 0.0, 0.0),
            (-1.0, -1.0 / 3.0, 1.0 / 6.0),
            (0.0, 0.0, 0.5),
            (2.0, 5.0 / 3.0, 7.0 / 6.0),
            (4.0, 4.0, 1.0),
        ] {
            assert!((HardSwish.apply(x) - y).abs() < 1e-6, "{x}");
            assert!((HardSwish.backward(x, 1.0) - slope).abs() < 1e-6, "{x}");
        }
    }

    #[test]
    fn a_small_number_keeps_its_digits_in_tanh() {
        for x in [1e-12_f32, -3e-5, 2e-3, 0.09, -0.0999, 0.1001] {
            let right = f64::from(x).tanh();
            assert!(((f64::from(Tanh.apply(x)) - right) / right).abs() < 2e-6, "{x}");
        }
    }

    #[test]
    fn what_is_not_a_number_stays_so_and_large_numbers_come_to_the_limits() {
        assert!(Sigmoid.apply(f32::NAN).is_nan());
        assert!(Gelu.apply(f32::NAN).is_nan());
        assert!(Tanh.apply(f32::NAN).is_nan());
        assert_eq!(Sigmoid.apply(1e30), 1.0);
        assert!(Sigmoid.apply(-1e30) < 1e-37);
        assert_eq!([Tanh.apply(-1e30), Tanh.apply(1e30)], [-1.0, 1.0]);
        assert_eq!([Gelu.apply(-1e10), Gelu.apply(1e10)], [0.0, 1e10]);
        assert_eq!(Sigmoid.backward(f32::INFINITY, 1.0), 0.0);
    }
}
