//! Which classes the features of a model tell apart, which it confuses, and the samples at both ends.

use askama::Template;

use crate::html::render;
use crate::html::table::{Cell, Column, DataTable, Row};
use crate::html::text::{decimal, isolated, percent};
use crate::ranking::{ClassDetail, JudgedSample, Ranking};

#[derive(Template)]
#[template(path = "ranking/classes.html")]
struct Classes<'a> {
    models: Vec<ModelClasses<'a>>,
}

struct ModelClasses<'a> {
    name: String,
    reason: Option<&'a str>,
    evidence: String,
    classes_omitted: usize,
    confusions: Option<String>,
    confusions_omitted: usize,
    samples: Vec<String>,
}

/// Models that are shown.
const MODELS: usize = 3;

pub(crate) fn html(ranking: &Ranking, prefix: &str) -> Option<String> {
    let with_classes = ranking
        .models
        .iter()
        .filter_map(|model| Some((model.name.as_str(), model.classes.as_ref()?)));
    let models: Vec<ModelClasses<'_>> = with_classes
        .take(MODELS)
        .enumerate()
        .map(|(place, (name, detail))| of_model(name, detail, &format!("{prefix}-classes-{place}")))
        .collect();
    (!models.is_empty()).then(|| render(&Classes { models }))
}

fn of_model<'a>(name: &str, detail: &'a ClassDetail, prefix: &str) -> ModelClasses<'a> {
    let lists = [
        (
            "Hardest samples: furthest from their class, or labelled wrong",
            "hardest",
            &detail.hardest,
        ),
        ("Clearest samples", "clearest", &detail.clearest),
    ];
    let tables = lists.into_iter();
    ModelClasses {
        name: isolated(name),
        reason: detail.reason.as_deref(),
        evidence: evidence(detail, prefix),
        classes_omitted: detail.classes_omitted,
        confusions: confusions(detail, prefix),
        confusions_omitted: detail.confusions_omitted,
        samples: tables
            .filter_map(|(caption, name, list)| samples(list, caption, format!("{prefix}-{name}")))
            .collect(),
    }
}

fn evidence(detail: &ClassDetail, prefix: &str) -> String {
    let rows = detail.evidence.iter().map(|class| {
        Row::new(vec![
            Cell::head(&class.name),
            Cell::count(class.samples),
            Cell::number(Some(class.evidence), decimal),
            match class.loo_accuracy {
                Some(share) => Cell::number(Some(share), percent).with_bar(share),
                None => Cell::number(None, percent),
            },
            Cell::number(class.alpha, decimal),
            Cell::number(class.beta, decimal),
            Cell::text(&class.status),
        ])
    });
    render(&DataTable {
        id: format!("{prefix}-evidence"),
        caption: "Evidence by class, against all others".to_owned(),
        columns: vec![
            Column::text("class"),
            Column::number("samples"),
            Column::number("evidence").help("LogME of the class alone, in nats per sample"),
            Column::number("loo-accuracy").help("share of its samples that are predicted from all others"),
            Column::number("α").help("precision of the weights"),
            Column::number("β").help("precision of the noise"),
            Column::text("status").help("where the maximum of the evidence lies"),
        ],
        rows: rows.collect(),
    })
}

fn confusions(detail: &ClassDetail, prefix: &str) -> Option<String> {
    if detail.confusions.is_empty() {
        return None;
    }
    let rows = detail.confusions.iter().map(|pair| {
        Row::new(vec![
            Cell::head(&pair.class),
            Cell::text(&pair.predicted),
            Cell::count(pair.samples),
            Cell::number(Some(pair.share), percent).with_bar(pair.share),
        ])
    });
    Some(render(&DataTable {
        id: format!("{prefix}-confusions"),
        caption: "Classes that are confused, each sample predicted from all others".to_owned(),
        columns: vec![
            Column::text("class"),
            Column::text("predicted"),
            Column::number("samples"),
            Column::number("share of the class"),
        ],
        rows: rows.collect(),
    }))
}

fn samples(list: &[JudgedSample], caption: &str, id: String) -> Option<String> {
    if list.is_empty() {
        return None;
    }
    let has_texts = list.iter().any(|sample| sample.text.is_some());
    let rows = list.iter().map(|sample| {
        let mut cells = vec![Cell::head(&sample.sample).with_picture(sample.thumbnail.as_ref())];
        if has_texts {
            cells.push(Cell::text(sample.text.clone().unwrap_or_default()));
        }
        cells.extend([
            Cell::text(&sample.class),
            Cell::text(&sample.predicted),
            Cell::number(Some(sample.margin), decimal),
        ]);
        Row::new(cells)
    });
    let mut columns = vec![Column::text("sample")];
    if has_texts {
        columns.push(Column::text("text"));
    }
    columns.extend([
        Column::text("class"),
        Column::text("predicted"),
        Column::number("margin")
            .help("prediction of its class less the largest of the others, where targets are 0 and 1"),
    ]);
    Some(render(&DataTable {
        id,
        caption: caption.to_owned(),
        columns,
        rows: rows.collect(),
    }))
}
