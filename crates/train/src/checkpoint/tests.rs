use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;

fn record() -> impl Strategy<Value = EpochRecord> {
    let number = proptest::num::f64::NORMAL;
    (any::<u32>(), any::<u64>(), number, vec(("[a-z]{1,8}", number), 0..3)).prop_map(|(epoch, step, loss, parts)| {
        EpochRecord {
            epoch: epoch as usize,
            step,
            loss,
            parts,
            validation: None,
            seconds: loss.abs().min(1e9),
        }
    })
}

fn state() -> impl Strategy<Value = State> {
    let best = (any::<u32>(), any::<u64>(), any::<u64>()).prop_map(|(epoch, value, loss)| Best {
        epoch: epoch as usize,
        value,
        loss,
        file: None,
    });
    (
        ".{0,12}",
        0u64..1 << 40,
        vec(("[a-z]{1,8}", any::<u64>()), 0..3),
        (any::<u64>(), any::<u64>()),
        vec(record(), 0..3),
        option::of(best),
        vec(("[a-z]{1,8}", vec(0usize..1000, 0..4)), 0..3),
    )
        .prop_map(
            |(text, step, sums, (first_loss, smooth_loss), epochs, best, input_shapes)| State {
                step,
                sums,
                first_loss,
                smooth_loss,
                epochs,
                best,
                input_shapes,
                ..State::new(Identity {
                    model: text.clone(),
                    data: text.clone(),
                    method: text.clone(),
                    settings: text,
                })
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a_checkpoint_is_read_as_it_was_written(
        state in state(),
        tensors in proptest::collection::btree_map("[a-z.]{1,8}", vec(proptest::num::f32::ANY, 1..6), 0..4),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let device = Device::flex();
        let tensors: Vec<(String, DeviceTensor)> = tensors
            .into_iter()
            .map(|(name, values)| {
                let dims = [values.len()];
                (name, DeviceTensor::from_values(&dims, values, &device).unwrap())
            })
            .collect();
        let named: Vec<(String, &DeviceTensor)> = tensors.iter().map(|(name, tensor)| (name.clone(), tensor)).collect();
        let path = write_state(folder.path(), &state, &named, 1).unwrap();
        prop_assert_eq!(newest(folder.path()), Some(path.clone()));
        prop_assert_eq!(read_state(&path).unwrap(), state);

        let mut read = read_tensors(&path, &device).unwrap();
        read.sort_by(|a, b| a.0.cmp(&b.0));
        prop_assert_eq!(read.len(), tensors.len());
        let bits = |tensor: &DeviceTensor| -> Vec<u32> {
            tensor.to_values().unwrap().into_iter().map(f32::to_bits).collect()
        };
        for ((name, tensor), (read_name, read_tensor)) in tensors.iter().zip(&read) {
            prop_assert_eq!(name, read_name);
            prop_assert_eq!(bits(tensor), bits(read_tensor));
        }
    }
}

#[test]
fn the_file_of_the_best_weights_lies_beside_the_checkpoint() {
    let path = Path::new("run/checkpoint-00000003.safetensors");
    let best = best_file(path, "best-00000002.safetensors").unwrap();
    assert_eq!(best, Path::new("run/best-00000002.safetensors"));
    for name in [
        "../best-00000002.safetensors",
        "/tmp/best-00000002.safetensors",
        "..",
        "",
        "other.safetensors",
    ] {
        assert_eq!(
            best_file(path, name).unwrap_err().kind(),
            ErrorKind::Checkpoint,
            "{name}"
        );
    }
}
