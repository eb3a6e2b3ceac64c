//! Commands that are refused: the message has to name what is wrong, and what to do.

use std::fs;

use crate::common::{write_labels, write_matrix};
use crate::transcript::Transcript;

#[test]
fn hubs_that_cannot_be_used() {
    let mut session = Transcript::new();
    session.write("empty/notes.txt", "");
    session.write("random/model.onnx", [0x93; 64]);
    session.write("models.toml", "[[models]]\npth = \"hub/small\"\n");
    session.write("missing.toml", "[[models]]\npath = \"hub/small\"\n");
    session.refuse(&[
        "rank --hub nowhere --data examples/data/digits",
        "rank --hub examples/hub/mtcnn-onet-fac --data examples/data/digits",
        "rank --hub empty --data examples/data/digits",
        "rank --hub random --data examples/data/digits",
        "rank --hub random/model.onnx --data examples/data/digits",
        "rank --hub models.toml --data examples/data/digits",
        "rank --hub missing.toml --data examples/data/digits",
        "rank --hub examples/hub/glove-50d-1k/SOURCE.md --data examples/data/digits",
        "rank --hub hf:acme/../tiny --data examples/data/digits",
        "rank --hub examples/hub/mtcnn-onet-face --data examples/data/topics",
        "hub pull examples/hub",
    ]);
    session.check("refused_hubs");
}

#[test]
fn data_that_cannot_be_used() {
    let mut session = Transcript::new();
    session.write("empty/notes.txt", "");
    session.copy_digits(3, 3, "one/3");
    for class in [3, 7] {
        session.copy_digits(class, 1, &format!("two/{class}"));
        session.copy_digits(class, 12, &format!("hollow/{class}"));
        for file in 0..12 {
            session.write(&format!("unreadable/{class}/{file}.png"), "no image");
        }
    }
    session.write("hollow/5/notes.txt", "");
    session.write("columns.csv", "file,kind,size\ntwo/3/0003.png,a,1\n");
    session.write("missing.csv", "file,label\nnowhere.png,a\nnothing.png,b\n");
    session.write("ragged.csv", "file,label\na.png,a\nb.png\n");
    session.write(
        "cut.jsonl",
        "{\"text\": \"rain\", \"label\": \"a\"}\n{\"text\": \"sun\", \"lab\n",
    );
    session.write("untagged.conll", "Ann B-PER\nlives\n");
    let rank = "rank --hub examples/hub/mtcnn-onet-face --engine rten --data";
    let commands = [
        "nowhere",
        "empty",
        "one",
        "unreadable",
        "columns.csv",
        "columns.csv --target weight",
        "columns.csv --target size --task classification",
        "missing.csv",
        "ragged.csv",
        "cut.jsonl",
        "untagged.conll",
        "examples/data/digits --split validation",
        "examples/data/digits --split holdout",
        "examples/data/digits --task regression",
        "examples/data/digits --tag-scheme iob3",
    ]
    .map(|data| format!("{rank} {data}"));
    session.refuse(&commands.each_ref().map(String::as_str));
    // Two samples have scores, but no standard errors; a class without samples is left out, and that is said.
    for data in ["two", "hollow"] {
        session.run(&format!("{rank} {data}")).assert_code(0);
    }
    session.check("refused_data");
}

#[test]
fn names_and_numbers_that_are_wrong() {
    let mut session = Transcript::new();
    let rank = "rank --hub examples/hub/mtcnn-onet-face --data examples/data/digits";
    let commands = [
        "--scores logmee",
        "--scores logme,hscore",
        "--engine rtem",
        "--device cude",
        "--feature polled",
        "--batch-size 0",
        "--cache-limit 0",
        "--precision int8",
        "--budget soon",
        "--top-k none",
        "--format yaml",
        "--pooling first",
        "--max-sample 10",
        "--no-cache --cache folder",
    ]
    .map(|more| format!("{rank} {more}"));
    session.refuse(&commands.each_ref().map(String::as_str));
    session.refuse(&["rnk", "rank --hub examples/hub", "hub lst examples/hub"]);
    session.run("--version").assert_code(0);
    session.check("refused_names");
}

#[test]
fn features_and_statistics_that_cannot_be_scored() {
    let mut session = Transcript::new();
    let mut values = crate::common::numbers(1, 60);
    write_matrix(&session.path("f.npy"), 20, 3, &values);
    write_matrix(&session.path("single.npy"), 20, 1, &values[..20]);
    values[7] = f32::NAN;
    write_matrix(&session.path("nan.npy"), 20, 3, &values);
    let labels: Vec<i64> = (0..20).map(|row| row % 2).collect();
    write_labels(&session.path("y.npy"), &labels);
    write_labels(&session.path("short.npy"), &labels[..3]);
    write_labels(&session.path("constant.npy"), &[1; 20]);
    session.write("text.npy", "not an array");
    for features in ["f", "single"] {
        session
            .run(&format!(
                "score --features {features}.npy --targets y.npy --save-statistics {features}.stats"
            ))
            .assert_code(0);
    }
    let saved = fs::read(session.path("f.stats")).expect("it was saved");
    session.write("cut.stats", &saved[..saved.len() / 2]);
    let mut damaged = saved;
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    session.write("damaged.stats", damaged);
    session.refuse(&[
        "score",
        "score --features f.npy",
        "score --features nowhere.npy --targets y.npy",
        "score --features text.npy --targets y.npy",
        "score --features nan.npy --targets y.npy",
        "score --features f.npy --targets short.npy",
        "score --features f.npy,f.npy --targets y.npy",
        "score --features f.npy,single.npy --targets y.npy,y.npy",
        "score --features f.npy --targets constant.npy",
        "score --features f.npy:rows --targets y.npy",
        "score --features f.npy --targets y.npy --scores leep",
        "score --features f.npy --targets y.npy --scores hscore",
        "score --statistics nowhere.stats",
        "score --statistics cut.stats",
        "score --statistics damaged.stats",
        "score --statistics y.npy",
        "score --statistics f.stats,single.stats",
        "score --statistics f.stats --scores leep",
    ]);
    session.check("refused_features");
}

