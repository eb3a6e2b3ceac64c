//! What a large or hostile file of every kind costs: the table of `docs/security.md`.
//!
//! `cargo test --release -p ranktune-fuzzing --test bounds -- --nocapture` prints what is measured.

#![allow(clippy::unwrap_used, reason = "helpers of tests are test code, too")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{Duration, Instant};

use ranktune_fuzzing::meter::Meter;
use ranktune_fuzzing::{Scratch, Target};

#[global_allocator]
static METER: Meter = Meter::new();

/// The most that any of these files may take.
const LONGEST: Duration = Duration::from_secs(10);
const MB: usize = 1 << 20;

/// A file, and the memory that it may take: so many times its size, and so much in any case.
struct Case {
    target: &'static str,
    what: &'static str,
    bytes: Vec<u8>,
    times: usize,
    free: usize,
}

fn case(target: &'static str, what: &'static str, bytes: impl Into<Vec<u8>>, times: usize, free: usize) -> Case {
    let bytes = bytes.into();
    Case {
        target,
        what,
        bytes,
        times,
        free,
    }
}

/// `count` pieces, each made from its number, with `between` between them.
fn pieces(count: usize, between: &str, piece: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for number in 0..count {
        let _ = write!(text, "{}{}", if number > 0 { between } else { "" }, piece(number));
    }
    text
}

fn npy(descr: &str, shape: &str, elements: usize) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.resize(bytes.len() + elements, 1);
    bytes
}

fn gzip(length: usize) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let piece = vec![b'a'; MB];
    for _ in 0..length / MB {
        packed.write_all(&piece).unwrap();
    }
    packed.finish().unwrap()
}

/// Protobuf's wire format: a field of bytes.
fn field(number: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    let mut length = body.len();
    while length >= 0x80 {
        bytes.push(length.to_le_bytes()[0] | 0x80);
        length >>= 7;
    }
    bytes.push(length.to_le_bytes()[0]);
    bytes.extend_from_slice(body);
    bytes
}

fn onnx(nodes: &[u8]) -> Vec<u8> {
    [&[8, 8][..], &field(8, &[16, 17]), &field(7, nodes)].concat()
}

/// A chain of nodes.
fn relus(count: usize) -> Vec<u8> {
    let node = |at: usize| {
        let (from, to) = (format!("x{at}"), format!("x{}", at + 1));
        field(
            1,
            &[field(1, from.as_bytes()), field(2, to.as_bytes()), field(4, b"Relu")].concat(),
        )
    };
    let mut graph: Vec<u8> = (0..count).flat_map(node).collect();
    graph.extend(field(11, &field(1, b"x0")));
    graph.extend(field(12, &field(1, format!("x{count}").as_bytes())));
    onnx(&graph)
}

/// A GIF of 44 bytes whose screen has nearly the most pixels.
fn gif() -> Vec<u8> {
    let mut bytes = b"GIF89a".to_vec();
    bytes.extend(13_000_u16.to_le_bytes());
    bytes.extend(13_000_u16.to_le_bytes());
    bytes.extend([0x80, 0, 0, 1, 2, 3, 4, 5, 6]);
    bytes.extend([0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, 0x3b]);
    bytes
}

