//! `probe`: what a frozen encoder knows of the tags of a corpus.

use std::path::{Path, PathBuf};

use evaluate::Probe;
use serde_json::json;

use crate::device::DeviceArgs;
use crate::embedding::Embedder;
use crate::exit::usage;
use crate::inputs::{must_have_culture, open_corpus, open_model};
use crate::kept_clips::KeptClips;
pub use crate::probe_settings::Splits;
use crate::probe_settings::{SHARES, probe_config};
use crate::probing::{Task, embed_and_keep, embed_clips, encoder_facts};
use crate::share::Share;
use crate::terminal::{Terminal, print_json};

/// Train a small network on a frozen encoder to predict tags, and measure it on recordings it has not heard.
///
/// Splits are the corpus's (where its index stated none, `prepare` drew them so that no group is on two sides), or drawn anew by group.
///
/// Tags that one side lacks are named in the result; they enter no mean.
#[derive(clap::Args)]
#[command(
    after_help = "Example: culturemert probe --model model --corpus corpus --tags makam: --out makam.json"
)]
pub struct Args {
    /// Model directory.
    #[arg(long)]
    pub model: PathBuf,
    /// Prepared corpus.
    #[arg(long)]
    pub corpus: PathBuf,
    /// What the names of the tags begin with, for instance `makam:`; every recording that has one takes part.
    #[arg(long, value_name = "PREFIX")]
    pub tags: String,
    /// Only recordings of this culture.
    #[arg(long)]
    pub culture: Option<String>,
    /// Where the result goes; the trained probe goes beside it as `.safetensors`.
    #[arg(long)]
    pub out: PathBuf,
    /// `corpus`: the corpus's splits; `group`: drawn for these tags alone, by group, half of the recordings for training.
    #[arg(long, value_enum, default_value_t = Splits::Corpus)]
    pub split: Splits,
    /// Seed of splits by group.
    #[arg(long, default_value_t = 0)]
    pub split_seed: u64,
    /// Settings of the probe as TOML; by default MARBLE's.
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// Bring recordings to mean 0 and variance 1; by default as the model's preprocessor says.
    #[arg(long)]
    pub normalize: Option<bool>,
    /// Folder of features that are kept: what it holds is read, the rest is computed and put there.
    #[arg(long, value_name = "DIR")]
    pub features: Option<PathBuf>,
    /// Only compute the features of one share of the recordings and keep them, for array jobs: `I/N`, or `auto` from the launcher's
    /// environment. The same command without it then finds all of them.
    #[arg(long, value_name = "I/N", requires = "features")]
    pub shard: Option<Share>,
    /// Where the model computes.
    #[command(flatten)]
    pub place: DeviceArgs,
}

/// Key of the result that says which trained probe it is of.
pub(crate) const PROBE_SHA256: &str = "probe_sha256";

pub(crate) fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    print_json(&probe(args, terminal)?)
}

/// Trains, measures and writes a probe; returns what its result file says. A share of an array job only keeps features, and returns which.
pub fn probe(args: &Args, terminal: &Terminal) -> anyhow::Result<serde_json::Value> {
    let probe_file = probe_file_of(&args.out)?;
    let corpus = open_corpus(&args.corpus)?;
    let directory = open_model(&args.model)?;
    let config = probe_config(args.config.as_deref())?;
    let is_wanted =
        |clip: &corpus::Clip| args.culture.as_ref().is_none_or(|culture| *culture == clip.culture);
    if let Some(culture) = &args.culture {
        must_have_culture(&corpus, culture)?;
    }
    let mut task = Task::with_prefix(&corpus, is_wanted, &args.tags)?;
    if args.split == Splits::Group {
        task.split_by_group(&corpus, SHARES, args.split_seed);
    }
    let embedder = Embedder::new(&directory, args.normalize, &args.place.find()?)?;
    let hash = directory.identity()?.to_string();
    let open = |folder: &PathBuf| KeptClips::open(folder, &hash, &embedder, terminal);
    let kept = args.features.as_ref().map(open).transpose()?;
    if let (Some(share), Some(kept)) = (args.shard, &kept) {
        let share = share.resolve()?;
        let recordings = task.clips().into_iter().enumerate().filter(|&(at, _)| share.takes(at));
        let mine: Vec<_> = recordings.map(|(_, clips)| clips).collect();
        embed_and_keep(kept, &corpus, &mine, terminal)?;
        return Ok(
            json!({ "share": share.to_string(), "features": args.features, "recordings": mine.len() }),
        );
    }
    let features = match &kept {
        Some(kept) => embed_and_keep(kept, &corpus, &task.clips(), terminal)?,
        None => embed_clips(&embedder, &corpus, &task.clips(), terminal)?,
    };
    let facts =
        encoder_facts(&directory.name(), &hash, &features, corpus.manifest().settings.segment_seconds);
    let stop = terminal.caller_flag();
    let outcome = terminal.during("probe", || task.probe_until(&corpus, &features, &facts, &config, stop))?;
    let result = &outcome.result;
    let probe = outcome.probe.to_bytes()?;
    let mut stated = serde_json::to_value(result)?;
    stated[PROBE_SHA256] = files::hash_bytes(&probe).to_string().into();
    let text = serde_json::to_string_pretty(&stated)? + "\n";
    files::write_together(&[(&probe_file, &probe), (&args.out, text.as_bytes())])?;
    let deviation = |value: &evaluate::MeanStd| value.std.map_or(String::new(), |std| format!(" ± {std:.4}"));
    terminal.say(format!(
        "ROC-AUC {:.4}{}, average precision {:.4}{} over {} seeds; {} test recordings, {} tags, {} left out",
        result.roc_auc.mean,
        deviation(&result.roc_auc),
        result.average_precision.mean,
        deviation(&result.average_precision),
        result.roc_auc.n,
        result.sizes.files[2],
        result.tags.len(),
        result.left_out.len(),
    ));
    Ok(stated)
}

/// Where the trained probe goes. Nothing but an older probe is written over.
fn probe_file_of(out: &Path) -> anyhow::Result<PathBuf> {
    let file = out.with_extension("safetensors");
    let (shown, beside) = (out.display(), file.display());
    if file == out {
        return Err(usage(format!("`--out {shown}` is where the trained probe goes; end it with `.json`")));
    }
    if file.exists() && Probe::load(&file).is_err() {
        return Err(usage(format!(
            "`{beside}`, where the trained probe would go, exists and is no probe; choose another `--out`"
        )));
    }
    Ok(file)
}
