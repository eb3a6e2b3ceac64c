//! Files of models in formats other than ONNX: recognized, so that an error can say what is there and how to export it.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::Error;

/// A format and how its models become ONNX.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Format {
    name: &'static str,
    export: &'static str,
}

const PYTORCH: Format = Format {
    name: "PyTorch weights",
    export: "export the model with torch.onnx.export(model, example, \"model.onnx\"), or, if it is one of transformers, \
             sentence-transformers or timm, with `optimum-cli export onnx --model FOLDER OUT`",
};
const KERAS: Format = Format {
    name: "a Keras model",
    export: "export it with model.export(\"model.onnx\", format=\"onnx\") of Keras 3, or with `python -m tf2onnx.convert --keras FILE --output model.onnx`",
};
const TENSORFLOW: Format = Format {
    name: "a TensorFlow model",
    export: "export it with `python -m tf2onnx.convert --saved-model FOLDER --output model.onnx` (--tflite FILE for TensorFlow Lite)",
};
const PADDLE: Format = Format {
    name: "a Paddle model",
    export: "export it with `paddle2onnx --model_dir FOLDER --model_filename FILE --params_filename FILE --save_file model.onnx`",
};
const SKLEARN: Format = Format {
    name: "a pickled Python object",
    export: "export it in Python, a scikit-learn model with skl2onnx.to_onnx(model, X[:1])",
};
const GGUF: Format = Format {
    name: "a GGUF model",
    export: "export the original model with `optimum-cli export onnx --model NAME OUT`",
};
const FLAX: Format = Format {
    name: "Flax weights",
    export: "load them in transformers with from_flax=True, save, and run `optimum-cli export onnx --model FOLDER OUT`",
};
const CORE_ML: Format = Format {
    name: "a Core ML model",
    export: "export the original model, which Core ML was converted from",
};

/// The formats by the extension of their files, which is lower-case.
const EXTENSIONS: &[(&str, Format)] = &[
    ("safetensors", PYTORCH),
    ("pt", PYTORCH),
    ("pth", PYTORCH),
    ("ckpt", PYTORCH),
    ("bin", PYTORCH),
    ("h5", KERAS),
    ("hdf5", KERAS),
    ("keras", KERAS),
    ("pb", TENSORFLOW),
    ("tflite", TENSORFLOW),
    ("pdmodel", PADDLE),
    ("pdiparams", PADDLE),
    ("pkl", SKLEARN),
    ("joblib", SKLEARN),
    ("gguf", GGUF),
    ("msgpack", FLAX),
    ("mlmodel", CORE_ML),
];

/// The format of a file by its extension.
pub(crate) fn by_name(path: &Path) -> Option<Format> {
    let extension = path.extension()?.to_str()?.to_lowercase();
    EXTENSIONS
        .iter()
        .find(|(known, _)| *known == extension)
        .map(|(_, format)| *format)
}

impl Format {
    /// That a file of this format is no ONNX model.
    pub(crate) fn error(self, file: &str) -> Error {
        Error::unsupported(format!(
            "{file} holds {}, not an ONNX model; {}",
            self.name, self.export
        ))
    }
}

/// The error for a folder whose models are in these files, each with its format and the way to ONNX; `None` if none is known.
pub(crate) fn refused_folder(files: &[PathBuf]) -> Option<Error> {
    let mut known: Vec<(Format, Vec<String>)> = Vec::new();
    for file in files {
        let Some(format) = by_name(file) else { continue };
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match known.iter_mut().find(|(other, _)| *other == format) {
            Some((_, names)) => names.push(name),
            None => known.push((format, vec![name])),
        }
    }
    let of_format = |(format, names): &(Format, Vec<String>)| {
        let mut shown: Vec<String> = names.iter().take(3).cloned().collect();
        if names.len() > 3 {
            shown.push(format!("and {} more", names.len() - 3));
        }
        let holds = if names.len() == 1 { "holds" } else { "hold" };
        let not = if names.len() == 1 {
            "not an ONNX model"
        } else {
            "not ONNX models"
        };
        format!("{} {holds} {}, {not}; {}", shown.join(", "), format.name, format.export)
    };
    let parts: Vec<String> = known.iter().map(of_format).collect();
    (!parts.is_empty()).then(|| Error::unsupported(parts.join("; ")))
}

/// The error for a file whose first bytes are those of another format; `None` for what may be ONNX.
pub(crate) fn refused(path: &Path) -> Option<Error> {
    let mut start = Vec::new();
    File::open(path).ok()?.take(64).read_to_end(&mut start).ok()?;
    let starts = |with: &[u8]| start.starts_with(with);
    let format = if starts(b"\x89HDF\r\n\x1a\n") {
        KERAS
    } else if starts(b"PK\x03\x04") {
        match by_name(path) {
            Some(format) => format,
            None => PYTORCH,
        }
    } else if starts(b"GGUF") {
        GGUF
    } else if start.get(4..8) == Some(b"TFL3") {
        TENSORFLOW
    } else if start.get(5..10) == Some(b"\0\0\0{\"") {
        // A safetensors file: the length of its header in eight bytes, and the header.
        PYTORCH
    } else if starts(b"version https://git-lfs") {
        let text = "is a pointer of Git LFS, not the model itself; run `git lfs pull` in its repository";
        return Some(Error::unsupported(text).in_file(path));
    } else if start.trim_ascii_start().starts_with(b"<") {
        let text = "is a web page or XML, not an ONNX model; download the file itself";
        return Some(Error::unsupported(text).in_file(path));
    } else {
        // ONNX has no signature: only a name that says otherwise decides.
        by_name(path)?
    };
    Some(format.error("the file").in_file(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_other_frameworks_are_named_with_the_way_to_export_them() {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes, expected) in [
            (
                "model.onnx",
                &b"\x89HDF\r\n\x1a\n...."[..],
                "a Keras model, not an ONNX model; export it with model.export",
            ),
            ("model.h5", b"\x89HDF\r\n\x1a\n....", "a Keras model"),
            ("model.keras", b"PK\x03\x04....", "a Keras model"),
            ("model.pt", b"PK\x03\x04....", "PyTorch weights"),
            (
                "model.safetensors",
                b"\x10\0\0\0\0\0\0\0{\"a\": 1}",
                "optimum-cli export onnx",
            ),
            ("model.onnx", b"\x10\0\0\0\0\0\0\0{\"a\": 1}", "PyTorch weights"),
            ("model.tflite", b"\x1c\0\0\0TFL3", "--tflite"),
            ("model.pkl", b"\x80\x04.", "skl2onnx"),
            ("inference.pdmodel", b"\x08\0", "paddle2onnx"),
            (
                "model.onnx",
                b"version https://git-lfs.github.com/spec/v1\n",
                "git lfs pull",
            ),
            ("model.onnx", b"\n<!DOCTYPE html>", "a web page"),
        ] {
            let path = dir.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            let error = refused(&path).map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(expected) && error.contains(name), "{name}: {error:?}");
        }
        let path = dir.path().join("model.onnx");
        std::fs::write(&path, b"\x08\x08\x12\x04test").unwrap();
        assert!(refused(&path).is_none());
    }
}
