//! TensorBoard's event files: TFRecords of `Event` messages, with scalars only.
//!
//! A record is the length of its data (u64), the masked checksum of that (u32), the data and their masked checksum (u32),
//! all little endian; the checksum is CRC-32C, masked as `rotate_right(crc, 15) + 0xa282ead8` (`tsl/lib/io/record_writer.h`).
//! `Event` (`tensorflow/core/util/event.proto`): 1 `double wall_time`, 2 `int64 step`, 3 `string file_version`,
//! 5 `Summary summary`; `Summary`: 1 `repeated Value value`; `Value`: 1 `string tag`, 2 `float simple_value`.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::Result;
use crate::unwritable::unwritable;

/// An open event file.
#[derive(Debug)]
pub(crate) struct Events {
    file: BufWriter<File>,
    path: PathBuf,
}

impl Events {
    /// A new file in `folder`. A resumed run adds a file; TensorBoard reads all of them together.
    pub(super) fn create(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(|error| unwritable(folder, error))?;
        let seconds = now() as u64;
        let mut number = 0;
        let (file, path) = loop {
            let path = folder.join(format!("events.out.tfevents.{seconds:010}.ranktune.{number}"));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => break (file, path),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(unwritable(&path, error)),
            }
        };
        let mut events = Self {
            file: BufWriter::new(file),
            path,
        };
        let mut event = Vec::new();
        double(&mut event, 1, now());
        bytes(&mut event, 3, b"brain.Event:2");
        events.record(&event)?;
        Ok(events)
    }

    /// Writes a number at a step.
    pub(super) fn scalar(&mut self, tag: &str, step: u64, number: f32) -> Result<()> {
        let (mut value, mut summary, mut event) = (Vec::new(), Vec::new(), Vec::new());
        bytes(&mut value, 1, tag.as_bytes());
        value.push(2 << 3 | 5);
        value.extend(number.to_le_bytes());
        bytes(&mut summary, 1, &value);
        double(&mut event, 1, now());
        event.push(2 << 3);
        varint(&mut event, step);
        bytes(&mut event, 5, &summary);
        self.record(&event)
    }

    pub(super) fn flush(&mut self) -> Result<()> {
        self.file.flush().map_err(|error| unwritable(&self.path, error))
    }

    fn record(&mut self, data: &[u8]) -> Result<()> {
        let length = (data.len() as u64).to_le_bytes();
        let parts = [&length, masked(&length).as_slice(), data, &masked(data)].concat();
        self.file
            .write_all(&parts)
            .map_err(|error| unwritable(&self.path, error))
    }
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |time| time.as_secs_f64())
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn double(out: &mut Vec<u8>, field: u8, value: f64) {
    out.push(field << 3 | 1);
    out.extend(value.to_le_bytes());
}

fn bytes(out: &mut Vec<u8>, field: u8, value: &[u8]) {
    out.push(field << 3 | 2);
    varint(out, value.len() as u64);
    out.extend(value);
}

/// The masked checksum, as bytes of the file.
fn masked(data: &[u8]) -> [u8; 4] {
    crc32c::crc32c(data)
        .rotate_right(15)
        .wrapping_add(0xa282_ead8)
        .to_le_bytes()
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    #[derive(Clone, PartialEq, Message)]
    struct Event {
        #[prost(double, tag = "1")]
        wall_time: f64,
        #[prost(int64, tag = "2")]
        step: i64,
        #[prost(string, tag = "3")]
        file_version: String,
        #[prost(message, optional, tag = "5")]
        summary: Option<Summary>,
    }

    #[derive(Clone, PartialEq, Message)]
    struct Summary {
        #[prost(message, repeated, tag = "1")]
        value: Vec<Scalar>,
    }

    #[derive(Clone, PartialEq, Message)]
    struct Scalar {
        #[prost(string, tag = "1")]
        tag: String,
        #[prost(float, tag = "2")]
        simple_value: f32,
    }

    #[test]
    fn the_checksum_is_the_masked_one_of_a_record_that_tensorflow_wrote() {
        // The first record of every event file of TensorFlow: the length of its data, 24 bytes, and that length's checksum.
        assert_eq!(masked(&24_u64.to_le_bytes()), [0xa3, 0x7f, 0x4b, 0x22]);
    }

    #[test]
    fn events_are_read_back_by_another_decoder() {
        let folder = tempfile::tempdir().unwrap();
        let mut events = Events::create(folder.path()).unwrap();
        events.scalar("train/loss", 300, 0.25).unwrap();
        events.flush().unwrap();
        let bytes = std::fs::read(&events.path).unwrap();
        let (mut rest, mut found) = (bytes.as_slice(), Vec::new());
        while !rest.is_empty() {
            let (length, after) = rest.split_at(8);
            let size = u64::from_le_bytes(length.try_into().unwrap()) as usize;
            assert_eq!(after[..4], masked(length));
            let data = &after[4..4 + size];
            assert_eq!(after[4 + size..8 + size], masked(data));
            found.push(Event::decode(data).unwrap());
            rest = &after[8 + size..];
        }
        assert_eq!(found[0].file_version, "brain.Event:2");
        assert!(found[1].wall_time > 1.6e9);
        let scalar = Scalar {
            tag: "train/loss".to_owned(),
            simple_value: 0.25,
        };
        assert_eq!(
            (found[1].step, found[1].summary.clone().unwrap().value),
            (300, vec![scalar])
        );
    }
}
