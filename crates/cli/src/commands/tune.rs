//! `ranktune tune`

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use ranktune::{
    AUTO, Augmentation, BatchNorm, ClassWeights, DEFAULT_METHOD, Decay, Keep, Lambda, LoadOptions, LocalData, METHODS,
    Optimizer, Ranking, Schedule, Split, Target, Teachers, TrainOptions, TuneOptions, Validation,
};

use super::data::{self, DataArguments};
use super::extraction::{EngineArguments, PoolingName, feature, positive};
use super::known::RecordArguments;
use super::next::NextCommand;
use super::report::ReportArguments;
use super::size::size;
use super::sources::RemoteArguments;
use super::time::duration;
use crate::again;
use crate::exit::Exit;
use crate::output::{self, Format};
use crate::{interrupt, progress};
use values::{Clip, ReadOut, augmentation, clip, lambda, read_out};

mod values;

pub(super) use values::{Rate, rate};

/// `ranktune tune`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Models: folders of models, model folders, or .onnx files
    #[arg(long, value_name = "DIR|FILE", required = true, num_args = 1.., value_delimiter = ',')]
    hub: Vec<String>,
    #[command(flatten)]
    data: DataArguments,
    /// The model to tune: a name in the hub, or best for the first of the ranking
    #[arg(long, value_name = "NAME|best", default_value = "best")]
    model: String,
    /// A ranking that rank wrote [default: ranked here where needed, with cached features if there are any]
    #[arg(long, value_name = "ranking.json")]
    ranking: Option<PathBuf>,
    #[arg(long, value_name = "NAME", default_value = DEFAULT_METHOD, help = method_help())]
    method: String,
    /// The methods that auto tries [default: linear-probe, stacked, fine-tune, b-tuning]
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    candidates: Vec<String>,
    /// Number of best-ranked models that teach, or the teachers by name; of stacked and ensemble, the models themselves [default: 3, or all
    /// of a hub that has fewer]
    #[arg(long, value_name = "K|NAME,…")]
    teachers: Option<String>,
    /// Weight of the teachers' term, of methods that have one; of several values, or of a small grid with auto, the validation samples choose one
    #[arg(long, value_name = "X|X,X,…|auto", default_value = "10", value_parser = lambda)]
    lambda: Lambda,
    /// Weight of the tuned model's own Bayesian read-out beside its head, of b-tuning for classes; 0 is the head alone, as published
    /// [default: calibrated by cross-validation on the training samples]
    #[arg(long, value_name = "X|auto", default_value = "auto", hide_default_value = true, value_parser = read_out)]
    read_out: ReadOut,
    /// Temperature of the teachers' shares, softmax(LogME / temperature)
    #[arg(long, value_name = "X", default_value_t = 0.1)]
    temperature: f64,
    #[command(flatten)]
    training: TrainingArguments,
    /// Validation samples: a share of the data, a data set, or none
    #[arg(long, value_name = "0.1|PATH|none", default_value = "0.1")]
    validation: String,
    /// A data set to evaluate the tuned model on, or none [default: the test split beside the training data, such as test/ beside train/,
    /// if there is one]
    #[arg(long, value_name = "PATH|none")]
    test: Option<PathBuf>,
    /// The tensor whose values are the features of the tuned model [default: found in the graph]
    #[arg(long, value_name = "NAME|auto", default_value = "auto")]
    feature: String,
    /// Pooling of the tokens of a text, in the tuned model and in its teachers [default: as in the models' files, else mean, or last for
    /// decoders]
    #[arg(long, value_enum)]
    pooling: Option<PoolingName>,
    #[command(flatten)]
    engine: EngineArguments,
    #[command(flatten)]
    record: RecordArguments,
    #[command(flatten)]
    remote: RemoteArguments,
    /// Seed of everything random
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// Folder for the tuned model, its records and checkpoints
    #[arg(long, value_name = "DIR", required_unless_present = "list_parameters")]
    out: Option<PathBuf>,
    #[command(flatten)]
    report: ReportArguments,
    /// Continue the run in --out; without --hub and --data, with the arguments that it was begun with
    #[arg(long)]
    resume: bool,
    /// List the weights that would be trained, and why the others would not, and stop
    #[arg(long)]
    list_parameters: bool,
    /// Format of the output on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Options of training.
