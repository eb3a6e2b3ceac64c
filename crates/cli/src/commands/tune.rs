//! `ranktune tune`

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use ranktune::{
    Augmentation, BatchNorm, Decay, Keep, Lambda, LoadOptions, Optimizer, Ranking, Schedule, Split, Target, Teachers,
    TrainOptions, TuneOptions, Validation,
};

use super::data::DataArguments;
use super::extraction::{EngineArguments, PoolingName, feature, positive};
use super::sources::RemoteArguments;
use crate::exit::Exit;
use crate::output::{self, Format};
use crate::{interrupt, progress};

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
    /// A ranking that rank wrote [default: made where it is needed, from cached features if there are any]
    #[arg(long, value_name = "ranking.json")]
    ranking: Option<PathBuf>,
    /// The way to tune: b-tuning, fine-tune, linear-probe, distillation, l2-sp, bss
    #[arg(long, value_name = "NAME", default_value = "b-tuning")]
    method: String,
    /// So many of the best-ranked models, or models by name
    #[arg(long, value_name = "K|NAME,…", default_value = "3")]
    teachers: String,
    /// Weight of what the teachers say; of several, or of a small grid with auto, the validation samples choose one
    #[arg(long, value_name = "X|X,X,…|auto", default_value = "10", value_parser = lambda)]
    lambda: Lambda,
    /// Weight of the tuned model's own Bayesian read-out beside its head, of b-tuning for classes; 0 is the head alone, as published
    /// [default: what suits training samples that the read-out has not seen]
    #[arg(long, value_name = "X|auto", default_value = "auto", hide_default_value = true, value_parser = read_out)]
    read_out: ReadOut,
    /// Temperature of the teachers' shares, softmax(LogME / temperature)
    #[arg(long, value_name = "X", default_value_t = 0.1)]
    temperature: f64,
    #[command(flatten)]
    training: TrainingArguments,
    /// Samples to validate on: a share of the data, a data set, or none
    #[arg(long, value_name = "0.1|PATH|none", default_value = "0.1")]
    validation: String,
    /// A data set to measure the tuned model on at the end
    #[arg(long, value_name = "PATH")]
    test: Option<PathBuf>,
    /// The tensor whose values are the features of the tuned model [default: found in the graph]
    #[arg(long, value_name = "NAME|auto", default_value = "auto")]
    feature: String,
    /// How the tokens of a text become one vector, in the tuned model and in its teachers [default: as the models' files say, else
    /// mean, or last for decoders]
    #[arg(long, value_enum)]
    pooling: Option<PoolingName>,
    #[command(flatten)]
    engine: EngineArguments,
    #[command(flatten)]
    remote: RemoteArguments,
    /// Seed of everything that is drawn
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// Folder for the tuned model, its records and checkpoints
    #[arg(long, value_name = "DIR", required_unless_present = "list_parameters")]
    out: Option<PathBuf>,
    /// Go on with the run that is in --out
    #[arg(long)]
    resume: bool,
    /// Say which weights of the model would be trained, and why the others would not, and stop
    #[arg(long)]
    list_parameters: bool,
    /// What is printed on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// How weights learn.
