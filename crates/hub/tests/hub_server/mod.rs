//! A server that speaks the Hugging Face hub's protocol, honestly unless a test falsifies its answers.

#![allow(dead_code, reason = "every test file uses a part of it")]

mod search;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ranktune_hub::remote::{Remote, RemoteOptions};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};

pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
pub const NAME: &str = "acme/tiny";

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    pub path: String,
    pub headers: BTreeMap<String, String>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// An answer, and how it is sent.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Closes the connection after so many bytes of the body.
    pub cut_after: Option<usize>,
    /// Sends the body in pieces of so many bytes, with a pause before each.
    pub drip: Option<(usize, Duration)>,
    /// Waits before the first byte.
    pub delay: Duration,
    /// Sends the headers a byte at a time, with a pause before each.
    pub head_drip: Option<Duration>,
}

impl Answer {
    pub fn new(status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: headers
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_string()))
                .collect(),
            body: body.into(),
            cut_after: None,
            drip: None,
            delay: Duration::ZERO,
            head_drip: None,
        }
    }

    pub fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    pub fn remove(&mut self, name: &str) {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }
}

/// Falsifies an honest answer; the number says how often the path was asked for before.
pub type Fault = Box<dyn Fn(&Request, usize, Answer) -> Answer + Send + Sync>;

struct Shared {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    large: Vec<String>,
    /// What the hub calls repositories of this kind.
    kind: &'static str,
    storage: Mutex<Option<String>>,
    aliases: Mutex<Vec<String>>,
    descriptions: Mutex<search::Descriptions>,
    fault: Mutex<Fault>,
    requests: Mutex<Vec<Request>>,
    closed: AtomicBool,
    address: SocketAddr,
}

/// A server on this machine, until it is dropped.
pub struct HubServer(Arc<Shared>);

pub fn sha256(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

pub fn git_sha1(bytes: &[u8]) -> String {
    let blob = [format!("blob {}\0", bytes.len()).as_bytes(), bytes].concat();
    hex(digest(&SHA1_FOR_LEGACY_USE_ONLY, &blob).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes that do not repeat.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// The files of a small text model: 300 000 bytes of `onnx/model.onnx` on LFS, the rest in git.
pub fn tiny_model() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        (".gitattributes", b"*.onnx filter=lfs".to_vec()),
        ("README.md", b"# tiny".to_vec()),
        ("config.json", br#"{"model_type": "bert"}"#.to_vec()),
        ("tokenizer.json", b"{}".to_vec()),
        (
            "1_Pooling/config.json",
            br#"{"pooling_mode_mean_tokens": true}"#.to_vec(),
        ),
        ("onnx/model.onnx", noise(300_000)),
        ("pytorch_model.bin", noise(1000)),
    ]
}

impl HubServer {
    /// A hub with a model.
    pub fn start(files: Vec<(&str, Vec<u8>)>) -> Self {
        Self::start_with("models", files)
    }

    /// A hub with a data set.
    pub fn of_data(files: Vec<(&str, Vec<u8>)>) -> Self {
        Self::start_with("datasets", files)
    }

    fn start_with(kind: &'static str, files: Vec<(&str, Vec<u8>)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let is_large = |name: &&str| {
            [".onnx", ".bin", "_data", ".parquet"]
                .iter()
                .any(|end| name.ends_with(end))
        };
        let shared = Arc::new(Shared {
            large: files
                .iter()
                .map(|(name, _)| *name)
                .filter(is_large)
                .map(str::to_owned)
                .collect(),
            kind,
            files: Mutex::new(
                files
                    .into_iter()
                    .map(|(name, bytes)| (name.to_owned(), bytes))
                    .collect(),
            ),
            storage: Mutex::new(None),
            aliases: Mutex::default(),
            descriptions: Mutex::default(),
            fault: Mutex::new(Box::new(|_, _, answer| answer)),
            requests: Mutex::default(),
            closed: AtomicBool::new(false),
            address: listener.local_addr().unwrap(),
        });
        let server = Self(shared.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if shared.closed.load(Ordering::Relaxed) {
                    break;
                }
                let shared = shared.clone();
                thread::spawn(move || serve(&shared, stream));
            }
        });
        server
    }

    pub fn tiny() -> Self {
        Self::start(tiny_model())
    }

    pub fn address(&self) -> String {
        format!("http://{}", self.0.address)
    }

    /// Redirects large files to another server.
    pub fn store_at(&self, storage: &Self) {
        *self.0.storage.lock().unwrap() = Some(storage.address());
    }

    /// Has the same files under another repository's name too.
    pub fn also_called(&self, name: &str) {
        self.0.aliases.lock().unwrap().push(name.to_owned());
    }

    /// Adds fields to what a search tells about a repository: `"downloads":7,"gated":"auto"`.
    pub fn describe(&self, name: &str, fields: &str) {
        let mut descriptions = self.0.descriptions.lock().unwrap();
        descriptions.insert(name.to_owned(), fields.to_owned());
    }

    pub fn falsify(&self, fault: impl Fn(&Request, usize, Answer) -> Answer + Send + Sync + 'static) {
        *self.0.fault.lock().unwrap() = Box::new(fault);
    }

    pub fn requests(&self) -> Vec<Request> {
        self.0.requests.lock().unwrap().clone()
    }

    pub fn forget_requests(&self) {
        self.0.requests.lock().unwrap().clear();
    }

    pub fn requests_of(&self, end: &str) -> Vec<Request> {
        self.requests()
            .into_iter()
            .filter(|request| request.path.ends_with(end))
            .collect()
    }

    /// Settings for this server that do not wait long.
    pub fn options(&self, cache: &Path) -> RemoteOptions {
        RemoteOptions {
            endpoint: self.address(),
            cache_dir: cache.to_owned(),
            timeout: Duration::from_millis(400),
            backoff: Duration::from_millis(1),
            ..RemoteOptions::default()
        }
    }

    pub fn remote(&self, cache: &Path) -> Remote {
        Remote::new(self.options(cache)).unwrap()
    }
}

