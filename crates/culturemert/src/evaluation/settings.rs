//! What features are a function of, besides model and sound.

use evaluate::WindowRule;
use serde::Serialize;

use super::extractor::Extractor;

/// Changes whenever the same settings give other features.
const VERSION: u32 = 1;

/// How recordings become windows, and windows features.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct FeatureSettings {
    /// How a recording is cut.
    pub(crate) rule: WindowRule,
    /// Length of a window, seconds.
    pub(crate) window_seconds: f64,
    /// From start to start, seconds.
    pub(crate) hop_seconds: f64,
    /// What is brought to mean 0 and variance 1.
    pub(crate) normalise: Normalise,
    /// Windows of equal length that go through the model together, at most.
    pub(crate) batch: usize,
}

/// What is brought to mean 0 and variance 1 before the model hears it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Normalise {
    /// What the window rule's authors do, if the model's preprocessor wants it: recordings, or windows for `marble-2025`.
    #[default]
    Auto,
    /// The whole recording.
    Recording,
    /// Each window, padding included.
    Window,
    /// Nothing.
    None,
}

impl FeatureSettings {
    /// With `auto` decided for this extractor.
    pub(crate) fn resolved(self, extractor: &Extractor) -> Self {
        let normalise = match self.normalise {
            Normalise::Auto if !extractor.normalises() => Normalise::None,
            Normalise::Auto if self.rule == WindowRule::Marble2025 => Normalise::Window,
            Normalise::Auto => Normalise::Recording,
            decided => decided,
        };
        Self { normalise, ..self }
    }

    /// One text for everything a recording's features depend on besides model and sound. `max_seconds`: only so much of it counts.
    pub(crate) fn key(&self, max_seconds: Option<f64>) -> anyhow::Result<String> {
        Ok(serde_json::to_string(&(VERSION, self, max_seconds))?)
    }
}
