//! Where a model comes from: `culturemert.toml`, in every model directory we write.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize};

use super::{Refusal, Terms};
use crate::{TrainingSettings, WeightsError};

/// The history of a model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lineage {
    /// Version of this file's layout.
    pub schema: u32,
    /// Program and version that wrote the model.
    pub tool: String,
    /// Content hash of the encoder; filled in when the directory is written.
    pub content_hash: String,
    /// The licence under which the model is passed on, where its makers state one; see [`Lineage::check_claim`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// Licences of the weights of ancestors, of whose data nothing more is known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub base_licences: Vec<String>,
    /// Random seed of the training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// How models were merged, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merge: Option<String>,
    /// How the weights of the merge were chosen and by which data, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merge_choice: Option<String>,
    /// What it is the difference of, where it is a task vector and not a model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vector: Option<VectorOrigin>,
    /// Models whose task vectors were subtracted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub forgotten: Vec<String>,
    /// The model training started from; none when it started from scratch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<ParentModel>,
    /// Models that were merged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<ParentModel>,
    /// What it was trained on, ancestors included.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<DataOrigin>,
    /// Training stages, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<StageRecord>,
    /// Where the heads of pre-training come from, where not from the model that training started from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heads: Option<HeadsOrigin>,
    /// Loss weights, masks, mixture and dropout of the training, in the sections and keys of a plan.
    #[serde(skip_serializing_if = "TrainingSettings::is_empty")]
    pub settings: TrainingSettings,
    /// What changed while it was trained, accepted by hand, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drifts: Vec<String>,
}

/// Where the heads of a training come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum HeadsOrigin {
    /// They were drawn anew: the training began with heads that knew nothing.
    Fresh {
        /// Seed of the draws.
        seed: u64,
    },
    /// They were taken from another file than the encoder.
    File {
        /// Name of the file.
        name: String,
        /// Content hash of the heads.
        hash: String,
    },
}

/// A model that another was made from.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct ParentModel {
    /// Its name.
    pub name: String,
    /// Its content hash.
    pub hash: String,
    /// Licences that hold for it, as their authors write them.
    #[serde(alias = "licence", deserialize_with = "one_or_several", skip_serializing_if = "Vec::is_empty")]
    pub licences: Vec<String>,
}

/// Earlier files have one text here.
fn one_or_several<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a licence or a list of licences")]
    enum Read {
        One(String),
        Several(Vec<String>),
    }
    Ok(match Read::deserialize(deserializer)? {
        Read::One(licence) => vec![licence],
        Read::Several(licences) => licences,
    })
}

/// The two models that a task vector is the difference of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VectorOrigin {
    /// What was taken away, and what the vector can be added to.
    pub base: ParentModel,
    /// What it was taken away from.
    pub model: ParentModel,
}

/// A corpus that a model was trained on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DataOrigin {
    /// Its name.
    pub corpus: String,
    /// Its content hash.
    pub hash: String,
    /// The traditions in it, named as their communities name them.
    pub cultures: Vec<String>,
    /// Licences of its recordings.
    pub licences: Vec<String>,
    /// Whether its recordings were made by a program.
    pub synthetic: bool,
    /// Hours of audio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<f64>,
}

/// One stage of a training.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StageRecord {
    /// Its name.
    pub name: String,
    /// Optimiser updates.
    pub updates: u64,
    /// Hours of audio seen.
    pub hours: f64,
    /// Name patterns of the tensors that were trained.
    pub trainable: Vec<String>,
    /// Highest learning rate.
    pub peak_learning_rate: f64,
}

impl Lineage {
    /// The current layout.
    pub const SCHEMA: u32 = 1;

    /// An empty history, written by this version of the program.
    pub fn new() -> Self {
        let tool = concat!("culturemert ", env!("CARGO_PKG_VERSION")).to_owned();
        Self { schema: Self::SCHEMA, tool, ..Self::default() }
    }

    /// All licences of data and ancestors, each once.
    pub fn licences(&self) -> BTreeSet<&str> {
        let of_data = self.data.iter().flat_map(|data| &data.licences);
        let of_models = self.ancestors().flat_map(|parent| &parent.licences);
        let all = of_data.chain(of_models).chain(&self.base_licences);
        all.map(String::as_str).filter(|licence| !licence.is_empty()).collect()
    }

    /// What whoever makes something of the model has to keep: all licences, and that under which the model itself is given out.
    pub fn passed_on(&self) -> BTreeSet<String> {
        self.licences().into_iter().chain(self.licence.as_deref()).map(ToOwned::to_owned).collect()
    }

    /// Licences that rule out commercial use of the model.
    pub fn non_commercial(&self) -> BTreeSet<&str> {
        self.licences()
            .into_iter()
            .chain(self.licence.as_deref())
            .filter(|licence| Terms::of(licence).is_non_commercial())
            .collect()
    }

