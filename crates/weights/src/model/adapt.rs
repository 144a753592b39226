//! Bringing the tensors of any MERT file into the encoder a configuration asks for, and telling what became of each.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{Canonical, ModelShape, Place, locate};
use crate::{Tensor, TensorInfo, TensorSource, Tensors, WeightsError};

const POS_CONV: &str = "encoder.pos_conv_embed.conv";
pub(super) const PROJECTION: &str = "feature_projection.projection";

/// What became of every tensor of a file, and where every tensor of the model comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LoadReport {
    /// Encoder tensors that were loaded: name in the file, name in the model.
    pub loaded: Vec<(String, String)>,
    /// Heads that were loaded, by their fairseq names.
    pub heads: Vec<String>,
    /// Encoder tensors that the file implies instead of holding them: name in the model, and how it was made.
    pub made: Vec<(String, &'static str)>,
    /// Tensors of the file that were not used, and why.
    pub unused: Vec<Unused>,
}

/// A tensor of a file that the model has no use for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Unused {
    /// Its name in the file.
    pub name: String,
    /// Why it was not used.
    pub reason: &'static str,
}

/// A file's tensors in their places, in memory.
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
/// tensors that are not used are listed in the report with the reason.
pub fn adapt(source: &dyn TensorSource, config: &Value) -> Result<Adapted, WeightsError> {
    let placed = place(source, config)?;
    Ok(Adapted {
        encoder: placed.encoder.read_all()?,
        heads: placed.heads.read_all()?,
        report: placed.report,
    })
}

/// A file's tensors in their places, still on disk and in the types they have there.
pub struct Placed<'a> {
    /// The encoder, under Hugging Face names with `weight_g` and `weight_v`.
    pub encoder: Canonical<'a>,
    /// The heads, under fairseq names.
    pub heads: Canonical<'a>,
    /// What became of each tensor.
    pub report: LoadReport,
}

/// Finds the encoder of `config` and the heads in a file of either dialect, as [`adapt`] does, without reading them.
pub fn place<'a>(source: &'a dyn TensorSource, config: &Value) -> Result<Placed<'a>, WeightsError> {
    let at = source.place();
    if source.vector_base().is_some() {
        let reason = "it holds a task vector, not a model; merge it with its base first".into();
        return Err(WeightsError::Config { place: at, reason });
    }
    let shape = ModelShape::from_config(config, &at)?;
    let mut needed = shape.tensors();
    let infos = source.infos();
    let sorted = Sorted::new(source, &infos)?;
    let mut report = LoadReport { unused: sorted.unused, ..LoadReport::default() };
    let mut encoder = Canonical { source, names: BTreeMap::new(), made: Tensors::new() };
    for (ours, theirs) in sorted.encoder {
        if ours == format!("{POS_CONV}.weight") && needed.contains_key(&format!("{POS_CONV}.weight_g")) {
            let weight = read_shaped(source, &theirs, &needed[&format!("{POS_CONV}.weight_v")])?;
            for (leaf, tensor) in [("weight_g", tap_lengths(&weight)), ("weight_v", weight)] {
                let ours = format!("{POS_CONV}.{leaf}");
                needed.remove(&ours);
                report
                    .made
                    .push((ours.clone(), "the weight norm taken apart again that the file has folded in"));
                encoder.made.insert(ours, tensor);
            }
            report.loaded.push((theirs, ours));
            continue;
        }
        let Some(needed) = needed.remove(&ours) else {
            report.unused.push(Unused { name: theirs, reason: "the configuration asks for no such tensor" });
            continue;
        };
        let found = infos[&theirs].shape.clone();
        if found != needed {
            return Err(WeightsError::Shape { place: at, tensor: theirs, found, needed });
        }
        report.loaded.push((theirs.clone(), ours.clone()));
        encoder.names.insert(ours, theirs);
    }
    if sorted.speaks_fairseq {
        add_identity_projection(&shape, &mut needed, &mut encoder.made, &mut report);
    }
    report.heads = sorted.heads.keys().cloned().collect();
    report.unused.sort();
    if needed.is_empty() {
        let heads = Canonical { source, names: sorted.heads, made: Tensors::new() };
        return Ok(Placed { encoder, heads, report });
    }
    let unexpected = report.unused.into_iter().map(|unused| unused.name).collect();
    Err(WeightsError::Names { place: at, missing: needed.into_keys().collect(), unexpected })
}

/// The heads of pre-training in a file of either dialect, whatever else it holds.
pub fn heads_of(source: &dyn TensorSource) -> Result<Tensors, WeightsError> {
    let names = Sorted::new(source, &source.infos())?.heads;
    Canonical { source, names, made: Tensors::new() }.read_all()
}

/// fairseq leaves the projection out where front end and encoder have the same width; `HubertModel` never does.
fn add_identity_projection(
    shape: &ModelShape,
    needed: &mut BTreeMap<String, Vec<usize>>,
    made: &mut Tensors,
    report: &mut LoadReport,
) {
    let names = [format!("{PROJECTION}.weight"), format!("{PROJECTION}.bias")];
    let width = shape.hidden_size;
    if shape.conv_dim.last() != Some(&width) || names.iter().any(|name| !needed.contains_key(name)) {
        return;
    }
    let mut identity = vec![0.0; width * width];
    identity.iter_mut().step_by(width + 1).for_each(|x| *x = 1.0);
    let tensors = [
        Tensor { shape: vec![width; 2], data: identity },
        Tensor { shape: vec![width], data: vec![0.0; width] },
    ];
    for (name, tensor) in names.into_iter().zip(tensors) {
        needed.remove(&name);
        report.made.push((name.clone(), "the identity: fairseq has no projection between equal widths"));
        made.insert(name, tensor);
    }
}

/// Names of a file by their places.
struct Sorted {
    /// Our name to the file's.
    encoder: BTreeMap<String, String>,
    heads: BTreeMap<String, String>,
    unused: Vec<Unused>,
    /// Whether the encoder has fairseq's names.
    speaks_fairseq: bool,
}

impl Sorted {
    fn new(source: &dyn TensorSource, infos: &BTreeMap<String, TensorInfo>) -> Result<Self, WeightsError> {
        let (mut encoder, mut heads) = (BTreeMap::new(), BTreeMap::new());
        let mut unused = source.set_aside();
        let mut speaks_fairseq = false;
        for (name, info) in infos {
            let mut leave = |reason| unused.push(Unused { name: name.clone(), reason });
            let (places, ours) = match locate(name) {
                None => {
                    leave("no MERT model has a tensor of this name");
                    continue;
                }
                Some(Place::Ignored) => {
                    leave("a constant of the constant-Q transform, which is computed instead of loaded");
                    continue;
                }
                Some(_) if !info.dtype.is_float() => {
                    leave("it holds whole numbers, where a model has floating point numbers");
                    continue;
                }
                Some(Place::Encoder(ours)) => {
                    speaks_fairseq |= name.contains("encoder.pos_conv.0.");
                    (&mut encoder, ours)
                }
                Some(Place::Head(ours)) => (&mut heads, ours),
            };
            if let Some(other) = places.insert(ours.clone(), name.clone()) {
                let reason = format!("tensors `{other}` and `{name}` both claim to be `{ours}`");
                return Err(WeightsError::Config { place: source.place(), reason });
            }
        }
        Ok(Self { encoder, heads, unused, speaks_fairseq })
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
