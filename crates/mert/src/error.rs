//! What can be wrong with a model or with what it is given.

/// A configuration, weights or a batch the model cannot work with.
#[derive(Debug, thiserror::Error)]
pub enum MertError {
    /// A setting outside its range, or one of which only one value is supported.
    #[error("model setting `{name}` is `{value}`: {requirement}")]
    Setting {
        /// Key in the configuration.
        name: &'static str,
        /// Its value.
        value: String,
        /// What it has to be.
        requirement: String,
    },
    /// The configuration is not one.
    #[error("model configuration: {0}")]
    Config(String),
    /// Fewer samples than the front end's field of view.
    #[error("a clip of {samples} samples is too short: the model needs at least {needed}")]
    TooShort {
        /// Samples given.
        samples: usize,
        /// Samples needed for one frame.
        needed: usize,
    },
    /// A part of a batch has another size than the rest asks for.
    #[error("{what} has {found} elements, expected {expected}")]
    Size {
        /// Which part.
        what: &'static str,
        /// Elements needed.
        expected: usize,
        /// Elements given.
        found: usize,
    },
    /// Tensors the model needs are not there.
    #[error("{n} tensors the model needs are absent, the first is `{first}`", n = .missing.len(), first = .missing[0])]
    Missing {
        /// Their names.
        missing: Vec<String>,
    },
    /// A tensor of another shape.
    #[error("tensor `{tensor}` has shape {found:?} but the model needs {needed:?}")]
    Shape {
        /// Its name.
        tensor: String,
        /// Its shape in the file.
        found: Vec<usize>,
        /// Its shape in the model.
        needed: Vec<usize>,
    },
    /// A label that no class stands for.
    #[error("label {label} of codebook {codebook} is not below the {classes} classes of the model")]
    Label {
        /// The label.
        label: u32,
        /// Its codebook.
        codebook: usize,
        /// Classes of the codebook.
        classes: usize,
    },
    /// A batch in which no frame counts.
    #[error("no frame of the batch enters the loss; lengthen the crops or mask more")]
    NothingToPredict,
}
