//! The documents that a page can show.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use crate::{Comparison, Evaluation, Ranking, Study, Training};

/// A document and its JSON.
#[derive(Clone, Debug)]
pub struct Document {
    pub(crate) kind: Kind,
    pub(crate) json: String,
}

/// The document of each kind.
#[derive(Clone, Debug)]
pub enum Kind {
    /// Of `rank`.
    Ranking(Box<Ranking>),
    /// Of `tune`.
    Training(Box<Training>),
    /// Of `eval`.
    Evaluation(Box<Evaluation>),
    /// Of `compare`.
    Comparison(Box<Comparison>),
    /// Of `study`.
    Study(Box<Study>),
}

/// Why a text is not a document of a page.
#[derive(Debug)]
pub enum ReadError {
    /// The text is not JSON, or a key of the document is missing or of another type.
    Json(serde_json::Error),
    /// The document is of another kind; its schema, if it states one.
    Schema(Option<String>),
}

impl fmt::Display for ReadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(_) => formatter.write_str("this is not a document of ranktune"),
            Self::Schema(found) => {
                let found = match found {
                    Some(schema) => format!("{schema:?}"),
                    None => "none".to_owned(),
                };
                write!(
                    formatter,
                    "expected a schema of ranktune.ranking, .training, .evaluation, .comparison or .study, found {found}; reports are of \
                     what rank, tune, eval, compare and study write as JSON"
                )
            }
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Json(error) => Some(error),
            Self::Schema(_) => None,
        }
    }
}

impl From<serde_json::Error> for ReadError {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}

impl Document {
    /// Reads the JSON that `rank`, `tune`, `eval`, `compare` or `study` wrote.
    ///
    /// # Errors
    /// [`ReadError::Json`] for text that is not JSON or lacks a key, [`ReadError::Schema`] for other documents.
    pub fn read(json: &str) -> Result<Self, ReadError> {
        #[derive(Deserialize)]
        struct Head {
            #[serde(default)]
            schema: Option<Value>,
        }
        let head: Head = serde_json::from_str(json)?;
        let schema = head.schema.as_ref().and_then(Value::as_str).unwrap_or_default();
        let kind = match schema {
            "ranktune.ranking/1" | crate::ranking::SCHEMA => Kind::Ranking(serde_json::from_str(json)?),
            crate::training::SCHEMA => Kind::Training(serde_json::from_str(json)?),
            crate::evaluation::SCHEMA => Kind::Evaluation(serde_json::from_str(json)?),
            crate::comparison::SCHEMA => Kind::Comparison(serde_json::from_str(json)?),
            crate::study::SCHEMA => Kind::Study(serde_json::from_str(json)?),
            _ => {
                return Err(ReadError::Schema(head.schema.map(|schema| match schema {
                    Value::String(text) => text,
                    other => other.to_string(),
                })));
            }
        };
        Ok(Self {
            kind,
            json: json.to_owned(),
        })
    }

    /// The document itself.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The name of its file, without an extension.
    pub(crate) fn file_stem(&self) -> &'static str {
        match &self.kind {
            Kind::Ranking(_) => "ranking",
            Kind::Training(_) => "training",
            Kind::Evaluation(_) => "evaluation",
            Kind::Comparison(_) => "comparison",
            Kind::Study(_) => "study",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_documents_are_refused_with_their_schema() {
        let message = |json: &str| Document::read(json).unwrap_err().to_string();
        assert!(message(r#"{"schema": "ranktune.hub/1"}"#).contains("\"ranktune.hub/1\""));
        assert!(message(r#"{"schema": 3}"#).contains("\"3\""));
        assert!(message("{}").contains("found none"));
        assert!(matches!(Document::read("{"), Err(ReadError::Json(_))));
        assert!(matches!(
            Document::read(r#"{"schema": "ranktune.training/1"}"#),
            Err(ReadError::Json(_))
        ));
    }
}
