//! LogME, the evidence of its columns, and where the maximum of each lies.

/// Which value of LogME to compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compat {
    /// The global maximum of the evidence, exact for every n and d.
    #[default]
    Exact,
    /// What the published code returns (a few fixed-point steps; for n < d with `d − n` eigenvalues missing).
    Published,
}

/// Where the maximum of a column's evidence lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// At finite α and β.
    Interior,
    /// At `α → ∞`: the features carry no information about this column.
    NoInformation,
    /// At `β → ∞`: the features interpolate this column (only where `r = n`).
    NoiseFree,
    /// The result of the published iteration, which need not be a maximum.
    Published,
}

impl Status {
    /// `interior`, `no-information`, `noise-free` or `published`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Interior => "interior",
            Self::NoInformation => "no-information",
            Self::NoiseFree => "noise-free",
            Self::Published => "published",
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The maximum evidence of one target column.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ColumnEvidence {
    /// The class, or the number of the target column.
    pub column: usize,
    /// `max L / n`, in nats per sample; higher is better.
    pub evidence: f64,
    /// Prior precision of the weights; `None` where it is infinite (no information).
    pub alpha: Option<f64>,
    /// Noise precision; `None` where it is infinite (noise-free).
    pub beta: Option<f64>,
    /// Where the maximum lies.
    pub status: Status,
}

/// LogME and the evidence of its columns.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Evidence {
    /// The mean of the columns' evidence, in nats per sample; higher is better.
    pub value: f64,
    /// One entry for every class that occurs (ascending), or every target column.
    pub columns: Vec<ColumnEvidence>,
}
