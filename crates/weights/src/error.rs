use std::path::{Path, PathBuf};

use files::FilesError;

/// What can be wrong with a model file, or with what is asked of it.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The disk refused.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// A file is not what its name says.
    #[error("`{}` cannot be read as {what}: {reason}", file.display())]
    Malformed {
        /// The file.
        file: PathBuf,
        /// The format that was expected.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A tensor that was asked for is not there.
    #[error("`{place}` has no tensor `{tensor}`{meant}")]
    NoTensor {
        /// File or model.
        place: String,
        /// Name of the tensor.
        tensor: String,
        /// The name that was meant, as the end of the sentence; empty where none is near.
        meant: String,
    },
    /// A tensor of whole numbers where floats are needed.
    #[error("`{place}`: tensor `{tensor}` holds {dtype} where floating point numbers are needed")]
    NotFloat {
        /// File or model.
        place: String,
        /// Name of the tensor.
        tensor: String,
        /// What it holds.
        dtype: &'static str,
    },
    /// A tensor has another shape than needed.
    #[error("`{place}`: tensor `{tensor}` has shape {found:?} but {needed:?} is needed")]
    Shape {
        /// File or model.
        place: String,
        /// Name of the tensor.
        tensor: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape it should have.
        needed: Vec<usize>,
    },
    /// Tensors do not fit the configuration of the model.
    #[error(
        "`{place}`: {} tensors are missing (first `{}`) and {} are unexpected (first `{}`){}",
        missing.len(), first(missing), unexpected.len(), first(unexpected), instead(missing, unexpected)
    )]
    Names {
        /// File or model.
        place: String,
        /// Names the configuration asks for.
        missing: Vec<String>,
        /// Names it does not know.
        unexpected: Vec<String>,
    },
    /// A value of `config.json` is absent, of another type or out of range.
    #[error("`config.json` of `{place}`: {reason}")]
    Config {
        /// The model.
        place: String,
        /// The key and what is wrong with it.
        reason: String,
    },
    /// A merge plan asks for something that cannot be done.
    #[error("merge plan: {0}")]
    Plan(String),
    /// A search for λ that cannot be made.
    #[error("search for λ: {0}")]
    Search(String),
    /// Models to be merged do not have the same tensors.
    #[error("cannot merge: model `{model}` {trouble} tensor `{tensor}`, compared with `{reference}`")]
    MergeNames {
        /// The model that differs.
        model: String,
        /// `lacks` or `has the extra`.
        trouble: &'static str,
        /// Name of the tensor.
        tensor: String,
        /// The model it was compared with.
        reference: String,
    },
    /// Models to be merged have a tensor in different shapes.
    #[error(
        "cannot merge: tensor `{tensor}` has shape {found:?} in `{model}` and {needed:?} in `{reference}`"
    )]
    MergeShape {
        /// Name of the tensor.
        tensor: String,
        /// The model that differs.
        model: String,
        /// Shape there.
        found: Vec<usize>,
        /// The model it was compared with.
        reference: String,
        /// Shape there.
        needed: Vec<usize>,
    },
    /// A task vector of another base than that of the merge.
    #[error(
        "cannot merge: task vector `{vector}` was taken from the base with content hash {needed}, but `{base}` has {found}; \
         name the base that it was taken from"
    )]
    VectorBase {
        /// The task vector.
        vector: String,
        /// Content hash of its base.
        needed: String,
        /// The base of the merge.
        base: String,
        /// Content hash of that.
        found: String,
    },
    /// A licence is claimed that data or ancestors do not allow.
    #[error("the model cannot be given out under `{claimed}`: {reason}")]
    Licence {
        /// The licence that was claimed.
        claimed: String,
        /// Which data or ancestor does not allow it, and why.
        reason: String,
    },
    /// A number that is not finite.
    #[error("model `{model}`: tensor `{tensor}` holds a value that is not finite at position {position}")]
    NotFinite {
        /// The model.
        model: String,
        /// Name of the tensor.
        tensor: String,
        /// Index into its elements in C order.
        position: usize,
    },
    /// A directory exists and is not ours to replace.
    #[error("`{}` exists and is not a model directory; name another place or remove it first", dir.display())]
    Occupied {
        /// The directory.
        dir: PathBuf,
    },
}

impl WeightsError {
    pub(crate) fn malformed(file: &Path, what: &'static str, reason: impl Into<String>) -> Self {
        Self::Malformed { file: file.to_path_buf(), what, reason: reason.into() }
    }
}

/// Which of the unexpected names most likely stands for the first that is missing.
fn instead(missing: &[String], unexpected: &[String]) -> String {
    let found = nearest::nearest(first(missing), unexpected.iter().map(String::as_str));
    found.map(|name| format!("; the nearest to `{}` is `{name}`", first(missing))).unwrap_or_default()
}

fn first(names: &[String]) -> &str {
    names.first().map_or("-", String::as_str)
}
