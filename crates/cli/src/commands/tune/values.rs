//! Values of the options of `tune`.

use std::str::FromStr;

use ranktune::{Augmentation, Lambda};

/// `--clip`
#[derive(Clone, Copy, Debug)]
pub(super) struct Clip(pub(super) Option<f32>);

pub(super) fn clip(text: &str) -> anyhow::Result<Clip> {
    if text == "none" {
        return Ok(Clip(None));
    }
    match text.parse::<f32>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok(Clip(Some(value))),
        _ => anyhow::bail!("expected none or a number above 0, got {text}"),
    }
}

/// `--learning-rate`
#[derive(Clone, Debug)]
pub(in crate::commands) enum Rate {
    Fixed(f32),
    OneOf(Vec<f32>),
    Auto,
}

pub(in crate::commands) fn rate(text: &str) -> anyhow::Result<Rate> {
    if text == "auto" {
        return Ok(Rate::Auto);
    }
    let rates = different(text, |rate: f32| rate.is_finite() && rate > 0.0, "a number above 0")?;
    Ok(match rates[..] {
        [rate] => Rate::Fixed(rate),
        _ => Rate::OneOf(rates),
    })
}

pub(super) fn lambda(text: &str) -> anyhow::Result<Lambda> {
    if text == "auto" {
        return Ok(Lambda::auto());
    }
    let lambdas = different(
        text,
        |lambda: f64| lambda.is_finite() && lambda >= 0.0,
        "a number of at least 0",
    )?;
    Ok(match lambdas[..] {
        [lambda] => Lambda::Fixed(lambda),
        _ => Lambda::Grid(lambdas),
    })
}

/// `--read-out`; `None` for auto.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReadOut(pub(super) Option<f64>);

pub(super) fn read_out(text: &str) -> anyhow::Result<ReadOut> {
    if text == "auto" {
        return Ok(ReadOut(None));
    }
    match text.parse::<f64>() {
        Ok(weight) if weight.is_finite() && weight >= 0.0 => Ok(ReadOut(Some(weight))),
        _ => anyhow::bail!("expected auto or a number of at least 0, got {text}"),
    }
}

/// One number or several different ones, separated by commas, that all satisfy `is_valid`.
fn different<T>(text: &str, is_valid: impl Fn(T) -> bool, kind: &str) -> anyhow::Result<Vec<T>>
where
    T: FromStr + Copy + PartialEq,
{
    let mut values: Vec<T> = Vec::new();
    for part in text.split(',') {
        match part.trim().parse() {
            Ok(value) if is_valid(value) && !values.contains(&value) => values.push(value),
            _ => anyhow::bail!("expected auto, {kind}, or several different ones separated by commas, got {text}"),
        }
    }
    Ok(values)
}

pub(super) fn augmentation(text: &str) -> Result<Augmentation, ranktune::DataError> {
    text.parse()
}
