//! WiSE-FT (Wortsman et al., CVPR 2022): after fine-tuning, every weight but the new head is interpolated with its initial value.
//!
//! `w = (1 − a) w⁰ + a w`, running statistics included. The paper (section 4) takes a = 0.5 where nothing is known, and the best of a
//! grid where there are samples to choose on; here the validation samples choose from 0.1, 0.2 … 1, by the metric, then by the loss.
//! Without validation samples a = 0.5. The paper interpolates the zero-shot classifier as well, which a model with a new head lacks, so
//! small shares do worse here than there.
//!
//! Cost: a step costs what fine-tuning costs; at the end, one validation for each share.

use ranktune_onnx::Model;
use serde_json::{Map, Value, json};

use crate::average::interpolated;
use crate::error::Result;
use crate::finish::{FinishContext, Finished};
use crate::method::{Loss, Method, StepContext};
use crate::method_info::MethodInfo;
use crate::outcome::ValidationRecord;

/// The entry of the list.
pub(super) const METHOD: MethodInfo = MethodInfo {
    name: "wise-ft",
    summary: "fine-tune, then interpolate with the initial weights as the validation samples say (Wortsman 2022)",
    needs: &[],
    make: |_| Ok(Box::new(WiseFt)),
};

/// The share of the tuned weights without validation samples, as published.
const SHARE: f64 = 0.5;

/// The shares to choose from, in tenths.
const TENTHS: std::ops::RangeInclusive<u8> = 1..=10;

/// WiSE-FT.
#[derive(Clone, Copy, Debug, Default)]
pub struct WiseFt;

impl Method for WiseFt {
    fn name(&self) -> &'static str {
        METHOD.name
    }

    fn loss(&self, step: &StepContext<'_>) -> Result<Loss> {
        Ok(Loss::of(step.task_loss()?))
    }

    fn finish(&self, trained: Model, context: &FinishContext<'_>) -> Result<Option<Finished>> {
        if !context.has_validation() {
            return Ok(Some(Finished {
                model: interpolated(context.initial(), &trained, SHARE)?,
                settings: Map::from_iter([("share".to_owned(), json!(SHARE))]),
                validation: None,
            }));
        }
        let mut best: Option<(f64, ValidationRecord)> = None;
        let mut curve: Vec<Value> = Vec::new();
        // The tuned weights come first, so that of equal shares they stay.
        for tenths in TENTHS.rev() {
            let share = f64::from(tenths) / 10.0;
            let Some(found) = context.validate(&interpolated(context.initial(), &trained, share)?)? else {
                return Ok(None);
            };
            curve.push(json!({"share": share, "metric": found.metric, "value": found.value, "loss": found.loss}));
            if best.as_ref().is_none_or(|(_, best)| found.is_better_than(best)) {
                best = Some((share, found));
            }
        }
        let share = best.as_ref().map_or(1.0, |(share, _)| *share);
        Ok(Some(Finished {
            model: interpolated(context.initial(), &trained, share)?,
            settings: Map::from_iter([
                ("share".to_owned(), json!(share)),
                ("share_curve".to_owned(), Value::Array(curve)),
            ]),
            validation: best.map(|(_, found)| found),
        }))
    }
}
