//! Ctrl-C: the first asks the work to stop at the next safe point, the second ends the process.

use std::process;
use std::sync::OnceLock;

use ranktune::Interrupt;

/// The process's one interrupt flag; the handler is set when it is first asked for.
pub(crate) fn flag() -> &'static Interrupt {
    static FLAG: OnceLock<Interrupt> = OnceLock::new();
    FLAG.get_or_init(|| {
        let interrupt = Interrupt::default();
        let raised = interrupt.clone();
        // Without a handler Ctrl-C still ends the process, and the feature store survives that too.
        let _ = ctrlc::set_handler(move || {
            if raised.raise() {
                process::exit(130);
            }
        });
        interrupt
    })
}