#[derive(Debug, Args)]
#[command(next_help_heading = "Training")]
struct TrainingArguments {
    /// Epochs [default: 10, for texts 5]
    #[arg(long, value_name = "N", value_parser = positive)]
    epochs: Option<usize>,
    /// Samples per step
    #[arg(long, value_name = "N", default_value_t = TrainOptions::default().batch_size, value_parser = positive)]
    batch_size: usize,
    /// Memory that a training step may take by estimate, such as 4G or 800M: a batch runs in parts that fit, and their gradients are added
    /// up [default: no limit]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    memory: Option<u64>,
    /// Learning rate of the backbone; of several values, or of 1, 3 and 10 times the default with auto (for texts 1, 10 and 100 times), the
    /// validation samples choose one [default: 1e-3, for texts 1e-4]
    #[arg(long, value_name = "X|X,X,…|auto", value_parser = rate)]
    learning_rate: Option<Rate>,
    /// Factor of the learning rate for the new head
    #[arg(long, value_name = "X", default_value_t = TrainOptions::default().head_multiplier)]
    head_multiplier: f32,
    /// Optimizer; sgd uses Nesterov's momentum of 0.9 [default: sgd, for texts adamw]
    #[arg(long, value_enum)]
    optimizer: Option<OptimizerName>,
    /// Learning rate schedule; step multiplies by 0.1 after two thirds of the run [default: step, for texts cosine]
    #[arg(long, value_enum)]
    schedule: Option<ScheduleName>,
    /// Share of the run for a linear warm-up of the learning rate [default: 0, for texts 0.1]
    #[arg(long, value_name = "X")]
    warm_up: Option<f32>,
    /// Weight decay [default: 5e-4, for texts 0.01]
    #[arg(long, value_name = "X")]
    weight_decay: Option<f32>,
    /// Parameters with weight decay: weights, or all including biases and norms [default: as published with the method]
    #[arg(long, value_enum)]
    decay: Option<DecayName>,
    /// Maximum gradient norm, or none; for images, backbone and head are clipped separately [default: 5, for texts 1]
    #[arg(long, value_name = "X|none", value_parser = clip)]
    clip: Option<Clip>,
    /// Label smoothing
    #[arg(long, value_name = "X", default_value_t = TrainOptions::default().label_smoothing)]
    label_smoothing: f32,
    /// Freeze the weights and running statistics whose names have this prefix; may be repeated
    #[arg(long, value_name = "PREFIX")]
    freeze: Vec<String>,
    /// Statistics of BatchNormalization: of the batch (train), frozen, adapted (recomputed from the training samples, then frozen), or
    /// auto: frozen up to 2,000 samples, else train (with several learning rates, those other than the default are then tried both ways)
    #[arg(long, value_enum, default_value_t)]
    batch_norm: BatchNormName,
    /// Shorter edge of the images in pixels [default: that of the model's preprocessing]
    #[arg(long, value_name = "N", value_parser = positive)]
    image_size: Option<usize>,
    /// Augmentation of images: crop[:SCALE] (a crop of SCALE to 1 of the area, and flips), resize-crop (as published) or none [default: crop]
    #[arg(long, value_name = "NAME", value_parser = augmentation)]
    augmentation: Option<Augmentation>,
    /// Augmented views per image that teachers predict, at most one per epoch [default: 4; without teachers, a new view every epoch]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    views: Option<u32>,
    /// The weights to keep: those of the best epoch on the validation samples, or the last ones
    #[arg(long, value_enum, default_value_t)]
    keep: KeepName,
    /// End training after this many epochs without a better validation
    #[arg(long, value_name = "N", value_parser = positive)]
    patience: Option<usize>,
    /// Time for training: no epoch, trial or candidate starts that would not fit
    #[arg(long, value_name = "TIME", value_parser = duration)]
    budget: Option<Duration>,
    /// Weights of the classes in the loss: balanced weighs rare classes up, and chooses epochs and settings by macro F1
    #[arg(long, value_enum, default_value_t)]
    class_weights: ClassWeightsName,
    /// Validate and write a moving average of the weights with this decay, such as 0.99 [default: none]
    #[arg(long, value_name = "DECAY")]
    ema: Option<f32>,
}

/// `--class-weights`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum ClassWeightsName {
    #[default]
    None,
    Balanced,
}

/// `--optimizer`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OptimizerName {
    Sgd,
    Adamw,
}

/// `--schedule`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ScheduleName {
    Step,
    Cosine,
    Constant,
}

/// `--decay`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DecayName {
    Weights,
    All,
}

/// `--batch-norm`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum BatchNormName {
    Train,
    Frozen,
    Adapted,
    #[default]
    Auto,
}

/// `--keep`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum KeepName {
    #[default]
    Best,
    Last,
}

