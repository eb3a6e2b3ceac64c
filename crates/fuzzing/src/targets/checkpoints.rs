//! Checkpoints of training.

use ranktune_train::foreign::read_checkpoint;

use super::Target;
use crate::seeds;

pub(super) const CHECKPOINT: Target = Target {
    name: "checkpoint",
    about: "a checkpoint: the state of a run, weights and moments",
    words: &[
        "ranktune.checkpoint",
        "\\\"version\\\":1",
        "\\\"step\\\":",
        "value.",
        "moment.0.",
        "\"F32\"",
        "../",
        "null",
    ],
    seeds: || {
        let state = r#"{"version":1,"identity":{"model":"a","data":"b","method":"c","settings":"{}"},"step":3,"epoch":1,
            "step_in_epoch":1,"optimizer_steps":3,"sums":[["loss",4607182418800017408]],"epoch_seconds":0.5,"first_loss":0,
            "smooth_loss":0,"epochs":[{"epoch":0,"step":2,"loss":0.5,"parts":[["ce",0.5]],"validation":null,"seconds":1.0}],
            "best":{"epoch":0,"value":0,"loss":0,"file":"best-00000002.safetensors"},"log_bytes":17,"fed":[["x",[2,3]]]}"#;
        let state: String = state.split('\n').map(str::trim).collect();
        let state = serde_json::Value::from(state).to_string();
        let header = format!(
            r#"{{"__metadata__":{{"ranktune.checkpoint":{state}}},"value.w":{{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}},"moment.0.w":{{"dtype":"F32","shape":[2],"data_offsets":[24,32]}}}}"#
        );
        vec![seeds::safetensors(&header, &[1; 32])]
    },
    run: |bytes, scratch| {
        let path = scratch.put("checkpoint-00000003.safetensors", bytes);
        let mut outcome = crate::Outcome::default();
        outcome.add(read_checkpoint(&path));
        outcome
    },
};
