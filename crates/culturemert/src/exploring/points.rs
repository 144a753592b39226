//! Which clips make a point.

use corpus::Corpus;
use explore::{Item, Sound, Unit};

/// Clips that become one point, all of one recording.
pub(crate) struct Point {
    /// Number of its recording.
    pub(crate) recording: usize,
    /// Positions in [`Corpus::clips`].
    pub(crate) clips: Vec<usize>,
}

/// The points of a corpus, in its order.
pub(crate) struct Points {
    pub(crate) all: Vec<Point>,
    /// Clips in which nothing sounds.
    pub(crate) silent: usize,
    /// Clips too short for a frame.
    pub(crate) too_short: usize,
}

/// Clips or recordings as points; clips that are silent or shorter than `shortest` samples are counted and left out.
pub(crate) fn points(corpus: &Corpus, unit: Unit, shortest: usize) -> Points {
    let mut points = Points { all: Vec::new(), silent: 0, too_short: 0 };
    for (recording, range) in corpus.recordings().into_iter().enumerate() {
        let mut usable = Vec::new();
        for index in range {
            let clip = &corpus.clips()[index];
            if clip.silent {
                points.silent += 1;
            } else if clip.samples < shortest as u64 {
                points.too_short += 1;
            } else {
                usable.push(index);
            }
        }
        match unit {
            Unit::Clip => {
                points.all.extend(usable.into_iter().map(|index| Point { recording, clips: vec![index] }));
            }
            Unit::Recording if usable.is_empty() => {}
            Unit::Recording => points.all.push(Point { recording, clips: usable }),
        }
    }
    points
}

impl Points {
    /// What the page says of each, sound not yet decided.
    pub(crate) fn items(&self, corpus: &Corpus, unit: Unit) -> Vec<Item> {
        let rate = f64::from(audio::SAMPLE_RATE);
        self.all
            .iter()
            .map(|point| {
                let first = &corpus.clips()[point.clips[0]];
                let last = &corpus.clips()[point.clips[point.clips.len() - 1]];
                Item {
                    name: match unit {
                        Unit::Clip => first.id.clone(),
                        Unit::Recording => first.source.clone(),
                    },
                    culture: first.culture.clone(),
                    tags: first.tags.clone(),
                    group: first.group.clone(),
                    split: first.split.to_string(),
                    licence: first.licence.clone(),
                    start: first.start as f64 / rate,
                    seconds: (last.start + last.samples).saturating_sub(first.start) as f64 / rate,
                    sound: Sound::Off,
                }
            })
            .collect()
    }

    /// The recording of each.
    pub(crate) fn recordings(&self) -> Vec<u32> {
        self.all.iter().map(|point| point.recording as u32).collect()
    }
}
