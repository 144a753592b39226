//! The numbers the paper reports, for comparison with ours.
//!
//! Source: Kanatas, Papaioannou, Potamianos, *CultureMERT*, ISMIR 2025, Tables 1 and 2. Unit: per cent.

use serde::{Deserialize, Serialize};

/// A data set of the paper's evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PaperSet {
    /// Turkish-makam, 30 tags.
    Makam,
    /// Hindustani, 20 tags.
    Hindustani,
    /// Carnatic, 20 tags.
    Carnatic,
    /// Lyra (Greek traditional), 30 tags.
    Lyra,
    /// FMA-medium, 20 genres.
    FmaMedium,
    /// MagnaTagATune, 50 tags.
    Mtat,
}

impl PaperSet {
    /// All sets, in the order of the paper's Table 2.
    pub const ALL: [Self; 6] =
        [Self::Makam, Self::Hindustani, Self::Carnatic, Self::Lyra, Self::FmaMedium, Self::Mtat];

    /// The name the paper uses.
    pub fn label(self) -> &'static str {
        match self {
            Self::Makam => "Turkish-makam",
            Self::Hindustani => "Hindustani",
            Self::Carnatic => "Carnatic",
            Self::Lyra => "Lyra",
            Self::FmaMedium => "FMA-medium",
            Self::Mtat => "MTAT",
        }
    }

    /// Whether the set holds Western music in the paper's sense.
    pub fn is_western(self) -> bool {
        matches!(self, Self::FmaMedium | Self::Mtat)
    }
}

/// A score of the paper: mean and standard deviation over five probe seeds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PaperScore {
    /// Mean.
    pub mean: f64,
    /// Standard deviation; the paper states none for earlier work.
    pub std: Option<f64>,
}

/// One row of Table 2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Table2Row {
    /// The model.
    pub model: &'static str,
    /// Macro ROC-AUC per set, in the order of [`PaperSet::ALL`].
    pub roc_auc: [PaperScore; 6],
    /// Macro average precision per set, in the same order.
    pub average_precision: [PaperScore; 6],
    /// The paper's average over everything, where it states one.
    pub average: Option<f64>,
}

impl Table2Row {
    /// Mean of ROC-AUC and average precision over the sets that `keep` keeps.
    pub fn score(&self, keep: impl Fn(PaperSet) -> bool) -> f64 {
        let kept = PaperSet::ALL.iter().enumerate().filter(|(_, set)| keep(**set));
        let scores: Vec<f64> =
            kept.flat_map(|(i, _)| [self.roc_auc[i].mean, self.average_precision[i].mean]).collect();
        crate::statistics::mean(&scores)
    }
}

/// The row of Table 2 of this name.
///
/// # Panics
/// When the paper has no such model, which is a mistake of ours.
pub(crate) fn table_2_row(model: &str) -> &'static Table2Row {
    TABLE_2.iter().find(|row| row.model == model).expect("rows are named by constants of this crate")
}

const fn s(mean: f64, std: f64) -> PaperScore {
    PaperScore { mean, std: Some(std) }
}

const fn m(mean: f64) -> PaperScore {
    PaperScore { mean, std: None }
}