    /// What the model was made of and of which no licence is recorded: corpora, and models that nothing is known of.
    pub fn unlicensed(&self) -> Vec<&str> {
        let data = self.data.iter().filter(|data| data.licences.is_empty() && !data.synthetic);
        let models = self.ancestors().filter(|model| model.licences.is_empty());
        data.map(|data| data.corpus.as_str()).chain(models.map(|model| model.name.as_str())).collect()
    }

    fn ancestors(&self) -> impl Iterator<Item = &ParentModel> {
        let vector = self.vector.iter().flat_map(|vector| [&vector.base, &vector.model]);
        self.base.iter().chain(&self.parents).chain(vector)
    }

    /// Refuses a stated licence that data or ancestors do not allow, or of which that cannot be told.
    pub fn check_claim(&self) -> Result<(), WeightsError> {
        let Some(claimed) = &self.licence else { return Ok(()) };
        let refuse = |reason: String| WeightsError::Licence { claimed: claimed.clone(), reason };
        if self.data.is_empty() && self.ancestors().next().is_none() {
            return Err(refuse("nothing is recorded of what it was made of".into()));
        }
        for licence in self.licences() {
            let refusal = Terms::of(licence).forbid(Terms::of(claimed));
            // Under its own words what a licence allows needs no reading, but that nothing may be made of it.
            let stands = |refusal: &Refusal| licence != claimed || *refusal == Refusal::NoDerivatives;
            if let Some(refusal) = refusal.filter(stands) {
                return Err(refuse(format!("it was made under `{licence}`, which {refusal}")));
            }
        }
        match self.unlicensed().first() {
            Some(name) => Err(refuse(format!("no licence is recorded of `{name}`, which it was made of"))),
            None => Ok(()),
        }
    }

    /// All traditions it was trained on, each once.
    pub fn cultures(&self) -> BTreeSet<&str> {
        self.data.iter().flat_map(|data| data.cultures.iter().map(String::as_str)).collect()
    }

    /// Whether any of the data was made by a program.
    pub fn is_synthetic(&self) -> bool {
        self.data.iter().any(|data| data.synthetic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made_of(licences: &[&str]) -> Lineage {
        let data = DataOrigin {
            corpus: "recordings".into(),
            licences: licences.iter().map(|&licence| licence.into()).collect(),
            ..DataOrigin::default()
        };
        Lineage { data: vec![data], ..Lineage::new() }
    }

    #[track_caller]
    fn refused(lineage: &Lineage, claimed: &str, part: &str) {
        let claiming = Lineage { licence: Some(claimed.into()), ..lineage.clone() };
        let error = claiming.check_claim().expect_err(claimed).to_string();
        assert!(error.contains(claimed) && error.contains(part), "{error}");
    }

    fn allowed(lineage: &Lineage, claimed: &str) -> bool {
        Lineage { licence: Some(claimed.into()), ..lineage.clone() }.check_claim().is_ok()
    }

    #[test]
    fn a_claim_must_be_allowed_by_data_and_ancestors() {
        let mixed = made_of(&["CC0-1.0", "CC-BY-4.0", "CC-BY-NC-4.0"]);
        refused(&mixed, "MIT", "`CC-BY-NC-4.0`, which forbids commercial use");
        assert!(allowed(&mixed, "CC-BY-NC-4.0"));
        refused(&made_of(&[]), "CC0-1.0", "no licence is recorded of `recordings`");
        refused(&Lineage::new(), "MIT", "nothing is recorded");
        refused(&made_of(&["CC-BY-ND-4.0"]), "CC-BY-ND-4.0", "nothing made of it");
        assert!(allowed(&made_of(&["terms of the archive"]), "terms of the archive"));
        refused(&made_of(&["terms of the archive"]), "MIT", "does not tell");
        let base = ParentModel {
            name: "base".into(),
            licences: vec!["cc-by-nc-4.0".into()],
            ..ParentModel::default()
        };
        let adapted = Lineage { base: Some(base), ..made_of(&["CC0-1.0"]) };
        refused(&adapted, "CC-BY-4.0", "`cc-by-nc-4.0`");
        assert_eq!(adapted.non_commercial().into_iter().collect::<Vec<_>>(), ["cc-by-nc-4.0"]);
        let unknown = ParentModel { name: "found somewhere".into(), ..ParentModel::default() };
        refused(&Lineage { base: Some(unknown), ..made_of(&["CC0-1.0"]) }, "MIT", "`found somewhere`");
    }

    #[test]
    fn earlier_files_name_one_licence() {
        let text = "[base]\nname = \"b\"\nhash = \"00\"\nlicence = \"CC-BY-NC-4.0\"\n";
        let lineage: Lineage = toml::from_str(text).unwrap();
        assert_eq!(lineage.base.as_ref().unwrap().licences, ["CC-BY-NC-4.0"]);
        let back: Lineage = toml::from_str(&toml::to_string(&lineage).unwrap()).unwrap();
        assert_eq!(back, lineage);
    }
}
