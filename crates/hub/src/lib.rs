//! ranktune-hub
