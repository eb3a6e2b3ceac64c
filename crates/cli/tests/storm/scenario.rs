//! The commands that are disturbed, each on a small hub and data of its own.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::{
    Place, Run, image_model, numbers, write_hub, write_images, write_labels, write_matrix, write_model,
};
use crate::hub_server::HubServer;
use crate::outputs::Outputs;

/// A command, and what it leaves.
pub struct Scenario {
    pub name: &'static str,
    /// Makes its hub and data.
    prepare: fn(&Place),
    arguments: &'static [&'static str],
    /// What is added to continue after an interruption.
    pub resume: Option<&'static str>,
    /// Files and folders that it writes, the same for the same work.
    folders: &'static [&'static str],
    /// Parts of the names of files that differ from run to run.
    besides: &'static [&'static str],
    /// Whether it downloads from a hub.
    pub downloads: bool,
}

pub const RANK: Scenario = Scenario {
    name: "rank",
    prepare: |place| {
        write_hub(&place.path("hub"));
        write_images(&place.path("data"), &["apple", "pear", "plum"], 60);
    },
    arguments: &[
        "rank", "--hub", "hub", "--data", "data", "--format", "json", "--out", "ranking",
    ],
    resume: None,
    folders: &["ranking"],
    besides: &[],
    downloads: false,
};

pub const RACE: Scenario = Scenario {
    name: "rank --race",
    prepare: |place| {
        for (seed, (name, channels)) in [("a", 24), ("b", 20), ("c", 16), ("d", 3), ("e", 2), ("f", 1)]
            .into_iter()
            .enumerate()
        {
            let model = image_model(31 + 5 * seed as u64, channels, 5);
            write_model(&place.path(&format!("hub/{name}")), &model);
        }
        write_images(&place.path("data"), &["apple", "pear", "plum"], 160);
    },
    arguments: &["rank", "--race", "--hub", "hub", "--data", "data", "--format", "json"],
    resume: None,
    folders: &[],
    besides: &[],
    downloads: false,
};

pub const TUNE: Scenario = Scenario {
    name: "tune",
    prepare: |place| {
        write_hub(&place.path("hub"));
        write_images(&place.path("data"), &["apple", "pear", "plum"], 12);
    },
    arguments: &[
        "tune",
        "--hub",
        "hub",
        "--data",
        "data",
        "--model",
        "middle",
        "--teachers",
        "2",
        "--epochs",
        "3",
        "--batch-size",
        "8",
        "--learning-rate",
        "0.01",
        "--format",
        "json",
        "--out",
        "tuned",
    ],
    resume: Some("--resume"),
    folders: &["tuned"],
    // TensorBoard's events carry the time; checkpoints carry the seconds of their epochs.
    besides: &["tensorboard", "checkpoints"],
    downloads: false,
};

pub const SCORE: Scenario = Scenario {
    name: "score --save-statistics",
    prepare: |place| {
        const N: usize = 4000;
        const D: usize = 200;
        let labels: Vec<i64> = (0..N as i64).map(|i| (i * i + i / 7) % 5).collect();
        let mut features = numbers(1, N * D);
        for (row, label) in features.chunks_exact_mut(D).zip(&labels) {
            row[*label as usize] += 0.8;
        }
        write_matrix(&place.path("f.npy"), N, D, &features);
        write_labels(&place.path("y.npy"), &labels);
        fs::create_dir_all(place.path("saved")).unwrap();
    },
    arguments: &[
        "score",
        "--features",
        "f.npy",
        "--targets",
        "y.npy",
        "--save-statistics",
        "saved/s.stats",
        "--format",
        "json",
    ],
    resume: None,
    folders: &["saved"],
    besides: &[],
    downloads: false,
};

pub const PULL: Scenario = Scenario {
    name: "hub pull",
    prepare: |_| {},
    arguments: &["hub", "pull", "hf:acme/tiny", "--format", "json"],
    resume: None,
    folders: &["hf"],
    // Locks, and notes of what the hub does not have, which are empty.
    besides: &[".lock", "/.locks", ".no_exist"],
    downloads: true,
};

impl Scenario {
    /// A place with the hub and the data.
    pub fn place(&self) -> Place {
        let place = Place::new();
        (self.prepare)(&place);
        place
    }

    /// A hub to download from, which sends slowly enough to be interrupted.
    pub fn server(&self) -> Option<HubServer> {
        if !self.downloads {
            return None;
        }
        let preprocessing = br#"{"image_processor_type": "ViTImageProcessor", "size": {"height": 16, "width": 16}}"#;
        let server = HubServer::start(vec![
            ("config.json", br#"{"model_type": "resnet"}"#.to_vec()),
            ("preprocessor_config.json", preprocessing.to_vec()),
            ("onnx/model.onnx", image_model(33, 2000, 5).to_bytes().unwrap()),
        ]);
        server.falsify(|request, _, mut answer| {
            if request.path.ends_with(".onnx") {
                answer.drip = Some((20_000, Duration::from_millis(10)));
            }
            answer
        });
        Some(server)
    }

    /// The command in a place.
    pub fn command(&self, place: &Place, server: Option<&HubServer>) -> Command {
        let mut command = match server {
            Some(server) => place.hub_command(server.address(), self.arguments),
            None => place.command(self.arguments),
        };
        command.stdin(Stdio::null());
        command
    }

    /// What it left.
    pub fn outputs(&self, place: &Place, run: &Run) -> Outputs {
        Outputs::of(place, run, self.folders, self.besides)
    }

    /// An undisturbed run: what it left, and how long it took.
    pub fn undisturbed(&self) -> (Outputs, Duration) {
        let (place, server) = (self.place(), self.server());
        let begun = Instant::now();
        let run = Run::from(self.command(&place, server.as_ref()).output().unwrap());
        let took = begun.elapsed();
        run.assert_code(0);
        (self.outputs(&place, &run), took)
    }
}
