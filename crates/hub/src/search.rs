//! What to search for on a hub, as options and as one line: `bird photographs task:image-classification license:mit limit:8`.

use std::fmt;
use std::str::FromStr;

use ranktune_core::counts::parse_count;
use ranktune_core::names::did_you_mean;
use ranktune_core::terminal::shortened;

use crate::{Error, License};

/// A search for repositories.
///
/// As one line it is words and options in any order, and an option is `NAME:VALUE`; the names are those of the command line.
///
/// # Examples
/// ```
/// use ranktune_hub::SearchQuery;
/// let query: SearchQuery = "bird photographs task:image-classification max-parameters:30M".parse()?;
/// assert_eq!((&*query.text, query.max_parameters), ("bird photographs", Some(30_000_000)));
/// # Ok::<(), ranktune_hub::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchQuery {
    /// Words that the name of a repository contains. May be empty if there is a task.
    pub text: String,
    /// The task as the hub names it, such as `image-classification`. Default: any.
    pub task: Option<String>,
    /// Largest number of weights. Default: any.
    pub max_parameters: Option<u64>,
    /// Licenses that are allowed. Default: any, also an unknown one.
    pub licenses: Vec<License>,
    /// What comes first. Default: the most downloaded.
    pub sort: SearchSort,
    /// Number of repositories to find, from 1 to [`SearchQuery::MAX_LIMIT`]. Default: 8.
    pub limit: usize,
}

impl Default for SearchQuery {
    fn default() -> Self {
        Self {
            text: String::new(),
            task: None,
            max_parameters: None,
            licenses: Vec::new(),
            sort: SearchSort::default(),
            limit: 8,
        }
    }
}

/// The order of found repositories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SearchSort {
    /// Most downloads in the last 30 days.
    #[default]
    Downloads,
    /// Most likes.
    Likes,
    /// Changed most recently.
    Updated,
    /// What the hub calls trending.
    Trending,
}

impl SearchSort {
    /// Every order.
    pub const ALL: [Self; 4] = [Self::Downloads, Self::Likes, Self::Updated, Self::Trending];

    /// `downloads`, `likes`, `updated` or `trending`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Downloads => "downloads",
            Self::Likes => "likes",
            Self::Updated => "updated",
            Self::Trending => "trending",
        }
    }

    /// The name of the property in the hub's API.
    #[cfg(feature = "remote")]
    pub(crate) fn property(self) -> &'static str {
        match self {
            Self::Downloads => "downloads",
            Self::Likes => "likes",
            Self::Updated => "lastModified",
            Self::Trending => "trendingScore",
        }
    }
}

/// The names of the options in a line.
const OPTIONS: [&str; 5] = ["task", "max-parameters", "license", "sort", "limit"];
/// Longer than any name of a repository.
const MAX_TEXT: usize = 200;
/// Longer than any name of a task.
const MAX_TASK: usize = 64;

impl SearchQuery {
    /// The largest [`limit`](Self::limit).
    pub const MAX_LIMIT: usize = 100;

    /// Checks the query before it is sent.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed): neither words nor a task, an invalid task, or a limit out of range.
    pub fn check(&self) -> Result<(), Error> {
        let wrong = |text: String| Err(Error::malformed(format!("{self}: {text}")));
        if self.words().next().is_none() && self.task.is_none() {
            return Err(Error::malformed(
                "nothing to search for; expected words, a task such as image-classification, or both",
            ));
        }
        if self.text.contains(':') {
            return wrong("expected words without a colon, which no name of a repository has".to_owned());
        }
        if self.text.len() > MAX_TEXT || self.text.chars().any(char::is_control) {
            return wrong(format!("expected at most {MAX_TEXT} printable characters"));
        }
        if let Some(task) = self.task.as_ref().filter(|task| !is_task(task)) {
            return wrong(format!(
                "invalid task {:?}; expected the name of a task on the hub, such as image-classification",
                shortened(task, 80)
            ));
        }
        if !(1..=Self::MAX_LIMIT).contains(&self.limit) {
            return wrong(format!(
                "expected a limit from 1 to {}, found {}",
                Self::MAX_LIMIT,
                self.limit
            ));
        }
        Ok(())
    }

