//! `evaluate`: models on data sets, in the tables of the paper.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use corpus::datasets::MtatSplit;
use evaluate::WindowRule;
use serde_json::json;
use study::evaluation::{Role, tables_as_text, write_all};
use weights::ModelDirectory;

use crate::device::DeviceArgs;
use crate::evaluation::{
    Baseline, DataArgument, EvaluationPlan, Extractor, FeatureSettings, FrameRequest, FramesArgument,
    Normalise, OpenRequest, Splits, Subject, evaluate, keep_features,
};
use crate::exit::usage;
use crate::inputs::open_model;
use crate::probe_settings::probe_config;
use crate::share::Share;
use crate::terminal::{Terminal, print_json, print_text};

/// Probe frozen models on data sets: scores over seeds with intervals, transfer, forgetting, and what baselines leave of them.
///
/// A data set is NAME=PATH. PATH is a prepared corpus, an index file of your own recordings, or the folder of a known set
/// (`culturemert datasets`), whose name NAME then is. Of corpora and indexes the tags that begin with `NAME:` are predicted, or those that
/// begin with TAGS in NAME=PATH#TAGS; `#@culture` predicts the culture.
#[derive(clap::Args)]
#[command(
    after_help = "Example: culturemert evaluate --models base,adapted --data makam=corpus --data raga=corpus --split group --out results"
)]
pub(crate) struct Args {
    /// Model directories; the others are compared with the first.
    #[arg(long, value_delimiter = ',', required = true, value_name = "DIR,…")]
    models: Vec<PathBuf>,
    /// Data sets; several by commas or by repeating it.
    #[arg(long, value_delimiter = ',', required = true, value_name = "NAME=PATH[#TAGS]")]
    data: Vec<DataArgument>,
    /// Folder of the results; features are kept in `features` inside it.
    #[arg(long)]
    out: PathBuf,
    /// Another folder of kept features, which several evaluations may share.
    #[arg(long, value_name = "DIR")]
    features: Option<PathBuf>,
    /// Folder of the split and tag files of known data sets.
    #[arg(long, value_name = "DIR")]
    metadata: Option<PathBuf>,
    /// Go on where recordings or tags are missing; the results are marked.
    #[arg(long)]
    allow_missing: bool,
    /// Split of MagnaTagATune: `ccml` or `jongpillee`.
    #[arg(long, default_value_t = MtatSplit::Ccml)]
    mtat_split: MtatSplit,
    /// Splits of prepared corpora.
    #[arg(long, value_enum, default_value_t = Splits::Corpus)]
    split: Splits,
    /// Seed of splits that are drawn.
    #[arg(long, default_value_t = 0)]
    split_seed: u64,
    /// Sets whose recordings have one tag each: accuracy and macro F1 instead of ROC-AUC and AP.
    #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
    classes: Vec<String>,
    /// Sets whose tags end in a number that is to be predicted: R² and Pearson's r.
    #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
    values: Vec<String>,
    /// Annotations of single moments (events, spans, or a melody with its tonic) that are predicted from single frames instead.
    #[arg(long, value_delimiter = ',', value_name = "NAME=FILE")]
    frames: Vec<FramesArgument>,
    /// Frames of a recording, at most.
    #[arg(long, default_value_t = 256, value_name = "N")]
    frames_per_recording: usize,
    /// Sets of Western music, for the table of forgetting, besides those known to be.
    #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
    western: Vec<String>,
    /// What models have to beat.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Baseline::Random, Baseline::LogMel, Baseline::Chance])]
    baselines: Vec<Baseline>,
    /// No baselines.
    #[arg(long, conflicts_with = "baselines")]
    no_baselines: bool,
    /// How a recording is cut into windows.
    #[arg(long, value_enum, default_value_t = Rule::MarbleV1)]
    windows: Rule,
    /// Length of a window, seconds.
    #[arg(long, default_value_t = 30.0)]
    window: f64,
    /// From one window's start to the next one's, seconds; by default a window's length.
    #[arg(long)]
    hop: Option<f64>,
    /// What is brought to mean 0 and variance 1.
    #[arg(long, value_enum, default_value_t = Normalise::Auto)]
    normalize: Normalise,
    /// Settings of the probe as TOML; by default MARBLE's.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Only compute the features of one share of each set's recordings and keep them, for array jobs: `I/N`, or `auto` from the launcher's
    /// environment. The same command without it then finds all of them.
    #[arg(long, value_name = "I/N")]
    shard: Option<Share>,
    #[command(flatten)]
    place: DeviceArgs,
    /// Print `evaluation.json` instead of the tables.
    #[arg(long)]
    json: bool,
}

/// Names of [`WindowRule`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Rule {
    /// Every `hop`; a last window of a second or more is kept as it is.
    MarbleV1,
    /// Side by side; a last one of four fifths or more is filled with silence.
    #[value(name = "marble-2025")]
    Marble2025,
    /// Side by side; the rest is dropped.
    Ccml,
}

