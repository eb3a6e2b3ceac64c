//! One file, from the hub into the cache: resumed after an interruption, verified, and only then renamed.
//!
//! ```text
//! attempt: known checksum? ── in the cache? ─► link
//!              │ no: ask the hub           └─► lock ─► rest of CHECKSUM.incomplete ─► length ─► checksum ─► rename ─► link
//! ```
//!
//! The checksum is computed from the complete file on disk, not from the stream: that costs a second for a gigabyte, and covers
//! parts that an earlier run, another program or another process has written.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, Instant};

use super::cache::Cache;
use super::checksum::Checksum;
use super::event::DownloadEvent;
use super::http::{Client, FileAnswer, FileRequest, encode_path};
use super::listing::FileInfo;
use super::options::RemoteOptions;
use super::retry::{self, Failure};
use crate::{Error, ErrorKind};
use ranktune_core::one_line;

/// An attempt that gets this far beyond all earlier ones counts as progress, even if it fails.
const PROGRESS: u64 = 64 << 10;
/// A connection that transfers less within the timeout has stalled.
const TRICKLE: u64 = 1 << 10;
/// Size limit for a file of unknown length: no ONNX file is longer.
const UNSTATED: u64 = 2 << 30;
/// Time between reports of progress.
const TICK: Duration = Duration::from_millis(100);

/// The shared context of one repository's downloads.
pub(crate) struct Download<'a> {
    pub(crate) client: &'a Client,
    pub(crate) cache: &'a Cache,
    pub(crate) options: &'a RemoteOptions,
    /// `ORGANISATION/NAME`, as addresses of files have it.
    pub(crate) repository: &'a str,
    pub(crate) commit: &'a str,
    /// Set after another file has failed.
    pub(crate) stop: &'a AtomicBool,
    pub(crate) events: Sender<DownloadEvent>,
}

