//! `prepare`: recordings to a prepared corpus.

use std::path::PathBuf;

use corpus::{CorpusError, PrepareRequest, Prepared, Progress};

use crate::exit::{Interrupted, usage};
use crate::inputs::{must_exist, open_codec, open_corpus};
use crate::share::{Share, Work};
use crate::terminal::{Terminal, print_json};
use crate::tokens::{fits_a_corpus, tokenize_corpus};

/// Decode recordings to 24 kHz mono and lay them down as a corpus; what cannot be used is quarantined with its reason.
#[derive(clap::Args)]
#[command(after_help = "Example: culturemert prepare --index recordings/index.tsv --out corpus")]
pub struct Args {
    /// A TSV, CSV or JSONL file with the columns path, culture, split, tags, licence, group, start, end; or a folder with a folder per culture.
    #[arg(long)]
    pub index: PathBuf,
    /// Folder of the corpus. The same command goes on where it was interrupted.
    #[arg(long)]
    pub out: PathBuf,
    /// Tokenizer whose codes are written too.
    #[arg(long)]
    pub codec: Option<PathBuf>,
    /// Bandwidth of an EnCodec model in kbit/s, see `tokenize`.
    #[arg(long, value_name = "KBPS", requires = "codec")]
    pub bandwidth: Option<f64>,
    /// How recordings come to 24 kHz: `torchaudio`, as the published models heard them, or `hq`.
    #[arg(long, default_value_t)]
    pub resampler: audio::Resampler,
    /// Seconds of a segment.
    #[arg(long, default_value_t = 30.0)]
    pub segment_seconds: f64,
    /// Bytes of the largest audio file of the corpus; jobs that share `tokenize` take whole files. Without it 1 GiB.
    #[arg(long, value_name = "BYTES")]
    pub shard_bytes: Option<u64>,
    /// Fail when more than this share of the recordings is unusable.
    #[arg(long, default_value_t = 0.1)]
    pub max_quarantined: f64,
    /// Decode share I of N only (`1/4` … `4/4`); `auto` asks the environment of a Slurm array, an indexed Kubernetes job or GNU parallel.
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Share>,
    /// Put together what N shares decoded; names those that are not done. Without it, what is missing is decoded here.
    #[arg(long, value_name = "N", conflicts_with = "shard")]
    pub assemble: Option<usize>,
    /// A folder that recordings may lie in beside the folder of the index. Paths and links that lead elsewhere are not followed.
    #[arg(long, value_name = "DIR")]
    pub audio_root: Vec<PathBuf>,
    /// Keep the splits of recordings whose index states none in this file: read there, or drawn and written.
    #[arg(long, value_name = "FILE")]
    pub splits: Option<PathBuf>,
    /// Replace a corpus made of other recordings or settings; it stays until the new one is whole.
    #[arg(long)]
    pub replace: bool,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    print_json(&prepare(args, terminal)?)
}

/// Prepares the corpus, or a share of it; returns the report.
pub fn prepare(args: &Args, terminal: &Terminal) -> anyhow::Result<serde_json::Value> {
    must_exist("index", &args.index)?;
    let codec = args.codec.as_deref().map(|path| open_codec(path, args.bandwidth)).transpose()?;
    codec.as_deref().map_or(Ok(()), fits_a_corpus)?;
    let mut request = PrepareRequest::new(&args.index, &args.out);
    request.settings.resampler = args.resampler;
    request.settings.segment_seconds = args.segment_seconds;
    request.settings.shard_bytes = args.shard_bytes.unwrap_or(request.settings.shard_bytes);
    request.max_quarantined_share = args.max_quarantined;
    request.share = args.shard.map(Share::resolve).transpose()?;
    request.assemble = args.assemble;
    request.audio_roots.clone_from(&args.audio_root);
    request.splits.clone_from(&args.splits);
    request.replace = args.replace;
    let prepared = prepare_with_bar(&request, terminal)?;
    match &prepared {
        Prepared::ShareDecoded { recordings, broken } => {
            terminal.say(format!("{recordings} recordings decoded, {broken} unusable"));
            return Ok(serde_json::json!({ "decoded": recordings, "unusable": broken }));
        }
        Prepared::UpToDate(_) => terminal.say("nothing to do: the corpus is there already"),
        Prepared::Built(_) => {}
    }
    let Some(report) = prepared.report() else { return Err(usage("there is no corpus to report on")) };
    terminal.say(format!(
        "{} of {} recordings prepared, {} quarantined; {} clips, {:.2} h",
        report.prepared, report.asked, report.quarantined, report.clips, report.hours
    ));
    if let Some(codec) = codec {
        let corpus = open_corpus(&args.out)?;
        tokenize_corpus(&corpus, codec.as_ref(), Work::Whole, terminal.stop_flag(), terminal)?;
    }
    Ok(serde_json::to_value(report)?)
}

/// Prepares with a progress bar; an interruption keeps what is done.
pub(crate) fn prepare_with_bar(request: &PrepareRequest, terminal: &Terminal) -> anyhow::Result<Prepared> {
    let bar = terminal.bar("prepare", 0);
    let watch = |progress: Progress<'_>| match progress {
        Progress::Decoded { done, total, .. } => {
            bar.set_length(total as u64);
            bar.set_position(done as u64);
            bar.set_message("");
        }
        Progress::Quarantined { file, detail, .. } => {
            bar.suspend(|| terminal.say(format!("quarantined `{file}`: {detail}")));
        }
        // Every file is looked at before the first is decoded.
        Progress::Hashed { done, total } => {
            bar.set_message(format!("(looked at {done} of {total} files)"));
        }
        Progress::Stored { done, total } => bar.set_message(format!("({done} of {total} files written)")),
    };
    let prepared = corpus::prepare(request, terminal.stop_flag(), &watch);
    bar.finish_and_clear();
    match prepared {
        Err(CorpusError::Interrupted { .. }) => {
            Err(Interrupted("what was decoded is kept; the same command goes on".into()).into())
        }
        prepared => Ok(prepared?),
    }
}
