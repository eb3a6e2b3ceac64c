//! Which of a repository's files to download.
//!
//! | role | names, of which the first that exists is taken |
//! |---|---|
//! | the model in float32 | `onnx/model.onnx`, `model.onnx`, else the repository's only ONNX file |
//! | in float16 | `model_fp16.onnx`, in `onnx/` or beside the configuration |
//! | in int8 | `model_quantized.onnx`, `model_int8.onnx`, `model_qint8_avx512.onnx`, `model_quint8_avx2.onnx`, likewise |
//! | its weights | names that begin with the model's: `model.onnx_data`, `model.onnx.data` |
//! | configuration | the files in `CONFIGURATION` that exist, and those of other versions of sentence-transformers |
//!
//! Names come from a server, so they are checked before use.

use std::collections::BTreeSet;

use ranktune_core::terminal::shortened;

use crate::{Error, ErrorKind, WeightPrecision};

/// Configuration files that are read beside a model, and the model card.
pub(crate) const CONFIGURATION: [&str; 10] = [
    "config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "modules.json",
    "sentence_bert_config.json",
    "1_Pooling/config.json",
    "README.md",
];

/// The usual names of a model of `precision`, in order of preference.
pub(crate) fn candidates(precision: WeightPrecision) -> Vec<String> {
    let names: &[&str] = match precision {
        WeightPrecision::Float32 => &["model"],
        WeightPrecision::Float16 => &["model_fp16"],
        WeightPrecision::Int8 => &[
            "model_quantized",
            "model_int8",
            "model_qint8_avx512",
            "model_quint8_avx2",
        ],
    };
    let places = |name: &&str| [format!("onnx/{name}.onnx"), format!("{name}.onnx")];
    names.iter().flat_map(places).collect()
}

/// The files to download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selection {
    /// The ONNX file.
    pub(crate) model: String,
    /// All files, with the ONNX file first.
    pub(crate) files: Vec<String>,
}

/// Selects from `names`, the files of a repository; `repository` is its name, for the advice in an error.
///
/// # Errors
/// [`ErrorKind::NotFound`]: no such model; the text lists the ONNX files, and says what to try.
pub(crate) fn select(
    names: &BTreeSet<String>,
    precision: WeightPrecision,
    file: Option<&str>,
    repository: &str,
) -> Result<Selection, Error> {
    let model = match file {
        Some(file) if names.contains(file) => file.to_owned(),
        Some(file) => return Err(missing(names, &format!("no file {file:?}"), repository)),
        None => pick(names, precision)
            .ok_or_else(|| missing(names, &format!("no ONNX model in {}", precision.name()), repository))?,
    };
    if !is_usable(&model) {
        return Err(Error::unsupported(format!("the file name {model:?} is not supported")));
    }
    let weights = |name: &&String| {
        let rest = name.strip_prefix(&model).unwrap_or_default();
        (rest.starts_with("_data") || rest.starts_with(".data")) && !rest.contains('/') && is_usable(name)
    };
    let mut files = vec![model.clone()];
    files.extend(names.iter().filter(weights).cloned());
    files.extend(
        CONFIGURATION
            .iter()
            .filter(|name| names.contains(**name))
            .map(|name| (*name).to_owned()),
    );
    files.extend(names.iter().filter(|name| is_of_other_versions(name)).cloned());
    Ok(Selection { model, files })
}

/// Whether the file is one that some versions of sentence-transformers write beside a model.
fn is_of_other_versions(name: &str) -> bool {
    const OLD: [&str; 4] = [
        "0_Transformer/config.json",
        "0_Transformer/tokenizer.json",
        "0_Transformer/tokenizer_config.json",
        "0_Transformer/sentence_bert_config.json",
    ];
    if CONFIGURATION.contains(&name) || !is_usable(name) {
        return false;
    }
    let is_sentence = name.starts_with("sentence_") && name.ends_with("_config.json") && !name.contains('/');
    let is_pooling = name
        .strip_suffix("/config.json")
        .is_some_and(|folder| !folder.contains('/') && (folder.ends_with("_Pooling") || folder == "pooling"));
    is_sentence || is_pooling || OLD.contains(&name)
}

fn pick(names: &BTreeSet<String>, precision: WeightPrecision) -> Option<String> {
    let named = candidates(precision).into_iter().find(|name| names.contains(name));
    named.or_else(|| {
        let mut onnx = names.iter().filter(|name| is_onnx(name));
        let only = onnx
            .next()
            .filter(|_| onnx.next().is_none() && precision == WeightPrecision::Float32);
        only.cloned()
    })
}

fn missing(names: &BTreeSet<String>, what: &str, repository: &str) -> Error {
    let onnx: Vec<&str> = names.iter().filter(|name| is_onnx(name)).map(String::as_str).collect();
    let advice = if onnx.is_empty() {
        let folder = repository.rsplit('/').next().unwrap_or(repository);
        format!(
            "and no other ONNX file; export it with `optimum-cli export onnx --model {repository} {folder}` \
             (pip install optimum[onnx]) and give the folder {folder} as the hub"
        )
    } else {
        let listed: Vec<String> = onnx.iter().take(8).map(|name| format!("{name:?}")).collect();
        let more = if onnx.len() > 8 {
            format!(" and {} more", onnx.len() - 8)
        } else {
            String::new()
        };
        format!(
            "but {}{more}; choose another precision, or set one as `file` in a manifest",
            listed.join(", ")
        )
    };
    Error::new(ErrorKind::NotFound, format!("{what}, {advice}"))
}

fn is_onnx(name: &str) -> bool {
    name.len() > 5
        && name
            .get(name.len() - 5..)
            .is_some_and(|end| end.eq_ignore_ascii_case(".onnx"))
}

