//! One decoded recording among the work files: samples in `<key>.npy`, and in `<key>.json`, written last, what was found.
//!
//! The key is a hash of all that the samples depend on (content, piece, ending of the name, resampler, storage, our version), so parts of an
//! interrupted run are found again, and a part is never taken for another.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use files::{ContentHash, Hasher};
use serde::{Deserialize, Serialize};

use crate::decode::{Failure, decode};
use crate::sample_format::{SampleWriter, is_heard};
use crate::{CorpusError, Cut, PrepareSettings, Reason, Recording, container};

/// What a recording turned out to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Part {
    /// Its samples are stored.
    Ready {
        /// How many.
        samples: u64,
        /// How many of them were clipped by 16-bit storage.
        clipped: u64,
        /// Hash of the stored array.
        audio_sha256: String,
    },
    /// It cannot be used.
    Broken {
        /// Why, in a word.
        reason: Reason,
        /// Why, in a sentence.
        detail: String,
    },
}

/// Samples by which a piece may end behind its file: times of pieces are often whole seconds.
const LOOSE_END: u64 = audio::SAMPLE_RATE as u64;

/// Where the parts lie and how they are made.
pub(crate) struct Parts<'a> {
    pub(crate) folder: PathBuf,
    pub(crate) settings: &'a PrepareSettings,
    pub(crate) stop: &'a AtomicBool,
}

impl Parts<'_> {
    /// The name of the part of a source.
    pub(crate) fn key(&self, recording: &Recording, content: ContentHash) -> String {
        let mut hasher = Hasher::default();
        hasher.part("culturemert part").part(env!("CARGO_PKG_VERSION")).part(content.to_string());
        hasher.part(container::extension(&recording.path)).part(self.settings.resampler.to_string());
        hasher.part(self.settings.sample_format.to_string());
        if let Some(cut) = recording.cut {
            hasher.part(cut.to_string());
        }
        hasher.finish().to_string()
    }

    /// The array of samples of part `key`.
    pub(crate) fn samples_file(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{key}.npy"))
    }

    fn verdict_file(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{key}.json"))
    }

    /// What an earlier run found, if it came so far. A damaged note counts as none.
    pub(crate) fn known(&self, key: &str) -> Option<Part> {
        serde_json::from_slice(&std::fs::read(self.verdict_file(key)).ok()?).ok()
    }

    /// Decodes a recording into part `key`. `None` when asked to stop.
    pub(crate) fn make(&self, recording: &Recording, key: &str) -> Result<Option<Part>, CorpusError> {
        let (path, name) = (recording.path.as_path(), recording.source.as_str());
        let part = match self.decode(path, recording.cut, key)? {
            None => return Ok(None),
            // Messages name the file as it was opened; in the corpus it has its clean name.
            Some(Part::Broken { reason, detail }) => {
                Part::Broken { reason, detail: detail.replace(&*path.to_string_lossy(), name) }
            }
            Some(ready) => ready,
        };
        let is_lasting = !matches!(part, Part::Broken { reason: Reason::Unreadable | Reason::Absent, .. });
        if is_lasting {
            let json = serde_json::to_string(&part).expect("a part is plain data");
            files::write_json(&self.verdict_file(key), &json)?;
        }
        Ok(Some(part))
    }

    fn decode(&self, path: &Path, cut: Option<Cut>, key: &str) -> Result<Option<Part>, CorpusError> {
        let file = self.samples_file(key);
        let mut writer = SampleWriter::create(&file, self.settings.sample_format)?;
        let (mut n_samples, mut is_silent, mut not_finite) = (0u64, true, None);
        let mut is_stopped = false;
        let (first, last) = cut.map_or((0, u64::MAX), |cut| cut.samples());
        let mut n_heard = 0u64;
        let result = decode(path, self.settings.resampler, |block| {
            is_stopped = is_stopped || self.stop.load(Ordering::Relaxed);
            if is_stopped || not_finite.is_some() {
                return Ok(false);
            }
            let within = |at: u64| at.saturating_sub(n_heard).min(block.len() as u64) as usize;
            let wanted = within(first)..within(last);
            n_heard += block.len() as u64;
            let block = &block[wanted];
            if let Some(at) = block.iter().position(|x| !x.is_finite()) {
                not_finite = Some((n_samples + at as u64, block[at]));
                return Ok(false);
            }
            n_samples += block.len() as u64;
            is_silent = is_silent && !block.iter().any(|&x| is_heard(x));
            writer.push(block)?;
            Ok(n_heard < last)
        });
        if is_stopped {
            return Ok(None);
        }
        let broken = |reason, detail: String| Ok(Some(Part::Broken { reason, detail }));
        match result {
            Err(Failure::Sink(error)) => return Err(error),
            Err(Failure::Broken(reason, detail)) => return broken(reason, detail),
            Ok(()) => {}
        }
        if let Some((at, value)) = not_finite {
            let seconds = at as f64 / f64::from(audio::SAMPLE_RATE);
            return broken(Reason::NotFinite, format!("it holds {value} near second {seconds:.3}"));
        }
        if let Some(cut) = cut
            && n_heard + LOOSE_END < last
        {
            let seconds = n_heard as f64 / f64::from(audio::SAMPLE_RATE);
            return broken(
                Reason::Truncated,
                format!("it ends at {seconds:.3} s, the piece {cut} does later"),
            );
        }
        if n_samples == 0 {
            return broken(Reason::Undecodable, "it decodes to no samples".into());
        }
        if is_silent {
            return broken(Reason::Silent, format!("none of its {n_samples} samples sounds"));
        }
        let (samples, clipped) = writer.finish()?;
        let audio_sha256 = files::hash_file(&file)?.to_string();
        Ok(Some(Part::Ready { samples, clipped, audio_sha256 }))
    }

    /// Removes the samples of part `key`, which stand in a shard now.
    pub(crate) fn forget_samples(&self, key: &str) -> Result<(), CorpusError> {
        Ok(files::remove_file(&self.samples_file(key))?)
    }
}
