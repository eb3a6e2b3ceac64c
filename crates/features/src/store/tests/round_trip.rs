use proptest::prelude::*;

use super::*;

/// Features, logits and validity of some rows, and whether the writer is dropped after them, as by a run that ends early.
type Rows = (Vec<f32>, Vec<f32>, Vec<bool>, bool);

/// Rows of `d` features and `z` logits, in blocks.
#[derive(Clone, Debug)]
struct Written {
    blocks: Vec<Rows>,
    d: usize,
    z: Option<usize>,
}

fn written() -> impl Strategy<Value = Written> {
    (1usize..5, proptest::option::of(1usize..4)).prop_flat_map(|(d, z)| {
        let number = proptest::num::f32::NORMAL | proptest::num::f32::ZERO | proptest::num::f32::SUBNORMAL;
        let block = (1usize..6).prop_flat_map(move |rows| {
            (
                proptest::collection::vec(number, rows * d),
                proptest::collection::vec(number, rows * z.unwrap_or(0)),
                proptest::collection::vec(any::<bool>(), rows),
                any::<bool>(),
            )
        });
        proptest::collection::vec(block, 1..6).prop_map(move |blocks| Written { blocks, d, z })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn what_is_appended_is_read_back_also_after_interruptions(written in written()) {
        let folder = tempfile::tempdir().unwrap();
        let (store, key) = (store(&folder), key("a"));
        let mut writer = begin(&store, &key);
        for (features, logits, valid, ends_early) in &written.blocks {
            let block = Block { features, logits: written.z.map(|_| &logits[..]), valid: Some(valid) };
            writer.append(valid.len(), &block).unwrap();
            if *ends_early {
                drop(writer);
                writer = begin(&store, &key);
            }
        }
        let mut reader = writer.finish().unwrap();
        let all: Vec<bool> = written.blocks.iter().flat_map(|block| block.2.clone()).collect();
        prop_assert_eq!((reader.n_rows(), reader.n_features(), reader.n_logits()), (all.len(), written.d, written.z));
        prop_assert_eq!(reader.valid(), &all[..]);

        let (mut read, mut read_logits) = (Vec::new(), Vec::new());
        reader.read_features(0..all.len(), &mut read).unwrap();
        if written.z.is_some() {
            reader.read_logits(0..all.len(), &mut read_logits).unwrap();
        }
        let features: Vec<f32> = written.blocks.iter().flat_map(|block| block.0.clone()).collect();
        let logits: Vec<f32> = written.blocks.iter().flat_map(|block| block.1.clone()).collect();
        for (row, _) in all.iter().enumerate().filter(|(_, valid)| **valid) {
            let (d, z) = (written.d, written.z.unwrap_or(0));
            prop_assert_eq!(&read[row * d..][..d], &features[row * d..][..d]);
            prop_assert_eq!(&read_logits[row * z..][..z], &logits[row * z..][..z]);
        }
    }
}
