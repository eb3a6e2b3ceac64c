//! The uncertainty of scores and rankings that comes from the choice of samples.
//!
//! The samples are divided into J disjoint [`groups`], the same for every model. [`jackknife()`] leaves out one group at a
//! time. [`ranking`] resamples the groups for all models together, so that the variation that all models share cancels.

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
pub use jackknife::{Jackknife, jackknife, jackknife_of};
pub(crate) use logme::parts_at;
pub use quantile::interval_factor;
pub use reservoir::Reservoir;
