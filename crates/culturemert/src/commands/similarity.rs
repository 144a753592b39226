//! `similarity`: how alike the cultures' tokens are, how sure that is, and what follows from it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use evaluate::{
    Bootstrap, DivergenceUnit, Guidance, RecordingCounts, SimilarityReport, SimilarityRequest, TransferCell,
};
use study::MeasuredTransfer;

use crate::exit::usage;
use crate::guidance::mixture;
use crate::inputs::{must_exist, must_not_be, open_corpus, pair, tokenizer_of};
use crate::terminal::{Terminal, print_json, print_text};
use crate::token_counts::{Tokens, counted, kept};

/// Compare cultures by the distributions of their tokens.
///
/// Distances are means over codebooks of the Jensen–Shannon divergence (not its square root, which scipy's `jensenshannon` gives) and
/// of the cosine distance, with intervals over recordings and with the distance of two halves of the same culture beside them.
#[derive(clap::Args)]
#[command(
    after_help = "Example: culturemert similarity --corpus corpus --counts counts.safetensors --format text"
)]
pub struct Args {
    /// Prepared corpus with codes.
    #[arg(long, required_unless_present_any = ["codes", "counts"])]
    pub corpus: Option<PathBuf>,
    /// Which codes, where the corpus has several.
    #[arg(long, requires = "corpus")]
    pub codec_hash: Option<String>,
    /// Codes of any other tokenizer: a culture and its folder of `.npy` files, uint16 `[frames, codebooks]`, one a recording; repeat for
    /// every culture.
    #[arg(long, value_name = "CULTURE=DIR", conflicts_with = "corpus", requires = "entries")]
    pub codes: Vec<String>,
    /// Entries of a codebook of these codes.
    #[arg(long, requires = "codes")]
    pub entries: Option<usize>,
    /// Counts by recording (safetensors, uint32 `[recordings, codebooks, entries]`): written, or used again where they are of the same
    /// tokens. Alone, they are all that is read.
    #[arg(long, value_name = "FILE")]
    pub counts: Option<PathBuf>,
    /// Where the JSON goes, besides stdout.
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// What stdout shows.
    #[arg(long, value_enum, default_value_t = Format::Json)]
    pub format: Format,
    /// Unit of divergences with intervals and floors; the plain matrices are there in both.
    #[arg(long, value_enum, default_value_t = Unit::Nats)]
    pub unit: Unit,
    /// What is drawn for intervals and halves: recordings, or whole groups (performer, album) of them.
    #[arg(long, value_enum, default_value_t = By::Recording)]
    pub by: By,
    /// Resamples of the intervals.
    #[arg(long, default_value_t = 1000)]
    pub resamples: usize,
    /// Random halvings of every culture.
    #[arg(long, default_value_t = 200)]
    pub splits: usize,
    /// Share of the resamples inside an interval.
    #[arg(long, default_value_t = 0.95)]
    pub level: f64,
    /// Seed of all draws.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Measured transfer to compare with: `evaluation.json` of `evaluate`, or `results.json` of `reproduce`.
    #[arg(long, value_name = "FILE")]
    pub transfer: Option<PathBuf>,
    /// What a model of `evaluation.json` was adapted to; repeat for every adapted model.
    #[arg(long, value_name = "MODEL=CULTURE", requires = "transfer")]
    pub source: Vec<String>,
    /// The culture of a data set of `evaluation.json`, where it is not the set's name.
    #[arg(long, value_name = "SET=CULTURE", requires = "transfer")]
    pub target: Vec<String>,
    /// Cultures there are models of, for weights by similarity; by default all.
    #[arg(long, value_delimiter = ',', value_name = "CULTURE,…")]
    pub adapted: Vec<String>,
    /// Print the part of a training plan that reads cultures by their similarity to this one (`all`: to all together) instead of the report.
    #[arg(long, value_name = "CULTURE", conflicts_with = "transfer")]
    pub mixture: Option<String>,
    /// λ of every task vector in a uniform merge; weights by similarity add to the same sum.
    #[arg(long, default_value_t = 0.2, allow_negative_numbers = true)]
    pub lambda: f64,
    /// How evenly weights follow similarity, in mean divergences: large is uniform, small takes the nearest alone.
    #[arg(long, default_value_t = 1.0)]
    pub temperature: f64,
}

/// What stdout shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Everything, for programs.
    Json,
    /// Tables, for people.
    Text,
}

/// Names of [`DivergenceUnit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Unit {
    /// Natural logarithm, at most 0.693.
    Nats,
    /// Logarithm to base 2, at most 1.
    Bits,
}

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum By {
    /// Recordings.
    Recording,
    /// Whole groups of them.
    Group,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    let report = similarity(args, terminal)?;
    if let Some(target) = &args.mixture {
        return print_text(&mixture_for(target, &report)?);
    }
    match args.format {
        Format::Json => print_json(&report),
        Format::Text => print_text(&report.to_text()),
    }
}

