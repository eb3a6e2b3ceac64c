//! How long work is asked to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag that asks long work to stop at the next safe point. Clones share the flag.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Raises the flag; `true` if it was raised before.
    pub fn raise(&self) -> bool {
        self.0.swap(true, Ordering::SeqCst)
    }

    /// The flag itself, for code that does not know this type.
    pub fn flag(&self) -> Arc<AtomicBool> {
        self.0.clone()
    }

    /// Whether the flag is raised.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_and_the_flag_see_what_is_raised_once() {
        let interrupt = Interrupt::default();
        let (other, flag) = (interrupt.clone(), interrupt.flag());
        assert!(!interrupt.is_raised() && !flag.load(Ordering::SeqCst));
        assert!(!other.raise(), "it was not raised before");
        assert!(interrupt.is_raised() && flag.load(Ordering::SeqCst));
        assert!(interrupt.raise(), "it was raised before");
    }
}
