//! Bringing the tensors of any MERT file into the encoder a configuration asks for, and telling what became of each.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::{ModelShape, Place, fairseq_name, locate};
use crate::{RawTensor, Tensor, TensorInfo, TensorSource, Tensors, WeightsError};

const POS_CONV: &str = "encoder.pos_conv_embed.conv";

/// What became of every tensor of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LoadReport {
    /// Encoder tensors that were loaded: name in the file, name in the model.
    pub loaded: Vec<(String, String)>,
    /// Heads that were loaded, by their fairseq names.
    pub heads: Vec<String>,
    /// Names the configuration asks for and the file has not.
    pub missing: Vec<String>,
    /// Names of the file that the configuration has no use for.
    pub unused: Vec<String>,
    /// Names of constants, which are computed instead of loaded.
    pub ignored: Vec<String>,
}

/// A file's tensors in their places.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Adapted {
    /// The encoder, under Hugging Face names with `weight_g` and `weight_v`.
    pub encoder: Tensors,
    /// The heads, under fairseq names.
    pub heads: Tensors,
    /// What became of each tensor.
    pub report: LoadReport,
}

/// Reads a file of either dialect into the encoder of `config`. Every tensor of the encoder must be there, in its shape;
/// tensors the encoder has no use for are listed in the report.
pub fn adapt(source: &dyn TensorSource, config: &Value) -> Result<Adapted, WeightsError> {
    let place = source.place();
    let mut needed = ModelShape::from_config(config, &place)?.tensors();
    let mut adapted = Adapted::default();
    let sorted = Sorted::new(source)?;
    let folded = format!("{POS_CONV}.weight");
    if let Some(name) = sorted.encoder.get(&folded)
        && !sorted.encoder.contains_key(&format!("{POS_CONV}.weight_v"))
    {
        let shape = needed[&format!("{POS_CONV}.weight_v")].clone();
        let weight = read_shaped(source, name, &shape)?;
        for (leaf, tensor) in [("weight_g", tap_lengths(&weight)), ("weight_v", weight)] {
            let ours = format!("{POS_CONV}.{leaf}");
            needed.remove(&ours);
            adapted.report.loaded.push((name.clone(), ours.clone()));
            adapted.encoder.insert(ours, tensor);
        }
    }
    let used: BTreeSet<String> = adapted.report.loaded.iter().map(|(name, _)| name.clone()).collect();
    for (ours, name) in &sorted.encoder {
        if used.contains(name) {
            continue;
        }
        let Some(shape) = needed.remove(ours) else {
            adapted.report.unused.push(name.clone());
            continue;
        };
        adapted.encoder.insert(ours, read_shaped(source, name, &shape)?);
        adapted.report.loaded.push((name.clone(), ours.clone()));
    }
    for (head, name) in &sorted.heads {
        adapted.heads.insert(head, source.read(name)?);
        adapted.report.heads.push(head.clone());
    }
    adapted.report.missing = needed.into_keys().collect();
    adapted.report.unused.extend(sorted.strangers);
    adapted.report.unused.sort();
    adapted.report.ignored = sorted.ignored;
    let LoadReport { missing, unused, .. } = &adapted.report;
    if missing.is_empty() {
        return Ok(adapted);
    }
    Err(WeightsError::Names { place, missing: missing.clone(), unexpected: unused.clone() })
}

/// Names of a file by their places.
#[derive(Default)]
struct Sorted {
    /// Our name to the file's.
    encoder: BTreeMap<String, String>,
    heads: BTreeMap<String, String>,
    ignored: Vec<String>,
    strangers: Vec<String>,
}

impl Sorted {
    fn new(source: &dyn TensorSource) -> Result<Self, WeightsError> {
        let mut sorted = Self::default();
        for (name, info) in source.infos() {
            let previous = match locate(&name) {
                Some(Place::Ignored) => {
                    sorted.ignored.push(name);
                    continue;
                }
                Some(Place::Encoder(ours)) if info.dtype.is_float() => {
                    (sorted.encoder.insert(ours.clone(), name.clone()), ours)
                }
                Some(Place::Head(head)) if info.dtype.is_float() => {
                    (sorted.heads.insert(head.clone(), name.clone()), head)
                }
                _ => {
                    sorted.strangers.push(name);
                    continue;
                }
            };
            if let (Some(other), ours) = previous {
                let place = source.place();
                let reason = format!("tensors `{other}` and `{name}` both claim to be `{ours}`");
                return Err(WeightsError::Config { place, reason });
            }
        }
        Ok(sorted)
    }
}