impl Drop for HubServer {
    fn drop(&mut self) {
        self.0.closed.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.0.address);
    }
}

fn serve(shared: &Shared, stream: TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let request = read_request(&mut reader)?;
        let times = {
            let mut requests = shared.requests.lock().unwrap();
            let times = requests.iter().filter(|known| known.path == request.path).count();
            requests.push(request.clone());
            times
        };
        let honest = shared.answer(&request);
        let answer = (shared.fault.lock().unwrap())(&request, times, honest);
        send(&stream, &answer)?;
    }
}

fn read_request(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.trim().to_owned()),
            None => return Some(Request { path, headers }),
        };
    }
}

/// `None` when the connection is to end.
fn send(mut stream: &TcpStream, answer: &Answer) -> Option<()> {
    thread::sleep(answer.delay);
    let mut head = format!("HTTP/1.1 {} Status\r\n", answer.status);
    for (name, value) in &answer.headers {
        head += &format!("{name}: {value}\r\n");
    }
    let own_length = ["content-length", "transfer-encoding"];
    let is_sized = answer
        .headers
        .iter()
        .any(|(name, _)| own_length.contains(&name.to_ascii_lowercase().as_str()));
    if !is_sized {
        head += &format!("Content-Length: {}\r\n", answer.body.len());
    }
    head += "\r\n";
    match answer.head_drip {
        Some(pause) => {
            for byte in head.as_bytes() {
                thread::sleep(pause);
                stream.write_all(&[*byte]).ok()?;
            }
        }
        None => stream.write_all(head.as_bytes()).ok()?,
    }
    let body = &answer.body[..answer.cut_after.unwrap_or(answer.body.len()).min(answer.body.len())];
    match answer.drip {
        Some((piece, pause)) => {
            for piece in body.chunks(piece) {
                thread::sleep(pause);
                stream.write_all(piece).ok()?;
            }
        }
        None => stream.write_all(body).ok()?,
    }
    if answer.cut_after.is_some() || is_sized {
        let _ = stream.shutdown(std::net::Shutdown::Both);
        return None;
    }
    Some(())
}

