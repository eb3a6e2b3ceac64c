//! The arguments that leave models out.

use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use ranktune::{License, ModelFilter};
use ranktune_core::counts::parse_count;

use super::time::duration;

/// Which models of the hub are ranked.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Filters")]
pub(crate) struct FilterArguments {
    /// Leave out models with more weights, such as 30M
    #[arg(long, value_name = "N", value_parser = count)]
    max_parameters: Option<u64>,
    /// Leave out models with another license, such as cc-by-nc-4.0, or an unknown one; from the model card, or from the key license of
    /// a manifest
    #[arg(long, value_name = "LICENSE", value_delimiter = ',', value_parser = license)]
    license: Vec<License>,
    /// Leave out models that take longer for one sample, such as 20ms; measured on this machine on a few samples
    #[arg(long, value_name = "TIME", value_parser = duration)]
    max_latency: Option<Duration>,
}

impl FilterArguments {
    pub(crate) fn filter(&self) -> ModelFilter {
        ModelFilter {
            licenses: self.license.clone(),
            max_parameters: self.max_parameters,
            max_latency: self.max_latency,
        }
    }
}

/// A license by its identifier.
pub(super) fn license(text: &str) -> anyhow::Result<License> {
    Ok(text.parse()?)
}

/// A number of weights such as `30M`.
pub(super) fn count(text: &str) -> anyhow::Result<u64> {
    parse_count(text).with_context(|| format!("expected a number such as 30M or 300k, got {text}"))
}
