//! `sweep`: which λ merges best, by evidence.

use std::path::PathBuf;

use study::sweep::{Metric, Sweep, csv, svg, text};
use weights::{CoordinateSearch, LayerGroup};

use super::merge::{LAMBDA, group_factor};
use crate::device::DeviceArgs;
use crate::exit::usage;
use crate::inputs::{ModelArgument, must_exist, must_not_be, open_corpus, open_model};
use crate::probe_settings::{Splits, probe_config};
use crate::sweeping::{Asked, Guide, Search, Start, SweepRequest, sweep, write_chosen};
use crate::terminal::{Terminal, print_json, print_text};

/// Find the λ with which models merge best: merges in memory, probes on validation recordings, one process.
///
/// A shared λ from a grid (`--lambda`), one for each model by coordinate search (`--search coordinate`), or both. What validation
/// recordings score best is chosen; test recordings are scored beside and choose nothing. Without `--tags` every culture is a task of its own,
/// and the score is the mean over tasks.
#[derive(clap::Args)]
#[command(
    after_help = "Example: culturemert sweep --base base --model makam=makam-model --model carnatic=carnatic-model --corpus corpus \\
    --lambda 0,0.1,0.2,0.3 --search coordinate --keep points.jsonl --out merged"
)]
pub(crate) struct Args {
    /// Model the others were adapted from.
    #[arg(long)]
    base: PathBuf,
    /// Adapted model, or a task vector of one, with its name; repeat for several.
    #[arg(long, required = true, value_name = "NAME=DIR")]
    model: Vec<ModelArgument>,
    /// Prepared corpus that the probes hear.
    #[arg(long)]
    corpus: PathBuf,
    /// What the names of the tags of a task begin with, for instance `makam:,raga:`; by default every culture is a task with all its tags.
    #[arg(long, value_delimiter = ',', value_name = "PREFIX,…")]
    tags: Vec<String>,
    /// Only recordings of these cultures.
    #[arg(long, value_delimiter = ',', value_name = "CULTURE,…")]
    culture: Vec<String>,
    /// `corpus`: the corpus's splits; `group`: drawn for every task, by group, half of the recordings for training.
    #[arg(long, value_enum, default_value_t = Splits::Corpus)]
    split: Splits,
    /// Seed of splits by group.
    #[arg(long, default_value_t = 0)]
    split_seed: u64,
    /// Settings of the probe as TOML; by default MARBLE's.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Bring recordings to mean 0 and variance 1; by default as the base's preprocessor says.
    #[arg(long)]
    normalize: Option<bool>,
    #[command(flatten)]
    place: DeviceArgs,
    /// What merges are chosen by, on validation recordings.
    #[arg(long, value_enum, default_value_t = By::RocAuc)]
    metric: By,
    /// λ that all models share, one after the other.
    #[arg(
        long,
        value_delimiter = ',',
        allow_hyphen_values = true,
        required_unless_present = "search",
        value_name = "L,…"
    )]
    lambda: Vec<f64>,
    /// Search one λ for each model, coordinate by coordinate.
    #[arg(long, value_enum)]
    search: Option<How>,
    /// Where the search starts: at the best shared λ, at λ by similarity, or at numbers in the order of the models.
    #[arg(
        long,
        default_value = "uniform",
        allow_hyphen_values = true,
        requires = "search",
        value_name = "uniform|guided|L,…"
    )]
    start: Start,
    /// Lengths of the search's moves, each up and down.
    #[arg(long, value_delimiter = ',', default_values_t = [0.05, 0.1], requires = "search", value_name = "STEP,…")]
    step_grid: Vec<f64>,
    /// Rounds of the search at most; a round that changes nothing ends it.
    #[arg(long, default_value_t = 10, requires = "search")]
    rounds: usize,
    /// Shared λ to compare with where `--lambda` names none.
    #[arg(long, default_value_t = LAMBDA, allow_negative_numbers = true)]
    uniform: f64,
    /// What `culturemert similarity --out` wrote: λ by similarity are measured too. Models are named after its cultures.
    #[arg(long, value_name = "FILE")]
    similarity: Option<PathBuf>,
    /// Culture that similarity is to; by default all of the file together.
    #[arg(long, value_name = "CULTURE", requires = "similarity")]
    target: Option<String>,
    /// How evenly guided λ follow similarity, in mean divergences: large is uniform, small takes the nearest alone.
    #[arg(long, default_value_t = 1.0, requires = "similarity")]
    temperature: f64,
    /// Factor of λ in a group of layers, as in `merge`.
    #[arg(long, value_name = "GROUP=FACTOR", value_parser = group_factor)]
    group: Vec<(LayerGroup, f64)>,
    /// File of measurements (JSON lines), written as they come and read again: a sweep that was stopped goes on.
    #[arg(long, value_name = "FILE")]
    keep: Option<PathBuf>,
    /// Folder for the chosen merge, with a card that says how λ was chosen.
    #[arg(long, value_name = "MODEL")]
    out: Option<PathBuf>,
    /// Licence to give the merged model out under; refused where the data or a model it is made of does not allow it.
    #[arg(long, requires = "out")]
    licence: Option<String>,
    /// Where all points go as a table.
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Where scores by shared λ go as a drawing.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// What stdout shows.
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Everything, for programs.
    Json,
    /// Tables, for people.
    Text,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum How {
    Coordinate,
}