    /// The words of the text, without the commas of a sentence.
    pub(crate) fn words(&self) -> impl Iterator<Item = &str> {
        let words = self.text.split(|letter: char| letter.is_whitespace() || letter == ',');
        words.filter(|word| !word.is_empty())
    }

    /// Sets the option called `name`.
    fn set(&mut self, name: &str, value: &str) -> Result<(), Error> {
        let wrong = |expected: &str| Error::malformed(format!("{name}:{value}: expected {expected}"));
        match name {
            "task" => self.task = Some(value.to_owned()),
            "license" => self.licenses.push(License::parse(value)?),
            "max-parameters" => {
                let count = parse_count(value).ok_or_else(|| wrong("a number of weights such as 30M"))?;
                self.max_parameters = Some(count);
            }
            "sort" => {
                let sort = SearchSort::ALL.into_iter().find(|sort| sort.name() == value);
                self.sort = sort.ok_or_else(|| wrong(&SearchSort::ALL.map(SearchSort::name).join(", ")))?;
            }
            "limit" => self.limit = value.parse().map_err(|e| wrong("a number").caused_by(e))?,
            _ => {
                let near = did_you_mean(name, OPTIONS);
                let text = format!(
                    "unknown option {:?} of a search{near}; expected {}",
                    shortened(name, 80),
                    OPTIONS.join(", ")
                );
                return Err(Error::malformed(text));
            }
        }
        Ok(())
    }
}

/// Whether `text` can be the name of a task.
pub(crate) fn is_task(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.len() <= MAX_TASK && text.bytes().all(is_allowed)
}

impl FromStr for SearchQuery {
    type Err = Error;

    fn from_str(line: &str) -> Result<Self, Error> {
        let mut query = Self::default();
        let mut words = Vec::new();
        for word in line.split_whitespace() {
            match word.split_once(':') {
                Some((name, value)) => query.set(name, value)?,
                None => words.push(word),
            }
        }
        query.text = words.join(" ");
        query.check()?;
        Ok(query)
    }
}

impl fmt::Display for SearchQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let default = Self::default();
        let mut parts: Vec<String> = self.words().map(str::to_owned).collect();
        parts.extend(self.task.as_ref().map(|task| format!("task:{task}")));
        parts.extend(self.max_parameters.map(|count| format!("max-parameters:{count}")));
        parts.extend(self.licenses.iter().map(|license| format!("license:{license}")));
        if self.sort != default.sort {
            parts.push(format!("sort:{}", self.sort.name()));
        }
        if self.limit != default.limit {
            parts.push(format!("limit:{}", self.limit));
        }
        f.write_str(&parts.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_the_same_after_display_and_parse() {
        for line in [
            "bird photographs",
            "bird task:image-classification max-parameters:30000000 license:apache-2.0 license:mit sort:likes limit:20",
            "task:fill-mask",
        ] {
            let query: SearchQuery = line.parse().unwrap();
            assert_eq!(query.to_string(), line);
        }
        let query: SearchQuery = "limit:20  bird license:MIT photographs".parse().unwrap();
        assert_eq!((&*query.text, query.limit), ("bird photographs", 20));
        assert_eq!("bird, tree".parse::<SearchQuery>().unwrap().to_string(), "bird tree");
        assert_eq!(query.licenses, [License::parse("mit").unwrap()]);
    }

    #[test]
    fn a_wrong_query_names_its_fault() {
        for (line, part) in [
            ("", "nothing to search for"),
            ("limit:8", "nothing to search for"),
            ("bird limit:0", "from 1 to 100"),
            ("bird limit:101", "from 1 to 100"),
            ("bird limit:few", "limit:few: expected a number"),
            ("bird max-parameters:small", "such as 30M"),
            ("bird licence:mit", "did you mean \"license\"?"),
            ("bird sort:size", "downloads, likes, updated, trending"),
            ("bird task:Images&x=1", "invalid task"),
            ("bird license:<b>", "is not a license"),
        ] {
            let error = line.parse::<SearchQuery>().unwrap_err().to_string();
            assert!(error.contains(part), "{line}: {error}");
        }
        let colon = SearchQuery {
            text: "a:b".to_owned(),
            ..SearchQuery::default()
        };
        assert!(colon.check().unwrap_err().to_string().contains("without a colon"));
        assert!("x".repeat(201).parse::<SearchQuery>().is_err());
    }
}
