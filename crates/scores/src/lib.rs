//! ranktune-scores