const EXAMPLES: &str = "\
Examples:
  ranktune tune --hub models/ --data photos/ --out tuned/                       the best-ranked model, taught by the best three
  ranktune tune --hub models/ --data photos/ --model mobilenet --image-size 128 --lambda auto --out tuned/
  ranktune tune --hub models/ --data photos/ --model mobilenet --method fine-tune --learning-rate auto --out tuned/
  ranktune tune --hub models/ --data photos/ --model mobilenet --teachers vit,resnet --out tuned/
  ranktune tune --resume --out tuned/                                           go on after an interruption
  ranktune tune --hub models/ --data questions.jsonl --model minilm --out tuned/
  ranktune tune --hub models/ --data eng.train --task tokens --model minilm --out tuned/";

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    arguments.report.check()?;
    let reporter = progress::Reporter::new();
    let hub = arguments.remote.sources(&arguments.hub)?;
    let load = |path: &Path, split: Split| {
        let own = |split| LoadOptions {
            split,
            ..arguments.data.load_options()
        };
        let local = |split| data::local(path, (&own(split), &[]), arguments.remote, &reporter);
        load(local(Some(split)).or_else(|_| local(None))?, split)
    };
    let mut options = arguments.options(&load)?;
    options.record = arguments.record.known_or_new()?;
    if arguments.list_parameters {
        let list = ranktune::list_parameters(&hub, &options, &reporter, interrupt::flag())?;
        output::print(arguments.format, &list, || list.table())?;
        return Ok(Exit::Done);
    }
    let also: &[Split] = if arguments.test.is_none() { &[Split::Test] } else { &[] };
    let data = arguments.data.local(also, arguments.remote, &reporter)?;
    options.test = arguments.test_data(&data, &load)?;
    let mut dataset = ranktune::load(&data.path, &data.load)?;
    if let Some(limit) = arguments.data.max_samples {
        dataset = dataset.subsample(limit, arguments.seed);
    }
    if let (true, Some(augmentation)) = (dataset.inputs.files().is_none(), arguments.training.augmentation) {
        anyhow::bail!("--augmentation {augmentation} is for images, and the data are texts; leave it out");
    }
    let defaults = TrainOptions {
        device: options.train.device.clone(),
        ..ranktune::training_defaults(&dataset)
    };
    options.train = arguments.training.options(arguments.seed, defaults);
    options.learning_rates = match &arguments.training.learning_rate {
        Some(Rate::Auto) => ranktune::usual_rates(&dataset),
        Some(Rate::OneOf(rates)) => rates.clone(),
        _ => Vec::new(),
    };
    let training = ranktune::tune(&hub, &dataset, &options, &reporter, interrupt::flag())?;
    output::print(arguments.format, &training, || training.table())?;
    output::say(&format!("the tuned model is in {}", options.out.display()));
    arguments.record.remember(&training, options.ranking.as_ref());
    // What the tuned model gets wrong is on the same page.
    arguments
        .report
        .write(&training, &[&options.out.join("evaluation.json")])?;
    if arguments.format == Format::Table {
        let inputs = if dataset.inputs.files().is_some() {
            " IMAGE…"
        } else {
            " FILE…"
        };
        NextCommand::new("predict")
            .path("model", &options.out)
            .then(inputs)
            .say();
    }
    let complete = training.unreadable.is_empty() && dataset.skipped == 0;
    Ok(if complete { Exit::Done } else { Exit::Skipped })
}

/// A data set beside the training data: its split of that name if there is one, read with the same options.
fn load(data: LocalData, split: Split) -> anyhow::Result<ranktune::Dataset> {
    let own = |split| LoadOptions {
        split,
        ..data.load.clone()
    };
    match ranktune::load(&data.path, &own(Some(split))) {
        Ok(dataset) => Ok(dataset),
        Err(_) => Ok(ranktune::load(&data.path, &own(None))?),
    }
}

/// The help of `--method`: every method of the list with its summary.
fn method_help() -> String {
    let mut text = "The tuning method:".to_owned();
    for method in METHODS {
        text.push_str(&format!("\n{}: {}", method.name, method.summary));
    }
    text.push_str(&format!(
        "\n{AUTO}: try several of these (--candidates), and keep what the validation samples say"
    ));
    text
}

impl Arguments {
    /// The data set of `--test`; by default, the test split beside the training data.
    fn test_data(
        &self,
        data: &LocalData,
        load: &dyn Fn(&Path, Split) -> anyhow::Result<ranktune::Dataset>,
    ) -> anyhow::Result<Option<ranktune::Dataset>> {
        match self.test.as_deref() {
            Some(path) if path == Path::new("none") => Ok(None),
            Some(path) => Ok(Some(load(path, Split::Test)?)),
            None => Ok(ranktune::load_test_split(&data.path, &data.load)?),
        }
    }

