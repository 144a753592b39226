//! What is true of single moments of recordings: beats and other events, spans with a label, melodies with their tonic.
//!
//! One table for all recordings, tab separated (or with commas, as `.csv`), whose columns say what it holds:
//!
//! | columns | kind | what a frame is asked |
//! |---|---|---|
//! | `id`, `time`, `label` | events | which of them are within 20 ms of its middle |
//! | `id`, `time`, `end`, `label` | spans | the label at its middle |
//! | `id`, `time`, `hz`, `tonic` | melody | the pitch class above the tonic, in semitones |
//! | `id`, `file`, `label` | events | the same; times lie in a file of each recording, as archives publish them |
//! | `id`, `file`, `tonic` | melody | the same; a file of times and frequencies |
//!
//! Times in seconds of the recording, frequencies in hertz; a frequency of 0 is no pitch. Frames are those of the model, 75 a second.

mod frames;
mod read;
mod track;

use std::collections::BTreeMap;
use std::path::Path;

use crate::CorpusError;

pub use frames::{AnnotatedFrame, FRAMES_A_SECOND, middle_of_frame};

/// Semitones of an octave, the classes of a melody.
const PITCH_CLASSES: usize = 12;

/// What is annotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnnotationKind {
    /// Moments with a label: any number of them may fall on a frame.
    Events,
    /// Spans of time with one label each.
    Spans,
    /// Fundamental frequencies and the tonic they are heard against.
    Melody,
}

/// The annotations of a set of recordings.
#[derive(Clone, Debug, PartialEq)]
pub struct Annotations {
    kind: AnnotationKind,
    /// Labels in their order; none for a melody.
    labels: Vec<String>,
    of: BTreeMap<String, Vec<Mark>>,
}

/// One annotated moment or span.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Mark {
    /// Seconds.
    start: f64,
    /// Seconds; the start where it is a moment.
    end: f64,
    /// Place of its label or pitch class in the outputs.
    output: usize,
}

impl Annotations {
    /// Reads a table of annotations and the files it names.
    pub fn read(path: &Path) -> Result<Self, CorpusError> {
        read::read(path)
    }

    /// What is annotated.
    pub fn kind(&self) -> AnnotationKind {
        self.kind
    }

    /// Names of what a frame can be, in the order of [`AnnotatedFrame::outputs`].
    pub fn outputs(&self) -> Vec<String> {
        match self.kind {
            AnnotationKind::Melody => (0..PITCH_CLASSES).map(|class| format!("tonic+{class}")).collect(),
            AnnotationKind::Events | AnnotationKind::Spans => self.labels.clone(),
        }
    }

    /// The annotated recordings, as the table calls them.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.of.keys().map(String::as_str)
    }

    /// At most `most` frames of a recording that have an annotation, drawn by its name and `seed` and sorted by time; none where there is no
    /// such recording.
    pub fn frames(&self, id: &str, most: usize, seed: u64) -> Vec<AnnotatedFrame> {
        let all = match (self.of.get(id), self.kind) {
            (None, _) => return Vec::new(),
            (Some(marks), AnnotationKind::Events) => frames::of_events(marks),
            (Some(marks), AnnotationKind::Spans | AnnotationKind::Melody) => frames::of_spans(marks),
        };
        frames::drawn(all, id, most, seed)
    }
}