/// Names of [`Metric`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum By {
    RocAuc,
    Ap,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    let (models, start) = models_and_start(args)?;
    finite("--lambda", &args.lambda)?;
    finite("--uniform", &[args.uniform])?;
    if args.uniform == 0.0 {
        return Err(usage("`--uniform 0` is the base; name a λ to compare with"));
    }
    let search = match args.search {
        None => None,
        Some(How::Coordinate) => Some(Search {
            start,
            how: CoordinateSearch::new(&args.step_grid, args.rounds)
                .map_err(|error| usage(error.to_string()))?,
            steps: args.step_grid.clone(),
        }),
    };
    if matches!(&search, Some(Search { start: Start::Guided, .. })) && args.similarity.is_none() {
        return Err(usage(
            "`--start guided` needs `--similarity FILE`, from `culturemert similarity --out FILE`",
        ));
    }
    let n_shared = args.lambda.iter().filter(|lambda| **lambda != 0.0).count();
    if args.svg.is_some() && n_shared == 0 {
        return Err(usage("`--svg` draws scores by shared λ; name some with `--lambda`"));
    }
    check_outputs(args, &models)?;
    open_model(&args.base)?;
    for (_, path) in &models {
        open_model(path)?;
    }
    let config = probe_config(args.config.as_deref())?;
    if config.kind != evaluate::Kind::Tags {
        return Err(usage(
            "`kind` of the probe's settings must be `tags`: merges are chosen by metrics of tags",
        ));
    }
    let corpus = open_corpus(&args.corpus)?;
    let asked = Asked {
        prefixes: &args.tags,
        cultures: &args.culture,
        splits: args.split,
        split_seed: args.split_seed,
    };
    let (questions, not_measured) = asked.of(&corpus)?;
    for left in &not_measured {
        terminal.complain("warning", &format!("`{}` is not probed: {}", left.name, left.reason));
    }
    let request = SweepRequest {
        base: &args.base,
        models: models.clone(),
        factors: args.group.clone(),
        corpus: &corpus,
        questions,
        not_measured,
        split: match args.split {
            Splits::Corpus => "of the corpus".into(),
            Splits::Group => format!("by group, seed {}", args.split_seed),
        },
        config,
        normalise: args.normalize,
        device: args.place.find()?,
        metric: match args.metric {
            By::RocAuc => Metric::RocAuc,
            By::Ap => Metric::AveragePrecision,
        },
        grid: args.lambda.clone(),
        uniform: args.uniform,
        guide: args.similarity.as_deref().map(|file| Guide {
            file,
            target: args.target.as_deref(),
            temperature: args.temperature,
        }),
        search,
        keep: args.keep.as_deref(),
    };
    let swept = sweep(request, terminal)?;
    // First what hours were spent on: a file that cannot be written takes no number away.
    match args.format {
        Format::Json => print_json(&swept)?,
        Format::Text => print_text(&text(&swept))?,
    }
    write(args, &models, &swept, terminal)
}

/// Models by name, and the start of the search in the same order.
fn models_and_start(args: &Args) -> anyhow::Result<(Vec<(String, PathBuf)>, Start)> {
    let mut models = Vec::new();
    for model in &args.model {
        models.push((model.named("`sweep`")?, model.path.clone()));
    }
    let given = match &args.start {
        Start::Given(lambdas) if lambdas.len() != models.len() => {
            let (n, n_models) = (lambdas.len(), models.len());
            return Err(usage(format!("`--start` has {n} λ for {n_models} models; give one for each")));
        }
        Start::Given(lambdas) => lambdas.clone(),
        _ => vec![0.0; models.len()],
    };
    let mut both: Vec<((String, PathBuf), f64)> = models.into_iter().zip(given).collect();
    both.sort_by(|a, b| a.0.0.cmp(&b.0.0));
    if let Some(twice) = both.windows(2).find(|pair| pair[0].0.0 == pair[1].0.0) {
        return Err(usage(format!("two models are called `{}`", twice[0].0.0)));
    }
    let (models, given) = both.into_iter().unzip();
    let start = match &args.start {
        Start::Given(_) => Start::Given(given),
        other => other.clone(),
    };
    Ok((models, start))
}

fn finite(flag: &str, numbers: &[f64]) -> anyhow::Result<()> {
    match numbers.iter().find(|number| !number.is_finite()) {
        Some(number) => Err(usage(format!("`{flag} {number}` is not a finite number"))),
        None => Ok(()),
    }
}

fn check_outputs(args: &Args, models: &[(String, PathBuf)]) -> anyhow::Result<()> {
    if let Some(similarity) = &args.similarity {
        must_exist("similarity", similarity)?;
    }
    let outputs = [&args.out, &args.csv, &args.svg, &args.keep];
    let models = models.iter().map(|(_, path)| ("model", path));
    let files = [("similarity", &args.similarity), ("probe settings", &args.config)];
    let files = files.into_iter().filter_map(|(what, file)| Some((what, file.as_ref()?)));
    let inputs: Vec<(&str, &PathBuf)> =
        [("base", &args.base), ("corpus", &args.corpus)].into_iter().chain(models).chain(files).collect();
    for out in outputs.into_iter().flatten() {
        for (what, input) in &inputs {
            must_not_be(out, what, input)?;
        }
    }
    Ok(())
}

fn write(
    args: &Args,
    models: &[(String, PathBuf)],
    swept: &Sweep,
    terminal: &Terminal,
) -> anyhow::Result<()> {
    if let Some(file) = &args.csv {
        files::write_atomic(file, csv(swept).as_bytes())?;
    }
    if let (Some(file), Some(drawing)) = (&args.svg, svg(swept)) {
        files::write_atomic(file, drawing.as_bytes())?;
    }
    if let Some(out) = &args.out {
        let licence = args.licence.clone();
        terminal.during("merge", || write_chosen(swept, &args.base, models, &args.group, out, licence))?;
        terminal.say(format!("chosen merge in `{}`", out.display()));
    }
    Ok(())
}