    fn options(&self, load: &dyn Fn(&Path, Split) -> anyhow::Result<ranktune::Dataset>) -> anyhow::Result<TuneOptions> {
        let ranking = self.ranking.as_deref().map(read_ranking).transpose()?;
        let validation = match self.validation.as_str() {
            "none" => Validation::None,
            text => match text.parse() {
                Ok(share) => Validation::Share(share),
                Err(_) => Validation::Data(Box::new(load(Path::new(text), Split::Validation)?)),
            },
        };
        let mut options = TuneOptions::new(self.out.clone().unwrap_or_default());
        options.model = match self.model.as_str() {
            "best" => Target::Best,
            name => Target::Named(name.to_owned()),
        };
        options.ranking = ranking;
        options.method.clone_from(&self.method);
        options.teachers = match self.teachers.as_deref().map(|text| (text, text.parse())) {
            None => Teachers::Usual,
            Some((_, Ok(0))) => {
                anyhow::bail!("--teachers must be at least 1, or names; for no teachers, use --method fine-tune")
            }
            Some((_, Ok(count))) => Teachers::Top(count),
            Some((text, Err(_))) => Teachers::Named(text.split(',').map(str::to_owned).collect()),
        };
        options.budget = self.training.budget;
        if !self.candidates.is_empty() {
            if self.method != AUTO {
                anyhow::bail!(
                    "--candidates are those of --method {AUTO}, and the method is {}; leave one of them out",
                    self.method
                );
            }
            options.candidates.clone_from(&self.candidates);
        }
        options.lambda.clone_from(&self.lambda);
        options.read_out = self.read_out.0;
        options.temperature = self.temperature;
        options.validation = validation;
        options.resume = self.resume;
        options.command = again::text();
        options.extract = self.engine.options()?;
        options.extract.max_unreadable = self.data.reading.max_skipped;
        options.extract.feature = feature(&self.feature)?;
        options.extract.pooling = self.pooling.map(ranktune::TextPooling::from);
        let training = &self.training;
        options.image_size = training.image_size;
        options.augmentation = training.augmentation.unwrap_or_default();
        options.views = training.views;
        options.decay = training.decay.map(|name| match name {
            DecayName::Weights => Decay::Weights,
            DecayName::All => Decay::All,
        });
        let defaults = TrainOptions {
            device: self.engine.device.open()?,
            ..TrainOptions::default()
        };
        options.train = training.options(self.seed, defaults);
        Ok(options)
    }
}

impl TrainingArguments {
    /// The options that were given, and `defaults` for the others.
    fn options(&self, seed: u64, defaults: TrainOptions) -> TrainOptions {
        TrainOptions {
            epochs: self.epochs.unwrap_or(defaults.epochs),
            batch_size: self.batch_size,
            memory: self.memory,
            optimizer: match self.optimizer {
                Some(OptimizerName::Sgd) => Optimizer::SGD,
                Some(OptimizerName::Adamw) => Optimizer::ADAM_W,
                None => defaults.optimizer,
            },
            learning_rate: match self.learning_rate {
                Some(Rate::Fixed(rate)) => rate,
                _ => defaults.learning_rate,
            },
            head_multiplier: self.head_multiplier,
            schedule: match self.schedule {
                Some(ScheduleName::Step) => Schedule::PUBLISHED,
                Some(ScheduleName::Cosine) => Schedule::Cosine,
                Some(ScheduleName::Constant) => Schedule::Constant,
                None => defaults.schedule,
            },
            warm_up: self.warm_up.unwrap_or(defaults.warm_up),
            weight_decay: self.weight_decay.unwrap_or(defaults.weight_decay),
            clip: self.clip.map_or(defaults.clip, |Clip(length)| length),
            label_smoothing: self.label_smoothing,
            freeze: self.freeze.clone(),
            batch_norm: match self.batch_norm {
                BatchNormName::Train => BatchNorm::Train,
                BatchNormName::Frozen => BatchNorm::Frozen,
                BatchNormName::Adapted => BatchNorm::Adapted,
                BatchNormName::Auto => BatchNorm::Auto,
            },
            seed,
            keep: match self.keep {
                KeepName::Best => Keep::Best,
                KeepName::Last => Keep::Last,
            },
            patience: self.patience,
            ema: self.ema,
            class_weights: match self.class_weights {
                ClassWeightsName::None => ClassWeights::None,
                ClassWeightsName::Balanced => ClassWeights::Balanced,
            },
            ..defaults
        }
    }
}

fn read_ranking(path: &Path) -> anyhow::Result<Ranking> {
    let file = if path.is_dir() {
        path.join("ranking.json")
    } else {
        path.to_owned()
    };
    let bytes = std::fs::read(&file).with_context(|| format!("{}: the ranking cannot be read", file.display()))?;
    serde_json::from_slice(&bytes)
        .with_context(|| format!("{}: expected a ranking.json that rank wrote", file.display()))
}
