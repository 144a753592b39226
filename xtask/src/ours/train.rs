//! A pre-training step through the program's own loop: 4 clips of 5 s, 95M parameters, all heads, dropout, Adam.
//!
//! Nothing is left out that a user's run does: crops, masks and constant-Q targets are made while the step runs, and the log says how long
//! the step waited for them. The corpus is noise with random codes.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use anyhow::ensure;
use burn::tensor::Device;
use corpus::{CodesHeader, CodesWriter, Corpus, PrepareRequest, prepare};
use mert::EncoderConfig;
use pretrain::{Event, Init, RunRequest, TrainFile};
use serde_json::json;

use super::{Done, noise};
use crate::work::Work;

const RECORDINGS: u64 = 8;
const CODEBOOKS: usize = 8;
const ENTRIES: usize = 1024;
const CROPS: usize = 4;
const SAMPLES: usize = 5 * audio::SAMPLE_RATE as usize;
/// Any hexadecimal name will do for codes of no tokenizer.
const TOKENIZER: &str = "0000000000000000";

fn corpus_in(folder: &Path) -> PathBuf {
    folder.join("corpus")
}

/// Prepares eight recordings of 30 s of noise and gives them random codes.
pub(super) fn set_up(folder: &Path) -> anyhow::Result<()> {
    if corpus_in(folder).exists() {
        return Ok(());
    }
    let recordings = folder.join("recordings");
    for recording in 0..RECORDINGS {
        let wave = noise(30 * audio::SAMPLE_RATE as usize, recording, 0.1);
        let place = recordings.join("noise").join(format!("{recording}.wav"));
        let mut wav = Vec::new();
        audio::write_wav(&mut wav, &place, &wave, audio::SAMPLE_RATE)?;
        files::write_atomic(&place, &wav)?;
    }
    let request = PrepareRequest::new(&recordings, corpus_in(folder));
    prepare(&request, &AtomicBool::new(false), &|_| {})?;
    let corpus = Corpus::open(&corpus_in(folder))?;
    let header = CodesHeader {
        tokenizer: TOKENIZER.into(),
        name: "random".into(),
        n_codebooks: CODEBOOKS,
        n_entries: ENTRIES,
    };
    let writer = CodesWriter::open(&corpus, header)?;
    for shard in writer.pending_shards() {
        let mut codes = writer.shard(shard)?;
        for clip in codes.pending() {
            let n_frames = corpus.clips()[clip].n_frames() as usize;
            let mut draws = draws::Draws::new(1, "xtask/codes", &[clip as u64]);
            let row: Vec<u16> =
                (0..n_frames * CODEBOOKS).map(|_| draws.below(ENTRIES as u64) as u16).collect();
            codes.push(&row)?;
        }
        codes.finish()?;
    }
    Ok(writer.finish()?)
}

/// The plan of the comparison: the peer's step, with the loader's work on top.
fn plan(work: Work, updates: usize) -> anyhow::Result<pretrain::TrainPlan> {
    let trainable = match work {
        Work::TrainFrozen => r#"["feature_extractor.*", "label_embs_concat"]"#,
        _ => r#"["*"]"#,
    };
    let compute = if work == Work::TrainBf16 { "bfloat16" } else { "float32" };
    let text = format!(
        r#"
        model.init = "mert-95m"
        mixture.probability = 0.0
        held_out.crops = 0
        checkpoints.every = 1000000
        # Layer drop would make every step a different amount of work; the peer has none either.
        dropout.layer = 0.0
        precision.compute = "{compute}"

        [objective]
        codebooks = {CODEBOOKS}
        entries = {ENTRIES}

        [[stage]]
        name = "step"
        trainable = {trainable}
        updates = {updates}
        micro_batch = {CROPS}
        schedule = {{ kind = "constant", peak = 5e-4 }}
        adam = {{ betas = [0.9, 0.98], eps = 1e-6, eps_placement = "torch", weight_decay = 0.01 }}
        "#
    );
    Ok(TrainFile::parse("the comparison's plan", &text)?.plan()?)
}

pub(super) fn step(work: Work, repeat: usize, folder: &Path) -> anyhow::Result<Done> {
    let corpus = Corpus::open(&corpus_in(folder))?;
    let plan = plan(work, 1 + repeat)?;
    let run = tempfile::Builder::new().prefix("run-").tempdir_in(folder)?;
    let request = RunRequest {
        plan: &plan,
        corpus: &corpus,
        tokenizer: TOKENIZER,
        init: Init::Scratch,
        out: run.path(),
        resume: false,
        accept_drift: false,
        device: Device::flex(),
        ranks: &pretrain::Alone,
        stop: &AtomicBool::new(false),
    };
    let (mut seconds, mut waiting, mut loss, mut masked) = (Vec::new(), 0.0, f64::NAN, 0);
    pretrain::run(&request, &mut |event| {
        if let Event::Update(record) = event {
            (loss, masked) = (record.loss.total, record.masked_frames);
            if record.update > 1 {
                seconds.push(record.seconds.total);
                waiting += record.seconds.loading;
            }
        }
    })?;
    ensure!(seconds.len() == repeat, "{} of {repeat} updates were made", seconds.len());
    let config = EncoderConfig::v1_95m();
    let gflop = (work != Work::TrainFrozen).then(|| 3.0 * CROPS as f64 * config.forward_gflop(SAMPLES));
    let share = waiting / seconds.iter().sum::<f64>();
    let facts = json!({ "loss": loss, "masked_frames": masked, "waiting_share": share });
    Ok(Done { seconds, gflop, facts })
}
