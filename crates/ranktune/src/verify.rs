//! Whether each engine of this build and machine runs each model of a hub, and whether their features agree.

use ranktune_core::one_line;
use ranktune_core::{Event, Interrupt, Progress, Silent};
use ranktune_features::engine::{ENGINES, EngineChoice, select};
use ranktune_features::extract::{ExtractOptions, PreparedModel, probe};
use ranktune_report::Verification;
use ranktune_report::inspection::{EngineVerdict, VerifiedModel};

use crate::error::{Error, ErrorKind};
use crate::models::prepare;
use crate::sources::Sources;

/// Runs every model of `sources` on two inputs with every engine of this build and machine, or with the engine of `options`.
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
    let mut engines = Vec::new();
    for choice in ENGINES.iter().map(|engine| engine.choice) {
        if options.engine != EngineChoice::Auto && options.engine != choice {
            continue;
        }
        // An engine that was not asked for and is not there says nothing about the models.
        let is_optional = options.engine == EngineChoice::Auto && options.onnxruntime.is_none();
        match select(choice, options.onnxruntime.as_deref(), options.device) {
            Err(error) if is_optional && is_absent(&error) => {
                progress.event(Event::Note(&format!("{choice} is left out: {}", one_line(&error))));
            }
            _ => engines.push(choice),
        }
    }
    let mut verified = Vec::new();
    for model in &models {
        if interrupt.is_raised() {
            return Err(Error::new(ErrorKind::Interrupted, "interrupted"));
        }
        let runs: Vec<_> = engines
            .iter()
            .map(|&engine| (engine.name(), probe(model, engine, options)))
            .collect();
        verified.push(verdict(model, &runs));
    }
    Ok(Verification {
        schema: "ranktune.verification/1".to_owned(),
        models: verified,
        skipped,
    })
}

fn is_absent(error: &ranktune_features::Error) -> bool {
    use ranktune_features::ErrorKind::{LibraryNotFound, NotInBuild};
    matches!(error.kind(), LibraryNotFound | NotInBuild)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_that_is_not_installed_is_no_failure() {
        let model = Sources::from("../../examples/hub/mtcnn-onet-face");
        let options = ExtractOptions::default();
        let verification = verify(&model, &options, &Silent, &Interrupt::default()).unwrap();
        let engines: Vec<&str> = verification.models[0]
            .engines
            .iter()
            .map(|verdict| verdict.engine.as_str())
            .collect();
        assert!(engines.ends_with(&["rten", "burn"]), "{engines:?}");
        assert_eq!(verification.failures(), 0, "{}", verification.table());
    }

    #[test]
    fn a_difference_is_relative_to_the_norm_of_the_first() {
        assert_eq!(difference(&[3.0, 4.0], &[3.0, 4.0]), 0.0);
        assert!((difference(&[3.0, 4.0], &[3.0, 9.0]) - 1.0).abs() < 1e-12);
        assert_eq!(difference(&[0.0, 0.0], &[0.0, 2.0]), 2.0);
        assert_eq!(difference(&[1.0], &[1.0, 1.0]), f64::INFINITY);
    }
}
