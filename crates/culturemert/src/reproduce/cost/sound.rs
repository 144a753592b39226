//! How much sound there is: by the plan, by the cards of data sets, by the sizes of files.

use std::collections::BTreeMap;
use std::path::Path;

use corpus::{Corpus, read_index};

use super::{BYTES_A_SECOND, Cost, PROGRAM, SOUND_BYTES, SYNTHESISED};
use crate::reproduce::plan::{CorpusSource, StudyPlan, card_of};

/// Seconds of a recording of a data set that is heard whole.
const WHOLE_RECORDING: f64 = 300.0;
/// Seconds of a recording in a rehearsal.
const REHEARSED: f64 = 60.0;
/// Bytes of a second in a compressed file (192 kbit/s), a FLAC and a WAVE file (44.1 kHz, two channels).
const FILE_BYTES: [f64; 3] = [24_000.0, 100_000.0, 176_400.0];

/// Seconds of sound.
pub(super) struct Sound {
    corpora: BTreeMap<String, f64>,
    pieces: BTreeMap<String, f64>,
    /// Of each evaluation: seconds heard, and recordings.
    evaluations: Vec<(f64, f64)>,
}

impl Sound {
    pub(super) fn of(plan: &StudyPlan) -> Self {
        let mut corpora = BTreeMap::new();
        let mut pieces = BTreeMap::new();
        for corpus in &plan.corpora {
            let (seconds, n) = length(plan, &corpus.source);
            corpora.insert(corpus.name.clone(), seconds);
            pieces.insert(corpus.name.clone(), n);
        }
        let mut sound = Self { corpora, pieces, evaluations: Vec::new() };
        let evaluations = plan.file.evaluations.iter().map(|evaluation| {
            let sets = evaluation.datasets.iter().map(|name| heard(plan, name));
            let own = evaluation.sets.iter().map(|set| {
                let corpus = &plan.corpus(&set.corpus).name;
                let of_corpus = || (sound.corpus(corpus), sound.pieces(corpus));
                set.path.as_ref().map_or_else(of_corpus, |path| of_index(path))
            });
            sets.chain(own).fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
        });
        sound.evaluations = evaluations.collect();
        sound
    }

    /// Seconds of a corpus.
    pub(super) fn corpus(&self, name: &str) -> f64 {
        self.corpora.get(name).copied().unwrap_or(0.0)
    }

    /// Recordings of a corpus.
    pub(super) fn pieces(&self, name: &str) -> f64 {
        self.pieces.get(name).copied().unwrap_or(0.0)
    }

    /// Seconds that an evaluation hears.
    pub(super) fn evaluation(&self, place: usize) -> f64 {
        self.evaluations.get(place).map_or(0.0, |(seconds, _)| *seconds)
    }

    /// Recordings of an evaluation.
    pub(super) fn recordings_of(&self, place: usize) -> f64 {
        self.evaluations.get(place).map_or(0.0, |(_, recordings)| *recordings)
    }

    /// Bytes of the files of an evaluation.
    pub(super) fn evaluation_bytes(&self, place: usize) -> f64 {
        self.evaluation(place) * FILE_BYTES[0]
    }

    /// Making or gathering sound.
    pub(super) fn recordings(&self, plan: &StudyPlan, place: usize, cores: f64) -> Cost {
        let corpus = &plan.corpora[place];
        let seconds = self.corpus(&corpus.name);
        match corpus.source {
            CorpusSource::Synth { .. } => Cost {
                seconds: seconds / (SYNTHESISED * cores),
                memory: PROGRAM + 5e7,
                disk: seconds * SOUND_BYTES,
            },
            // What is taken is decoded to know its length, and everything that is evaluated on is hashed.
            CorpusSource::Gather { .. } => {
                let evaluated: f64 =
                    self.evaluations.iter().map(|(seconds, _)| seconds * FILE_BYTES[0]).sum();
                let bytes = seconds * FILE_BYTES[0] + evaluated;
                Cost {
                    seconds: bytes / BYTES_A_SECOND,
                    memory: PROGRAM,
                    disk: 300.0 * self.pieces(&corpus.name),
                }
            }
            CorpusSource::Index { .. } | CorpusSource::Prepared(_) => {
                Cost { seconds: 1.0, memory: PROGRAM, disk: 300.0 * self.pieces(&corpus.name) }
            }
        }
    }
}

/// Seconds and recordings of a corpus.
fn length(plan: &StudyPlan, source: &CorpusSource) -> (f64, f64) {
    match source {
        CorpusSource::Synth { minutes, piece_seconds } => {
            let rehearsal = plan.rehearsal;
            let minutes = rehearsal.map_or(*minutes, |rehearsal| rehearsal.minutes(*minutes, *piece_seconds));
            let seconds = 5.0 * 60.0 * minutes;
            (seconds, seconds / piece_seconds)
        }
        CorpusSource::Index { index, .. } => {
            let (seconds, n) = of_index(index);
            let most = plan.rehearsal.map(|rehearsal| rehearsal.limit as f64 * 15.0);
            most.filter(|&most| most < n).map_or((seconds, n), |most| (seconds * most / n, most))
        }
        CorpusSource::Gather { sets, held_out_minutes } => {
            let hours = sets.iter().map(|(set, hours)| {
                let published = card_of(&set.name).ok().and_then(|card| card.pretraining_hours);
                hours.or(published).unwrap_or(0.0) * 3600.0 + held_out_minutes * 60.0
            });
            let seconds: f64 = match plan.rehearsal {
                Some(rehearsal) => sets.len() as f64 * rehearsal.limit as f64 * 2.0 * REHEARSED,
                None => hours.sum(),
            };
            (seconds, seconds / WHOLE_RECORDING)
        }
        CorpusSource::Prepared(dir) => Corpus::open(dir).map_or((0.0, 0.0), |corpus| {
            let seconds = corpus.clips().iter().map(corpus::Clip::seconds).sum();
            (seconds, corpus.recordings().len() as f64)
        }),
    }
}

/// Seconds and recordings that a data set gives to an evaluation.
fn heard(plan: &StudyPlan, name: &str) -> (f64, f64) {
    let Ok(card) = card_of(name) else { return (0.0, 0.0) };
    let published = card.recordings.iter().sum::<usize>() as f64;
    let most = plan.rehearsal.map_or(f64::INFINITY, |rehearsal| 3.0 * rehearsal.limit as f64);
    // The sets without a limit of their own are published as clips of 30 s.
    let n = published.min(most);
    (n * card.max_seconds.unwrap_or(30.0), n)
}

fn of_index(index: &Path) -> (f64, f64) {
    if index.join("corpus.toml").is_file() {
        return Corpus::open(index).map_or((0.0, 0.0), |corpus| {
            (corpus.clips().iter().map(corpus::Clip::seconds).sum(), corpus.recordings().len() as f64)
        });
    }
    let Ok(listed) = read_index(index, None) else { return (0.0, 0.0) };
    let seconds = listed.recordings.iter().map(|recording| match recording.cut {
        Some(cut) => cut.seconds(),
        None => of_file(&recording.path),
    });
    (seconds.sum(), listed.recordings.len() as f64)
}

fn of_file(path: &Path) -> f64 {
    let bytes = std::fs::metadata(path).map_or(0, |file| file.len()) as f64;
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    bytes
        / match extension.as_deref() {
            Some("wav" | "aif" | "aiff") => FILE_BYTES[2],
            Some("flac") => FILE_BYTES[1],
            _ => FILE_BYTES[0],
        }
}
