//! The data set of a ranking.

use crate::html::facts::{self, Facts};
use crate::ranking::Ranking;

pub(crate) fn html(ranking: &Ranking, _prefix: &str) -> Option<String> {
    let data = &ranking.data;
    let unit = if ranking.task == "tokens" {
        "words that were scored"
    } else {
        "samples that were scored"
    };
    let mut list = vec![
        ("data set", data.path.clone()),
        ("task", ranking.task.clone()),
        (unit, data.samples.to_string()),
        (facts::targets(&ranking.task), data.classes.len().to_string()),
    ];
    if data.skipped > 0 {
        list.push(("rows skipped, without target or file", data.skipped.to_string()));
    }
    list.push(("digest", data.digest.clone()));
    Some(
        Facts {
            list: facts::owned(list),
            names: data.classes.clone(),
            names_title: facts::targets(&ranking.task),
            unreadable: data.unreadable.clone(),
            command: None,
        }
        .html(),
    )
}
