use std::path::PathBuf;

/// What can go wrong with a tokenizer.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The disk refused.
    #[error(transparent)]
    Files(#[from] files::FilesError),
    /// A directory holds more than a tokenizer, so it is not ours to replace.
    #[error("`{}` holds `{found}` and is no tokenizer to be replaced; name another place", dir.display())]
    Occupied {
        /// The directory.
        dir: PathBuf,
        /// The first thing found in it that is no part of a tokenizer.
        found: String,
    },
    /// The weights cannot be read.
    #[error(transparent)]
    Weights(#[from] weights::WeightsError),
    /// A bandwidth for a tokenizer that has none.
    #[error("`{}` is a residual k-means tokenizer, which has no bandwidth to choose; leave `--bandwidth` out", path.display())]
    NoBandwidth {
        /// The tokenizer.
        path: PathBuf,
    },
    /// A setting has no sense.
    #[error("`{key} = {value}` cannot be: it must be {needed}")]
    Setting {
        /// Name of the setting.
        key: &'static str,
        /// What was given.
        value: String,
        /// What it must be.
        needed: String,
    },
    /// Too little material to fit on.
    #[error("{found} frames cannot fill {needed} entries; give more recordings or ask for fewer entries")]
    TooFewFrames {
        /// Frames given.
        found: usize,
        /// Entries asked for.
        needed: usize,
    },
    /// Frames are not rows of the width the tokenizer works on.
    #[error("{elements} elements do not make whole frames of {dims}")]
    FrameShape {
        /// Elements given.
        elements: usize,
        /// Elements a frame.
        dims: usize,
    },
    /// A NaN or an infinity.
    #[error(
        "frame {frame_idx} is not finite; the samples there hold NaN, infinity or values beyond all loudness"
    )]
    NotFinite {
        /// The first such frame.
        frame_idx: usize,
    },
    /// Codes that this tokenizer never makes.
    #[error("codes `[{n_frames}, {n_codebooks}]` do not fit {needed}")]
    Codes {
        /// Frames stated.
        n_frames: usize,
        /// Codebooks stated.
        n_codebooks: usize,
        /// What would fit.
        needed: String,
    },
    /// There is no tokenizer in the directory.
    #[error("`{}` holds no tokenizer: there is {wanted}", dir.display())]
    NoTokenizer {
        /// The directory.
        dir: PathBuf,
        /// What is missing.
        wanted: &'static str,
    },
    /// A tokenizer of a kind we do not know.
    #[error("`{}` is a tokenizer of kind `{kind}`, but only {known} can be opened", file.display())]
    UnknownKind {
        /// The file that says so.
        file: PathBuf,
        /// The kind it states.
        kind: String,
        /// The kinds that can be opened.
        known: &'static str,
    },
    /// A file is not what it should be.
    #[error("`{}` is not usable: {reason}", file.display())]
    Unusable {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A tensor is absent.
    #[error("`{}` lacks tensor `{tensor}`", file.display())]
    MissingTensor {
        /// The file.
        file: PathBuf,
        /// The tensor.
        tensor: String,
    },
    /// A tensor has another shape than the settings say.
    #[error("`{}`: tensor `{tensor}` has shape {found:?} but the settings need {needed:?}", file.display())]
    Shape {
        /// The file.
        file: PathBuf,
        /// The tensor.
        tensor: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape it must have.
        needed: Vec<usize>,
    },
    /// The content is not what was written.
    #[error("`{}` was changed after it was written: its content hashes to `{found}`, it states `{stated}`; copy or fit it anew", dir.display())]
    Hash {
        /// The directory.
        dir: PathBuf,
        /// Hash of what is there.
        found: String,
        /// Hash it states.
        stated: String,
    },
}
