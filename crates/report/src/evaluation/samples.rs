//! What an evaluation predicted, sample by sample.

use crate::table::csv;

/// Target and prediction of every sample (or word) that was evaluated, as cells under a header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EvaluatedSamples {
    /// Names of the columns.
    pub header: Vec<String>,
    /// A row for every sample.
    pub rows: Vec<Vec<String>>,
}

impl EvaluatedSamples {
    /// The samples as CSV, the header first.
    pub fn csv(&self) -> String {
        csv(&self.header, self.rows.iter().cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_with_commas_and_quotation_marks_are_quoted() {
        let samples = EvaluatedSamples {
            header: vec!["input".into(), "target".into()],
            rows: vec![vec!["He said \"no\", twice".into(), "a".into()]],
        };
        assert_eq!(samples.csv(), "input,target\n\"He said \"\"no\"\", twice\",a\n");
    }
}
