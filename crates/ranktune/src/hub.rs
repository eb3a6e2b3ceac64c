//! The models of a hub, described without running them.

use ranktune_core::{Interrupt, Progress, one_line};
use ranktune_features::extract::{ExtractOptions, PreparedModel, Unusable};
use ranktune_hub::HubEntry;
use ranktune_onnx::inspect::{Batch, Weights, inspect};
use ranktune_onnx::{Model, ValueInfo, graph::display_shape};
use ranktune_report::ranking::SkippedModel;
use ranktune_report::{HubListing, ModelInspection, inspection};

use crate::error::{Error, ErrorKind};
use crate::sources::{Sources, skipped};

/// Describes the models of `sources` without running them: inputs, feature tensor, preprocessing, parameters.
///
/// # Errors
/// As [`Sources::open`].
///
/// # Examples
/// ```
/// use ranktune::{Interrupt, Silent, Sources};
///
/// let listing = ranktune::list(&Sources::from("../../examples/hub"), &Silent, &Interrupt::default())?;
/// let model = listing.models.iter().find(|model| model.name == "mtcnn-onet-face").expect("it is in the hub");
/// assert_eq!((&*model.modality, model.feature_dim), ("image", Some(256)));
/// assert_eq!(model.inputs[0].r#type, "f32[batch, 3, 48, 48]");
/// # Ok::<(), ranktune::Error>(())
/// ```
pub fn list(sources: &Sources, progress: &dyn Progress, interrupt: &Interrupt) -> Result<HubListing, Error> {
    let hub = sources.open(progress, interrupt)?;
    let mut listing = HubListing {
        schema: "ranktune.hub/1".to_owned(),
        models: Vec::new(),
        skipped: skipped(&hub),
    };
    for entry in &hub.entries {
        match inspection_of(entry) {
            Ok(inspection) => listing.models.push(inspection),
            Err(error) => listing.skipped.push(SkippedModel {
                name: entry.name.clone(),
                reason: one_line(&error),
            }),
        }
    }
    Ok(listing)
}

fn inspection_of(entry: &HubEntry) -> Result<ModelInspection, Error> {
    let model = Model::load(&entry.model_path).map_err(|error| Error::new(ErrorKind::Hub, error))?;
    let found = inspect(&model);
    let mut operators: Vec<(String, usize)> = found.operators.into_iter().collect();
    operators.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let mut inspection = ModelInspection {
        name: entry.name.clone(),
        path: entry.model_path.display().to_string(),
        source: entry.pinned.as_ref().map(ToString::to_string),
        digest: entry.digest()?.to_hex().to_string(),
        modality: entry.modality(Some(&found.inputs)).name().to_owned(),
        inputs: found.inputs.iter().map(value).collect(),
        outputs: found.outputs.iter().map(value).collect(),
        preprocessing: None,
        feature_tensor: None,
        pooling: None,
        feature_dim: None,
        logits: None,
        parameters: found.parameters,
        weights: found.weights.name().to_owned(),
        opset: found.opset,
        batch_size: match found.batch {
            Batch::Fixed(size) => Some(size),
            Batch::Dynamic => None,
        },
        operators,
        notes: Vec::new(),
    };
    if found.weights == Weights::Quantized {
        inspection
            .notes
            .push("quantized weights can be ranked but not tuned; choose --precision float32 for tuning".to_owned());
    }
    match PreparedModel::new(entry, None, &ExtractOptions::default()) {
        Ok(model) => {
            inspection.preprocessing = Some(model.preprocessing());
            inspection.feature_tensor = Some(model.feature_tensor().to_owned());
            inspection.pooling = Some(model.pooling_name().to_owned());
            inspection.feature_dim = model.feature_dim();
            inspection.logits = model.logits().map(str::to_owned);
            inspection.notes.extend_from_slice(model.notes());
        }
        Err(Unusable::NotApplicable(reason)) => inspection.notes.push(format!("not for extraction: {reason}")),
        Err(Unusable::Failed(cause)) => return Err(Error::new(ErrorKind::Hub, cause)),
    }
    Ok(inspection)
}

fn value(info: &ValueInfo) -> inspection::TensorSpec {
    let data_type = info
        .data_type
        .map_or_else(|| "?".to_owned(), |data_type| format!("{data_type:?}").to_lowercase());
    let shape = info.shape.as_deref().map_or_else(|| "[…]".to_owned(), display_shape);
    inspection::TensorSpec {
        name: info.name.clone(),
        r#type: format!("{data_type}{shape}"),
    }
}
