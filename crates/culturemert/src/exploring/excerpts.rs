//! Short excerpts of what may be heard, as wav files beside the page.

use std::path::Path;

use corpus::Corpus;
use explore::{Item, Sound, excerpt_name, faded, sound_of, within};
use rayon::prelude::*;

use super::points::Points;
use crate::terminal::Terminal;

/// Bytes of a wav file before its samples.
const HEADER: u64 = 44;

/// How much sound a page may have.
pub(crate) struct Excerpts {
    /// Longest excerpt, seconds.
    pub(crate) seconds: f64,
    /// Bytes of all together.
    pub(crate) limit: u64,
    pub(crate) seed: u64,
}

/// Where an excerpt comes from: the clip, its first sample and how many.
#[derive(Clone, Copy)]
pub(crate) struct Cut {
    clip: usize,
    start: u64,
    n: usize,
}

/// Decides what can be heard and writes that into the items: the middle of a clip, or of the longest clip of a recording.
pub(crate) fn plan_excerpts(
    corpus: &Corpus,
    points: &Points,
    items: &mut [Item],
    wanted: &Excerpts,
) -> Vec<Option<Cut>> {
    let most = (wanted.seconds * f64::from(audio::SAMPLE_RATE)).round() as u64;
    let cuts: Vec<Option<Cut>> = points
        .all
        .iter()
        .zip(items.iter())
        .map(|(point, item)| {
            let (plays, _) = sound_of(item.licence.as_deref());
            // The first of equally long ones.
            let longest = point.clips.iter().rev().max_by_key(|&&clip| corpus.clips()[clip].samples);
            let clip = *longest.filter(|_| plays)?;
            let samples = corpus.clips()[clip].samples;
            let n = samples.min(most);
            Some(Cut { clip, start: (samples - n) / 2, n: n as usize })
        })
        .collect();
    let bytes: Vec<u64> = cuts.iter().map(|cut| cut.map_or(0, |cut| HEADER + 2 * cut.n as u64)).collect();
    let cultures: Vec<&str> = items.iter().map(|item| item.culture.as_str()).collect();
    let chosen = within(&bytes, &cultures, wanted.limit, wanted.seed);
    let decide = |((item, cut), is_chosen): ((&mut Item, Option<Cut>), bool)| {
        let rate = f64::from(audio::SAMPLE_RATE);
        item.sound = match cut {
            None => Sound::Licence,
            Some(_) if !is_chosen => Sound::Limit,
            Some(cut) => Sound::Excerpt { seconds: cut.n as f64 / rate },
        };
        cut.filter(|_| is_chosen)
    };
    items.iter_mut().zip(cuts).zip(chosen).map(decide).collect()
}

/// Writes the excerpts below `dir`.
pub(crate) fn write_excerpts(
    corpus: &Corpus,
    cuts: &[Option<Cut>],
    dir: &Path,
    terminal: &Terminal,
) -> anyhow::Result<()> {
    let bar = terminal.bar("excerpts", cuts.iter().flatten().count() as u64);
    let written: Vec<(usize, Cut)> =
        cuts.iter().enumerate().filter_map(|(index, cut)| Some((index, (*cut)?))).collect();
    written.par_iter().try_for_each(|(index, cut)| {
        let samples = corpus.samples(&corpus.clips()[cut.clip], cut.start, cut.n)?;
        let path = dir.join(excerpt_name(*index));
        let mut wav = Vec::new();
        audio::write_wav(&mut wav, &path, &faded(samples), audio::SAMPLE_RATE)?;
        files::write_atomic(&path, &wav)?;
        bar.inc(1);
        anyhow::Ok(())
    })?;
    bar.finish_and_clear();
    Ok(())
}
