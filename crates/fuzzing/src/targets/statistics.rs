//! Files of saved statistics, and their score.

use ranktune::{ScoreFileOptions, ScoreFiles, score};
use ranktune_scores::Statistics;

use super::Target;
use crate::outcome::Outcome;
use crate::scratch::Scratch;
use crate::seeds;

pub(super) const STATISTICS: Target = Target {
    name: "statistics",
    about: "saved statistics; the checksums of every other input fit again",
    words: &[
        "RANKSTAT",
        "\"task\":",
        "\"groups\":2",
        "\"classes\":",
        "\"names\":[",
        "classification",
        "regression",
    ],
    seeds,
    run,
};

const CHECKSUM: usize = 32;

fn seeds() -> Vec<Vec<u8>> {
    let scratch = Scratch::new();
    let folder = seeds::repository().join("crates/scores/tests/vectors");
    let of = |set: &str, targets: &str| {
        let file = scratch.path().join("statistics");
        let files = ScoreFiles {
            features: vec![ranktune::ArraySource::File(folder.join(set).join("features.npy"))],
            targets: vec![ranktune::ArraySource::File(folder.join(set).join(targets))],
            save: Some(file.clone()),
            ..ScoreFiles::default()
        };
        score(&files, &ScoreFileOptions::default()).ok()?;
        std::fs::read(file).ok()
    };
    let seeds: Vec<_> = ["square", "several_labels", "dependent"]
        .iter()
        .filter_map(|set| of(set, "labels.npy"))
        .collect();
    assert_eq!(seeds.len(), 3, "statistics of the vectors cannot be saved");
    seeds
}

/// Rewrites the checksum of every block whose length fits, as an attacker would.
fn repaired(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut at = 0;
    while let Some(length) = bytes.get(at..at + 8) {
        let length = length.try_into().map_or(u64::MAX, u64::from_le_bytes);
        let end = usize::try_from(length)
            .ok()
            .and_then(|length| (at + 8).checked_add(length));
        let Some(end) = end.filter(|&end| end <= bytes.len() && end >= at + 8 + CHECKSUM) else {
            break;
        };
        let checksum = blake3::hash(&bytes[at + 8..end - CHECKSUM]);
        bytes[end - CHECKSUM..end].copy_from_slice(checksum.as_bytes());
        at = end;
    }
    bytes
}

fn run(bytes: &[u8], scratch: &Scratch) -> Outcome {
    let mut outcome = Outcome::default();
    for bytes in [bytes.to_vec(), repaired(bytes)] {
        outcome.add(Statistics::from_bytes(bytes.get(8..).unwrap_or_default()));
        let files = ScoreFiles {
            statistics: vec![scratch.put("s.stats", &bytes)],
            ..ScoreFiles::default()
        };
        outcome.add(score(&files, &ScoreFileOptions::default()));
    }
    outcome
}
