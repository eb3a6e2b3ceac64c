//! What can be compared: accuracies of one method, one metric and one kind of data.

use ranktune_report::study::{StudyAccuracy, StudyData};

/// Accuracies that can be compared.
pub(super) struct Group<'a> {
    pub(super) method: &'a str,
    pub(super) metric: &'a str,
    pub(super) kind: &'a str,
    /// By data set, each with its rows.
    pub(super) sets: Vec<(&'a str, Vec<&'a StudyAccuracy>)>,
}

impl Group<'_> {
    /// Number of data sets on which something was measured.
    pub(super) fn data_sets(&self) -> usize {
        self.sets.len()
    }
}

/// The groups, in the order of their rows.
pub(super) fn groups<'a>(data: &'a [StudyData], accuracies: &'a [StudyAccuracy]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for row in accuracies {
        let kind = data
            .iter()
            .find(|data| data.name == row.data)
            .map_or("", |data| data.kind.as_str());
        let key = (row.method.as_str(), row.metric.as_str(), kind);
        let place = groups
            .iter()
            .position(|group| (group.method, group.metric, group.kind) == key);
        let place = place.unwrap_or_else(|| {
            groups.push(Group {
                method: &row.method,
                metric: &row.metric,
                kind,
                sets: Vec::new(),
            });
            groups.len() - 1
        });
        let sets = &mut groups[place].sets;
        match sets.iter_mut().find(|(name, _)| *name == row.data) {
            Some((_, rows)) => rows.push(row),
            None => sets.push((&row.data, vec![row])),
        }
    }
    groups
}