fn read_shaped(source: &dyn TensorSource, name: &str, needed: &[usize]) -> Result<Tensor, WeightsError> {
    let tensor = source.read(name)?;
    if tensor.shape == needed {
        return Ok(tensor);
    }
    let (place, tensor, found) = (source.place(), name.to_owned(), tensor.shape);
    Err(WeightsError::Shape { place, tensor, found, needed: needed.into() })
}

/// g\[k\] = ‖w\[·, ·, k\]‖₂ of a weight `[H, H/G, K]`, as `[1, 1, K]`: with v = w the weight norm gives w back.
fn tap_lengths(weight: &Tensor) -> Tensor {
    let n_taps = weight.shape[2];
    let mut squares = vec![0.0f64; n_taps];
    for row in weight.data.chunks_exact(n_taps) {
        for (sum, &x) in squares.iter_mut().zip(row) {
            *sum += f64::from(x) * f64::from(x);
        }
    }
    Tensor { shape: vec![1, 1, n_taps], data: squares.into_iter().map(|sum| sum.sqrt() as f32).collect() }
}

/// The encoder and its heads under fairseq's names, as its training checkpoints have them.
pub fn to_fairseq_tensors(
    encoder: &Tensors,
    heads: &Tensors,
    config: &Value,
) -> Result<Tensors, WeightsError> {
    let place = encoder.place();
    let norm = ModelShape::from_config(config, &place)?.norm;
    let mut all: Tensors = heads.iter().map(|(name, tensor)| (name.clone(), tensor.clone())).collect();
    for (name, tensor) in encoder {
        let theirs = fairseq_name(name, norm).ok_or_else(|| WeightsError::Names {
            place: place.clone(),
            missing: Vec::new(),
            unexpected: vec![name.clone()],
        })?;
        all.insert(theirs, tensor.clone());
    }
    Ok(all)
}

/// A file of either dialect seen under the canonical names, its tensors still on disk.
pub(crate) struct Canonical<'a> {
    source: &'a dyn TensorSource,
    /// Our name to the file's.
    names: BTreeMap<String, String>,
}

impl<'a> Canonical<'a> {
    /// The encoder of `config` in `source`: every tensor there, in its shape.
    pub(crate) fn new(source: &'a dyn TensorSource, config: &Value) -> Result<Self, WeightsError> {
        let place = source.place();
        let needed = ModelShape::from_config(config, &place)?.tensors();
        let infos = source.infos();
        let mut names = Sorted::new(source)?.encoder;
        names.retain(|ours, _| needed.contains_key(ours));
        let missing: Vec<String> = needed.keys().filter(|&ours| !names.contains_key(ours)).cloned().collect();
        if !missing.is_empty() {
            return Err(WeightsError::Names { place, missing, unexpected: Vec::new() });
        }
        for (ours, theirs) in &names {
            let (found, needed) = (infos[theirs].shape.clone(), needed[ours].clone());
            if found != needed {
                return Err(WeightsError::Shape { place, tensor: theirs.clone(), found, needed });
            }
        }
        Ok(Self { source, names })
    }

    fn theirs(&self, name: &str) -> Result<&str, WeightsError> {
        self.names.get(name).map(String::as_str).ok_or_else(|| self.no_tensor(name))
    }
}

impl TensorSource for Canonical<'_> {
    fn place(&self) -> String {
        self.source.place()
    }

    fn infos(&self) -> BTreeMap<String, TensorInfo> {
        let infos = self.source.infos();
        self.names.iter().map(|(ours, theirs)| (ours.clone(), infos[theirs].clone())).collect()
    }

    fn read_raw(&self, name: &str) -> Result<RawTensor, WeightsError> {
        self.source.read_raw(self.theirs(name)?)
    }

    fn read(&self, name: &str) -> Result<Tensor, WeightsError> {
        self.source.read(self.theirs(name)?)
    }
}