impl Download<'_> {
    /// Downloads the file into the snapshot, unless it is there.
    pub(crate) fn file(&self, name: &str, info: &FileInfo) -> Result<(), Error> {
        if self.cache.holds(self.commit, name, info.size) {
            return Ok(());
        }
        // The furthest offset of any attempt: a server that restarts each time sends bytes, but never the file.
        let (mut failures, mut furthest) = (0, 0_u64);
        loop {
            let mut reached = 0;
            let (error, asked) = match self.attempt(name, info, &mut reached) {
                Ok(()) => {
                    self.report(DownloadEvent::Finished { file: name.to_owned() });
                    return Ok(());
                }
                Err(Failure::Final(error)) => return Err(error.about(name)),
                Err(Failure::Passing(error, asked)) => (error, asked),
                Err(Failure::Stale) => {
                    let text = "the partial download belongs to another version of the file; starting again";
                    (Error::new(ErrorKind::Network, text), Some(Duration::ZERO))
                }
            };
            failures = if reached >= furthest.saturating_add(PROGRESS) {
                1
            } else {
                failures + 1
            };
            furthest = furthest.max(reached);
            if failures > self.options.retries {
                return Err(error.about(&format!("{name}: given up after {failures} attempts")));
            }
            let pause = retry::pause(self.options.backoff, failures, asked);
            let (file, reason) = (name.to_owned(), one_line(&error));
            self.report(DownloadEvent::Retrying { file, reason, pause });
            self.sleep(pause)?;
        }
    }

    fn attempt(&self, name: &str, info: &FileInfo, reached: &mut u64) -> Result<(), Failure> {
        let (checksum, size, answer) = match &info.checksum {
            Some(checksum) => (checksum.clone(), info.size, None),
            None => {
                let answer = self.ask(name, None, info.size, 0)?;
                let stated = answer.checksum.clone();
                let checksum = stated.ok_or_else(|| self.client.untrusted("a file without a checksum"))?;
                (checksum, answer.size, Some(answer))
            }
        };
        let hex = checksum.hex();
        let is_there = || {
            let meta = fs::metadata(self.cache.blob(hex));
            meta.is_ok_and(|meta| meta.is_file() && size.is_none_or(|size| size == meta.len()))
        };
        if !is_there() {
            let mut on_wait = || self.report(DownloadEvent::Waiting { file: name.to_owned() });
            let patience = self.options.timeout.saturating_mul(12);
            let _lock = self.cache.lock(hex, patience, &mut on_wait, &|| self.is_stopped())?;
            if !is_there() {
                self.receive(name, &checksum, size, answer, reached)?;
            }
        }
        Ok(self.cache.link(self.commit, name, hex)?)
    }

    fn receive(
        &self,
        name: &str,
        checksum: &Checksum,
        size: Option<u64>,
        answer: Option<FileAnswer>,
        reached: &mut u64,
    ) -> Result<(), Failure> {
        self.check_limit(size)?;
        let path = self.cache.partial(checksum.hex());
        let io = |e| {
            Failure::Final(Error::io(
                "cannot write to the cache; check the free space on the disk",
                e,
                &path,
            ))
        };
        let mut file = self.cache.open_partial(checksum.hex())?;
        let mut begun = file.metadata().map_err(io)?.len();
        if size.is_some_and(|size| begun > size) {
            file.set_len(0).map_err(io)?;
            begun = 0;
        }
        let mut length = begun;
        if begun == 0 || size != Some(begun) {
            // The answer from asking for the checksum begins at 0.
            let answer = match answer.filter(|_| begun == 0) {
                Some(answer) => answer,
                None => match self.ask(name, Some(checksum), size, begun) {
                    Err(Failure::Stale) => {
                        discard(file, &path);
                        return Err(Failure::Stale);
                    }
                    answer => answer?,
                },
            };
            self.check_limit(answer.size)?;
            let expected = size.or(answer.size);
            self.report(DownloadEvent::Started {
                file: name.to_owned(),
                bytes: expected,
                resumed_at: answer.offset,
            });
            file.seek(SeekFrom::Start(answer.offset)).map_err(io)?;
            length = match self.copy(name, answer, &mut file, expected, reached) {
                Err(Failure::Final(error)) if error.kind() == ErrorKind::Untrusted => {
                    discard(file, &path);
                    return Err(error.into());
                }
                length => length?,
            };
            if expected.is_some_and(|expected| length < expected) {
                let text = format!("{}: the connection was closed after {length} bytes", self.client.host());
                return Err(Failure::passing(Error::new(ErrorKind::Network, text)));
            }
            file.set_len(length).map_err(io)?;
        }
        let found = hash(&mut file, checksum, length).map_err(io)?;
        if found != checksum.hex() {
            discard(file, &path);
            if begun > 0 {
                return Err(Failure::Stale);
            }
            let text = format!(
                "wrong checksum: expected {}, found {found}; the download was discarded",
                checksum.hex()
            );
            return Err(Error::new(ErrorKind::Untrusted, text).into());
        }
        file.sync_all().map_err(io)?;
        Ok(self.cache.finish(checksum.hex())?)
    }

    /// Requests the file from `offset` on, and compares the headers of the response with the listing.
    fn ask(
        &self,
        name: &str,
        checksum: Option<&Checksum>,
        size: Option<u64>,
        offset: u64,
    ) -> Result<FileAnswer, Failure> {
        let path = format!("/{}/resolve/{}/{}", self.repository, self.commit, encode_path(name));
        let answer = self.client.file(&FileRequest {
            path: &path,
            checksum,
            offset,
        })?;
        if answer.commit.as_deref().is_some_and(|commit| commit != self.commit) {
            return Err(self.client.untrusted("a file of another commit").into());
        }
        if let (Some(before), Some(now)) = (checksum, &answer.checksum)
            && before != now
        {
            let text = format!("checksum {}, expected {} from its listing", now.hex(), before.hex());
            return Err(self.client.untrusted(&text).into());
        }
        if let (Some(before), Some(now)) = (size, answer.size)
            && before != now
        {
            return Err(self
                .client
                .untrusted(&format!("a size of {now} bytes, expected {before} from its listing"))
                .into());
        }
        Ok(answer)
    }

    /// Writes the body to the file and returns the file's length. `reached` is the length also after an error.
    fn copy(
        &self,
        name: &str,
        mut answer: FileAnswer,
        file: &mut File,
        expected: Option<u64>,
        reached: &mut u64,
    ) -> Result<u64, Failure> {
        let most = expected.unwrap_or(self.options.max_file_bytes.min(UNSTATED));
        let mut length = answer.offset;
        let mut buffer = vec![0; 128 << 10];
        let (mut told, mut watched, mut watched_length) = (Instant::now(), Instant::now(), length);
        loop {
            let n = match answer.body.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(self.client.cut(e)),
            };
            length = length.saturating_add(n as u64);
            if length > most {
                let text = format!("more than the {most} bytes it announced");
                return Err(self.client.untrusted(&text).into());
            }
            file.write_all(&buffer[..n])
                .map_err(|e| Error::new(ErrorKind::Io, "cannot write").caused_by(e))?;
            *reached = length;
            if self.is_stopped() {
                return Err(self.stopped().into());
            }
            if told.elapsed() >= TICK {
                self.report(DownloadEvent::Progress {
                    file: name.to_owned(),
                    received: length,
                });
                told = Instant::now();
            }
            if watched.elapsed() >= self.options.timeout {
                if length - watched_length < TRICKLE {
                    let text = format!("{}: the transfer stalled", self.client.host());
                    return Err(Failure::passing(Error::new(ErrorKind::Network, text)));
                }
                (watched, watched_length) = (Instant::now(), length);
            }
        }
        self.report(DownloadEvent::Progress {
            file: name.to_owned(),
            received: length,
        });
        Ok(length)
    }

    fn check_limit(&self, size: Option<u64>) -> Result<(), Error> {
        let limit = self.options.max_file_bytes;
        if let Some(size) = size.filter(|&size| size > limit) {
            let text = format!("the file is too large: expected at most {limit} bytes, found {size}");
            return Err(Error::unsupported(text));
        }
        Ok(())
    }

    fn sleep(&self, pause: Duration) -> Result<(), Error> {
        let until = Instant::now() + pause;
        while !self.is_stopped() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(Duration::from_millis(50)));
        }
        Err(self.stopped())
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.options.is_interrupted()
    }

    fn stopped(&self) -> Error {
        if self.options.is_interrupted() {
            return interrupted();
        }
        Error::new(ErrorKind::Network, "stopped because another file failed")
    }

    fn report(&self, event: DownloadEvent) {
        // The receiver is gone only after the whole download has ended.
        let _ = self.events.send(event);
    }
}

pub(crate) fn interrupted() -> Error {
    let text = "interrupted; received bytes are kept, run the same command to continue";
    Error::new(ErrorKind::Interrupted, text)
}

/// Truncates the file before removing it, for systems on which open files cannot be removed.
fn discard(file: File, path: &std::path::Path) {
    let _ = file.set_len(0);
    drop(file);
    let _ = fs::remove_file(path);
}

fn hash(file: &mut File, checksum: &Checksum, length: u64) -> std::io::Result<String> {
    file.seek(SeekFrom::Start(0))?;
    let mut hasher = checksum.hasher(length);
    let mut buffer = vec![0; 128 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.hex()),
            n => hasher.update(&buffer[..n]),
        }
    }
}
