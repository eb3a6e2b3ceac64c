//! The models of a hub, made ready for a command.

use ranktune_core::{Event, Progress, one_line};
use ranktune_data::DataKind;
use ranktune_features::extract::{ExtractOptions, PreparedModel, Unusable};
use ranktune_hub::Hub;
use ranktune_report::ranking::{NOT_APPLICABLE, SkippedModel};

use crate::error::{Error, ErrorKind};
use crate::sources;

/// Reads every model of `hub` for data of this kind, or for whatever the model takes. Models that cannot be used are reported
/// and listed with the reason.
pub(crate) fn prepare(
    hub: &Hub,
    data: Option<DataKind>,
    options: &ExtractOptions,
    progress: &dyn Progress,
) -> (Vec<PreparedModel>, Vec<SkippedModel>) {
    let mut models = Vec::new();
    let mut skipped = sources::skipped(hub);
    for entry in &hub.entries {
        let unusable = match PreparedModel::new(entry, data, options) {
            Ok(model) => {
                for note in model.notes() {
                    progress.event(Event::Note(&format!("{}: {note}", entry.name)));
                }
                models.push(model);
                continue;
            }
            Err(unusable) => unusable,
        };
        let reason = match unusable {
            Unusable::NotApplicable(reason) => format!("{NOT_APPLICABLE}{reason}"),
            Unusable::Failed(cause) => one_line(&*cause),
        };
        progress.event(Event::ModelSkipped {
            model: &entry.name,
            reason: &reason,
        });
        skipped.push(SkippedModel {
            name: entry.name.clone(),
            reason,
        });
    }
    (models, skipped)
}

/// The error of a command for which every model was skipped.
pub(crate) fn nothing_ranked(skipped: &[SkippedModel]) -> Error {
    let mut message = "no model of the hub can be used".to_owned();
    for model in skipped {
        message.push_str(&format!("\n  {}: {}", model.name, model.reason));
    }
    Error::new(ErrorKind::Hub, message)
}

/// Refuses `--pooling` where it has no effect.
///
/// # Errors
/// [`ErrorKind::Arguments`] where a pooling is named and the data are not whole texts.
pub(crate) fn check_pooling(options: &ExtractOptions, data: DataKind) -> Result<(), Error> {
    if options.pooling.is_none() {
        return Ok(());
    }
    let instead = match data {
        DataKind::Texts | DataKind::TextPairs => return Ok(()),
        DataKind::Sentences => "; for words there is --word-pooling",
        _ => "; leave it out",
    };
    let message = format!("--pooling is for texts, and the data are {}{instead}", data.name());
    Err(Error::new(ErrorKind::Arguments, message))
}
