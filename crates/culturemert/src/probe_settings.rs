//! What verbs that probe have in common on the command line: settings of the probe, and where splits come from.

use std::path::Path;

use corpus::SplitShares;
use evaluate::ProbeConfig;

use crate::exit::usage;
use crate::inputs::must_exist;

/// Where the splits of a task come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Splits {
    /// The corpus.
    Corpus,
    /// Drawn for the tags alone, by group.
    Group,
}

/// Shares of splits drawn by group: few recordings need a larger test side than `prepare` gives.
pub(crate) const SHARES: SplitShares = SplitShares { train: 0.5, valid: 0.25, test: 0.25 };

/// Settings from a TOML file, MARBLE's where there is none; checked.
pub(crate) fn probe_config(path: Option<&Path>) -> anyhow::Result<ProbeConfig> {
    let Some(path) = path else { return Ok(ProbeConfig::default()) };
    must_exist("probe settings", path)?;
    let text = std::fs::read_to_string(path)?;
    let config: ProbeConfig = toml::from_str(&text)
        .map_err(|error| usage(format!("`{}`: {}", path.display(), nearest::explain(error.message()))))?;
    config.check().map_err(|error| usage(error.to_string()))?;
    Ok(config)
}
