//! YAML as JSON values: enough for the metadata of a card.
//!
//! The parser's events are collected here instead of by its own loader, which copies what an alias stands for: nine lines of aliases
//! would take gigabytes. Cards have no aliases, so one is an error.

use serde_json::{Map, Value};
use yaml_rust2::parser::{Event, MarkedEventReceiver, Parser};
use yaml_rust2::scanner::{Marker, TScalarStyle};

/// Deeper nesting is refused: values are dropped recursively.
const DEEPEST: usize = 64;

/// The first document of `text`.
///
/// # Errors
/// The fault and its line.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    let mut collector = Collector::default();
    let parsed = ranktune_core::panics::caught(|| Parser::new_from_str(text).load(&mut collector, false));
    match parsed {
        Ok(Ok(())) => {}
        Ok(Err(fault)) => return Err(fault.to_string()),
        Err(_) => return Err("the YAML parser panicked".to_owned()),
    }
    match collector.fault {
        Some(fault) => Err(fault),
        None => Ok(collector.root.unwrap_or(Value::Null)),
    }
}

#[derive(Default)]
struct Collector {
    open: Vec<Open>,
    root: Option<Value>,
    fault: Option<String>,
}

/// A list or map whose end has not been read.
enum Open {
    List(Vec<Value>),
    /// The entries, and the key whose value comes next.
    Map(Map<String, Value>, Option<String>),
}

impl Collector {
    fn value(&mut self, value: Value) {
        match self.open.last_mut() {
            None => {
                self.root.get_or_insert(value);
            }
            Some(Open::List(items)) => items.push(value),
            Some(Open::Map(entries, key)) => match key.take() {
                Some(key) => {
                    entries.insert(key, value);
                }
                None => {
                    *key = Some(match value {
                        Value::String(text) => text,
                        other => other.to_string(),
                    });
                }
            },
        }
    }

    fn begin(&mut self, open: Open, mark: Marker) {
        if self.open.len() >= DEEPEST {
            self.fault
                .get_or_insert_with(|| format!("line {}: nested more than {DEEPEST} times", mark.line()));
        }
        self.open.push(open);
    }
}

impl MarkedEventReceiver for Collector {
    fn on_event(&mut self, event: Event, mark: Marker) {
        if self.fault.is_some() {
            return;
        }
        match event {
            Event::Scalar(text, style, ..) => self.value(scalar(text, style)),
            Event::SequenceStart(..) => self.begin(Open::List(Vec::new()), mark),
            Event::MappingStart(..) => self.begin(Open::Map(Map::new(), None), mark),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List(items)) => self.value(Value::Array(items)),
                Some(Open::Map(entries, _)) => self.value(Value::Object(entries)),
                None => {}
            },
            Event::Alias(_) => self.fault = Some(format!("line {}: aliases are not read", mark.line())),
            _ => {}
        }
    }
}

/// Numbers stay text: a class may be called `1.0`.
fn scalar(text: String, style: TScalarStyle) -> Value {
    if style != TScalarStyle::Plain {
        return Value::String(text);
    }
    match text.as_str() {
        "" | "~" | "null" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => Value::String(text),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn maps_lists_and_texts_are_read_and_class_names_keep_their_spelling() {
        let text = "configs:\n- config_name: a\n  default: true\n  data_files: [x, 'y: z']\nnames:\n  '0': 1.0\n  1: no\nempty:\n";
        assert_eq!(
            parse(text).unwrap(),
            json!({"configs": [{"config_name": "a", "default": true, "data_files": ["x", "y: z"]}],
                   "names": {"0": "1.0", "1": "no"}, "empty": null})
        );
    }

    #[test]
    fn what_would_grow_or_nest_without_end_is_a_fault() {
        let bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n";
        assert!(parse(bomb).unwrap_err().contains("aliases"));
        let deep = "[".repeat(5000);
        assert!(parse(&deep).is_err());
        assert!(parse("a: [1\nb: }").is_err());
    }
}
