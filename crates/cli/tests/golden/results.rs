//! Commands that succeed, on the examples of the repository.

use std::fs;

use crate::transcript::Transcript;

#[test]
fn digits_are_ranked_and_raced() {
    let mut session = Transcript::new();
    let rank = "rank --hub examples/hub --data examples/data/digits --max-samples 100 --engine rten";
    session.run(rank).assert_code(0);
    // Features come from the cache now.
    session.run(&format!("{rank} --race --top-k 1")).assert_code(0);
    session
        .run("rank --hub examples/hub/ppocr-text-orientation --data examples/data/digits --max-samples 100 --feature layers --engine rten")
        .assert_code(0);
    session.check("rank_digits");
}

#[test]
fn topics_are_ranked_and_compared_with_accuracies() {
    let mut session = Transcript::new();
    let rank = "rank --hub examples/hub --data examples/data/topics --engine rten";
    session.run(&format!("{rank} --out ranking")).assert_code(0);
    session.run_json(&format!("{rank} --format json"));
    session.write(
        "accuracies.csv",
        "model,accuracy\nglove-50d-10k,0.91\nglove-50d-1k,0.87\nword2vec,0.80\n",
    );
    session
        .run("compare ranking/ranking.json accuracies.csv")
        .assert_code(1);
    session
        .run("compare ranking/ranking.json accuracies.csv --score shrinkage-h-score")
        .assert_code(1);
    session.check("rank_topics");
}

#[test]
fn a_hub_is_listed_inspected_and_verified() {
    let mut session = Transcript::new();
    session.run("hub list examples/hub").assert_code(0);
    session
        .run("hub inspect examples/hub/mtcnn-onet-face examples/hub/glove-50d-1k")
        .assert_code(0);
    session
        .run("hub verify examples/hub/mtcnn-onet-face examples/hub/glove-50d-1k --engine burn")
        .assert_code(0);
    session.write("broken/broken/model.onnx", "<html>not found</html>");
    session.run("hub list broken examples/hub/glove-50d-1k").assert_code(1);
    session.check("hub");
}

#[test]
fn features_are_scored_and_statistics_of_parts_are_merged() {
    let mut session = Transcript::new();
    for split in ["train", "test"] {
        session
            .run(&format!(
                "features --model examples/hub/glove-50d-1k --data examples/data/topics --split {split} --out {split}.safetensors --engine rten"
            ))
            .assert_code(0);
        session
            .run(&format!(
                "score --features {split}.safetensors --targets {split}.safetensors:labels --save-statistics {split}.stats"
            ))
            .assert_code(0);
    }
    session.run("score --statistics train.stats,test.stats").assert_code(0);
    session
        .run("score --features train.safetensors,test.safetensors --targets train.safetensors:labels,test.safetensors:labels --scores logme,h-score --standard-errors")
        .assert_code(0);
    session.check("score");
}

#[test]
fn a_model_is_tuned_evaluated_and_asked() {
    let mut session = Transcript::new();
    session
        .run("tune --hub examples/hub/glove-50d-10k --data examples/data/topics --method linear-probe --epochs 2 --learning-rate 0.1 --engine rten --out tuned")
        .assert_code(0);
    session
        .run("eval --model tuned --data examples/data/topics --split test --engine rten")
        .assert_code(0);
    session.write(
        "lines.txt",
        "Snow is expected in the hills.\nThe goalkeeper saved a penalty.\n",
    );
    session
        .run("predict --model tuned lines.txt --engine rten")
        .assert_code(0);
    session.copy_digits(3, 2, "images");
    session.write("images/broken.png", "no image");
    session
        .run("predict --model examples/hub/mtcnn-onet-face images --engine rten")
        .assert_code(1);
    session
        .run("tune --hub examples/hub --data examples/data/digits --model mtcnn-onet-face --freeze conv1. --freeze conv2. --list-parameters --out none")
        .assert_code(0);
    assert!(!session.path("none").exists());
    session.check("tune");
}

#[test]
fn what_is_skipped_is_listed_and_the_exit_code_is_1() {
    let mut session = Transcript::new();
    for class in [3, 7] {
        session.copy_digits(class, 24, &format!("data/{class}"));
    }
    session.write("data/3/broken.png", "no image");
    session.write("data/notes.txt", "no image either");
    let model = fs::read(session.path("examples/hub/glove-50d-1k/model.onnx")).expect("it is in the repository");
    session.write("hub/cut/model.onnx", &model[..model.len() / 2]);
    session.write("hub/page/model.onnx", "<!DOCTYPE html><title>Not found</title>");
    session.write(
        "hub/pointer/model.onnx",
        "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n",
    );
    session.write("hub/empty/model.onnx", "");
    session
        .run("rank --hub hub examples/hub/mtcnn-onet-face examples/hub/glove-50d-1k --data data --engine rten")
        .assert_code(1);
    session.check("skipped");
}
