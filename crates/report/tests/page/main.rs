//! Pages of documents: the same bytes for the same documents, names as text, the numbers of the JSON, well-formed HTML.

#![expect(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a fixture that cannot be made is a failed test; its numbers are small"
)]

mod documents;
mod html;

use std::collections::BTreeSet;

use html::Element;
use ranktune_report::html::{Document, page};
use serde_json::{Value, json};

fn page_of(documents: &[Value]) -> String {
    let documents: Vec<Document> = documents
        .iter()
        .map(|document| Document::read(&document.to_string()).unwrap())
        .collect();
    page(&documents)
}

fn named<'a>(elements: &'a [Element], name: &str) -> Vec<&'a Element> {
    elements.iter().filter(|element| element.name == name).collect()
}

fn by_id<'a>(elements: &'a [Element], id: &str) -> Option<&'a Element> {
    elements.iter().find(|element| element.attribute("id") == Some(id))
}

/// Documents of every kind with all that is optional.
fn all() -> Vec<Value> {
    vec![
        documents::full_ranking(&["resnet", "vit", "mobilenet", "efficientnet", "minilm"]),
        documents::training("resnet", 4),
        documents::training("vit", 1),
        documents::evaluation("tuned"),
        documents::comparison(),
        documents::study(&["resnet", "vit", "mobilenet"]),
    ]
}

#[test]
fn the_same_documents_give_the_same_bytes_however_their_json_is_laid_out() {
    let compact: Vec<Document> = all()
        .iter()
        .map(|each| Document::read(&each.to_string()).unwrap())
        .collect();
    let pretty: Vec<Document> = all()
        .iter()
        .map(|each| Document::read(&serde_json::to_string_pretty(each).unwrap()).unwrap())
        .collect();
    assert_eq!(page(&compact), page(&compact));
    assert_eq!(page(&compact), page(&pretty));
}

#[test]
fn pages_are_well_formed_with_one_identifier_for_one_element() {
    for documents in [
        all(),
        vec![all()[0].clone()],
        vec![all()[1].clone()],
        vec![all()[3].clone()],
    ] {
        let elements = html::read(&page_of(&documents));
        let mut ids = BTreeSet::new();
        for id in elements.iter().filter_map(|element| element.attribute("id")) {
            assert!(ids.insert(id), "{id} twice");
        }
        for element in &elements {
            let labels = element.attribute("aria-labelledby").unwrap_or_default();
            let link = element.attribute("href").and_then(|href| href.strip_prefix('#'));
            for target in labels.split_whitespace().chain(link) {
                assert!(ids.contains(target), "{target} is nowhere: {element:?}");
            }
        }
    }
}

#[test]
fn pages_have_one_main_heading_scopes_in_tables_and_text_for_every_picture() {
    let elements = html::read(&page_of(&all()));
    assert_eq!(named(&elements, "h1").len(), 1);
    for head in named(&elements, "th") {
        let expected = if head.path.contains(&"thead".to_owned()) {
            "col"
        } else {
            "row"
        };
        assert_eq!(head.attribute("scope"), Some(expected), "{head:?}");
    }
    assert_eq!(named(&elements, "caption").len(), named(&elements, "table").len());
    let pictures: Vec<&Element> = named(&elements, "svg")
        .into_iter()
        .filter(|svg| svg.attribute("aria-hidden").is_none())
        .collect();
    assert!(pictures.len() > 5, "{}", pictures.len());
    for picture in pictures {
        assert_eq!(picture.attribute("role"), Some("img"));
        for id in picture.attribute("aria-labelledby").unwrap().split_whitespace() {
            assert!(!by_id(&elements, id).unwrap().text.trim().is_empty(), "{id}");
        }
    }
}

#[test]
fn pages_load_nothing() {
    let page = page_of(&all());
    for element in html::read(&page) {
        for (name, value) in &element.attributes {
            assert!(
                !matches!(name.as_str(), "src" | "srcset" | "action" | "background"),
                "{element:?}"
            );
            if name == "href" {
                assert!(value.starts_with('#') || value == "data:,", "{element:?}");
            }
        }
    }
    assert!(!page.contains("url(") && !page.contains("@import") && !page.contains("fetch("));
}

