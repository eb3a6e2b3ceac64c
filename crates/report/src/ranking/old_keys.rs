//! Documents in which the uncertainty of the score stood among the keys of a model.

use serde_json::{Map, Value};

/// The keys, which are in `score_uncertainty` now.
const KEYS: [&str; 3] = ["p_best", "p_top_k", "rank_interval"];

/// Moves the keys of a model to where they are now. A document of today is left as it is.
pub(super) fn move_into_place(model: &mut Map<String, Value>) {
    let moved: Map<String, Value> = KEYS
        .iter()
        .filter_map(|key| Some(((*key).to_owned(), model.shift_remove(*key)?)))
        .collect();
    let is_known = |key: &str| moved.get(key).is_some_and(|value| !value.is_null());
    // Both were `null` together, for models that a race eliminated.
    if is_known("p_best") && is_known("rank_interval") && !model.contains_key("score_uncertainty") {
        model.insert("score_uncertainty".to_owned(), Value::Object(moved));
    }
}