fn cases() -> Vec<Case> {
    let word_level = format!(
        r###"{{"version":"1.0","truncation":null,"padding":null,"added_tokens":[],"normalizer":null,"pre_tokenizer":
        {{"type":"WhitespaceSplit"}},"post_processor":null,"decoder":null,"model":{{"type":"WordLevel","unk_token":"w0","vocab":{{{}}}}}}}"###,
        pieces(9_000, ",", |at| format!("\"w{at}\":{at}"))
    );
    let commit = "0123456789abcdef0123456789abcdef01234567";
    vec![
        case(
            "onnx",
            "a million empty nodes",
            onnx(&[10, 0].repeat(1_000_000)),
            24,
            64 * MB,
        ),
        case("onnx", "a chain of 50,000 nodes", relus(50_000), 100, 64 * MB),
        case("npy", "16 MB of numbers", npy("<f4", "(200000, 20)", 16_000_000), 8, MB),
        case(
            "npy",
            "an element of a terabyte",
            npy("<U250000000000", "(1,)", 64),
            8,
            MB,
        ),
        case(
            "npz",
            "a compressed array of 16 MB",
            npy("<f4", "(200000, 20)", 16_000_000),
            16,
            MB,
        ),
        case(
            "csv",
            "100,000 columns",
            format!(
                "{}\n{}\n",
                pieces(100_000, ",", |at| format!("c{at}")),
                ",".repeat(99_999)
            ),
            200,
            MB,
        ),
        case("csv", "4 MB of quotation marks", "\"".repeat(4 * MB), 20, MB),
        case("csv", "2 GB of one cell in gzip", gzip(2048 * MB), 0, 4 * 64 * MB),
        case(
            "jsonl",
            "an object of 200,000 keys",
            format!("{{{}}}", pieces(200_000, ",", |at| format!("\"k{at}\":1"))),
            300,
            MB,
        ),
        case("jsonl", "brackets in brackets", "[".repeat(4 * MB), 20, MB),
        case("json", "objects in objects", "{\"a\":".repeat(MB), 20, MB),
        case("jsonl", "2 GB of one line in gzip", gzip(2048 * MB), 0, 4 * 64 * MB),
        case("conll", "200,000 words", "word B-X\n".repeat(200_000), 300, MB),
        case("gif", "44 bytes of 169 million pixels", gif(), 0, 520 * MB),
        case("tokenizer", "9,000 words", word_level, 200, 4 * MB),
        case(
            "config",
            "100,000 labels",
            format!(
                "{{\"id2label\":{{{}}}}}",
                pieces(100_000, ",", |at| format!("\"{at}\":\"l{at}\""))
            ),
            300,
            MB,
        ),
        case(
            "card",
            "100,000 licenses",
            format!("---\nlicense:\n{}---\n", "- mit\n".repeat(100_000)),
            100,
            MB,
        ),
        case(
            "manifest",
            "40,000 models",
            pieces(40_000, "\n", |at| format!("[[models]]\npath = \"m{at}\"")),
            200,
            MB,
        ),
        case(
            "listing",
            "100,000 files",
            format!(
                "{{\"sha\":\"{commit}\",\"siblings\":[{}]}}",
                pieces(100_000, ",", |at| format!("{{\"rfilename\":\"f{at}\"}}"))
            ),
            100,
            MB,
        ),
        case("record", "20,000 lines that are none", "{}\n".repeat(20_000), 200, MB),
        case(
            "ranking",
            "a score of a megabyte",
            format!("model,score\na,{}\n", "9".repeat(MB)),
            40,
            MB,
        ),
    ]
}

#[test]
fn a_file_takes_memory_and_time_in_proportion_to_its_size() {
    println!(
        "{:12} {:34} {:>10} {:>10} {:>10} {:>8}",
        "target", "file", "size", "memory", "allowed", "time"
    );
    let mut exceeding = Vec::new();
    for Case {
        target,
        what,
        bytes,
        times,
        free,
    } in cases()
    {
        let scratch = Scratch::new();
        let begun = Instant::now();
        let before = METER.restart();
        let outcome = Target::named(target).unwrap().run(&bytes, &scratch);
        let (memory, time) = (METER.peak() - before, begun.elapsed());
        let allowed = times * bytes.len() + free;
        println!(
            "{target:12} {what:34} {:>8} kB {:>7} MB {:>7} MB {:>5} ms",
            bytes.len() / 1024,
            memory / MB,
            allowed / MB,
            time.as_millis()
        );
        if memory > allowed || time > LONGEST {
            exceeding.push(format!("{target}: {what}: {} MB in {time:?}", memory / MB));
        }
        if let Some(fault) = outcome.fault() {
            exceeding.push(format!("{target}: {what}: {fault}"));
        }
    }
    assert!(exceeding.is_empty(), "{}", exceeding.join("\n"));
}
