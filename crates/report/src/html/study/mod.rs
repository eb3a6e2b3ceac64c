//! The page of a study: the blocks of its report, each heading a section, and pictures beside the tables that have one.

mod coverage;
mod taus;

use askama::Template;

use super::contents::Contents;
use super::facts::{self, Facts};
use super::table::{Cell, Column, DataTable, Row};
use super::text::{decimal, isolated, option};
use super::{Section, Sections, render};
use crate::study::blocks::{Align, Block, Grid};
use crate::study::{Agreement, Study};

/// Title, answer and sections of a study; identifiers begin with `prefix`.
pub(crate) fn contents(study: &Study, prefix: &str) -> Contents {
    Contents {
        title: format!(
            "Study of {} models on {} data sets",
            study.models.len(),
            study.data.len()
        ),
        answer: answer(study),
        sections: sections(study, prefix),
    }
}

/// What the scores said of the accuracies, and what that saved.
fn answer(study: &Study) -> String {
    let mut text = format!("{} tunings have a value", study.measured);
    if !study.failures.is_empty() {
        text.push_str(&format!(", {} failed", study.failures.len()));
    }
    text.push('.');
    if let Some((agreement, score, tau)) = study.agreement.iter().find_map(best_score) {
        text.push_str(&format!(
            " {} orders the models best ({} of {}): weighted τ {} on average.",
            isolated(score),
            agreement.metric,
            agreement.method,
            decimal(tau)
        ));
    }
    if let Some(ratio) = study.cost.seconds_ratio {
        text.push_str(&format!(
            " Tuning every model took {ratio:.0} times as long as ranking them."
        ));
    }
    text
}

fn best_score(agreement: &Agreement) -> Option<(&Agreement, &str, f64)> {
    let taus = agreement
        .scores
        .iter()
        .filter_map(|score| Some((score.score.as_str(), score.weighted_tau?)));
    let (name, tau) = taus.max_by(|a, b| a.1.total_cmp(&b.1))?;
    Some((agreement, name, tau))
}

fn sections(study: &Study, prefix: &str) -> Vec<Section> {
    let mut sections = Sections::default();
    // The first block is the summary, which the answer replaces.
    let mut parts: Vec<(String, Vec<Block>)> = Vec::new();
    for block in study.blocks() {
        match (block, parts.last_mut()) {
            (Block::Heading(title), _) => parts.push((title, Vec::new())),
            (block, Some((_, blocks))) => blocks.push(block),
            (_, None) => {}
        }
    }
    for (place, (title, blocks)) in parts.into_iter().enumerate() {
        let id = format!("part{}", place + 1);
        let mut html = picture(study, &title, &format!("{prefix}-{id}"));
        for (number, block) in blocks.iter().enumerate() {
            html.push_str(&of_block(block, &title, &format!("{prefix}-{id}-{}", number + 1)));
        }
        sections.add(id, title, Some(html));
    }
    sections.add("reproduce", "How to repeat this", Some(settings(study)));
    sections.into_list()
}

/// The picture of a section, or nothing.
fn picture(study: &Study, title: &str, prefix: &str) -> String {
    let of_scores = study.agreement.iter().find(|agreement| agreement.heading() == title);
    if let Some(agreement) = of_scores {
        return taus::picture(agreement, prefix).unwrap_or_default();
    }
    if title == crate::study::DECISIONS {
        return coverage::picture(&study.decisions, prefix).unwrap_or_default();
    }
    String::new()
}

/// A paragraph or a list.
#[derive(Template)]
#[template(
    source = "{% if let [line] = lines[..] %}<p>{{ line }}</p>{% else %}<ul>{% for line in lines %}<li>{{ line }}</li>{% endfor %}</ul>{% endif %}",
    ext = "html"
)]
struct Lines<'a> {
    lines: Vec<&'a str>,
}

fn of_block(block: &Block, title: &str, id: &str) -> String {
    match block {
        Block::Heading(_) => String::new(),
        Block::Text(text) => render(&Lines { lines: vec![text] }),
        Block::List(lines) => render(&Lines {
            lines: lines.iter().map(String::as_str).collect(),
        }),
        Block::Grid(grid) => table(grid, title, id),
    }
}

fn table(grid: &Grid, title: &str, id: &str) -> String {
    let is_number = |align: &Align| *align == Align::Right;
    let columns = grid.columns.iter().map(|(name, align)| match align {
        Align::Right => Column::number(name),
        Align::Left => Column::text(name),
    });
    let rows = grid.rows.iter().map(|cells| {
        let cells = cells.iter().zip(&grid.columns).enumerate();
        let cells = cells.map(|(place, (text, (_, align)))| match place {
            0 => Cell::head(text.as_str()),
            // Sorted by the number that the cell begins with.
            _ if is_number(align) => Cell {
                text: text.clone(),
                value: text.split(' ').next().and_then(|number| number.parse().ok()),
                is_number: true,
                ..Cell::default()
            },
            _ => Cell::text(text.as_str()),
        });
        Row::new(cells.collect())
    });
    render(&DataTable {
        id: format!("{id}-table"),
        caption: title.to_owned(),
        columns: columns.collect(),
        rows: rows.collect(),
    })
}

fn settings(study: &Study) -> String {
    let mut list = facts::owned(vec![("document", study.schema.clone())]);
    list.extend(study.settings.iter().map(|(name, value)| (name.clone(), option(value))));
    list.extend(
        study
            .data
            .iter()
            .map(|data| (format!("digest of {}", data.name), data.digest.clone())),
    );
    list.extend(
        study
            .models
            .iter()
            .map(|model| (format!("digest of {}", model.name), model.digest.clone())),
    );
    let facts = Facts {
        command: None,
        list,
        names: Vec::new(),
        names_title: "",
        unreadable: Vec::new(),
    };
    facts.html()
}
