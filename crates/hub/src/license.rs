//! Licenses by the identifiers of the Hugging Face hub: `apache-2.0`, `mit`, `cc-by-nc-4.0`.
//!
//! They are SPDX identifiers in lower case where SPDX has one, so case is ignored.

use std::fmt;
use std::str::FromStr;

use ranktune_core::terminal::shortened;
use serde::Deserialize;

use crate::Error;

/// The identifier of a license.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct License(String);

/// Longer than any identifier.
const MAX_LENGTH: usize = 64;

impl License {
    /// The license called `text`.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed): not 1 to 64 letters, digits, `-`, `.`, `_` and `+`.
    ///
    /// # Examples
    /// ```
    /// use ranktune_hub::License;
    /// assert_eq!(License::parse("Apache-2.0")?, License::parse("apache-2.0")?);
    /// # Ok::<(), ranktune_hub::Error>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, Error> {
        let name = text.trim().to_ascii_lowercase();
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '+');
        if name.is_empty() || name.len() > MAX_LENGTH || !name.chars().all(is_allowed) {
            let text = format!(
                "{:?} is not a license; expected an identifier such as apache-2.0 or mit",
                shortened(text, 80)
            );
            return Err(Error::malformed(text));
        }
        Ok(Self(name))
    }

    /// The identifier, in lower case.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// Whether the identifier states a license: `unknown` does not.
    pub(crate) fn is_stated(&self) -> bool {
        self.0 != "unknown"
    }
}

impl FromStr for License {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl TryFrom<String> for License {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        Self::parse(&text)
    }
}

impl fmt::Display for License {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a model with the licenses `found` is not allowed, if it is not. Nothing is excluded by an empty list `allowed`. Of a model
/// with several licenses all must be allowed: cards do not say whether one may be chosen. A model without a known license is not
/// allowed.
pub fn license_fault(found: &[License], allowed: &[License]) -> Option<String> {
    let excluded: Vec<&str> = found
        .iter()
        .filter(|license| !allowed.contains(license))
        .map(License::name)
        .collect();
    if allowed.is_empty() || (!found.is_empty() && excluded.is_empty()) {
        return None;
    }
    let allowed: Vec<&str> = allowed.iter().map(License::name).collect();
    let allowed = allowed.join(" or ");
    Some(if found.is_empty() {
        format!("its license is unknown, expected {allowed}; a manifest can state it with the key license")
    } else {
        format!("its license is {}, expected {allowed}", excluded.join(" and "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn licenses(names: &[&str]) -> Vec<License> {
        names.iter().map(|name| License::parse(name).unwrap()).collect()
    }

    #[test]
    fn an_identifier_has_neither_markup_nor_spaces() {
        for text in [
            "",
            " ",
            "apache 2.0",
            "<b>mit</b>",
            "mit,apache-2.0",
            "m\nit",
            "é",
            &"m".repeat(65),
        ] {
            assert!(License::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(License::parse(" MIT ").unwrap().name(), "mit");
    }

    #[test]
    fn only_known_and_allowed_licenses_are_allowed() {
        let open = licenses(&["apache-2.0", "mit"]);
        for (found, is_allowed) in [
            (&["mit"][..], true),
            (&["mit", "apache-2.0"], true),
            (&["mit", "cc-by-nc-4.0"], false),
            (&["other"], false),
            (&[], false),
        ] {
            assert_eq!(
                license_fault(&licenses(found), &open).is_none(),
                is_allowed,
                "{found:?}"
            );
            assert_eq!(license_fault(&licenses(found), &[]), None);
        }
        let fault = license_fault(&licenses(&["cc-by-nc-4.0"]), &open).unwrap();
        assert_eq!(fault, "its license is cc-by-nc-4.0, expected apache-2.0 or mit");
        assert!(license_fault(&[], &open).unwrap().contains("unknown"));
    }
}