impl From<Rule> for WindowRule {
    fn from(rule: Rule) -> Self {
        match rule {
            Rule::MarbleV1 => Self::MarbleV1,
            Rule::Marble2025 => Self::Marble2025,
            Rule::Ccml => Self::Ccml,
        }
    }
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    let probe = probe_config(args.config.as_deref())?;
    let features = feature_settings(args)?;
    let names: BTreeSet<&str> = args.data.iter().map(|data| data.name.as_str()).collect();
    if names.len() < args.data.len() {
        return Err(usage("two data sets of one name: their numbers could not be told apart"));
    }
    for (flag, sets) in [("classes", &args.classes), ("values", &args.values), ("western", &args.western)] {
        if let Some(unknown) = sets.iter().find(|set| !names.contains(set.as_str())) {
            let meant = nearest::did_you_mean(unknown, names.iter().copied());
            return Err(usage(format!("`--{flag} {unknown}`: no `--data` has this name{meant}")));
        }
    }
    check_frames(args, &names)?;
    let subjects = subjects(args, &args.place.find()?)?;
    let request = OpenRequest {
        metadata: args.metadata.clone(),
        allow_missing: args.allow_missing,
        mtat_split: args.mtat_split,
        splits: args.split,
        split_seed: args.split_seed,
        classes: args.classes.clone(),
        values: args.values.clone(),
        western: args.western.clone(),
        frames: FrameRequest {
            annotations: args.frames.clone(),
            most: args.frames_per_recording,
            seed: args.split_seed,
        },
        ..OpenRequest::default()
    };
    let sets = args.data.iter().map(|data| request.open(data)).collect::<anyhow::Result<_>>()?;
    let plan = EvaluationPlan {
        subjects,
        with_chance: wants(args, Baseline::Chance),
        sets,
        features,
        probe,
        cache: args.features.clone().unwrap_or_else(|| args.out.join("features")),
    };
    if let Some(share) = args.shard {
        let share = share.resolve()?;
        let kept = keep_features(&plan, Some(share), terminal)?;
        return print_json(
            &json!({ "share": share.to_string(), "features": plan.cache, "recordings": kept }),
        );
    }
    let evaluation = evaluate(&plan, terminal)?;
    if evaluation.sets.is_empty() {
        anyhow::bail!("no data set could be measured");
    }
    for set in &evaluation.sets {
        for what in &set.incomplete {
            terminal.complain("warning", &format!("`{}` is not whole: {what}", set.name));
        }
        for remark in &set.remarks {
            terminal.say(format!("{}: {remark}", set.name));
        }
    }
    let written = write_all(&evaluation, &args.out)?;
    terminal.say(format!("{} files in `{}`", written.len(), args.out.display()));
    if args.json { print_json(&evaluation) } else { print_text(&tables_as_text(&evaluation)) }
}

/// Annotations go with one data set each, and say alone what is asked of it.
fn check_frames(args: &Args, names: &BTreeSet<&str>) -> anyhow::Result<()> {
    if args.frames_per_recording == 0 {
        return Err(usage("`--frames-per-recording 0`: nothing would be left"));
    }
    for (at, FramesArgument { name, .. }) in args.frames.iter().enumerate() {
        if !names.contains(name.as_str()) {
            return Err(usage(format!("`--frames {name}=…`: no `--data` has this name")));
        }
        if args.frames[..at].iter().any(|before| before.name == *name) {
            return Err(usage(format!("`--frames {name}=…` stands there twice")));
        }
        let says_tags = args.data.iter().any(|data| data.name == *name && data.tags.is_some());
        if says_tags || args.classes.contains(name) || args.values.contains(name) {
            return Err(usage(format!(
                "`--frames {name}=…` says what is predicted of `{name}`: leave out its `#TAGS`, `--classes` and `--values`"
            )));
        }
    }
    Ok(())
}

fn wants(args: &Args, baseline: Baseline) -> bool {
    !args.no_baselines && args.baselines.contains(&baseline)
}

/// Models, then baselines with features of their own.
fn subjects(args: &Args, device: &Device) -> anyhow::Result<Vec<Subject>> {
    let mut subjects: Vec<Subject> = Vec::new();
    for path in &args.models {
        let directory = open_model(path)?;
        let mut name = name_of(path, &directory);
        if subjects.iter().any(|subject| subject.name == name) {
            name = path.display().to_string();
        }
        if subjects.iter().any(|subject| subject.name == name) {
            return Err(usage(format!("model `{name}` is named twice")));
        }
        let extractor = Extractor::of_model(&directory, device)?;
        subjects.push(Subject { name, role: Role::Model, extractor });
    }
    let first = args.models.first().ok_or_else(|| usage("no model is named"))?;
    for baseline in [Baseline::Random, Baseline::LogMel].into_iter().filter(|one| wants(args, *one)) {
        subjects.extend(baseline.subject(|| open_model(first), device)?);
    }
    Ok(subjects)
}

/// The model's name; runs write theirs to `RUN/model`, which is then called after the run.
fn name_of(path: &Path, directory: &ModelDirectory) -> String {
    let run = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    match run {
        Some(run) if directory.name() == "model" => run,
        _ => directory.name(),
    }
}

fn feature_settings(args: &Args) -> anyhow::Result<FeatureSettings> {
    let hop = args.hop.unwrap_or(args.window);
    // A frame is the least that can be heard, an hour beyond every memory; a hop beyond a window would skip sound.
    if !(args.window >= 0.1 && args.window <= 3600.0) {
        return Err(usage(format!("`--window {}`: it has to be from 0.1 to 3600 seconds", args.window)));
    }
    if !(hop >= 0.01 && hop <= args.window) {
        return Err(usage(format!(
            "`--hop {hop}`: it has to be from 0.01 to the window's {} seconds",
            args.window
        )));
    }
    if args.hop.is_some() && args.windows != Rule::MarbleV1 {
        return Err(usage(
            "`--hop` goes with `--windows marble-v1`; the other rules lay windows side by side",
        ));
    }
    Ok(FeatureSettings {
        rule: args.windows.into(),
        window_seconds: args.window,
        hop_seconds: hop,
        normalise: args.normalize,
        batch: 4,
    })
}