#[test]
fn hostile_names_are_text() {
    let long = "x".repeat(500);
    let names = [
        "<script>alert(1)</script>",
        "</script><img src=x onerror=alert(1)>",
        "\"' onmouseover=alert(1) x='",
        "--><!-- ]]>",
        "{{ 7 * 7 }} {% include \"x\" %}",
        "&lt;b&gt; &amp;",
        "\u{202e}txt.exe אבג",
        long.as_str(),
        "🦀 \u{1f469}\u{200d}\u{1f680}",
    ];
    let mut ranking = documents::full_ranking(&names);
    ranking["data"]["path"] = json!(names[1]);
    ranking["data"]["classes"] = json!(names);
    ranking["data"]["unreadable"] = json!([{"file": names[0], "reason": names[1]}]);
    ranking["skipped"] = json!([{"name": names[0], "reason": names[2]}]);
    for model in ranking["models"].as_array_mut().unwrap() {
        let scores = model["scores"].as_object_mut().unwrap();
        scores.insert(names[0].to_owned(), json!({"value": 0.5}));
        model["source"] = json!(names[2]);
    }
    ranking["options"][names[1]] = json!(names[0]);
    let mut training = documents::training(names[1], 2);
    training["settings"][names[0]] = json!(names[1]);
    training["metrics"]["train"][names[1]] = json!(0.5);
    training["history"][0]["parts"][names[0]] = json!(0.5);
    training["rate_curve"][0]["metric"] = json!(names[1]);
    let evaluation = documents::evaluation(names[0]);

    let ordinary = html::read(&page_of(&[
        documents::full_ranking(&["resnet"; 9]),
        documents::training("resnet", 2),
        documents::evaluation("tuned"),
        documents::study(&["resnet", "vit"]),
    ]));
    let mut study = documents::study(&[names[0], names[1]]);
    study["settings"][names[2]] = json!(names[0]);
    study["agreement"][0]["scores"][0]["score"] = json!(names[1]);
    study["notes"] = json!([names[0], names[4]]);
    let elements = html::read(&page_of(&[ranking, training, evaluation, study]));
    for name in ["script", "style", "title", "article", "main"] {
        let count = |elements: &[Element]| {
            elements
                .iter()
                .filter(|e| e.name == name && !e.path.contains(&"svg".to_owned()))
                .count()
        };
        assert_eq!(count(&elements), count(&ordinary), "{name}");
    }
    assert_eq!(named(&elements, "img").len(), 0);
    let handler = elements
        .iter()
        .flat_map(|element| &element.attributes)
        .find(|(name, _)| name.starts_with("on"));
    assert_eq!(handler, None);
    let table = by_id(&elements, "d1-models-table").unwrap();
    for name in names {
        assert!(table.text.contains(name), "{name}");
        let is_isolated = elements
            .iter()
            .any(|element| element.name == "bdi" && element.text == name);
        assert!(is_isolated, "{name}");
    }
}

#[test]
fn control_characters_do_not_reach_the_page() {
    let page = page_of(&[documents::ranking(&["a\u{1b}[31mred\u{0}", "b\u{85}\u{fffe}"], 2)]);
    html::read(&page);
    assert!(
        page.chars().all(|letter| !letter.is_control() || letter == '\n'),
        "control character"
    );
    assert!(page.contains("a\u{fffd}[31mred\u{fffd}"));
}

#[test]
fn the_numbers_are_those_of_the_json() {
    let document = documents::ranking(&["resnet", "vit", "mobilenet"], 3);
    let elements = html::read(&page_of(std::slice::from_ref(&document)));
    let cells: Vec<&Element> = elements
        .iter()
        .filter(|element| {
            element.path.ends_with(&["tbody".to_owned(), "tr".to_owned()]) && element.attribute("data-v").is_some()
        })
        .collect();
    let has = |value: f64, text: &str| {
        cells
            .iter()
            .any(|cell| cell.attribute("data-v").unwrap().parse() == Ok(value) && cell.text == text)
    };
    for model in document["models"].as_array().unwrap() {
        let logme = model["scores"]["logme"]["value"].as_f64().unwrap();
        assert!(has(logme, &format!("{logme:.4} ± 0.0123")), "{logme}");
        let h_score = model["scores"]["h-score"]["value"].as_f64().unwrap();
        assert!(has(h_score, &format!("{h_score:.4}")), "{h_score}");
        assert!(has(
            model["p_best"].as_f64().unwrap(),
            &format!("{:.2}", model["p_best"].as_f64().unwrap())
        ));
        let parameters = model["parameters"].as_u64().unwrap() as f64;
        assert!(
            cells
                .iter()
                .any(|cell| cell.attribute("data-v").unwrap().parse() == Ok(parameters)),
            "{parameters}"
        );
    }
    let answer = elements
        .iter()
        .find(|element| element.attribute("class") == Some("answer"))
        .unwrap();
    assert!(answer.text.contains("58 %"), "{}", answer.text);
}

