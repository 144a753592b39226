//! A number of a merge plan: one for all tensors, or several by name or by group of layers.
//!
//! `filter` is mergekit's: it fits a tensor whose name contains it, `*` and its absence fit all, the first that fits counts, and where none
//! fits the next wider setting does. `group` is ours.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::LayerGroup;
use crate::TensorInfo;

/// A number for all tensors, or numbers by tensor of which the first that fits counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a number, or a list of `filter` or `group` with `value`")]
pub enum Setting {
    /// For all tensors.
    Everywhere(f64),
    /// By name.
    ByName(Vec<NamedSetting>),
    /// For some tensors; as a list of one.
    Once(NamedSetting),
}

/// A number for the tensors whose names contain a text, or that belong to a group of layers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedSetting {
    /// The text; absent or `*`: all tensors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// The group; a tensor must fit the text as well, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<LayerGroup>,
    /// The number.
    pub value: f64,
}

impl NamedSetting {
    fn fits(&self, tensor: &str) -> bool {
        self.filter.as_deref().is_none_or(|filter| filter == "*" || tensor.contains(filter))
            && self.group.as_ref().is_none_or(|group| group.contains(tensor))
    }
}

impl Setting {
    /// The number for a tensor.
    pub fn of(&self, tensor: &str) -> Option<f64> {
        match self {
            Self::Everywhere(value) => Some(*value),
            _ => self.entries().iter().find(|entry| entry.fits(tensor)).map(|entry| entry.value),
        }
    }

    /// Numbers by group of layers, and one for all other tensors.
    pub fn by_group(groups: impl IntoIterator<Item = (LayerGroup, f64)>, other: f64) -> Self {
        let mut entries: Vec<NamedSetting> = groups
            .into_iter()
            .map(|(group, value)| NamedSetting { filter: None, group: Some(group), value })
            .collect();
        if entries.is_empty() {
            return Self::Everywhere(other);
        }
        entries.push(NamedSetting { filter: None, group: None, value: other });
        Self::ByName(entries)
    }

    pub(super) fn values(&self) -> Vec<f64> {
        match self {
            Self::Everywhere(value) => vec![*value],
            _ => self.entries().iter().map(|entry| entry.value).collect(),
        }
    }

    /// A group that none of the tensors belongs to: asked for, and without effect.
    pub(super) fn idle_group(&self, tensors: &BTreeMap<String, TensorInfo>) -> Option<&LayerGroup> {
        let mut groups = self.entries().iter().filter_map(|entry| entry.group.as_ref());
        groups.find(|group| !tensors.keys().any(|tensor| group.contains(tensor)))
    }

    fn entries(&self) -> &[NamedSetting] {
        match self {
            Self::Everywhere(_) => &[],
            Self::ByName(entries) => entries,
            Self::Once(entry) => std::slice::from_ref(entry),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_fits_counts() {
        let groups =
            [("layers.0-5", 0.5), ("layers", 0.25)].map(|(name, value)| (name.parse().unwrap(), value));
        let setting = Setting::by_group(groups, 1.0);
        assert_eq!(setting.of("encoder.layers.5.layer_norm.bias"), Some(0.5));
        assert_eq!(setting.of("encoder.layers.6.layer_norm.bias"), Some(0.25));
        assert_eq!(setting.of("masked_spec_embed"), Some(1.0));
        assert_eq!(Setting::by_group([], 0.2), Setting::Everywhere(0.2));
    }

    #[test]
    fn filters_mean_what_mergekit_means() {
        let read = |text: &str| -> Setting { serde_norway::from_str(text).unwrap() };
        let list = read("[{filter: attention, value: 0.5}, {filter: '*', value: 1}]");
        assert_eq!((list.of("layers.0.attention.q"), list.of("norm")), (Some(0.5), Some(1.0)));
        // A condition alone counts as a list of one, and where it does not fit nothing is said.
        let once = read("{filter: attention, value: 0.5}");
        assert_eq!((once.of("layers.0.attention.q"), once.of("norm")), (Some(0.5), None));
        for gradient in ["[0, 0.5, 1]", "[{filter: a, value: [0, 1]}]", "[{filter: a, vale: 1}]", "text"] {
            assert!(serde_norway::from_str::<Setting>(gradient).is_err(), "{gradient}");
        }
    }
}