#[derive(Debug, Args)]
#[command(next_help_heading = "Training")]
struct TrainingArguments {
    /// Times that every sample is seen [default: 10, of texts 5]
    #[arg(long, value_name = "N", value_parser = positive)]
    epochs: Option<usize>,
    /// Samples a step
    #[arg(long, value_name = "N", default_value_t = TrainOptions::default().batch_size, value_parser = positive)]
    batch_size: usize,
    /// Learning rate of the backbone; of several, or of 1, 3 and 10 times the default (of texts 1, 10 and 100 times) with auto, the
    /// validation samples choose one [default: 1e-3, of texts 1e-4]
    #[arg(long, value_name = "X|X,X,…|auto", value_parser = rate)]
    learning_rate: Option<Rate>,
    /// How much faster the new head learns
    #[arg(long, value_name = "X", default_value_t = TrainOptions::default().head_multiplier)]
    head_multiplier: f32,
    /// sgd has Nesterov's momentum of 0.9 [default: sgd, for texts adamw]
    #[arg(long, value_enum)]
    optimizer: Option<OptimizerName>,
    /// How the rate goes over the run; step is × 0.1 at two thirds [default: step, for texts cosine]
    #[arg(long, value_enum)]
    schedule: Option<ScheduleName>,
    /// Share of the run in which the rate rises from 0 [default: 0, for texts 0.1]
    #[arg(long, value_name = "X")]
    warm_up: Option<f32>,
    /// Weight decay [default: 5e-4, for texts 0.01]
    #[arg(long, value_name = "X")]
    weight_decay: Option<f32>,
    /// What weight decay is for: weights, or all with biases and norms [default: as published with the method]
    #[arg(long, value_enum)]
    decay: Option<DecayName>,
    /// Largest length of the gradient, or none: of images the backbone's and the head's, each; of texts that of both [default: 5, for texts 1]
    #[arg(long, value_name = "X|none", value_parser = clip)]
    clip: Option<Clip>,
    /// Share of a class's target that is spread over all classes
    #[arg(long, value_name = "X", default_value_t = TrainOptions::default().label_smoothing)]
    label_smoothing: f32,
    /// Weights whose names begin so are not trained, running statistics not updated; may be repeated
    #[arg(long, value_name = "PREFIX")]
    freeze: Vec<String>,
    /// Statistics of BatchNormalization: of the batch, frozen, adapted (taken anew from the training samples, then frozen), or
    /// by the number of samples: frozen up to 2,000 (of several learning rates, those that are not the default are then tried both ways)
    #[arg(long, value_enum, default_value_t)]
    batch_norm: BatchNormName,
    /// Shorter edge of the images in pixels [default: what the model's preprocessing makes]
    #[arg(long, value_name = "N", value_parser = positive)]
    image_size: Option<usize>,
    /// Random views of images: crop[:SCALE] (of SCALE to 1 of the area, flipped), resize-crop (as published) or none [default: crop]
    #[arg(long, value_name = "NAME", value_parser = augmentation)]
    augmentation: Option<Augmentation>,
    /// Views of every image that teachers look at [default: 4; without teachers, a new one every epoch]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    views: Option<u32>,
    /// The weights to keep: of the epoch that is best on the validation samples, or the last ones
    #[arg(long, value_enum, default_value_t)]
    keep: KeepName,
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
  ranktune tune --hub models/ --data photos/ --model mobilenet --teachers vit,resnet --out tuned/ --resume
  ranktune tune --hub models/ --data questions.jsonl --model minilm --out tuned/
  ranktune tune --hub models/ --data eng.train --task tokens --model minilm --out tuned/";

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let reporter = progress::Reporter::new();
    let hub = arguments.remote.sources(&arguments.hub)?;
    let load = |path: &Path, split: Split| load(path, split, &arguments.data.load_options());
    let mut options = arguments.options(&load)?;
    if arguments.list_parameters {
        let list = ranktune::list_parameters(&hub, &options, &reporter, interrupt::flag())?;
        output::print(arguments.format, &list, || list.table())?;
        return Ok(Exit::Done);
    }
    let mut dataset = ranktune::load(&arguments.data.data, &arguments.data.load_options())?;
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
    let complete = training.unreadable.is_empty() && dataset.skipped == 0;
    Ok(if complete { Exit::Done } else { Exit::Skipped })
}

/// A data set beside the one that is trained on: its split of that name where there is one, read like the other.
fn load(path: &Path, split: Split, options: &LoadOptions) -> anyhow::Result<ranktune::Dataset> {
    let own = |split| LoadOptions {
        split,
        ..options.clone()
    };
    match ranktune::load(path, &own(Some(split))) {
        Ok(dataset) => Ok(dataset),
        Err(_) => Ok(ranktune::load(path, &own(None))?),
    }
}

