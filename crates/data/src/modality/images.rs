//! Image files, and views of them.

use std::fs::File;
use std::path::{Path, PathBuf};

use ranktune_core::digest::FieldHasher;
use ranktune_core::one_line;

use super::{DataKind, Inputs, Modality, pick};
use crate::image::{ImageError, ImageErrorKind, decode, decode_bytes, read};
use crate::{Digest, Error, Result, RgbImage, View};

/// Image files, and the view that is taken of each.
#[derive(Clone, Debug, PartialEq)]
pub struct Images {
    /// `[n]`. A file may occur several times, with different views; it is decoded once if its occurrences follow each other.
    pub files: Vec<PathBuf>,
    /// `[n]`; an image without a view gets the plain preprocessing. `None`: no image has a view.
    pub views: Option<Vec<Option<View>>>,
}

impl Modality for Images {
    fn kind(&self) -> DataKind {
        DataKind::Images
    }

    fn len(&self) -> usize {
        self.files.len()
    }

    fn check(&self) -> Result<()> {
        let (files, views) = (self.files.len(), self.views.as_ref().map(Vec::len));
        if let Some(views) = views.filter(|views| *views != files) {
            return Err(Error::invalid(format!(
                "there are {files} image files but {views} views"
            )));
        }
        Ok(())
    }

    fn select(&self, indices: &[usize]) -> Inputs {
        Inputs::Images(Self {
            files: pick(&self.files, indices),
            views: self.views.as_ref().map(|views| pick(views, indices)),
        })
    }

    fn digest(&self, i: usize) -> Digest {
        let content = content_digest(&self.files[i]);
        let view = self.views.as_ref().and_then(|views| views[i].as_ref());
        view.map_or(content, |view| view_digest(&content, view))
    }

    fn place(&self, i: usize) -> PathBuf {
        self.files[i].clone()
    }

    fn fault(&self, i: usize) -> Option<String> {
        decode(&self.files[i]).err().map(|error| one_line(&error))
    }
}

impl Images {
    /// Decodes the file of sample `i`, whose digest, with its view, was `digest`.
    ///
    /// # Errors
    /// As [`decode`](crate::image::decode); [`ImageErrorKind::Changed`] if the file has another content than when `digest` was computed.
    pub fn decode_same(&self, i: usize, digest: &Digest) -> std::result::Result<RgbImage, ImageError> {
        let file = &self.files[i];
        let bytes = read(file);
        let content = match &bytes {
            Ok(bytes) => Some(blake3::hash(bytes).into()),
            Err(error) if error.kind() == ImageErrorKind::Io => Some(unreadable_digest(file)),
            Err(_) => None,
        };
        let view = self.views.as_ref().and_then(|views| views[i].as_ref());
        let found = content.map(|content| view.map_or(content, |view| view_digest(&content, view)));
        if found.is_some_and(|found| found != *digest) {
            let text = "the file was changed while the data set was read; run the same command again";
            return Err(ImageError::new(ImageErrorKind::Changed, text).in_file(file));
        }
        bytes
            .and_then(|bytes| decode_bytes(&bytes))
            .map_err(|error| error.in_file(file))
    }
}

/// The digest of a view, from that of the image.
pub(crate) fn view_digest(image: &Digest, view: &View) -> Digest {
    let mut hasher = blake3::Hasher::new_derive_key("ranktune image view 1");
    hasher.update(image.as_bytes()).update(&view.bytes());
    hasher.finalize().into()
}

/// The digest of a file's bytes; of its path if the file cannot be read.
fn content_digest(file: &Path) -> Digest {
    let mut hasher = blake3::Hasher::new();
    let read = File::open(file).and_then(|mut file| std::io::copy(&mut file, &mut hasher));
    if read.is_ok() {
        return hasher.finalize().into();
    }
    unreadable_digest(file)
}

/// The digest of a file that cannot be read.
fn unreadable_digest(file: &Path) -> Digest {
    let mut hasher = FieldHasher::new("ranktune unreadable input 1");
    hasher.text(&file.to_string_lossy());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_an_image_is_that_of_its_bytes_wherever_it_lies() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a.png"), folder.path().join("b.png"));
        std::fs::write(&a, b"same").unwrap();
        std::fs::write(&b, b"same").unwrap();
        assert_eq!(content_digest(&a), content_digest(&b));
        assert_eq!(content_digest(&a), blake3::hash(b"same").into());
        std::fs::write(&b, b"sane").unwrap();
        assert_ne!(content_digest(&a), content_digest(&b));
    }

    #[test]
    fn a_file_that_was_replaced_after_its_digest_was_computed_is_not_decoded() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.pgm");
        std::fs::write(&file, b"P5 1 1 255\na").unwrap();
        let view = View {
            extent: crate::view::Extent::Square { share: 0.5 },
            x: 0.5,
            y: 0.5,
            flip: true,
        };
        for views in [None, Some(vec![Some(view)])] {
            let images = Images {
                files: vec![file.clone()],
                views,
            };
            let digest = images.digest(0);
            assert_eq!(images.decode_same(0, &digest).unwrap().pixels, b"aaa");
            std::fs::write(&file, b"P5 1 1 255\nb").unwrap();
            let changed = || {
                let error = images.decode_same(0, &digest).unwrap_err();
                assert_eq!(error.kind(), ImageErrorKind::Changed);
                assert!(error.to_string().contains("a.pgm: the file was changed"), "{error}");
            };
            changed();
            std::fs::remove_file(&file).unwrap();
            changed();
            // A file that could never be read is unreadable, and not changed.
            let missing = images.digest(0);
            assert_eq!(images.decode_same(0, &missing).unwrap_err().kind(), ImageErrorKind::Io);
            std::fs::write(&file, b"P5 1 1 255\na").unwrap();
        }
    }

    #[test]
    fn files_that_cannot_be_read_have_different_digests() {
        let missing = |name: &str| content_digest(Path::new(name));
        assert_ne!(missing("/nowhere/a.png"), missing("/nowhere/b.png"));
        assert_ne!(missing("/nowhere/a.png"), blake3::hash(b"").into());
    }
}
