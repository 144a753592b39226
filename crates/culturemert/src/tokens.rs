//! Codes of a recording or of a whole corpus, and tokenizers fitted to one.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use codec::{Codes, FeatureExtractor, FitSettings, FrameSample, ResidualKMeans, Tokenizer};
use corpus::{Clip, CodesHeader, CodesWriter, Corpus, CorpusError, JobShare, Split};
use rayon::prelude::*;

use crate::exit::{Interrupted, stopped, usage};
use crate::share::Work;
use crate::sound::Sound;
use crate::terminal::Terminal;

/// Clips encoded in one go before their codes are written, for each thread.
const CLIPS_A_THREAD: usize = 4;

/// Refuses a tokenizer whose frames are not those of a corpus and of the models that learn from it.
pub(crate) fn fits_a_corpus(tokenizer: &dyn Tokenizer) -> anyhow::Result<()> {
    if tokenizer.hop() == codec::HOP {
        return Ok(());
    }
    let (hop, needed) = (tokenizer.hop(), codec::HOP);
    Err(usage(format!(
        "the tokenizer makes a frame every {hop} samples, and a corpus needs one every {needed}"
    )))
}

/// The codes of one recording, read and encoded block after block: memory does not grow with its length but by the codes.
pub fn tokenize_recording(
    sound: &Sound,
    tokenizer: &dyn Tokenizer,
    terminal: &Terminal,
) -> anyhow::Result<Codes> {
    let stop = terminal.stop_flag();
    let mut samples = sound.open()?;
    let (mut codes, mut stream) = (tokenizer.no_codes(), tokenizer.stream());
    // How long the recording is shows at its end only.
    let sign = terminal.spinner("tokenize");
    let mut n_samples = 0;
    while let Some(block) = samples.next_block()? {
        n_samples += block.len();
        sign.set_message(format!("{} s of audio", n_samples / audio::SAMPLE_RATE as usize));
        stream.push(block, &mut codes).with_context(|| format!("recording `{sound}`"))?;
        if stop.load(Ordering::Relaxed) {
            return Err(stopped());
        }
    }
    stream.finish(&mut codes).with_context(|| format!("recording `{sound}`"))?;
    drop(stream);
    sign.finish_and_clear();
    Ok(codes)
}

/// Writes the codes of every clip that has none yet, as far as they are `work`. Jobs share the corpus's audio files.
pub(crate) fn tokenize_corpus(
    corpus: &Corpus,
    tokenizer: &dyn Tokenizer,
    work: Work,
    stop: &AtomicBool,
    terminal: &Terminal,
) -> anyhow::Result<()> {
    fits_a_corpus(tokenizer)?;
    let header = CodesHeader {
        tokenizer: tokenizer.hash().into(),
        name: tokenizer.name().into(),
        n_codebooks: tokenizer.n_codebooks(),
        n_entries: tokenizer.n_entries(),
    };
    let writer = CodesWriter::open(corpus, header)?;
    if writer.is_finished() {
        return Ok(());
    }
    let pending = writer.pending_shards();
    let ours: Vec<usize> = match work {
        Work::Whole => pending,
        Work::Share(share) => pending.into_iter().filter(|&shard| share.takes(shard)).collect(),
        Work::Assemble(jobs) => match pending.first() {
            None => pending,
            Some(first) => {
                let missing = CorpusError::SharesMissing {
                    shares: JobShare::of_items(jobs, &pending),
                    what: "files of codes",
                    items: pending.len(),
                    first: format!("{first:05}.npy"),
                };
                return Err(missing.into());
            }
        },
    };
    let n_clips = corpus.clips().iter().filter(|clip| ours.contains(&clip.shard)).count();
    let bar = terminal.bar("tokenize", n_clips as u64);
    let batch = CLIPS_A_THREAD * rayon::current_num_threads();
    for shard in ours {
        let mut codes = writer.shard(shard)?;
        let pending: Vec<usize> = codes.pending().collect();
        for clips in pending.chunks(batch) {
            let encoded: Vec<anyhow::Result<_>> = clips
                .par_iter()
                .map(|&clip| Ok(tokenizer.encode(&corpus.clip_samples(&corpus.clips()[clip])?)?))
                .collect();
            for one in encoded {
                codes.push(&one?.data)?;
                bar.inc(1);
            }
            if stop.load(Ordering::Relaxed) {
                return Err(
                    Interrupted("the codes made so far are kept; the same command goes on".into()).into()
                );
            }
        }
        codes.finish()?;
    }
    if !matches!(work, Work::Share(_)) {
        writer.finish()?;
    }
    bar.finish_and_clear();
    Ok(())
}

/// Fits the residual k-means tokenizer to the training recordings of the cultures of a corpus that are wanted.
pub(crate) fn fit(
    corpus: &Corpus,
    settings: &FitSettings,
    is_wanted: impl Fn(&str) -> bool,
    terminal: &Terminal,
) -> anyhow::Result<ResidualKMeans> {
    settings.check()?;
    let trains = |clip: &Clip| clip.split == Split::Train && is_wanted(&clip.culture);
    let clips: Vec<usize> = (0..corpus.clips().len()).filter(|&clip| trains(&corpus.clips()[clip])).collect();
    let bar = terminal.bar("features", clips.len() as u64);
    let sample = clips
        .par_chunks(8)
        .map(|clips| -> anyhow::Result<FrameSample> {
            let extractor = FeatureExtractor::new(settings.features)?;
            let mut sample = FrameSample::new(settings.features.bins(), settings.max_frames, settings.seed);
            for &clip in clips {
                let samples = corpus.clip_samples(&corpus.clips()[clip])?;
                if terminal.caller_stops() {
                    return Err(stopped());
                }
                sample.push_clip(clip as u64, &extractor.frames(&samples)?)?;
                bar.inc(1);
            }
            Ok(sample)
        })
        .try_reduce_with(|mut left, right| {
            left.merge(&right);
            Ok(left)
        });
    bar.finish_and_clear();
    let Some(sample) = sample else {
        return Err(usage("the corpus has no training recordings to fit a tokenizer to"));
    };
    let frames = sample?.into_frames();
    Ok(terminal.during("k-means", || ResidualKMeans::fit(&frames, settings))?)
}