/// Compares; the report goes to `--out` too, where that is given.
pub fn similarity(args: &Args, terminal: &Terminal) -> anyhow::Result<SimilarityReport> {
    let inputs = [("corpus", &args.corpus), ("file of counts", &args.counts), ("transfer", &args.transfer)];
    for (what, input) in inputs {
        if let (Some(out), Some(input)) = (&args.out, input) {
            must_not_be(out, what, input)?;
        }
    }
    let transfer = measured_transfer(args, terminal)?;
    let counts = counts_of(args, terminal)?;
    let counts = match args.by {
        By::Recording => counts,
        By::Group => counts.by_group(),
    };
    let cultures: BTreeSet<&str> = counts.recordings().iter().map(|one| one.culture.as_str()).collect();
    if cultures.len() < 2 {
        return Err(usage("a comparison needs tokens of at least two cultures"));
    }
    if let Some(unknown) = args.adapted.iter().find(|name| !cultures.contains(name.as_str())) {
        let known: Vec<&str> = cultures.into_iter().collect();
        return Err(usage(format!("`--adapted {unknown}`: there are tokens of {}", known.join(", "))));
    }
    let report =
        evaluate::similarity_report(&counts, &request(args, transfer)).map_err(|error| match error {
            evaluate::EvaluateError::Setting { .. } | evaluate::EvaluateError::Twice { .. } => {
                usage(error.to_string())
            }
            other => other.into(),
        })?;
    if let Some(out) = &args.out {
        files::write_json(out, &serde_json::to_string_pretty(&report)?)?;
    }
    Ok(report)
}

/// The word for all cultures together.
const ALL: &str = "all";

/// Shares for one target, as a part of a training plan.
fn mixture_for(target: &str, report: &SimilarityReport) -> anyhow::Result<String> {
    let asked = |guided: &&evaluate::GuidedTarget| match &guided.target {
        Some(culture) => culture == target,
        None => target == ALL,
    };
    let guided = report.guided.iter().find(asked).ok_or_else(|| {
        let known = report.similarity.cultures.iter().map(String::as_str);
        let meant = nearest::did_you_mean(target, known);
        let known = report.similarity.cultures.join(", ");
        usage(format!(
            "`--mixture {target}`: there are tokens of {known}, and `{ALL}` stands for all together{meant}"
        ))
    })?;
    mixture(guided, report.guidance.temperature)
}

/// The settings of `reproduce`, in nats.
pub(crate) fn plain_settings() -> (Bootstrap, Bootstrap) {
    (Bootstrap::default(), Bootstrap { n_resamples: 200, ..Bootstrap::default() })
}

fn request(args: &Args, transfer: Option<(Vec<TransferCell>, String)>) -> SimilarityRequest {
    let bootstrap = Bootstrap { n_resamples: args.resamples, level: args.level, seed: args.seed };
    SimilarityRequest {
        unit: match args.unit {
            Unit::Nats => DivergenceUnit::Nats,
            Unit::Bits => DivergenceUnit::Bits,
        },
        bootstrap,
        splits: Bootstrap { n_resamples: args.splits, ..bootstrap },
        sources: (!args.adapted.is_empty()).then(|| args.adapted.clone()),
        guidance: Guidance { uniform_lambda: args.lambda, temperature: args.temperature },
        transfer,
    }
}

fn counts_of(args: &Args, terminal: &Terminal) -> anyhow::Result<RecordingCounts> {
    if let Some(corpus) = &args.corpus {
        let corpus = open_corpus(corpus)?;
        let tokenizer = tokenizer_of(&corpus, args.codec_hash.as_deref())?;
        return counted(&Tokens::Corpus(&corpus, &tokenizer), args.counts.as_deref(), terminal);
    }
    if let Some(entries) = args.entries {
        let folder = |given: &String| -> anyhow::Result<(String, PathBuf)> {
            let (culture, folder) = pair("--codes", given, "carnatic=codes/carnatic")?;
            Ok((culture.to_owned(), PathBuf::from(folder)))
        };
        let folders = args.codes.iter().map(folder).collect::<anyhow::Result<Vec<_>>>()?;
        return counted(&Tokens::Folders(&folders, entries), args.counts.as_deref(), terminal);
    }
    match &args.counts {
        Some(file) => kept(file),
        None => Err(usage("name a `--corpus`, `--codes` or `--counts`")),
    }
}

fn measured_transfer(
    args: &Args,
    terminal: &Terminal,
) -> anyhow::Result<Option<(Vec<TransferCell>, String)>> {
    let Some(file) = &args.transfer else { return Ok(None) };
    must_exist("transfer", file)?;
    let named = |flag: &str, given: &[String], example: &str| -> anyhow::Result<BTreeMap<String, String>> {
        let mut all = BTreeMap::new();
        for one in given {
            let (name, culture) = pair(flag, one, example)?;
            if all.insert(name.to_owned(), culture.to_owned()).is_some() {
                return Err(usage(format!("`{flag} {one}`: `{name}` has a culture already")));
            }
        }
        Ok(all)
    };
    let sources = named("--source", &args.source, "MakamMERT=turkish-makam")?;
    let targets = named("--target", &args.target, "makam=turkish-makam")?;
    let measured = MeasuredTransfer::read(file, &sources, &targets).map_err(|error| match error {
        study::StudyError::Inconsistent { .. } => {
            usage(format!("`{}`: {error} (`--source MODEL=CULTURE`, `--target SET=CULTURE`)", file.display()))
        }
        other => other.into(),
    })?;
    if !measured.missing.is_empty() {
        terminal.say(format!("not measured, so left out: {}", measured.missing.join(", ")));
    }
    Ok(Some((measured.cells, measured.measure)))
}
