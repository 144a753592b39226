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
    /// A card that could not compute what it was asked for.
    #[error(
        "the device could not compute it: {0}; shorter clips, or fewer at a time, need less of a card's memory"
    )]
    Device(String),
}

impl MertError {
    /// From what the engine says of a device: the innermost cause, which it prints last.
    pub(crate) fn device(error: &impl std::fmt::Display) -> Self {
        let text = error.to_string();
        let is_cause = |line: &&str| {
            !line.is_empty()
                && !["Caused by", "Asked at", "No backtrace"].iter().any(|word| line.starts_with(word))
        };
        let mut causes = text.lines().map(str::trim).filter(is_cause);
        Self::Device(causes.next_back().unwrap_or("it does not say why").to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_a_device_says_the_cause_is_told() {
        let said = "no tensor\nCaused by:\n  An IO error happened\nCaused by:\n  can't allocate\nNo backtrace available\nAsked at:\nNo backtrace available";
        let error = MertError::device(&said);
        assert!(
            error.to_string().starts_with("the device could not compute it: can't allocate; "),
            "{error}"
        );
    }
}
