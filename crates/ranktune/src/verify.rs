//! Whether each engine of this build and machine runs each model of a hub, and whether their features agree.

use ranktune_core::one_line;
use ranktune_core::{Interrupt, Progress, Silent};
use ranktune_features::engine::ENGINES;
use ranktune_features::engine::EngineChoice;
use ranktune_features::extract::{ExtractOptions, PreparedModel, probe};
use ranktune_report::Verification;
use ranktune_report::inspection::{EngineVerdict, VerifiedModel};

use crate::error::{Error, ErrorKind};
use crate::models::prepare;
use crate::sources::Sources;

/// Runs every model of `sources` on two inputs with every engine, or with the engine of `options`.
///
/// # Errors
/// [`ErrorKind::Hub`]: a source does not exist, or no source has a model; [`ErrorKind::Interrupted`].
///
/// # Examples
/// ```
/// use ranktune::{EngineChoice, ExtractOptions, Interrupt, Silent, Sources};
///
/// let model = Sources::from("../../examples/hub/mtcnn-onet-face");
/// for engine in [EngineChoice::Rten, EngineChoice::Burn] {
///     let options = ExtractOptions { engine, ..ExtractOptions::default() };
///     let verification = ranktune::verify(&model, &options, &Silent, &Interrupt::default())?;
///     assert!(verification.models[0].engines[0].runs, "{engine:?}");
/// }
/// # Ok::<(), ranktune::Error>(())
/// ```
pub fn verify(
    sources: &Sources,
    options: &ExtractOptions,
    progress: &dyn Progress,
    interrupt: &Interrupt,
) -> Result<Verification, Error> {
    let hub = sources.open(progress, interrupt)?;
    let (models, skipped) = prepare(&hub, None, options, &Silent);
    let is_requested = |engine: EngineChoice| options.engine == EngineChoice::Auto || options.engine == engine;
    let engines: Vec<_> = ENGINES.iter().filter(|engine| is_requested(engine.choice)).collect();
    let mut verified = Vec::new();
    for model in &models {
        if interrupt.is_raised() {
            return Err(Error::new(ErrorKind::Interrupted, "interrupted"));
        }
        let runs: Vec<_> = engines
            .iter()
            .map(|engine| (engine.choice.name(), probe(model, engine.choice, options)))
            .collect();
        verified.push(verdict(model, &runs));
    }
    Ok(Verification {
        schema: "ranktune.verification/1".to_owned(),
        models: verified,
        skipped,
    })
}

fn verdict(model: &PreparedModel, runs: &[(&str, Result<Vec<f32>, ranktune_features::Error>)]) -> VerifiedModel {
    let features: Vec<&Vec<f32>> = runs.iter().filter_map(|(_, features)| features.as_ref().ok()).collect();
    let pairs = features.iter().skip(1).map(|other| difference(features[0], other));
    VerifiedModel {
        name: model.name().to_owned(),
        difference: pairs.reduce(f64::max),
        engines: runs
            .iter()
            .map(|(engine, features)| EngineVerdict {
                engine: (*engine).to_owned(),
                runs: features.is_ok(),
                reason: features.as_ref().err().map(|error| one_line(error)),
            })
            .collect(),
    }
}

/// `‖a − b‖ / ‖a‖`
fn difference(a: &[f32], b: &[f32]) -> f64 {
    if a.len() != b.len() {
        return f64::INFINITY;
    }
    let square = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>();
    let apart = square(&mut a.iter().zip(b).map(|(a, b)| f64::from(*a) - f64::from(*b)));
    let norm = square(&mut a.iter().map(|a| f64::from(*a)));
    if norm > 0.0 {
        (apart / norm).sqrt()
    } else {
        apart.sqrt()
    }
}
