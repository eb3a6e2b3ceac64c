//! ranktune-report
