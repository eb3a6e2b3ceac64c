//! Rows of a record by what they are of.

use ranktune_report::RecordRow;

/// Conditions on a row, all of which hold. A condition that is not set holds for every row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Name, repository or digest of the model.
    pub model: Option<String>,
    /// Name or digest of the data set.
    pub data: Option<String>,
    /// The metric.
    pub metric: Option<String>,
    /// The protocol.
    pub protocol: Option<String>,
}

impl Selection {
    /// Whether no condition is set.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Whether all conditions hold for `row`.
    pub fn has(&self, row: &RecordRow) -> bool {
        let is_one_of = |wanted: &Option<String>, found: &[Option<&String>]| {
            wanted.as_ref().is_none_or(|wanted| found.contains(&Some(wanted)))
        };
        is_one_of(
            &self.model,
            &[Some(&row.model), row.hub_id.as_ref(), row.digest.as_ref()],
        ) && is_one_of(&self.data, &[Some(&row.data), row.data_digest.as_ref()])
            && is_one_of(&self.metric, &[Some(&row.metric)])
            && is_one_of(&self.protocol, &[Some(&row.protocol)])
    }
}
