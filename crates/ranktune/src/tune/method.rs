//! Methods by name, made of what the teachers say.

use ranktune_core::names::nearest_name;
use ranktune_train::methods::{BTuning, Bss, Distillation, FineTune, L2Sp, LinearProbe, METHODS, Teaching as Kind};
use ranktune_train::{Lessons, Method};

pub(crate) use ranktune_train::methods::Needs;

use crate::error::{Error, ErrorKind};

/// What taught methods get.
pub(crate) struct Teaching {
    pub(crate) lessons: Lessons,
    /// The target's own posterior mean `[d, c]`; empty for methods that do not want it.
    pub(crate) own: Vec<f32>,
    /// The weight of the target's own read-out in its head; 0 without.
    pub(crate) read_out: f64,
}

/// What the method of this name needs.
///
/// # Errors
/// [`ErrorKind::Arguments`], with the nearest name and all of them.
pub(crate) fn needs(name: &str) -> Result<Needs, Error> {
    if let Some((_, needs, _)) = METHODS.iter().find(|(known, ..)| *known == name) {
        return Ok(*needs);
    }
    let names: Vec<&str> = METHODS.iter().map(|(name, ..)| *name).collect();
    let near =
        nearest_name(name, names.iter().copied()).map_or_else(String::new, |near| format!("; did you mean {near}?"));
    let message = format!("there is no method {name:?}{near} (methods: {})", names.join(", "));
    Err(Error::new(ErrorKind::Arguments, message))
}

/// Temperature of distillation's softened shares, and the weight of its term: usual values (Hinton 2015 has 1 to 20).
const SOFTNESS: f32 = 2.0;
const TAUGHT_SHARE: f32 = 0.5;

/// The method called `name`.
///
/// # Errors
/// [`ErrorKind::Arguments`], with what the method does not take.
pub(crate) fn make(name: &str, teaching: Option<&Teaching>, lambda: f64) -> Result<Box<dyn Method>, Error> {
    let wrong = |error: ranktune_nn::Error| Error::new(ErrorKind::Arguments, error);
    #[expect(clippy::cast_possible_truncation, reason = "training is in f32")]
    let lambda = lambda as f32;
    Ok(match (name, teaching) {
        ("linear-probe", _) => Box::new(LinearProbe),
        ("b-tuning", Some(Teaching { lessons, own, read_out })) => {
            let method = BTuning::new(lessons.clone(), own.clone(), lambda);
            #[expect(clippy::cast_possible_truncation, reason = "training is in f32")]
            let method = method.and_then(|method| method.with_read_out(*read_out as f32));
            Box::new(method.map_err(wrong)?)
        }
        ("distillation", Some(Teaching { lessons, .. })) => {
            Box::new(Distillation::new(lessons.clone(), Kind::Shares, SOFTNESS, TAUGHT_SHARE).map_err(wrong)?)
        }
        ("l2-sp", _) => Box::new(L2Sp::default()),
        ("bss", _) => Box::new(Bss::default()),
        _ => Box::new(FineTune),
    })
}
