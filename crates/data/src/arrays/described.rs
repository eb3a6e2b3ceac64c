//! The metadata of a `.safetensors` file that describes its targets.

use std::collections::HashMap;

use safetensors::tensor::Metadata;

use crate::Task;

/// The key of the task.
pub(super) const TASK: &str = "ranktune.task";
/// The key of the names of classes, labels or target columns, as a JSON list.
pub(super) const NAMES: &str = "ranktune.names";

/// The task and the names of targets in the metadata of a file that [`super::write_safetensors`] wrote.
#[derive(Default)]
pub(crate) struct Described {
    pub(crate) task: Option<Task>,
    pub(crate) names: Option<Vec<String>>,
}

impl Described {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        let none = HashMap::new();
        let entries = metadata.metadata().as_ref().unwrap_or(&none);
        let named = |task: &Task| entries.get(TASK).is_some_and(|name| name == task.name());
        Self {
            task: [Task::Classification, Task::MultiLabel, Task::Regression]
                .into_iter()
                .find(named),
            names: entries.get(NAMES).and_then(|names| serde_json::from_str(names).ok()),
        }
    }

    /// The names, if there are `count` of them; else the numbers of the columns.
    pub(crate) fn names_of(&self, count: usize) -> Vec<String> {
        match &self.names {
            Some(names) if names.len() == count => names.clone(),
            _ => (0..count).map(|i| i.to_string()).collect(),
        }
    }
}