#[test]
fn the_numbers_of_a_study_are_those_of_the_json() {
    let elements = html::read(&page_of(&[documents::study(&["resnet", "vit", "mobilenet"])]));
    let text: String = elements.iter().map(|element| element.text.as_str()).collect();
    for expected in [
        "0.800 [0.60, 0.90]",
        "weighted τ 0.8000 on average",
        "300 times as long",
        "0.712",
        "the loss diverged",
    ] {
        assert!(text.contains(expected), "{expected}");
    }
    let headings: Vec<&str> = named(&elements, "h2")
        .iter()
        .map(|heading| heading.text.as_str())
        .collect();
    for title in [
        "Measured after fine-tune",
        "Scores against accuracy after fine-tune (images)",
        "Decisions",
        "Cost",
        "Failed",
    ] {
        assert!(headings.contains(&title), "{title}: {headings:?}");
    }
    assert_eq!(named(&elements, "figure").len(), 2);
}

#[test]
fn the_embedded_json_is_the_document() {
    let documents = all();
    let elements = html::read(&page_of(&documents));
    for (place, document) in documents.iter().enumerate() {
        let script = by_id(&elements, &format!("d{}-json", place + 1)).unwrap();
        let read = |json: &str| serde_json::from_str::<Value>(json).unwrap();
        assert_eq!(read(&script.text), read(&document.to_string()));
    }
    let files: Vec<&str> = elements
        .iter()
        .filter_map(|element| element.attribute("data-file"))
        .collect();
    assert_eq!(
        files,
        [
            "ranking.json",
            "training.json",
            "training-2.json",
            "evaluation.json",
            "comparison.json",
            "study.json"
        ]
    );
}

#[test]
fn sections_appear_where_the_document_has_them() {
    let headings = |document: Value| -> Vec<String> {
        let elements = html::read(&page_of(&[document]));
        named(&elements, "h2")
            .iter()
            .map(|heading| heading.text.clone())
            .collect()
    };
    let full = headings(documents::full_ranking(&["a", "b", "c", "d"]));
    for title in ["The race", "Layers", "Models that were skipped"] {
        assert!(full.iter().any(|heading| heading == title), "{title}: {full:?}");
        let plain = headings(documents::ranking(&["a", "b", "c", "d"], 2));
        assert!(!plain.iter().any(|heading| heading == title), "{title}: {plain:?}");
    }
    let mut fine_tuned = documents::training("a", 2);
    fine_tuned["teachers"] = json!([]);
    fine_tuned["rate_curve"] = json!([]);
    fine_tuned["lambda_curve"] = json!([]);
    assert_eq!(
        headings(fine_tuned),
        ["Metrics", "Training curves", "Data", "How to repeat this"]
    );
}

#[test]
fn pages_of_one_model_of_none_and_of_many_stay_small() {
    let many: Vec<String> = (0..500)
        .map(|place| format!("organisation/model-{place}-with-a-long-name-of-sixty-characters-{place:04}"))
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (names, classes) in [
        (&many[..0], 2),
        (&many[..1], 2),
        (&many[..], 10),
        (&many[..20], 1000),
        (&many[..], 1000),
    ] {
        let page = page_of(&[documents::ranking(names, classes)]);
        html::read(&page);
        assert!(
            page.len() < 2_000_000,
            "{} models, {classes} classes: {} bytes",
            names.len(),
            page.len()
        );
    }
    let layers = page_of(&[documents::full_ranking(&many)]);
    html::read(&layers);
    assert!(layers.len() < 2_000_000, "{} bytes", layers.len());
}
