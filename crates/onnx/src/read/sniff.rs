//! Names what a file is that is not an ONNX model, because that is what its owner needs to know.

/// What the bytes look like, from their first ones; `None` when nothing known.
pub fn sniff(bytes: &[u8]) -> Option<&'static str> {
    const MAGIC: &[(&[u8], &str)] = &[
        (b"\x89PNG\r\n\x1a\n", "a PNG image"),
        (b"\xff\xd8\xff", "a JPEG image"),
        (b"GIF8", "a GIF image"),
        (b"%PDF", "a PDF document"),
        (
            b"PK\x03\x04",
            "a zip archive (such as a PyTorch checkpoint); export the model to ONNX first",
        ),
        (b"\x1f\x8b", "a gzip archive; unpack it first"),
        (b"BZh", "a bzip2 archive; unpack it first"),
        (b"\xfd7zXZ", "an xz archive; unpack it first"),
        (b"\x28\xb5\x2f\xfd", "a Zstandard archive; unpack it first"),
        (
            b"\x89HDF\r\n",
            "an HDF5 file (such as a Keras model); export the model to ONNX first",
        ),
        (b"\x93NUMPY", "a NumPy array"),
        (b"GGUF", "a GGUF model; an ONNX export is needed"),
        (b"\x7fELF", "a program"),
        (b"MZ", "a program"),
        (
            b"\x80\x02",
            "a Python pickle (such as a PyTorch checkpoint); export the model to ONNX first",
        ),
        (
            b"\x80\x03",
            "a Python pickle (such as a PyTorch checkpoint); export the model to ONNX first",
        ),
        (
            b"\x80\x04",
            "a Python pickle (such as a PyTorch checkpoint); export the model to ONNX first",
        ),
        (
            b"version https://git-lfs",
            "a Git LFS pointer, not the model itself; run `git lfs pull`",
        ),
        (b"RIFF", "a WebP image or a sound"),
    ];
    if let Some((_, name)) = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Some(name);
    }
    if bytes.get(4..8) == Some(b"TFL3") {
        return Some("a TensorFlow Lite model; convert it to ONNX first");
    }
    if bytes.get(4..8) == Some(b"ORTM") {
        return Some("an ONNX Runtime (.ort) model; use the .onnx file it was made from");
    }
    if bytes.get(8) == Some(&b'{') && bytes.get(6..8) == Some(&[0, 0]) {
        return Some("a safetensors file: weights without a graph; export the model to ONNX first");
    }
    let text = bytes
        .get(..512)
        .unwrap_or(bytes)
        .trim_ascii_start()
        .to_ascii_lowercase();
    if text.starts_with(b"<!doctype html") || text.starts_with(b"<html") {
        return Some("an HTML page (a failed download?); download the file again");
    }
    if text.starts_with(b"<?xml") {
        return Some("an XML document (such as an OpenVINO model); an ONNX export is needed");
    }
    if text.starts_with(b"{") || text.starts_with(b"[") {
        return Some("a JSON document");
    }
    let printable = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    (!text.is_empty() && text.iter().all(printable)).then_some("a text file")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_their_first_bytes() {
        let cases: &[(&[u8], &str)] = &[
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "PNG"),
            (b"\n <!DOCTYPE html><html></html>", "HTML"),
            (
                b"version https://git-lfs.github.com/spec/v1\noid sha256:0",
                "git lfs pull",
            ),
            (b"\x10\0\0\0\0\0\0\0{\"a\":{}}", "safetensors"),
            (b"\x1c\0\0\0TFL3", "Lite"),
            (b"404: Not Found", "text"),
        ];
        for (bytes, expected) in cases {
            let found = sniff(bytes).unwrap_or("nothing");
            assert!(found.contains(expected), "{expected}: {found}");
        }
        assert_eq!(sniff(&[8, 8, 18, 7, 0, 1, 2]), None);
        assert_eq!(sniff(&[]), None);
    }
}
