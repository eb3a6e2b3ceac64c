//! Ctrl-C: the first one stops the work at the next safe point, the second one ends the process.

use std::process;
use std::sync::OnceLock;

use ranktune::Interrupt;

use crate::session;

/// The interrupt flag of the session of this thread, or of the process. The first call for the process installs the handler.
pub(crate) fn flag() -> &'static Interrupt {
    if let Some(session) = session::current() {
        return session.interrupt();
    }
    static FLAG: OnceLock<Interrupt> = OnceLock::new();
    FLAG.get_or_init(|| {
        let interrupt = Interrupt::default();
        let raised = interrupt.clone();
        // Without a handler Ctrl-C ends the process at once, which the feature store survives.
        let _ = ctrlc::set_handler(move || {
            if raised.raise() {
                process::exit(130);
            }
        });
        interrupt
    })
}