impl Arguments {
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
        options.teachers = match self.teachers.parse() {
            Ok(0) => anyhow::bail!("--teachers must be at least 1, or names; for none, --method fine-tune"),
            Ok(count) => Teachers::Top(count),
            Err(_) => Teachers::Named(self.teachers.split(',').map(str::to_owned).collect()),
        };
        options.lambda.clone_from(&self.lambda);
        options.read_out = self.read_out.0;
        options.temperature = self.temperature;
        options.validation = validation;
        options.test = self.test.as_deref().map(|path| load(path, Split::Test)).transpose()?;
        options.resume = self.resume;
        options.extract = self.engine.options()?;
        options.extract.feature = feature(&self.feature)?;
        options.extract.pooling = self.pooling.map(ranktune::Pooling::from);
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
    /// What is said, and `defaults` for the rest.
    fn options(&self, seed: u64, defaults: TrainOptions) -> TrainOptions {
        TrainOptions {
            epochs: self.epochs.unwrap_or(defaults.epochs),
            batch_size: self.batch_size,
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

/// `--clip`
#[derive(Clone, Copy, Debug)]
struct Clip(Option<f32>);

fn clip(text: &str) -> Result<Clip, String> {
    match text.parse::<f32>() {
        _ if text == "none" => Ok(Clip(None)),
        Ok(value) if value.is_finite() && value > 0.0 => Ok(Clip(Some(value))),
        _ => Err(format!("expected none or a number above 0, got {text}")),
    }
}

/// `--learning-rate`
#[derive(Clone, Debug)]
enum Rate {
    Fixed(f32),
    OneOf(Vec<f32>),
    Auto,
}

fn rate(text: &str) -> Result<Rate, String> {
    if text == "auto" {
        return Ok(Rate::Auto);
    }
    let rates = different(text, |rate: f32| rate.is_finite() && rate > 0.0, "a number above 0")?;
    Ok(match rates[..] {
        [rate] => Rate::Fixed(rate),
        _ => Rate::OneOf(rates),
    })
}

fn lambda(text: &str) -> Result<Lambda, String> {
    if text == "auto" {
        return Ok(Lambda::auto());
    }
    let lambdas = different(
        text,
        |lambda: f64| lambda.is_finite() && lambda >= 0.0,
        "a number of at least 0",
    )?;
    Ok(match lambdas[..] {
        [lambda] => Lambda::Fixed(lambda),
        _ => Lambda::Grid(lambdas),
    })
}

/// `--read-out`; `None` for auto.
#[derive(Clone, Copy, Debug)]
struct ReadOut(Option<f64>);

fn read_out(text: &str) -> Result<ReadOut, String> {
    match text.parse::<f64>() {
        _ if text == "auto" => Ok(ReadOut(None)),
        Ok(weight) if weight.is_finite() && weight >= 0.0 => Ok(ReadOut(Some(weight))),
        _ => Err(format!("expected auto or a number of at least 0, got {text}")),
    }
}

/// One number or several different ones, all of them `fits`.
fn different<T>(text: &str, fits: impl Fn(T) -> bool, kind: &str) -> Result<Vec<T>, String>
where
    T: FromStr + Copy + PartialEq,
{
    let mut values: Vec<T> = Vec::new();
    for part in text.split(',') {
        match part.trim().parse() {
            Ok(value) if fits(value) && !values.contains(&value) => values.push(value),
            _ => {
                return Err(format!(
                    "expected auto, {kind}, or several different ones with commas between, got {text}"
                ));
            }
        }
    }
    Ok(values)
}

fn augmentation(text: &str) -> Result<Augmentation, String> {
    text.parse().map_err(|error: ranktune::DataError| error.to_string())
}
