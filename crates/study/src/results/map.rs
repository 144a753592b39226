//! Pieces as the models place them: maps, neighbours, and a few that can be heard.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The same pieces on the maps of the base and of an adapted model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MapResult {
    /// Nearest neighbours that shares are taken over; they are of other recordings.
    pub k: u64,
    /// Traditions, in the order of shares.
    pub cultures: Vec<String>,
    /// The pieces, in the order of places.
    pub pieces: Vec<MapPiece>,
    /// One map a model; maps are turned to lie over the first.
    pub views: Vec<MapView>,
    /// Pieces that can be heard, by position in `pieces`, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excerpts: Vec<MapExcerpt>,
    /// Wav files by their SHA-256; they lie in the report, not in the numbers.
    #[serde(skip)]
    pub sounds: BTreeMap<String, Vec<u8>>,
}

/// A recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MapPiece {
    /// What it is called.
    pub recording: String,
    /// Its tradition.
    pub culture: String,
    /// Licence as stated; empty where none is.
    pub licence: String,
}

/// A model's map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MapView {
    /// The model.
    pub model: String,
    /// Where each piece lies; the unit has no meaning.
    pub places: Vec<[f64; 2]>,
    /// Trustworthiness of the map for ten neighbours, at most 1; none for few pieces.
    pub trustworthiness: Option<f64>,
    /// The same of the first two principal components.
    pub linear_trustworthiness: Option<f64>,
    /// Row: a tradition's pieces; column: the share of their neighbours that are of a tradition, 0..=1.
    pub shares: Vec<Vec<f64>>,
    /// For each tradition the piece that is nearest to one of another tradition.
    pub across: Vec<AcrossPair>,
}

/// Two pieces of different traditions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcrossPair {
    /// Position in `pieces`.
    pub piece: u64,
    /// Position of its neighbour.
    pub neighbour: u64,
    /// Cosine of the two, the mean of all pieces taken away, -1..=1.
    pub cosine: f64,
}

/// A part of a piece that the report plays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MapExcerpt {
    /// Position in `pieces`.
    pub piece: u64,
    /// Its length, seconds.
    pub seconds: f64,
    /// SHA-256 of the wav file.
    pub sha256: String,
}

impl MapResult {
    /// What the results have to say against it, with the names of all cultures and models; `None` where it is consistent.
    pub(super) fn fault(
        &self,
        is_culture: impl Fn(&str) -> bool,
        is_model: impl Fn(&str) -> bool,
    ) -> Option<String> {
        let (n, n_cultures) = (self.pieces.len(), self.cultures.len());
        if let Some(name) = self.cultures.iter().find(|name| !is_culture(name)) {
            return Some(format!("names the unknown `{name}`"));
        }
        if let Some(piece) = self.pieces.iter().find(|piece| !self.cultures.contains(&piece.culture)) {
            return Some(format!("has a piece of `{}`, which is none of its cultures", piece.culture));
        }
        let is_piece = |position: u64| (position as usize) < n;
        for view in &self.views {
            let model = &view.model;
            if !is_model(model) {
                return Some(format!("names the unknown `{model}`"));
            }
            if view.places.len() != n {
                return Some(format!("has {} places of `{model}` for {n} pieces", view.places.len()));
            }
            if view.shares.len() != n_cultures || view.shares.iter().any(|row| row.len() != n_cultures) {
                return Some(format!("has shares of `{model}` that are not {n_cultures} by {n_cultures}"));
            }
            let shares = view.shares.iter().flatten();
            let bounded = shares.chain(&view.trustworthiness).chain(&view.linear_trustworthiness);
            let cosines = view.across.iter().map(|pair| pair.cosine);
            let all_finite =
                view.places.iter().flatten().chain(bounded).copied().chain(cosines).all(f64::is_finite);
            if !all_finite {
                return Some(format!("has a number of `{model}` that is not finite"));
            }
            if view.across.iter().any(|pair| !is_piece(pair.piece) || !is_piece(pair.neighbour)) {
                return Some(format!("has a pair of `{model}` that is of no piece"));
            }
        }
        if self.excerpts.iter().any(|excerpt| !is_piece(excerpt.piece) || !excerpt.seconds.is_finite()) {
            return Some("has an excerpt of no piece, or without an end".into());
        }
        self.excerpts
            .windows(2)
            .any(|pair| pair[0].piece >= pair[1].piece)
            .then(|| "has excerpts that do not ascend".into())
    }
}
