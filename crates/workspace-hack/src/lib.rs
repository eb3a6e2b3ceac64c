//! Holds no code: its dependencies give every crate of the workspace one set of third-party features. Generated; see
//! `.config/hakari.toml`.
