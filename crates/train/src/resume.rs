//! Where a run begins: anew, or at the newest checkpoint.

use super::checkpoint::{self, Identity, State};
use super::session::Session;
use ranktune_nn::{DeviceTensor, Error, ErrorKind, Result};

/// The weights of the best epoch, by parameter.
pub(super) type Weights = Vec<(usize, DeviceTensor)>;

/// Where a run begins: anew, or at the newest checkpoint (then `true`).
pub(super) fn begin(session: &mut Session<'_>, identity: Identity) -> Result<(State, Option<Weights>, bool)> {
    let new = |identity| Ok((State::new(identity), None, false));
    let Some(checkpoints) = &session.job.options.checkpoints else {
        return new(identity);
    };
    std::fs::create_dir_all(&checkpoints.folder)
        .map_err(|error| super::records::unwritable(&checkpoints.folder, error))?;
    let newest = checkpoint::newest(&checkpoints.folder);
    let path = match (newest, checkpoints.resume) {
        (Some(path), true) => path,
        (Some(path), false) => {
            return Err(Error::new(
                ErrorKind::Checkpoint,
                format!(
                    "{}: a checkpoint is there already; resume from it, or choose another folder",
                    path.display()
                ),
            ));
        }
        (None, _) => return new(identity),
    };
    let state = checkpoint::read_state(&path)?;
    checkpoint::check(&path, &state.identity, &identity)?;
    let device = session.graph.device().clone();
    let known = |session: &Session<'_>, name: &str| {
        session.graph.find(name).ok_or_else(|| {
            Error::new(
                ErrorKind::Checkpoint,
                format!("{}: the model has no parameter {name:?}", path.display()),
            )
        })
    };
    let mut moments = Vec::new();
    for (name, tensor) in checkpoint::read_tensors(&path, &device)? {
        if let Some(name) = name.strip_prefix("value.") {
            let index = known(session, name)?;
            session.graph.set_value(index, tensor)?;
        } else if let Some((which, name)) = name.strip_prefix("moment.").and_then(|rest| rest.split_once('.')) {
            moments.push((usize::from(which == "1"), known(session, name)?, tensor));
        }
    }
    session.stepper.restore(state.optimizer_steps, moments);
    session.fed.clone_from(&state.fed);
    let best = match state.best.as_ref().and_then(|best| best.file.as_ref()) {
        None => None,
        Some(file) => {
            let tensors = checkpoint::read_tensors(&checkpoints.folder.join(file), &device)?;
            let weights = tensors
                .into_iter()
                .map(|(name, tensor)| Ok((known(session, &name)?, tensor)));
            Some(weights.collect::<Result<Weights>>()?)
        }
    };
    Ok((state, best, true))
}
