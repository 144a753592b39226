//! What a run begins with: weights drawn from the seed, or a model and the heads of pre-training that go with it.
//!
//! Published exports hold no heads. Where a model has none, the user says what to do: nothing is drawn in silence.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use burn::tensor::Device;
use mert::{EncoderConfig, Mert, parameters};
use weights::{HeadsOrigin, ModelDirectory, Tensors};

use crate::model_io::heads_config;
use crate::{PretrainError, TrainPlan};

/// What the names of heads begin with.
pub(crate) const HEADS: [&str; 4] = ["label_embs_concat", "final_proj.", "target_glu.", "encoder_cqt_model."];

/// How the identity of a beginning with fresh heads ends.
pub(crate) const FRESH: &str = " with fresh heads";

/// What a run begins with.
#[derive(Clone, Copy)]
pub enum Init<'a> {
    /// Weights drawn from the plan's seed, in the shape of `model.init`.
    Scratch,
    /// A model, and where its heads come from.
    Model(&'a ModelDirectory, HeadsFrom<'a>),
}

/// Where the heads of pre-training come from.
#[derive(Clone, Copy)]
pub enum HeadsFrom<'a> {
    /// From the model itself, which must have all that the plan trains.
    Model,
    /// From another file, which must have all that the plan trains.
    File(&'a HeadsFile),
    /// They are drawn from the plan's seed, whatever the model has.
    Fresh,
}

/// The heads in a fairseq checkpoint, a model directory or a `heads.safetensors`.
pub struct HeadsFile {
    name: String,
    tensors: Tensors,
}

impl HeadsFile {
    /// Reads them; a file without any is an error.
    pub fn open(path: &Path) -> Result<Self, PretrainError> {
        let tensors = if path.is_dir() {
            ModelDirectory::open(path)?.heads()?.unwrap_or_default()
        } else {
            weights::heads_of(weights::open_source(path)?.as_ref())?
        };
        if tensors.is_empty() {
            let reason = format!("`{}` holds no heads of pre-training", path.display());
            return Err(PretrainError::Heads { reason });
        }
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Ok(Self { name, tensors })
    }
}

impl HeadsFrom<'_> {
    /// What a model's history says of them; nothing where they came with the model.
    pub(crate) fn origin(self, seed: u64) -> Option<HeadsOrigin> {
        match self {
            Self::Model => None,
            Self::Fresh => Some(HeadsOrigin::Fresh { seed }),
            Self::File(file) => Some(HeadsOrigin::File {
                name: file.name.clone(),
                hash: file.tensors.content_hash().to_string(),
            }),
        }
    }
}

impl Init<'_> {
    /// What identifies it: the hash of the weights, and which heads where they are not the model's own; or `scratch`.
    pub(crate) fn identity(self) -> Result<String, PretrainError> {
        let Self::Model(directory, heads) = self else { return Ok("scratch".into()) };
        let mut hasher = files::Hasher::default();
        hasher.part(directory.identity()?.to_string());
        match heads {
            HeadsFrom::Model => {
                if let Some(heads) = directory.heads()? {
                    hasher.part(heads.content_hash().to_string());
                }
                Ok(hasher.finish().to_string())
            }
            HeadsFrom::Fresh => Ok(format!("{}{FRESH}", hasher.finish())),
            HeadsFrom::File(file) => {
                Ok(format!("{} with heads {}", hasher.finish(), file.tensors.content_hash()))
            }
        }
    }

    /// Where the model lies, from the root on.
    pub(crate) fn path(self) -> Option<std::path::PathBuf> {
        match self {
            Self::Scratch => None,
            Self::Model(directory, _) => directory.dir().canonicalize().ok(),
        }
    }

    /// The model in memory, and what a user should know about its heads.
    pub(crate) fn build(
        self,
        plan: &TrainPlan,
        device: &Device,
    ) -> Result<(Mert, Vec<String>), PretrainError> {
        let mut config = heads_config(&plan.objective);
        let seed = plan.run.seed;
        let Self::Model(directory, from) = self else {
            let shape = plan.model.config().ok_or(PretrainError::NoModel)?;
            let shape = EncoderConfig::from_json(&shape)?;
            return Ok((Mert::from_scratch(&shape, Some(&config), seed, device)?, Vec::new()));
        };
        let shape = EncoderConfig::from_json(directory.config())?;
        let stored = match from {
            HeadsFrom::Model => directory.heads()?.unwrap_or_default(),
            HeadsFrom::File(file) => file.tensors.clone(),
            HeadsFrom::Fresh => Tensors::new(),
        };
        config.target_glu = stored.contains("target_glu.0.weight");
        let (encoder, report) = directory.tensors()?;
        let blank = Mert::blank(&shape, Some(&config), device)?;
        let needed: BTreeMap<String, Vec<usize>> = parameters::list(&blank)
            .into_iter()
            .filter(|one| HEADS.iter().any(|head| one.name.starts_with(head)))
            .map(|one| (one.name, one.shape))
            .collect();
        let mut notices: Vec<String> = report
            .unused
            .iter()
            .map(|unused| format!("tensor `{}` of the model is not used: {}", unused.name, unused.reason))
            .collect();
        if matches!(from, HeadsFrom::Fresh) {
            let names: Vec<&str> = needed.keys().map(String::as_str).collect();
            notices
                .push(format!("heads of pre-training are drawn anew from seed {seed}: {}", names.join(", ")));
        } else {
            let whose = match from {
                HeadsFrom::File(file) => file.name.clone(),
                _ => directory.dir().display().to_string(),
            };
            notices.extend(compare(&whose, &stored, &needed)?);
        }
        let fresh = blank.clone();
        let model = parameters::load(blank, &mut |name| {
            if let Some(tensor) = encoder.get(name).or_else(|| stored.get(name)) {
                return Some((tensor.shape.clone(), tensor.data.clone()));
            }
            // Only heads that are to be drawn are left: all others were found or refused.
            needed.get(name).map(|shape| (shape.clone(), fresh.initial_values(seed, name, shape)))
        })?;
        Ok((model, notices))
    }
}

/// Refuses heads that are not those the plan trains; says which of them it has no use for.
fn compare(
    whose: &str,
    stored: &Tensors,
    needed: &BTreeMap<String, Vec<usize>>,
) -> Result<Option<String>, PretrainError> {
    let refuse = |reason: String| Err(PretrainError::Heads { reason });
    if stored.is_empty() {
        return refuse(format!("`{whose}` has no heads of pre-training"));
    }
    if let Some(name) = needed.keys().find(|name| !stored.contains(name)) {
        return refuse(format!("the plan trains `{name}`, which the heads of `{whose}` lack"));
    }
    for (name, needed) in needed {
        let found = stored.get(name).map(|tensor| &tensor.shape);
        if found != Some(needed) {
            return refuse(format!(
                "the head `{name}` of `{whose}` has shape {:?} and the plan (`objective.codebooks`, `entries`, `special_entries`, `final_dim`, `untied`, `cqt_bins`) asks for {needed:?}",
                found.unwrap_or(&Vec::new())
            ));
        }
    }
    let unused: BTreeSet<&str> = stored.names().filter(|name| !needed.contains_key(*name)).collect();
    let unused: Vec<&str> = unused.into_iter().collect();
    Ok((!unused.is_empty()).then(|| {
        format!("heads of `{whose}` that the plan does not train are left out: {}", unused.join(", "))
    }))
}
