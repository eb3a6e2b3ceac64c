//! A hint at the end of a long ranking: what ONNX Runtime would bring, where it is not installed.

use std::sync::atomic::{AtomicBool, Ordering};

use ranktune::{EngineChoice, ExtractOptions, Ranking};

use crate::output;

/// Time of extraction in seconds from which on the hint is worth a line.
const LONG: f64 = 60.0;

/// Whether this process has said so.
static SAID: AtomicBool = AtomicBool::new(false);

/// Says once that images would be faster with ONNX Runtime. The factor is that of `experiments/engine_speed`: 1.8 to 2.2 for
/// convolutional networks with images of 224 px. Texts gain nothing, and a GPU has another engine.
pub(crate) fn say(ranking: &Ranking, options: &ExtractOptions) {
    if is_worth_a_line(ranking, options) && ranktune::is_onnxruntime_missing() && !SAID.swap(true, Ordering::Relaxed) {
        output::say(
            "hint: `pip install onnxruntime` makes convolutional networks about 2 times as fast; it is found by itself",
        );
    }
}

fn is_worth_a_line(ranking: &Ranking, options: &ExtractOptions) -> bool {
    let is_on_cpu = options.device == ranktune::DeviceChoice::Cpu;
    let seconds: f64 = ranking
        .models
        .iter()
        .filter(|model| model.images_per_second.is_some())
        .map(|model| model.seconds.extract)
        .sum();
    options.engine == EngineChoice::Auto && options.onnxruntime.is_none() && is_on_cpu && seconds >= LONG
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranking(seconds: f64, unit: &str) -> Ranking {
        let mut document = serde_json::json!({
            "schema": "ranktune.ranking/2", "task": "classification",
            "data": {"path": "data", "samples": 9, "classes": [], "digest": ""},
            "options": {}, "skipped": [],
            "models": [{
                "rank": 1, "name": "a", "digest": "", "parameters": 1, "feature_tensor": "", "feature_dim": 1, "scores": {},
                "seconds": {"extract": seconds, "score": 0.0},
            }],
        });
        document["models"][0][unit] = serde_json::json!(10.0);
        serde_json::from_value(document).unwrap()
    }

    #[test]
    fn only_long_rankings_of_images_with_the_default_engine_on_the_cpu_are_worth_a_line() {
        let auto = ExtractOptions::default();
        assert!(is_worth_a_line(&ranking(61.0, "images_per_second"), &auto));
        assert!(!is_worth_a_line(&ranking(59.0, "images_per_second"), &auto));
        assert!(!is_worth_a_line(&ranking(61.0, "samples_per_second"), &auto));
        let named = ExtractOptions {
            engine: EngineChoice::Rten,
            ..auto.clone()
        };
        assert!(!is_worth_a_line(&ranking(61.0, "images_per_second"), &named));
        let gpu = ExtractOptions {
            device: ranktune::DeviceChoice::Wgpu,
            ..auto
        };
        assert!(!is_worth_a_line(&ranking(61.0, "images_per_second"), &gpu));
    }
}
