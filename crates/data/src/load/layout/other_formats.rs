//! Files of formats that are not read: what they are, and what to do about them.

use std::collections::BTreeMap;

use super::folder::{EntryKind, Folder};

/// What to do about files of other formats, by their lower-case extension.
const OTHER_FORMATS: [(&[&str], &str); 5] = [
    (
        &["xls", "xlsb", "ods", "numbers"],
        "spreadsheets are read in the format .xlsx only; save the workbook as .xlsx, or the sheet as CSV UTF-8",
    ),
    (
        &["ann"],
        "standoff annotation of brat is read beside its text: 1.ann beside 1.txt",
    ),
    (
        &["tar", "zip", "tgz", "rar", "7z"],
        "archives are not read; unpack them",
    ),
    (
        &["avif", "heic", "heif", "jp2", "jxl", "svg", "pfm", "exr", "psd", "dcm"],
        "images of this format are not read; convert them to PNG or JPEG",
    ),
    (
        &["xml"],
        "XML annotation is read as CVAT exports it only (annotations.xml of \"CVAT for images\"); else export one class an image as folders (\"ImageNet\"), or a CSV table",
    ),
];

/// What to do about files with this lower-case extension.
pub(super) fn advice(extension: &str) -> Option<&'static str> {
    let found = OTHER_FORMATS.iter().find(|(ends, _)| ends.contains(&extension));
    found.map(|(_, advice)| *advice)
}

impl Folder {
    /// Whether there are tables other than TSV, or documents of brat, in the folder or in those in it.
    pub(super) fn may_hold_tables(&self) -> bool {
        let has = |folder: &Self| {
            let mut tables = folder.of(EntryKind::Table);
            tables.any(|table| !table.name.ends_with(".tsv")) || folder.documents().next().is_some()
        };
        let mut inner = self
            .of(EntryKind::Folder)
            .filter_map(|folder| Self::read(&folder.path).ok());
        has(self) || inner.any(|folder| has(&folder))
    }

    /// The formats of the files in the folder and in the folders in it, where they are not read.
    pub(super) fn what_is_there(&self) -> String {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let inner = self
            .of(EntryKind::Folder)
            .filter_map(|folder| Self::read(&folder.path).ok());
        let inner: Vec<Self> = inner.collect();
        for entry in inner
            .iter()
            .chain([self])
            .flat_map(|folder| folder.of(EntryKind::Other))
        {
            if let Some(extension) = entry.path.extension() {
                *counts.entry(extension.to_string_lossy().to_lowercase()).or_default() += 1;
            }
        }
        let mut text = String::new();
        if !inner.is_empty() && !counts.is_empty() {
            let kinds: Vec<String> = counts
                .iter()
                .map(|(end, count)| format!("{count} .{end}"))
                .take(5)
                .collect();
            text += &format!(", with {} in them", kinds.join(", "));
        }
        for (ends, advice) in OTHER_FORMATS {
            if ends.iter().any(|end| counts.contains_key(*end)) {
                text += &format!("; {advice}");
            }
        }
        text
    }
}
