//! Codes of a whole corpus, and tokenizers fitted to one.

use std::sync::atomic::{AtomicBool, Ordering};

use codec::{FeatureExtractor, FitSettings, FrameSample, ResidualKMeans, Tokenizer};
use corpus::{CodesHeader, CodesWriter, Corpus, Split};
use rayon::prelude::*;

use crate::exit::Interrupted;
use crate::terminal::Terminal;

/// Clips encoded in one go before their codes are written, for each thread.
const CLIPS_A_THREAD: usize = 4;

/// Writes the codes of every clip that has none yet.
pub(crate) fn tokenize_corpus(
    corpus: &Corpus,
    tokenizer: &dyn Tokenizer,
    stop: &AtomicBool,
    terminal: &Terminal,
) -> anyhow::Result<()> {
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
    let bar = terminal.bar("tokenize", corpus.clips().len() as u64);
    let batch = CLIPS_A_THREAD * rayon::current_num_threads();
    for shard in writer.pending_shards() {
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
    writer.finish()?;
    bar.finish_and_clear();
    Ok(())
}

/// Fits the residual k-means tokenizer to the training recordings of a corpus.
pub(crate) fn fit(
    corpus: &Corpus,
    settings: &FitSettings,
    terminal: &Terminal,
) -> anyhow::Result<ResidualKMeans> {
    settings.check()?;
    let clips: Vec<usize> =
        (0..corpus.clips().len()).filter(|&clip| corpus.clips()[clip].split == Split::Train).collect();
    let bar = terminal.bar("features", clips.len() as u64);
    let sample = clips
        .par_chunks(8)
        .map(|clips| -> anyhow::Result<FrameSample> {
            let extractor = FeatureExtractor::new(settings.features)?;
            let mut sample = FrameSample::new(settings.features.bins(), settings.max_frames, settings.seed);
            for &clip in clips {
                let samples = corpus.clip_samples(&corpus.clips()[clip])?;
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
        return Err(crate::exit::usage("the corpus has no training recordings to fit a tokenizer to"));
    };
    Ok(ResidualKMeans::fit(&sample?.into_frames(), settings)?)
}
