//! `ranktune.ranking-plan/1`: what a ranking will cost.

use serde::{Deserialize, Serialize};

use super::SkippedModel;
use crate::format::{bytes, duration};
use crate::omitted::skipped_lines;
use crate::table::{Align, Style, Table, csv};

/// Name and version of the document.
pub const PLAN_SCHEMA: &str = "ranktune.ranking-plan/1";

/// The estimated cost of a ranking.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RankingPlan {
    /// [`PLAN_SCHEMA`].
    pub schema: String,
    /// The data set, as it was named.
    pub data: String,
    /// Samples that every model sees; sentences where words are ranked.
    pub samples: usize,
    /// By name.
    pub models: Vec<PlannedModel>,
    /// Time to decode a sample once for all models in seconds; `None` where nothing has to run.
    pub decode_seconds_per_sample: Option<f64>,
    /// Sums over the models, and what they share.
    pub total: PlannedTotal,
    /// Models that will not be ranked.
    pub skipped: Vec<SkippedModel>,
}

/// The estimated cost of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedModel {
    /// Name in the hub, or the repository of a model that is not downloaded yet.
    pub name: String,
    /// Number of weights; `None` before the download.
    pub parameters: Option<u64>,
    /// Samples whose features have to be computed; the others are in the cache, or equal to another.
    pub samples_to_compute: usize,
    /// Inference of a sample in seconds, measured on a few of them; `None` where nothing has to run, or before the download.
    pub seconds_per_sample: Option<f64>,
    /// Loading the model, and inference of all samples to compute, in seconds; `None` before the download.
    pub seconds: Option<f64>,
    /// Bytes of features that are added to the cache; `None` before the download.
    pub cache_bytes: Option<u64>,
    /// Bytes to download; `None` where the hub does not list sizes.
    pub download_bytes: Option<u64>,
}

/// The estimated cost of all models together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlannedTotal {
    /// Extraction with decoding in seconds, without models that are not downloaded yet. An upper limit in a race.
    pub seconds: f64,
    /// Bytes added to the feature cache.
    pub cache_bytes: u64,
    /// Bytes to download.
    pub download_bytes: u64,
    /// Models whose time is not known before the download.
    pub not_downloaded: usize,
}

impl RankingPlan {
    /// The models as a table, and the sums.
    pub fn text(&self, style: Style) -> String {
        self.table().styled(style) + "\n" + &self.summary() + &skipped_lines(&self.skipped)
    }

    /// The models as a table in Markdown.
    pub fn markdown(&self) -> String {
        self.table().markdown()
    }

    /// The models with all digits: the keys of the JSON document.
    pub fn csv(&self) -> String {
        let header = [
            "model",
            "parameters",
            "samples_to_compute",
            "seconds_per_sample",
            "seconds",
            "cache_bytes",
            "download_bytes",
        ];
        fn cell(value: Option<impl ToString>) -> String {
            value.map_or_else(String::new, |value| value.to_string())
        }
        let rows = self.models.iter().map(|model| {
            vec![
                model.name.clone(),
                cell(model.parameters),
                model.samples_to_compute.to_string(),
                cell(model.seconds_per_sample),
                cell(model.seconds),
                cell(model.cache_bytes),
                cell(model.download_bytes),
            ]
        });
        csv(&header.map(str::to_owned), rows)
    }

    fn table(&self) -> Table {
        let unknown = || "–".to_owned();
        let mut table = Table::new(&[
            ("model", Align::Left),
            ("params", Align::Right),
            ("to compute", Align::Right),
            ("per sample", Align::Right),
            ("time", Align::Right),
            ("cache", Align::Right),
            ("download", Align::Right),
        ]);
        table.spare([1]);
        for model in &self.models {
            table.row(vec![
                model.name.clone(),
                model
                    .parameters
                    .map_or_else(unknown, ranktune_core::counts::abbreviated),
                model.samples_to_compute.to_string(),
                model.seconds_per_sample.map_or_else(unknown, milliseconds),
                model.seconds.map_or_else(unknown, short_duration),
                model.cache_bytes.map_or_else(unknown, bytes),
                model.download_bytes.map_or_else(unknown, bytes),
            ]);
        }
        table
    }

    fn summary(&self) -> String {
        let total = &self.total;
        let decoding = self.decode_seconds_per_sample.map_or_else(String::new, |seconds| {
            format!(", with {} per sample for decoding", milliseconds(seconds))
        });
        let mut text = format!(
            "about {}{decoding}; {} added to the cache, {} to download\n",
            short_duration(total.seconds),
            bytes(total.cache_bytes),
            bytes(total.download_bytes)
        );
        if total.not_downloaded > 0 {
            text += &format!(
                "without {}: the time is known after the download (ranktune hub pull)\n",
                ranktune_core::counted(total.not_downloaded, "model that is not downloaded")
            );
        }
        text
    }
}

/// A short time in milliseconds, with two or three digits.
fn milliseconds(seconds: f64) -> String {
    let value = seconds * 1e3;
    match value {
        100.0.. => format!("{value:.0} ms"),
        10.0.. => format!("{value:.1} ms"),
        _ => format!("{value:.2} ms"),
    }
}

/// As [`duration`], with one decimal below ten seconds.
fn short_duration(seconds: f64) -> String {
    if seconds < 9.95 {
        format!("{seconds:.1} s")
    } else {
        duration(seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_is_not_downloaded_has_no_time_and_the_summary_says_so() {
        let model = |name: &str, seconds, download| PlannedModel {
            name: name.into(),
            parameters: None,
            samples_to_compute: 500,
            seconds_per_sample: Some(0.0213),
            seconds,
            cache_bytes: Some(2_000_000),
            download_bytes: Some(download),
        };
        let mut plan = RankingPlan {
            schema: PLAN_SCHEMA.into(),
            data: "photos".into(),
            samples: 500,
            models: vec![model("here", Some(10.7), 0), model("hf:acme/there", None, 44_000_000)],
            decode_seconds_per_sample: Some(0.004),
            total: PlannedTotal {
                seconds: 12.7,
                cache_bytes: 4_000_000,
                download_bytes: 44_000_000,
                not_downloaded: 1,
            },
            skipped: vec![],
        };
        let text = plan.text(Style::default());
        assert!(text.contains("21.3 ms") && text.contains("11 s"), "{text}");
        assert!(text.contains("about 13 s, with 4.00 ms per sample"), "{text}");
        assert!(text.contains("without 1 model that is not downloaded:"), "{text}");
        let there = text.lines().find(|line| line.contains("there")).unwrap();
        assert!(there.contains('–') && there.contains("44"), "{text}");
        plan.total.not_downloaded = 0;
        assert!(!plan.text(Style::default()).contains("without"));
    }
}
