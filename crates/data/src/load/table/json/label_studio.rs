//! Tasks of Label Studio's export "JSON" as rows.
//!
//! ```text
//! {"id": 1, "data": {"text": "…"}, "annotations": [{"was_cancelled": false, "result": [
//!     {"from_name": "sentiment", "type": "choices", "value": {"choices": ["Positive"]}}]}]}
//! ```
//!
//! A row has the fields of `data`, and for every question its answer under the question's name: a choice, a list of choices, a number.
//! Spans of texts become the lists `tokens` and `ner_tags`. Of several annotations the ground truth is taken, or else the first that
//! was not cancelled.

use serde_json::{Map, Value, json};

use crate::load::standoff::{Span, tagged};

type Row = Map<String, Value>;

/// The row of a task, and the names of the questions that are answered in it; `None` for an object that is no task.
pub(super) fn row(object: &Row) -> Option<(Row, Vec<String>)> {
    let data = object.get("data")?.as_object()?;
    let annotations = object
        .get("annotations")
        .or_else(|| object.get("completions"))?
        .as_array()?;
    let mut row = data.clone();
    let mut questions: Vec<String> = Vec::new();
    let is_set = |annotation: &&Value, key: &str| annotation.get(key) == Some(&Value::Bool(true));
    let valid = || {
        annotations
            .iter()
            .filter(|annotation| !is_set(annotation, "was_cancelled"))
    };
    let chosen = valid()
        .find(|annotation| is_set(annotation, "ground_truth"))
        .or_else(|| valid().next());
    let results = chosen.and_then(|annotation| annotation.get("result")?.as_array());
    let mut spans: Vec<(usize, usize, String)> = Vec::new();
    let mut has_spans = false;
    for result in results.into_iter().flatten() {
        let text = |key: &str| result.get(key).and_then(Value::as_str).unwrap_or_default();
        let Some(value) = result.get("value") else { continue };
        match text("type") {
            "choices" => {
                if let Some(choices) = value.get("choices") {
                    row.insert(text("from_name").to_owned(), json!({ "choices": choices }));
                    questions.push(text("from_name").to_owned());
                }
            }
            kind @ ("rating" | "number") => {
                if let Some(number) = value.get(kind) {
                    row.insert(text("from_name").to_owned(), number.clone());
                    questions.push(text("from_name").to_owned());
                }
            }
            "labels" => {
                has_spans = true;
                spans.extend(span(value));
            }
            _ => {}
        }
    }
    if has_spans && let Some(text) = text_of(data) {
        let (words, tags) = words_of(text, &spans);
        row.insert("tokens".to_owned(), words.into());
        row.insert("ner_tags".to_owned(), tags.into());
    }
    Some((row, questions))
}

fn span(value: &Value) -> Option<(usize, usize, String)> {
    let number = |key: &str| value.get(key)?.as_u64().and_then(|number| usize::try_from(number).ok());
    let kind = value.get("labels")?.get(0)?.as_str()?;
    Some((number("start")?, number("end")?, kind.to_owned()))
}

fn text_of(data: &Row) -> Option<&str> {
    let usual = data.get("text").and_then(Value::as_str);
    usual.or_else(|| data.values().find_map(Value::as_str))
}

/// The words of all lines as one sentence.
fn words_of(text: &str, spans: &[(usize, usize, String)]) -> (Vec<String>, Vec<String>) {
    // The editor counts UTF-16 units.
    let mut places = Vec::new();
    for (at, char) in text.chars().enumerate() {
        places.extend(std::iter::repeat_n(at, char.len_utf16()));
    }
    let place = |unit: usize| places.get(unit).copied().unwrap_or(text.chars().count());
    let spans: Vec<Span> = spans
        .iter()
        .map(|(start, end, kind)| Span {
            kind: kind.clone(),
            start: place(*start),
            end: place(*end),
        })
        .collect();
    let sentences = tagged(text, &spans).sentences;
    let (words, tags): (Vec<_>, Vec<_>) = sentences.into_iter().unzip();
    (words.concat(), tags.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(annotations: Value) -> Row {
        let task = json!({"id": 1, "data": {"text": "Ann 😀 left Rome"}, "annotations": annotations});
        row(task.as_object().unwrap()).unwrap().0
    }

    fn choice(name: &str) -> Value {
        json!([{"from_name": "mood", "type": "choices", "value": {"choices": [name]}}])
    }

    #[test]
    fn the_answer_is_that_of_the_ground_truth_or_of_the_first_that_was_not_cancelled() {
        let first = task(json!([
            {"was_cancelled": true, "result": choice("a")},
            {"was_cancelled": false, "result": choice("b")},
            {"result": choice("c")},
        ]));
        assert_eq!(first["mood"], json!({"choices": ["b"]}));
        let truth = task(json!([{"result": choice("b")}, {"ground_truth": true, "result": choice("c")}]));
        assert_eq!(truth["mood"], json!({"choices": ["c"]}));
        assert!(task(json!([])).get("mood").is_none());
    }

    #[test]
    fn spans_are_words_with_tags_and_count_units_as_the_editor_does() {
        let spans = json!([{"result": [
            {"type": "labels", "value": {"start": 0, "end": 3, "labels": ["PER"]}},
            {"type": "labels", "value": {"start": 12, "end": 16, "labels": ["LOC"]}},
        ]}]);
        let row = task(spans);
        assert_eq!(row["tokens"], json!(["Ann", "😀", "left", "Rome"]));
        assert_eq!(row["ner_tags"], json!(["B-PER", "O", "O", "B-LOC"]));
    }

    #[test]
    fn other_objects_are_no_tasks() {
        for object in [
            json!({"text": "a", "label": "b"}),
            json!({"data": [], "annotations": []}),
            json!({"data": {}}),
        ] {
            assert!(row(object.as_object().unwrap()).is_none(), "{object}");
        }
    }
}
