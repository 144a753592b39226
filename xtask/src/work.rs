//! What is compared, and what is asked of each row.

use serde::{Deserialize, Serialize};

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub(crate) enum Work {
    /// All hidden states of one clip of 30 s, float32.
    Embed,
    /// The same in the fastest mode within 1e-2 of float32.
    EmbedBf16,
    /// One pre-training step of 4 clips of 5 s, all parameters, float32 results.
    Train,
    /// The same in mixed bfloat16 with float32 masters.
    TrainBf16,
    /// A step of stage 1 (front end and codewords train) beside our own full step.
    TrainFrozen,
    /// EnCodec codes of 30 s, 8 codebooks.
    Encodec,
    /// Constant-Q spectra of 4 clips of 5 s.
    Cqt,
    /// Real recordings to 24 kHz mono, one after the other.
    Decode,
    /// A base and four models of 95M parameters, safetensors to safetensors.
    Merge,
    /// Twenty epochs on 4000 × 12 × 768 features, 50 tags.
    Probe,
    /// ROC-AUC and average precision of 50 tags × 20 000 clips, 1000 resamples.
    Metrics,
}

impl Work {
    /// All rows, in the order of the table.
    pub(crate) const ALL: [Self; 11] = [
        Self::Embed,
        Self::EmbedBf16,
        Self::Train,
        Self::TrainBf16,
        Self::TrainFrozen,
        Self::Encodec,
        Self::Cqt,
        Self::Decode,
        Self::Merge,
        Self::Probe,
        Self::Metrics,
    ];

    /// The key of the row in JSON and on the command line.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Embed => "embed",
            Self::EmbedBf16 => "embed_bf16",
            Self::Train => "train",
            Self::TrainBf16 => "train_bf16",
            Self::TrainFrozen => "train_frozen",
            Self::Encodec => "encodec",
            Self::Cqt => "cqt",
            Self::Decode => "decode",
            Self::Merge => "merge",
            Self::Probe => "probe",
            Self::Metrics => "metrics",
        }
    }

    /// What the row says of itself.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Embed => "embed 30 s, MERT-95M shape, 13 hidden states, float32",
            Self::EmbedBf16 => "the same, fastest mode within 1e-2 of float32",
            Self::Train => "training step, 4 × 5 s, all parameters and heads, float32",
            Self::TrainBf16 => "the same in mixed bfloat16",
            Self::TrainFrozen => "training step of stage 1, against our own full step",
            Self::Encodec => "EnCodec codes of 30 s, 8 codebooks",
            Self::Cqt => "CQT of 4 × 5 s, 336 bins",
            Self::Decode => "decode and resample real mp3, flac, ogg, wav to 24 kHz",
            Self::Merge => "merge four 95M models into a base, file to file",
            Self::Probe => "probe, 20 epochs of 4000 × 12 × 768, 50 tags",
            Self::Metrics => "ROC-AUC and AP, 50 tags × 20 000 clips, 1000 resamples",
        }
    }

    /// Ratio (peer's time by ours) that is asked for at least, and aimed at.
    pub(crate) fn asked(self) -> (f64, f64) {
        match self {
            Self::Embed => (1.4, 2.5),
            Self::EmbedBf16 | Self::TrainBf16 | Self::Decode | Self::Merge => (1.5, 3.0),
            Self::Train => (1.6, 2.5),
            Self::TrainFrozen => (1.3, 1.45),
            Self::Encodec => (3.0, 6.0),
            Self::Cqt => (10.0, 25.0),
            Self::Probe => (2.5, 5.0),
            Self::Metrics => (20.0, 50.0),
        }
    }

    /// What the peer's script is asked to run; none where the peer is this program itself.
    ///
    /// A processor without bfloat16 instructions makes torch emulate them, many times slower than float32: there its float32 is the peer of
    /// the bfloat16 rows too.
    pub(crate) fn peer_arguments(self, has_bfloat16: bool) -> Option<Vec<&'static str>> {
        let words: &[&str] = match self {
            Self::EmbedBf16 if !has_bfloat16 => return Self::Embed.peer_arguments(false),
            Self::TrainBf16 if !has_bfloat16 => return Self::Train.peer_arguments(false),
            Self::Embed => &["embed", "--seconds", "30", "--batch", "1"],
            Self::EmbedBf16 => &["embed", "--seconds", "30", "--batch", "1", "--dtype", "bf16"],
            Self::Train => &["train"],
            Self::TrainBf16 => &["train", "--dtype", "bf16"],
            Self::TrainFrozen => return None,
            Self::Encodec => &["encodec"],
            Self::Cqt => &["cqt"],
            Self::Decode => &["decode"],
            Self::Merge => &["merge"],
            Self::Probe => &["probe"],
            // One resample costs the same as the next; the script scales twenty to a thousand.
            Self::Metrics => &["metrics", "--resamples", "20"],
        };
        Some(words.to_vec())
    }

    /// Whether the peer's script can compile this work.
    pub(crate) fn compiles(self) -> bool {
        matches!(self, Self::Embed | Self::EmbedBf16)
    }
}
