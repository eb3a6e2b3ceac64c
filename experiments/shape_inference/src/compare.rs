//! How two answers about the same value differ.

use ranktune_onnx::Dim;
use ranktune_onnx::shapes::InferredValue;
use rten_shape_inference::{Constant, SymExpr, SymTensor};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    Equal,
    /// The library gives an expression, such as `height / 2`, where ranktune has an unknown size.
    Expression,
    MoreKnown,
    LessKnown,
    /// More of one size and less of another.
    Mixed,
    Contradiction,
}

pub fn shapes(ours: Option<&[Dim]>, theirs: Option<&SymTensor>) -> Verdict {
    let theirs: Option<Vec<SymExpr>> = theirs.and_then(|value| Some(value.shape()?.collect()));
    let (ours, theirs) = match (ours, theirs) {
        (None, None) => return Verdict::Equal,
        (None, Some(_)) => return Verdict::MoreKnown,
        (Some(_), None) => return Verdict::LessKnown,
        (Some(ours), Some(theirs)) => (ours, theirs),
    };
    if ours.len() != theirs.len() {
        return Verdict::Contradiction;
    }
    let mut verdicts: Vec<Verdict> = ours.iter().zip(&theirs).map(|(a, b)| dims(a, b)).collect();
    verdicts.sort_unstable();
    let has_more = verdicts
        .iter()
        .any(|verdict| matches!(verdict, Verdict::Expression | Verdict::MoreKnown));
    match verdicts.last() {
        Some(Verdict::LessKnown) if has_more => Verdict::Mixed,
        Some(last) => *last,
        None => Verdict::Equal,
    }
}

fn dims(ours: &Dim, theirs: &SymExpr) -> Verdict {
    match (ours, theirs) {
        (Dim::Fixed(a), SymExpr::Value(b)) if i64::try_from(*a) == Ok(i64::from(*b)) => Verdict::Equal,
        (Dim::Fixed(_), SymExpr::Value(_)) => Verdict::Contradiction,
        (Dim::Named(a), SymExpr::Var(b)) if *a == b.name => Verdict::Equal,
        (Dim::Unknown, SymExpr::Var(b)) if b.synthetic => Verdict::Equal,
        (_, SymExpr::Value(b)) if *b < 0 => Verdict::Contradiction,
        (_, SymExpr::Value(_)) => Verdict::MoreKnown,
        (Dim::Unknown, SymExpr::Var(_)) => Verdict::MoreKnown,
        (Dim::Unknown, _) => Verdict::Expression,
        (Dim::Fixed(_) | Dim::Named(_), _) => Verdict::LessKnown,
    }
}

/// How the constants agree that ranktune carries along, or the library does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Constants {
    Equal,
    OnlyOurs,
    OnlyTheirs,
    Different,
}

pub fn constants(ours: Option<&InferredValue>, theirs: Option<&SymTensor>) -> Option<Constants> {
    let ours = ours.and_then(|value| value.constant.as_ref());
    let theirs = theirs.and_then(SymTensor::to_constant).map(Constant::into_vec);
    Some(match (ours, theirs) {
        (None, None) => return None,
        (Some(_), None) => Constants::OnlyOurs,
        (None, Some(_)) => Constants::OnlyTheirs,
        (Some(ours), Some(theirs)) => {
            let ints = || {
                Some(
                    ours.to_i64_vec()?
                        .into_iter()
                        .map(|value| value as f64)
                        .collect::<Vec<f64>>(),
                )
            };
            let ours = ours.to_f64_vec().or_else(ints)?;
            // The library keeps i32: what is beyond is as far as it goes.
            let saturate = |value: f64| value.clamp(f64::from(i32::MIN), f64::from(i32::MAX));
            let equal =
                ours.len() == theirs.len() && ours.iter().zip(&theirs).all(|(a, b)| saturate(*a) == f64::from(*b));
            if equal { Constants::Equal } else { Constants::Different }
        }
    })
}
