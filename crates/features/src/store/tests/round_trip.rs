use proptest::prelude::*;

use super::*;

/// A sample with its features, logits and validity.
type SampleRow = (usize, Vec<f32>, Vec<f32>, bool);

/// Some samples with their rows of `d` features and `z` logits, in blocks; and whether the entry is closed after each, as by a run that
/// ends early.
#[derive(Clone, Debug)]
struct Written {
    blocks: Vec<(Vec<SampleRow>, bool)>,
    d: usize,
    z: usize,
}

const SAMPLES: usize = 12;

fn written() -> impl Strategy<Value = Written> {
    (1usize..5, 0usize..4).prop_flat_map(|(d, z)| {
        let number = proptest::num::f32::NORMAL | proptest::num::f32::ZERO | proptest::num::f32::SUBNORMAL;
        let row = (
            0..SAMPLES,
            proptest::collection::vec(number, d),
            proptest::collection::vec(number, z),
            any::<bool>(),
        );
        let block = (proptest::collection::vec(row, 1..6), any::<bool>());
        proptest::collection::vec(block, 1..6).prop_map(move |blocks| Written { blocks, d, z })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn what_is_appended_is_read_back_also_after_interruptions(written in written()) {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        let mut rows = open(&store, "a", 0..SAMPLES);
        let mut expected = vec![None; SAMPLES];
        for (block, ends_early) in &written.blocks {
            // As extraction does: only what is missing, each once.
            let mut new: Vec<&SampleRow> = block.iter().filter(|row| expected[row.0].is_none()).collect();
            new.sort_by_key(|row| row.0);
            new.dedup_by_key(|row| row.0);
            let positions: Vec<usize> = new.iter().map(|row| row.0).collect();
            let features: Vec<f32> = new.iter().flat_map(|row| row.1.clone()).collect();
            let logits: Vec<f32> = new.iter().flat_map(|row| row.2.clone()).collect();
            let valid: Vec<bool> = new.iter().map(|row| row.3).collect();
            let block = Block { features: &features, logits: (written.z > 0).then_some(&logits[..]), valid: Some(&valid) };
            rows.append(&positions, &block, "rten").unwrap();
            for row in new {
                expected[row.0] = Some((row.1.clone(), row.2.clone(), row.3));
            }
            if *ends_early {
                drop(rows);
                rows = open(&store, "a", 0..SAMPLES);
            }
        }
        rows.finish();
        for (sample, row) in expected.into_iter().enumerate() {
            let range = sample..sample + 1;
            let Some((features, logits, valid)) = row else {
                prop_assert_eq!(rows.missing(range), [sample]);
                continue;
            };
            let mut read = Vec::new();
            rows.read_features(range.clone(), &mut read).unwrap();
            prop_assert_eq!(&read, &features);
            rows.read_logits(range, &mut read).unwrap();
            prop_assert_eq!(&read, &logits);
            prop_assert_eq!(rows.valid()[sample], valid);
        }
        prop_assert!(rows.n_features() == written.d);
    }
}