#[test]
fn rankings_that_cannot_be_compared() {
    let mut session = Transcript::new();
    session.write("scores.csv", "model,score\na,1\nb,2\nc,3\n");
    session.write("points.csv", "model,points\na,1\n");
    session.write("words.csv", "model,score\na,1\nb,high\n");
    session.write("twice.csv", "model,score\na,1\na,2\n");
    session.write("empty.csv", "model,score\n");
    session.write("truth.csv", "model,accuracy\na,0.6\nb,0.8\nc,0.7\n");
    session.write("others.csv", "model,accuracy\nd,0.6\n");
    session.write("ranking.json", "{\"schema\": \"ranktune.ranking/2\"}");
    session.refuse(&[
        "compare nowhere.json truth.csv",
        "compare scores.csv nowhere.csv",
        "compare points.csv truth.csv",
        "compare words.csv truth.csv",
        "compare twice.csv truth.csv",
        "compare empty.csv truth.csv",
        "compare scores.csv others.csv",
        "compare ranking.json truth.csv",
        "compare scores.csv truth.csv --score leep",
    ]);
    // One model has no order.
    session.write("one.csv", "model,accuracy\na,0.6\n");
    session.run("compare scores.csv one.csv").assert_code(0);
    // Measured, but not ranked.
    session.write("more.csv", "model,accuracy\na,0.6\nb,0.8\nz,0.7\n");
    session.run("compare scores.csv more.csv").assert_code(1);
    session.check("refused_comparisons");
}

#[test]
fn models_that_cannot_be_evaluated_asked_or_exported() {
    let mut session = Transcript::new();
    session.write("empty/notes.txt", "");
    session.refuse(&[
        "eval --model nowhere --data examples/data/digits",
        "eval --model examples/hub --data examples/data/digits",
        "eval --model examples/hub/mtcnn-onet-face --data nowhere",
        "eval --model examples/hub/mtcnn-onet-face --data examples/data/digits",
        "eval --model examples/hub/glove-50d-1k --data examples/data/topics",
        "eval --model examples/hub/mtcnn-onet-face --data examples/data/topics",
        "predict --model examples/hub/mtcnn-onet-face nowhere.png",
        "predict --model examples/hub/mtcnn-onet-face empty",
        "predict --model examples/hub/glove-50d-1k rain",
        "predict --model examples/hub/mtcnn-onet-face",
        "features --model examples/hub/mtcnn-onet-face --data examples/data/digits --out f.txt",
        "features --model examples/hub --data examples/data/digits --out f.npy",
        "features --model examples/hub/mtcnn-onet-face --data examples/data/topics --out f.npy",
    ]);
    session.check("refused_models");
}

#[test]
fn models_that_cannot_be_tuned() {
    let mut session = Transcript::new();
    session.write("occupied/notes.txt", "");
    for class in [3, 7] {
        session.copy_digits(class, 1, &format!("two/{class}"));
    }
    let tune = "tune --hub examples/hub --data examples/data/digits --engine rten";
    let commands = [
        "--out tuned --method fine-tun",
        "--out tuned --model mtcnn-onet-fac",
        "--out tuned --model glove-50d-1k --method fine-tune",
        "--out tuned --model mtcnn-onet-face --teachers 0",
        "--out tuned --model mtcnn-onet-face --teachers nobody",
        "--out tuned --model mtcnn-onet-face --learning-rate fast",
        "--out tuned --model mtcnn-onet-face --lambda=-1",
        "--out tuned --model mtcnn-onet-face --validation 1.5",
        "--out tuned --model mtcnn-onet-face --validation nowhere",
        "--out tuned --model mtcnn-onet-face --image-size 7 --method fine-tune",
        "--out tuned --model mtcnn-onet-face --augmentation rotate",
        "--out tuned --model mtcnn-onet-face --epochs 0 --method fine-tune",
        "--out tuned --model mtcnn-onet-face --ranking nowhere",
        "--out occupied --model mtcnn-onet-face --method fine-tune",
        "--out tuned --model mtcnn-onet-face --freeze conv1.,conv2. --list-parameters",
        "--model mtcnn-onet-face",
    ]
    .map(|more| format!("{tune} {more}"));
    session.refuse(&commands.each_ref().map(String::as_str));
    session.refuse(&[
        "tune --hub examples/hub --data two --model mtcnn-onet-face --method fine-tune --out tuned --learning-rate auto",
    ]);
    assert!(!session.path("tuned/model.onnx").exists());
    session.check("refused_tuning");
}
