//! ranktune
