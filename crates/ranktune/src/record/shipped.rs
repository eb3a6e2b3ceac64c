//! The record that the program ships with: published accuracies, with their sources (`shipped/README.md`).

use std::sync::LazyLock;

use ranktune_report::Record;
use ranktune_report::record::{ImportOptions, import_csv};

static RECORD: LazyLock<Record> = LazyLock::new(|| {
    // A test reads the table; one that could not be read would be an empty record.
    let read = import_csv(include_str!("shipped/vision.csv"), &ImportOptions::default());
    read.map(|(record, _)| record).unwrap_or_default()
});

/// Published accuracies of well-known models of images.
///
/// # Examples
/// ```
/// let row = &ranktune::record::shipped().rows[0];
/// assert!(row.metric == "accuracy" && !row.source.is_empty());
/// ```
pub fn shipped() -> &'static Record {
    &RECORD
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_table_is_read_whole_and_every_row_has_a_share_a_family_and_a_source() {
        let (record, notes) = import_csv(include_str!("shipped/vision.csv"), &ImportOptions::default()).unwrap();
        assert_eq!(notes, []);
        // Ten models on eight data sets, and eleven on eleven.
        assert_eq!(record.rows.len(), 201);
        for row in &record.rows {
            assert!((0.3..1.0).contains(&row.value), "{row:?}");
            assert!(row.family.is_some() && row.source.contains(" at "), "{row:?}");
        }
        let protocols: BTreeSet<&str> = record.rows.iter().map(|row| row.protocol.as_str()).collect();
        assert_eq!(protocols.len(), 2);
    }
}