impl Shared {
    fn answer(&self, request: &Request) -> Answer {
        let files = self.files.lock().unwrap();
        let path = request.path.split('?').next().unwrap_or_default();
        let aliases = self.aliases.lock().unwrap();
        if path == "/api/models" {
            let names = files.keys().map(|name| format!(r#"{{"rfilename":"{name}"}}"#));
            let siblings = format!("[{}]", names.collect::<Vec<_>>().join(","));
            let (address, about) = (format!("http://{}", self.address), self.descriptions.lock().unwrap());
            return search::answer(request, &address, &aliases, &siblings, &about);
        }
        let alias = aliases.iter().find(|alias| path.contains(&format!("/{alias}/")));
        let path = &alias.map_or_else(
            || path.to_owned(),
            |alias| path.replacen(&format!("/{alias}/"), &format!("/{NAME}/"), 1),
        );
        let kind = self.kind;
        if let Some(revision) = path.strip_prefix(&format!("/api/{kind}/{NAME}/revision/")) {
            if !["main", "v1", "refs%2Fpr%2F1", COMMIT].contains(&revision) {
                return Answer::new(404, &[("X-Error-Code", "RevisionNotFound")], "");
            }
            let siblings: Vec<String> = files.iter().map(|(name, bytes)| self.sibling(name, bytes)).collect();
            let text = format!(
                r#"{{"id":"{NAME}","sha":"{COMMIT}","siblings":[{}]}}"#,
                siblings.join(",")
            );
            return Answer::new(200, &[("Content-Type", "application/json")], text);
        }
        let place = if kind == "datasets" { "/datasets" } else { "" };
        if let Some(name) = path.strip_prefix(&format!("{place}/{NAME}/resolve/{COMMIT}/")) {
            let Some(bytes) = files.get(name) else {
                return Answer::new(404, &[("X-Error-Code", "EntryNotFound")], "");
            };
            let storage = self.storage.lock().unwrap();
            if !self.large.iter().any(|large| large == name) {
                return whole_or_part(request, bytes, &[("ETag", &format!("\"{}\"", git_sha1(bytes)))]);
            }
            let (etag, size) = (format!("\"{}\"", sha256(bytes)), bytes.len().to_string());
            let linked = [
                ("X-Repo-Commit", COMMIT),
                ("X-Linked-Etag", &etag),
                ("X-Linked-Size", &size),
            ];
            return match storage.as_ref() {
                Some(address) => {
                    let location = format!("{address}/storage/{}?signature=x", sha256(bytes));
                    Answer::new(302, &[&linked[..], &[("Location", &location)]].concat(), "")
                }
                None => whole_or_part(request, bytes, &linked),
            };
        }
        if let Some(checksum) = path.strip_prefix("/storage/")
            && let Some(bytes) = files.values().find(|bytes| sha256(bytes) == checksum)
        {
            // Storage has checksums of its own, which mean nothing to a client of the hub.
            return whole_or_part(request, bytes, &[("ETag", "\"d41d8cd98f00b204e9800998ecf8427e-2\"")]);
        }
        Answer::new(404, &[("X-Error-Code", "RepoNotFound")], "")
    }

    fn sibling(&self, name: &str, bytes: &[u8]) -> String {
        let (size, blob) = (bytes.len(), git_sha1(bytes));
        let lfs = match self.large.iter().any(|large| large == name) {
            true => format!(
                r#","lfs":{{"sha256":"{}","size":{size},"pointerSize":134}}"#,
                sha256(bytes)
            ),
            false => String::new(),
        };
        format!(r#"{{"rfilename":"{name}","size":{size},"blobId":"{blob}"{lfs}}}"#)
    }
}

/// Honours `Range: bytes=N-`.
pub fn whole_or_part(request: &Request, bytes: &[u8], headers: &[(&str, &str)]) -> Answer {
    let first = request
        .header("range")
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    let length = bytes.len();
    match first {
        None => Answer::new(200, headers, bytes),
        Some(first) if first >= length => Answer::new(
            416,
            &[&[("Content-Range", format!("bytes */{length}").as_str())], headers].concat(),
            "",
        ),
        Some(first) => {
            let range = format!("bytes {first}-{}/{length}", length - 1);
            Answer::new(
                206,
                &[&[("Content-Range", range.as_str())], headers].concat(),
                &bytes[first..],
            )
        }
    }
}