/// Table 2: every model on every set.
pub const TABLE_2: [Table2Row; 8] = [
    Table2Row {
        model: "MERT-v1",
        roc_auc: [s(83.2, 0.08), s(82.4, 0.04), s(74.9, 0.05), s(85.7, 0.10), s(90.7, 0.04), s(89.6, 0.07)],
        average_precision: [
            s(53.3, 0.12),
            s(52.9, 0.19),
            s(39.7, 0.15),
            s(56.5, 0.18),
            s(48.1, 0.11),
            s(35.9, 0.15),
        ],
        average: Some(66.1),
    },
    Table2Row {
        model: "MakamMERT",
        roc_auc: [s(88.7, 0.11), s(84.5, 0.16), s(77.6, 0.14), s(84.6, 0.12), s(90.3, 0.12), s(89.0, 0.07)],
        average_precision: [
            s(58.8, 0.22),
            s(57.8, 0.18),
            s(42.7, 0.16),
            s(53.2, 0.17),
            s(47.1, 0.16),
            s(35.6, 0.12),
        ],
        average: Some(67.5),
    },
    Table2Row {
        model: "CarnaticMERT",
        roc_auc: [s(88.4, 0.06), s(87.0, 0.06), s(78.8, 0.13), s(85.4, 0.11), s(90.2, 0.10), s(89.2, 0.10)],
        average_precision: [
            s(58.4, 0.16),
            s(60.2, 0.14),
            s(44.0, 0.17),
            s(55.8, 0.16),
            s(46.7, 0.09),
            s(35.3, 0.11),
        ],
        average: Some(68.3),
    },
    Table2Row {
        model: "HindustaniMERT",
        roc_auc: [s(88.3, 0.12), s(87.4, 0.11), s(77.0, 0.12), s(84.2, 0.13), s(90.2, 0.13), s(89.1, 0.09)],
        average_precision: [
            s(58.2, 0.16),
            s(60.3, 0.16),
            s(42.7, 0.16),
            s(52.0, 0.15),
            s(46.1, 0.10),
            s(35.8, 0.13),
        ],
        average: Some(67.6),
    },
    Table2Row {
        model: "LyraMERT",
        roc_auc: [s(86.7, 0.07), s(85.9, 0.08), s(76.4, 0.09), s(85.0, 0.11), s(90.0, 0.08), s(88.9, 0.05)],
        average_precision: [
            s(56.8, 0.13),
            s(57.4, 0.13),
            s(40.1, 0.13),
            s(53.5, 0.14),
            s(46.0, 0.16),
            s(35.1, 0.14),
        ],
        average: Some(66.8),
    },
    Table2Row {
        model: "CultureMERT",
        roc_auc: [s(89.6, 0.09), s(88.2, 0.20), s(79.2, 0.18), s(86.9, 0.10), s(90.7, 0.09), s(89.4, 0.09)],
        average_precision: [
            s(60.6, 0.21),
            s(63.5, 0.24),
            s(43.1, 0.22),
            s(56.7, 0.20),
            s(48.1, 0.13),
            s(35.9, 0.16),
        ],
        average: Some(69.3),
    },
    Table2Row {
        model: "CultureMERT-TA",
        roc_auc: [s(89.0, 0.12), s(87.5, 0.10), s(79.1, 0.11), s(87.3, 0.08), s(90.8, 0.06), s(89.6, 0.10)],
        average_precision: [
            s(61.0, 0.18),
            s(59.3, 0.13),
            s(43.3, 0.13),
            s(57.3, 0.19),
            s(49.1, 0.15),
            s(36.4, 0.14),
        ],
        average: Some(69.1),
    },
    Table2Row {
        model: "previous best",
        roc_auc: [m(87.7), m(86.5), m(77.0), m(85.4), m(92.4), m(92.7)],
        average_precision: [m(57.7), m(63.1), m(43.9), m(54.3), m(53.7), m(41.4)],
        average: None,
    },
];

/// Table 1: training strategy, ROC-AUC on Turkish-makam, ROC-AUC on MTAT.
pub const TABLE_1: [(&str, f64, f64); 5] = [
    ("MERT-v1 (base)", 83.2, 89.6),
    ("single stage, replay", 83.8, 86.0),
    ("single stage, no re-warming", 83.0, 87.5),
    ("two stages, replay in stage 1", 89.6, 89.2),
    ("two stages, replay in both", 88.6, 89.4),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_averages_follow_from_the_columns() {
        for row in TABLE_2.iter().filter(|row| row.average.is_some()) {
            let average = row.average.unwrap();
            // The paper rounds its average to one digit from unrounded columns; ours come from rounded ones.
            assert!((row.score(|_| true) - average).abs() < 0.1, "{}: {}", row.model, row.score(|_| true));
        }
    }

    #[test]
    fn the_gain_on_non_western_sets_is_the_published_one() {
        let gain = |model| table_2_row(model).score(|set| !set.is_western());
        assert!((gain("CultureMERT") - gain("MERT-v1") - 4.9).abs() < 0.05);
    }
}