/// Rejects a name that leads out of its folder. No honest hub lists one, so its whole response is discarded.
///
/// # Errors
/// [`ErrorKind::Untrusted`].
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    let leads_out = name.starts_with(['/', '\\'])
        || name.split(['/', '\\']).any(|part| part == "..")
        || matches!(name.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
    if leads_out {
        let text = format!(
            "the hub lists a file {:?}, which leads out of the repository; nothing was downloaded",
            shortened(name, 200)
        );
        return Err(Error::new(ErrorKind::Untrusted, text));
    }
    Ok(())
}

/// Whether the name is valid on every system. Files with other names are never selected.
pub(crate) fn is_usable(name: &str) -> bool {
    let is_part = |part: &str| {
        let chars = part.chars().all(|c| !c.is_control() && !r#"\:*?"<>|"#.contains(c));
        !part.is_empty()
            && part.len() <= 200
            && !part.starts_with('.')
            && !part.ends_with(['.', ' '])
            && chars
            && !is_device(part)
    };
    name.len() <= 1000 && name.split('/').all(is_part)
}

/// Whether Windows opens a device of this name instead of a file, whatever follows the first point.
fn is_device(part: &str) -> bool {
    let name = part
        .split('.')
        .next()
        .unwrap_or_default()
        .trim_end()
        .to_ascii_lowercase();
    let is_numbered = |name: &str| matches!(name.as_bytes(), [b'1'..=b'9']);
    ["con", "prn", "aux", "nul"].contains(&name.as_str())
        || ["com", "lpt"]
            .iter()
            .any(|port| name.strip_prefix(port).is_some_and(is_numbered))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> BTreeSet<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    fn model(list: &[&str], precision: WeightPrecision) -> Result<String, Error> {
        select(&names(list), precision, None, "a/b").map(|selection| selection.model)
    }

    #[test]
    fn the_file_follows_the_precision() {
        let all = [
            "model.onnx",
            "onnx/model.onnx",
            "onnx/model_fp16.onnx",
            "onnx/model_int8.onnx",
        ];
        assert_eq!(model(&all, WeightPrecision::Float32).unwrap(), "onnx/model.onnx");
        assert_eq!(model(&all[..1], WeightPrecision::Float32).unwrap(), "model.onnx");
        assert_eq!(model(&all, WeightPrecision::Float16).unwrap(), "onnx/model_fp16.onnx");
        assert_eq!(model(&all, WeightPrecision::Int8).unwrap(), "onnx/model_int8.onnx");
        assert_eq!(
            model(&["onnx/model_quantized.onnx"], WeightPrecision::Int8).unwrap(),
            "onnx/model_quantized.onnx"
        );
        assert_eq!(
            model(&["resnet18.ONNX", "README.md"], WeightPrecision::Float32).unwrap(),
            "resnet18.ONNX"
        );
    }

    #[test]
    fn weights_and_configuration_come_along_and_other_models_weights_do_not() {
        let names = names(&[
            "onnx/model.onnx",
            "onnx/model.onnx_data",
            "onnx/model.onnx_data_1",
            "onnx/model_fp16.onnx_data",
            "model.onnx_data",
            "config.json",
            "1_Pooling/config.json",
            "pytorch_model.bin",
            "onnx/model.onnx_data/x",
        ]);
        let files = select(&names, WeightPrecision::Float32, None, "a/b").unwrap().files;
        let expected = [
            "onnx/model.onnx",
            "onnx/model.onnx_data",
            "onnx/model.onnx_data_1",
            "config.json",
            "1_Pooling/config.json",
        ];
        assert_eq!(files, expected);
    }

    #[test]
    fn without_any_onnx_file_the_error_has_the_export_command() {
        let error = model(&["model.safetensors", "config.json"], WeightPrecision::Float32).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(
            error.to_string().contains("optimum-cli export onnx --model a/b b"),
            "{error}"
        );
    }

    #[test]
    fn without_the_requested_file_the_others_are_listed() {
        let error = model(&["onnx/model.onnx"], WeightPrecision::Int8)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("in int8") && error.contains("\"onnx/model.onnx\""),
            "{error}"
        );
        let error = select(
            &names(&["x.onnx", "y.onnx"]),
            WeightPrecision::Float32,
            Some("z.onnx"),
            "a/b",
        )
        .unwrap_err();
        assert!(
            error.to_string().contains("\"z.onnx\"") && error.to_string().contains("\"y.onnx\""),
            "{error}"
        );
    }

    #[test]
    fn names_that_lead_out_are_rejected() {
        for name in [
            "../x",
            "a/../../x",
            "/etc/passwd",
            "\\\\host\\x",
            "a\\..\\x",
            "..",
            "C:\\x",
            "c:x",
        ] {
            assert_eq!(check_name(name).unwrap_err().kind(), ErrorKind::Untrusted, "{name}");
        }
        for name in [".gitattributes", "a/b.onnx", "a..b", "..a/b", "onnx\\model.onnx"] {
            check_name(name).unwrap();
        }
    }

    #[test]
    fn names_that_are_invalid_on_some_system_are_not_selected() {
        for name in [
            "a\\b.onnx",
            ".hidden.onnx",
            "a//b.onnx",
            "a\nb.onnx",
            "a:b.onnx",
            "x./y.onnx",
            "aux.onnx",
            "onnx/NUL",
            "com1.onnx_data",
            "",
        ] {
            assert!(!is_usable(name), "{name:?}");
        }
        assert!(model(&["onnx\\model.onnx"], WeightPrecision::Float32).is_err());
    }
}
