//! How sure a score and a ranking are, given that the data are a sample.
//!
//! The samples are dealt into J disjoint [`groups`], the same for every model; [`jackknife()`] leaves out one group at
//! a time; [`ranking`] resamples the groups for all models together, so that what makes the data easy or hard for all of
//! them cancels.

mod accumulator;
mod grouped;
pub mod groups;
mod jackknife;
mod logme;
mod quantile;
pub mod ranking;
mod reservoir;

pub use accumulator::{Accumulator, GroupedScores, SampleData};
pub use grouped::{Grouped, jackknife_of_groups, total};
pub use jackknife::{Jackknife, jackknife};
pub(crate) use logme::parts_at;
pub use quantile::interval_factor;
