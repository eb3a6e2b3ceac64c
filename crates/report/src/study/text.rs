//! The report of a study, in blocks.

use ranktune_core::counted;

use super::blocks::{Align, Block, Grid, markdown, terminal};
use super::{Agreement, DecisionCalibration, MethodTable, Study, StudyAccuracy, StudyFailure, TestSource};
use crate::format::{count, seconds};

impl Study {
    /// The report as text for a terminal.
    pub fn table(&self) -> String {
        terminal(&self.blocks())
    }

    /// The report as Markdown: `study.md`.
    pub fn markdown(&self) -> String {
        markdown("Study", &self.blocks())
    }

    pub(crate) fn blocks(&self) -> Vec<Block> {
        let mut blocks = vec![
            Block::Text(self.summary()),
            Block::Heading("Data sets".to_owned()),
            Block::Grid(self.data_grid()),
        ];
        let mut methods: Vec<&str> = Vec::new();
        for row in &self.accuracies {
            if !methods.contains(&row.method.as_str()) {
                methods.push(&row.method);
            }
        }
        for method in &methods {
            blocks.push(Block::Heading(format!("Measured after {method}")));
            blocks.push(Block::Grid(self.accuracy_grid(method)));
        }
        for agreement in &self.agreement {
            blocks.extend(agreement_blocks(agreement));
        }
        if !self.decisions.is_empty() {
            blocks.extend(decision_blocks(&self.decisions));
        }
        if methods.len() > 1 {
            blocks.push(Block::Heading("Methods".to_owned()));
            blocks.push(Block::Grid(method_grid(&self.methods)));
        }
        if !self.cost.data.is_empty() {
            blocks.push(Block::Heading("Cost".to_owned()));
            blocks.push(Block::Grid(self.cost_grid()));
        }
        if !self.failures.is_empty() {
            blocks.push(Block::Heading("Failed".to_owned()));
            blocks.push(Block::List(self.failures.iter().map(failure).collect()));
        }
        if !self.notes.is_empty() {
            blocks.push(Block::Heading("Notes".to_owned()));
            blocks.push(Block::List(self.notes.clone()));
        }
        blocks
    }

    fn summary(&self) -> String {
        let failed = match self.failures.len() {
            0 => String::new(),
            count => format!(", {count} failed"),
        };
        format!(
            "{} on {}: {}{failed}.",
            counted(self.models.len(), "model"),
            counted(self.data.len(), "data set"),
            counted(self.measured, "tuning")
        )
    }

    fn data_grid(&self) -> Grid {
        let mut grid = Grid::new(&[
            ("data", Align::Left),
            ("task", Align::Left),
            ("classes", Align::Right),
            ("samples", Align::Right),
            ("test", Align::Right),
            ("test samples", Align::Left),
            ("models", Align::Right),
        ]);
        for data in &self.data {
            let source = match data.test_source {
                TestSource::Split => "own split",
                TestSource::HeldOut => "held out",
            };
            grid.row(vec![
                data.name.clone(),
                data.task.clone(),
                data.classes.to_string(),
                data.samples.to_string(),
                data.test_samples.to_string(),
                source.to_owned(),
                data.models.len().to_string(),
            ]);
        }
        grid
    }

    /// A row for every model, a column for every data set.
    fn accuracy_grid(&self, method: &str) -> Grid {
        let mut columns = vec![("model", Align::Left), ("params", Align::Right)];
        columns.extend(self.data.iter().map(|data| (data.name.as_str(), Align::Right)));
        let mut grid = Grid::new(&columns);
        for model in &self.models {
            let mut row = vec![model.name.clone(), count(model.parameters)];
            row.extend(self.data.iter().map(|data| {
                let is_cell =
                    |row: &&StudyAccuracy| row.data == data.name && row.model == model.name && row.method == method;
                let found = self.accuracies.iter().find(is_cell);
                match found.map(|row| (row.value, row.deviation)) {
                    Some((value, Some(deviation))) => format!("{value:.4} ± {deviation:.4}"),
                    Some((value, None)) => format!("{value:.4}"),
                    None => dash(),
                }
            }));
            grid.row(row);
        }
        grid
    }

    fn cost_grid(&self) -> Grid {
        let mut grid = Grid::new(&[
            ("data", Align::Left),
            ("models", Align::Right),
            ("features, s", Align::Right),
            ("scores, s", Align::Right),
            ("tuning all once, s", Align::Right),
            ("times longer", Align::Right),
        ]);
        let ratio = |ratio: Option<f64>| ratio.map_or_else(dash, |ratio| format!("{ratio:.0}"));
        for data in &self.cost.data {
            grid.row(vec![
                data.data.clone(),
                data.models.to_string(),
                seconds(data.extract_seconds),
                seconds(data.score_seconds),
                seconds(data.tuning_seconds),
                ratio(data.seconds_ratio),
            ]);
        }
        let sum = |of: fn(&super::DataCost) -> f64| seconds(self.cost.data.iter().map(of).sum());
        grid.row(vec![
            "all".to_owned(),
            String::new(),
            sum(|data| data.extract_seconds),
            sum(|data| data.score_seconds),
            seconds(self.cost.tuning_seconds),
            ratio(self.cost.seconds_ratio),
        ]);
        grid
    }
}

/// The heading of what is said of decisions.
pub(crate) const DECISIONS: &str = "Decisions";

impl Agreement {
    /// The heading of this part of the report.
    pub(crate) fn heading(&self) -> String {
        format!("Scores against {} after {} ({})", self.metric, self.method, self.kind)
    }
}

fn dash() -> String {
    "–".to_owned()
}

fn digits(value: Option<f64>, places: usize) -> String {
    value.map_or_else(dash, |value| format!("{value:.places$}"))
}

