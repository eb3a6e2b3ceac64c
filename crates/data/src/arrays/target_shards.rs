//! Targets in several files (shards) of one data set, with one list of names.
//!
//! A shard need not hold every class, and indexes only those that it holds. The joined targets index the union of the classes,
//! sorted as in a single file. Multi-label names and regression columns must be the same in every shard.

use super::source::ArraySource;
use super::targets::read_part;
use crate::target::distinct_names;
use crate::{DatasetTargets, Error, Inference, Result, Task};

/// Reads the targets of shards, in order, with common names. `task` overrides the task of the first shard.
///
/// # Errors
/// As [`super::read_targets`], except that one class is enough; `Invalid` if shards have different tasks or label names.
pub fn read_target_shards(shards: &[ArraySource<'_>], task: Option<Task>) -> Result<(Vec<DatasetTargets>, Inference)> {
    let mut found: Option<Inference> = None;
    let mut parts = Vec::with_capacity(shards.len());
    for shard in shards {
        let (targets, inference) = read_part(shard, task)?;
        if let Some(first) = &found
            && first.task != inference.task
        {
            let message = format!(
                "the targets are {} ({}), expected {} as in {}; set --task",
                inference.task, inference.reason, first.task, shards[0]
            );
            return Err(Error::invalid(message).in_file(shard.path()));
        }
        found.get_or_insert(inference);
        parts.push(targets);
    }
    let inference = found.ok_or_else(|| Error::invalid("expected at least one file of targets, got none"))?;
    let lists: Vec<&[String]> = parts.iter().map(DatasetTargets::names).collect();
    if inference.task != Task::Classification {
        let Some(at) = lists.iter().position(|names| *names != lists[0]) else {
            return Ok((parts, inference));
        };
        let message = format!(
            "the {} target names differ from the {} of {}",
            lists[at].len(),
            lists[0].len(),
            shards[0]
        );
        return Err(Error::invalid(message).in_file(shards[at].path()));
    }
    let (names, numbers) = unite_names(&lists)?;
    let pairs = parts.iter().zip(&numbers);
    let parts = pairs.map(|(targets, places)| targets.renamed(&names, places)).collect();
    Ok((parts, inference))
}

/// The union of all lists of names, sorted as numbers if all of them are numbers, else as texts; and for every list the index of
/// each of its names in the union.
///
/// # Errors
/// `Unsupported` for more than 2³² names.
pub fn unite_names(lists: &[&[String]]) -> Result<(Vec<String>, Vec<Vec<u32>>)> {
    // Equal lists keep their order, which may be the order of the outputs of a model.
    if let Some((first, rest)) = lists.split_first()
        && rest.iter().all(|list| list == first)
    {
        let numbers = (0..).take(first.len()).collect::<Vec<u32>>();
        return Ok((first.to_vec(), vec![numbers; lists.len()]));
    }
    let (names, index) = distinct_names(lists.iter().flat_map(|list| list.iter().map(String::as_str)))?;
    let numbers = lists
        .iter()
        .map(|list| list.iter().map(|name| index[name.as_str()]).collect())
        .collect();
    Ok((names, numbers))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn names_are_united_in_the_order_of_a_single_file() {
        let (a, b) = (texts(&["2", "10"]), texts(&["1", "10"]));
        let (names, numbers) = unite_names(&[&a, &b]).unwrap();
        assert_eq!(names, ["1", "2", "10"]);
        assert_eq!(numbers, [vec![1, 2], vec![0, 2]]);
        let (a, b) = (texts(&["b"]), texts(&["a", "c"]));
        assert_eq!(unite_names(&[&a, &b]).unwrap().0, ["a", "b", "c"]);
    }

    #[test]
    fn lists_that_agree_keep_their_order() {
        let list = texts(&["z", "a"]);
        assert_eq!(unite_names(&[&list, &list]).unwrap().0, ["z", "a"]);
    }
}
