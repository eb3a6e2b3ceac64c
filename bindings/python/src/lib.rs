//! The compiled part of the Python module `ranktune`: scores of arrays, statistics, and the command line in process.
//!
//! Glue only. What a caller of Python sees (names, keywords, defaults, documentation) is in `python/ranktune`; what is computed is
//! in the crate `ranktune`. Python's global lock is released wherever work is done.

mod arrays;
mod errors;
mod fit;
mod session;
mod statistics;
mod table;

/// The system allocator maps and faults in large tensors at every operation; this one keeps its pages.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Not for direct use: `import ranktune`.
#[pyo3::pymodule]
mod _ranktune {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::fit::{Fit, fit, score, scores};
    #[pymodule_export]
    use crate::session::{main, run};
    #[pymodule_export]
    use crate::statistics::Statistics;
    #[pymodule_export]
    use crate::table::table;

    /// Packages of this Python are searched for ONNX Runtime, whether or not its environment is active.
    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let prefix = module.py().import("sys")?.getattr("prefix")?.extract()?;
        ranktune::set_host_environment(prefix);
        Ok(())
    }

    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "Python's name for it")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