fn with_interval(value: Option<f64>, interval: Option<[f64; 2]>) -> String {
    match (value, interval) {
        (Some(value), Some(ends)) => {
            // Rounded before they are printed, and -0 made 0, so that no "-0.00" stands there.
            let [low, high] = ends.map(|end| (100.0 * end).round() / 100.0 + 0.0);
            format!("{value:.3} [{low:.2}, {high:.2}]")
        }
        (value, _) => digits(value, 3),
    }
}

fn failure(failure: &StudyFailure) -> String {
    let parts = [Some(&failure.data), failure.model.as_ref(), failure.method.as_ref()];
    let mut text = parts.into_iter().flatten().cloned().collect::<Vec<_>>().join(", ");
    if let Some(seed) = failure.seed {
        text.push_str(&format!(", seed {seed}"));
    }
    format!("{text}: {}", failure.reason)
}

/// Means over data sets, then weighted τ on each of them.
fn agreement_blocks(agreement: &Agreement) -> Vec<Block> {
    let mut means = Grid::new(&[
        ("score", Align::Left),
        ("weighted tau", Align::Right),
        ("top-1 regret", Align::Right),
        ("top-3 regret", Align::Right),
    ]);
    let names: Vec<&str> = agreement.scores.first().map_or_else(Vec::new, |score| {
        score.data.iter().map(|data| data.data.as_str()).collect()
    });
    let mut columns = vec![("score", Align::Left)];
    columns.extend(names.iter().map(|name| (*name, Align::Right)));
    let mut each = Grid::new(&columns);
    for score in &agreement.scores {
        means.row(vec![
            score.score.clone(),
            with_interval(score.weighted_tau, score.interval),
            digits(score.top_1_regret, 4),
            digits(score.top_3_regret, 4),
        ]);
        let mut row = vec![score.score.clone()];
        row.extend(
            score
                .data
                .iter()
                .map(|data| with_interval(data.weighted_tau, data.interval)),
        );
        each.row(row);
    }
    vec![
        Block::Heading(agreement.heading()),
        Block::Text(format!(
            "Means over data sets. Brackets hold {:.0} % of draws of models and seeds. Regret is in units of the metric.",
            100.0 * agreement.level
        )),
        Block::Grid(means),
        Block::Text("Weighted tau on each data set:".to_owned()),
        Block::Grid(each),
    ]
}

fn decision_blocks(decisions: &[DecisionCalibration]) -> Vec<Block> {
    let mut grid = Grid::new(&[
        ("method", Align::Left),
        ("metric", Align::Left),
        ("kind", Align::Left),
        ("known", Align::Left),
        ("weighted tau", Align::Right),
        ("regret", Align::Right),
        ("expected", Align::Right),
        ("coverage", Align::Right),
        ("of differences", Align::Right),
        ("Brier", Align::Right),
        ("uniform", Align::Right),
    ]);
    let mut bins = Grid::new(&[
        ("method", Align::Left),
        ("kind", Align::Left),
        ("known", Align::Left),
        ("P(best) below", Align::Right),
        ("predictions", Align::Right),
        ("mean P(best)", Align::Right),
        ("were best", Align::Right),
    ]);
    let percent = |shares: &[f64]| {
        let shares: Vec<String> = shares.iter().map(|share| format!("{:.0}", 100.0 * share)).collect();
        shares.join(" ")
    };
    for row in decisions {
        let known = known(&row.scores);
        grid.row(vec![
            row.method.clone(),
            row.metric.clone(),
            row.kind.clone(),
            known.clone(),
            digits(row.weighted_tau, 3),
            digits(row.top_1_regret, 4),
            digits(row.expected_regret, 4),
            percent(&row.coverage),
            percent(&row.coverage_of_differences),
            digits(row.brier, 3),
            digits(row.uniform_brier, 3),
        ]);
        for bin in &row.bins {
            bins.row(vec![
                row.method.clone(),
                row.kind.clone(),
                known.clone(),
                format!("{:.2}", bin.below),
                bin.predictions.to_string(),
                digits(bin.probability, 3),
                digits(bin.best, 3),
            ]);
        }
    }
    let levels = decisions
        .first()
        .map_or_else(String::new, |row| percent(&row.levels).replace(' ', ", "));
    vec![
        Block::Heading(DECISIONS.to_owned()),
        Block::Text(format!(
            "Each data set is predicted from what was measured on the others, and from the scores that are named. Coverage is that of \
             intervals of {levels} %; Brier is the score of P(best), uniform that of the same probability for every model."
        )),
        Block::Grid(grid),
        Block::Grid(bins),
    ]
}

/// What the decision model knows.
pub(crate) fn known(scores: &[String]) -> String {
    match scores {
        [] => "record".to_owned(),
        [one] => format!("record, {one}"),
        several => format!("record, {} scores", several.len()),
    }
}

fn method_grid(tables: &[MethodTable]) -> Grid {
    let mut grid = Grid::new(&[
        ("data", Align::Left),
        ("models", Align::Right),
        ("method", Align::Left),
        ("mean", Align::Right),
        ("best", Align::Right),
        ("difference", Align::Right),
        ("s per tuning", Align::Right),
    ]);
    for table in tables {
        for method in &table.methods {
            let difference = match (method.difference, method.standard_error) {
                (Some(difference), Some(error)) => format!("{difference:+.4} ± {error:.4}"),
                (difference, _) => difference.map_or_else(dash, |difference| format!("{difference:+.4}")),
            };
            grid.row(vec![
                table.data.clone(),
                table.models.to_string(),
                method.method.clone(),
                digits(method.value, 4),
                digits(method.best, 4),
                difference,
                method.seconds.map_or_else(dash, seconds),
            ]);
        }
    }
    grid
}
