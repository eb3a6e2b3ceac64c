//! What a command leaves behind, without times: equal for equal work.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::common::{Place, Run};

/// The result on stdout and the files, by name.
#[derive(Debug, PartialEq)]
pub struct Outputs(BTreeMap<String, Vec<u8>>);

/// Keys whose values are times, or tell where features came from.
fn is_of_time(key: &str) -> bool {
    ["second", "per_second", "time", "computed", "resumed"]
        .iter()
        .any(|part| key.contains(part))
}

/// The document without times.
pub fn without_times(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.retain(|key, _| !is_of_time(key));
            object.values_mut().for_each(without_times);
        }
        Value::Array(list) => list.iter_mut().for_each(without_times),
        _ => {}
    }
}

fn comparable(name: &str, bytes: Vec<u8>) -> Vec<u8> {
    if !name.ends_with(".json") && !name.ends_with(".jsonl") && name != "stdout" {
        return bytes;
    }
    let text = String::from_utf8(bytes).unwrap();
    let document = |text: &str| {
        let mut value: Value = serde_json::from_str(text).unwrap();
        without_times(&mut value);
        value.to_string()
    };
    if name.ends_with(".jsonl") {
        return text.lines().map(document).collect::<Vec<_>>().join("\n").into_bytes();
    }
    document(&text).into_bytes()
}

impl Outputs {
    /// Those of a run that printed JSON, with the files under `folders`, except those whose names hold one of `besides`.
    pub fn of(place: &Place, run: &Run, folders: &[&str], besides: &[&str]) -> Self {
        let mut found = BTreeMap::new();
        // Results name the place, which is another one for every run.
        let root = place.path("");
        let stdout = run
            .stdout
            .replace(root.to_string_lossy().trim_end_matches('/'), "PLACE");
        found.insert("stdout".to_owned(), comparable("stdout", stdout.into_bytes()));
        for folder in folders {
            walk(&place.path(folder), folder, besides, &mut found);
        }
        Self(found)
    }

    /// The names of what differs.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let names = self.0.keys().chain(other.0.keys());
        let mut different: Vec<String> = names
            .filter(|name| self.0.get(*name) != other.0.get(*name))
            .cloned()
            .collect();
        different.dedup();
        different
    }
}

fn walk(path: &Path, name: &str, besides: &[&str], found: &mut BTreeMap<String, Vec<u8>>) {
    let file = name.rsplit('/').next().unwrap_or(name);
    // What a killed process could not remove.
    let is_left_over = file.starts_with('.') && file.ends_with(".tmp");
    // It names the folder that the run was begun in.
    if is_left_over || file == "command.json" || besides.iter().any(|part| name.contains(part)) {
        return;
    }
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            let entry = entry.unwrap();
            let inner = format!("{name}/{}", entry.file_name().to_string_lossy());
            walk(&entry.path(), &inner, besides, found);
        }
    } else if let Ok(bytes) = fs::read(path) {
        found.insert(name.to_owned(), comparable(name, bytes));
    }
}
