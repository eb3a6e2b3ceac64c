//! Where a run starts: at its first step, or at the newest checkpoint.

use ranktune_nn::DeviceTensor;

use crate::checkpoint::{self, State};
use crate::error::{Error, ErrorKind, Result};
use crate::identity::Identity;
use crate::session::Session;
use crate::unwritable::unwritable;

/// The weights of the best epoch, by parameter.
pub(crate) type Weights = Vec<(usize, DeviceTensor)>;

/// The start of a run.
pub(crate) struct Start {
    pub(crate) state: State,
    pub(crate) best: Option<Weights>,
    /// Whether it is a checkpoint.
    pub(crate) is_resumed: bool,
}

/// Finds the start of a run and, for a checkpoint, restores its weights and moments in `session`.
pub(crate) fn begin(session: &mut Session<'_>, identity: Identity) -> Result<Start> {
    let first_step = |identity| {
        Ok(Start {
            state: State::new(identity),
            best: None,
            is_resumed: false,
        })
    };
    let Some(checkpoints) = &session.job.options.checkpoints else {
        return first_step(identity);
    };
    std::fs::create_dir_all(&checkpoints.folder).map_err(|error| unwritable(&checkpoints.folder, error))?;
    let Some(path) = checkpoint::newest(&checkpoints.folder) else {
        return first_step(identity);
    };
    if !checkpoints.resume {
        return Err(Error::new(
            ErrorKind::Checkpoint,
            format!(
                "{}: a checkpoint is there already; resume from it, or choose another folder",
                path.display()
            ),
        ));
    }
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
    let (mut moments, mut averages) = (Vec::new(), Vec::new());
    for (name, tensor) in checkpoint::read_tensors(&path, &device)? {
        if let Some(name) = name.strip_prefix("value.") {
            let index = known(session, name)?;
            session.graph.set_value(index, tensor)?;
        } else if let Some((which, name)) = name.strip_prefix("moment.").and_then(|rest| rest.split_once('.')) {
            moments.push((usize::from(which == "1"), known(session, name)?, tensor));
        } else if let Some(name) = name.strip_prefix("average.") {
            averages.push((known(session, name)?, tensor));
        } else if let Some(name) = name.strip_prefix("reference.") {
            if let Some(reference) = &mut session.reference
                && let Some(index) = reference.find(name)
            {
                reference.set_value(index, tensor)?;
            }
        } else if let Some(name) = name.strip_prefix("state.") {
            session.method_state.set(name, &tensor.dims(), tensor.to_values()?)?;
        }
    }
    session.average.restore(averages);
    session.stepper.restore(state.optimizer_steps, moments);
    session.input_shapes.clone_from(&state.input_shapes);
    let mut best = None;
    if let Some(file) = state.best.as_ref().and_then(|best| best.file.as_ref()) {
        let tensors = checkpoint::read_tensors(&checkpoint::best_file(&path, file)?, &device)?;
        let weights = tensors
            .into_iter()
            .map(|(name, tensor)| Ok((known(session, &name)?, tensor)));
        best = Some(weights.collect::<Result<Weights>>()?);
    }
    Ok(Start {
        state,
        best,
        is_resumed: true,
    })
}
