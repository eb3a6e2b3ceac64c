//! The weights of a model that tuning would train, and why it would not train the others.

use ranktune_core::one_line;
use ranktune_core::{Interrupt, Progress};
use ranktune_features::extract::PreparedModel;
use ranktune_nn::{GraphOptions, TrainableGraph};
use ranktune_report::Parameters;
use ranktune_report::parameters::{Parameter, SCHEMA};
use ranktune_train::check_frozen_prefixes;

use super::options::{Target, TuneOptions};
use super::selection;
use crate::error::{Error, ErrorKind};
use crate::sources::Sources;

/// The initializers of the model that `options` names, with `freeze` applied. The new head is not among them.
///
/// # Errors
/// [`ErrorKind::Hub`]: no such hub, or a graph that cannot be trained; [`ErrorKind::Arguments`]: no model of that name, or
/// none named; a prefix to freeze that no parameter has.
///
/// # Examples
/// ```
/// use ranktune::{Interrupt, Silent, Sources, Target, TuneOptions};
///
/// let hub = Sources::from("../../examples/hub");
/// // Nothing is written to the output folder.
/// let mut options = TuneOptions::new("unused");
/// options.model = Target::Named("mtcnn-onet-face".to_owned());
/// options.train.freeze = vec!["conv1.".to_owned()];
/// let list = ranktune::list_parameters(&hub, &options, &Silent, &Interrupt::default())?;
/// let role = |name: &str| list.parameters.iter().find(|each| each.name == name).map(|each| &*each.role);
/// assert_eq!(role("conv1.weight"), Some("frozen"));
/// assert_eq!(role("conv2.weight"), Some("trainable"));
/// # Ok::<(), ranktune::Error>(())
/// ```
pub fn list_parameters(
    sources: &Sources,
    options: &TuneOptions,
    progress: &dyn Progress,
    interrupt: &Interrupt,
) -> Result<Parameters, Error> {
    let hub = sources.open(progress, interrupt)?;
    let name = match (&options.model, hub.entries.as_slice()) {
        (Target::Named(name), _) => name.clone(),
        (Target::Best, [only]) => only.name.clone(),
        (Target::Best, _) => {
            return Err(Error::new(
                ErrorKind::Arguments,
                "name the model whose parameters are to be listed",
            ));
        }
    };
    let reading = selection::Reading {
        feature: options.extract.feature.clone(),
        ..selection::Reading::default()
    };
    let model: PreparedModel = selection::open(selection::find(&hub, &name)?, None, &reading)?;
    let outputs = vec![model.feature_tensor().to_owned()];
    let mut graph = TrainableGraph::new(
        model.model(),
        GraphOptions {
            outputs,
            ..GraphOptions::default()
        },
    )
    .map_err(|error| Error::new(ErrorKind::Hub, format!("{name}: {}", one_line(&error))))?;
    check_frozen_prefixes(&graph, &options.train.freeze)?;
    let frozen = |parameter: &str| options.train.freeze.iter().any(|prefix| parameter.starts_with(prefix));
    graph.freeze(frozen);
    graph.keep_statistics(frozen);
    Ok(Parameters {
        schema: SCHEMA.to_owned(),
        model: name,
        parameters: graph
            .parameters()
            .iter()
            .map(|parameter| Parameter {
                name: parameter.name.clone(),
                shape: parameter.dims.clone(),
                role: parameter.role.to_string(),
            })
            .collect(),
    })
}
