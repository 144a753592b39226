//! Writing a model as fairseq would have saved it: a checkpoint that torch, fairseq and we open, or only the tensors.
//!
//! Source: `reference/mert.md` section 8. What fairseq has no key for (preprocessing, history, the exact `config.json`) is kept as text
//! in `extra_state`, where fairseq does not look, so that the way there and back changes nothing.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};

use super::fairseq_config::fairseq_config;
use super::pickle_writer::{Item, write_torch};
use super::{ConvertReport, import_checkpoint};
use crate::{
    Canonical, FairseqTensor, Lineage, Placed, RawTensor, SafetensorsWriter, TensorInfo, TensorSource,
    WeightsError, fairseq_names,
};

/// Where we keep what fairseq has no key for.
pub(super) const KEPT: &str = "/extra_state/culturemert";
const CQT_HEAD: &str = "encoder_cqt_model.fc.weight";
const CQT_BUFFERS: &str = "encoder_cqt_model.spec_layer.";

/// What of a model fairseq has no key for.
pub(super) struct Kept {
    pub(super) config: Value,
    pub(super) preprocessor: Option<Value>,
    pub(super) lineage: Option<Lineage>,
    /// Whether `cfg` was made from these, and not taken over from another checkpoint of fairseq.
    pub(super) is_translated: bool,
}

impl Kept {
    /// Reads what [`convert_to_fairseq`] keeps; `None` where it is damaged.
    pub(super) fn read(kept: &Value) -> Option<Self> {
        let json = |key: &str| kept[key].as_str().and_then(|text| serde_json::from_str(text).ok());
        let lineage = kept["lineage"].as_str().and_then(|text| toml::from_str(text).ok());
        let is_translated = kept["cfg"] == "translated";
        Some(Self { config: json("config")?, preprocessor: json("preprocessor"), lineage, is_translated })
    }
}

/// The constants of the constant-Q transform with this many bins, as fairseq's checkpoints hold them: names without the module, and
/// float32 values; or why there are none. They come from whoever knows that transform.
pub type CqtConstants<'a> = &'a dyn Fn(usize) -> Result<Vec<(&'static str, crate::Tensor)>, String>;

/// What was written for fairseq.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExportReport {
    /// Where the tensors came from, and what was not carried over.
    #[serde(flatten)]
    pub read: ConvertReport,
    /// Tensors written, constants included.
    pub n_written: usize,
    /// What the model has and fairseq computes otherwise: it would open the file and give other numbers.
    pub fairseq_differs: Vec<String>,
}

/// Writes a model or checkpoint under fairseq's names, every tensor in the type it has: to `out` ending in `.pt` a checkpoint with
/// configuration and the constants of the CQT, which fairseq opens strictly; else a safetensors file of the tensors.
pub fn convert_to_fairseq(
    path: &Path,
    config: Option<&Value>,
    out: &Path,
    constants: CqtConstants<'_>,
) -> Result<ExportReport, WeightsError> {
    let imported = import_checkpoint(path, config)?;
    let Placed { encoder, heads, report } = imported.place()?;
    let names = fairseq_names(&encoder, &heads, &imported.config)?;
    let mut tensors = Tensors::new(&encoder, &heads, names);
    let read = ConvertReport {
        tensors: report,
        settings: imported.settings.clone(),
        notes: imported.notes.clone(),
        skipped: imported.skipped.clone(),
    };
    if out.extension().is_some_and(|extension| extension == "pt") {
        tensors.add_constants(constants, imported.fairseq.as_ref().is_some_and(halves_constants))?;
        let place = path.display().to_string();
        let cfg = match &imported.fairseq {
            Some(cfg) => cfg.clone(),
            None => fairseq_config(&imported.config, &heads.infos(), &imported.settings, &place)?,
        };
        let history = imported.history(encoder.content_hash()?);
        history.check_claim()?;
        let lineage = toml::to_string(&history)
            .map_err(|error| WeightsError::malformed(out, "TOML", error.to_string()))?;
        let mut kept = vec![("config", imported.config.to_string()), ("lineage", lineage)];
        kept.extend(imported.fairseq.is_none().then(|| ("cfg", "translated".to_owned())));
        kept.extend(imported.preprocessor().map(|json| ("preprocessor", json.to_string())));
        let item = checkpoint(&cfg, &tensors, &kept);
        write_torch(out, &item, tensors.all.len(), |number| tensors.read(number))?;
    } else {
        let by_name: BTreeMap<&str, usize> =
            tensors.all.iter().enumerate().map(|(number, one)| (one.theirs.as_str(), number)).collect();
        let infos = tensors.all.iter().map(|one| (one.theirs.clone(), one.info.clone())).collect();
        let mut writer = SafetensorsWriter::create(out, &infos, &BTreeMap::new())?;
        let order: Vec<String> = writer.order().map(ToOwned::to_owned).collect();
        for name in &order {
            writer.push_bytes(name, &tensors.read(by_name[name.as_str()])?.bytes)?;
        }
        writer.finish()?;
    }
    Ok(ExportReport { read, n_written: tensors.all.len(), fairseq_differs: differing(&imported.config) })
}

/// Whether the training ran in half precision, where the constants are halved with the model, and widened again when saved.
fn halves_constants(cfg: &Value) -> bool {
    let common = &cfg["common"];
    ["fp16", "memory_efficient_fp16"].iter().any(|key| common[key] == true)
}

/// Settings that change what a model computes and that fairseq has not.
fn differing(config: &Value) -> Vec<String> {
    let at_rest = [
        ("layer_norm_eps", json!(1e-5)),
        ("feat_proj_layer_norm", json!(true)),
        ("hidden_act", json!("gelu")),
    ];
    let differs = |(key, rest): &(&str, Value)| {
        let value = config.get(key)?;
        (value.as_f64() != rest.as_f64() || (value.as_f64().is_none() && value != rest))
            .then(|| format!("`{key}` is {value}, fairseq has {rest}"))
    };
    at_rest.iter().filter_map(differs).collect()
}

/// One tensor to be written.
struct Written {
    theirs: String,
    info: TensorInfo,
    from: From,
}

enum From {
    Encoder(String),
    Heads(String),
    Made(RawTensor),
}

/// All tensors to be written, in fairseq's order.
struct Tensors<'a> {
    encoder: &'a Canonical<'a>,
    heads: &'a Canonical<'a>,
    all: Vec<Written>,
}

impl<'a> Tensors<'a> {
    fn new(encoder: &'a Canonical<'a>, heads: &'a Canonical<'a>, names: Vec<FairseqTensor>) -> Self {
        let (of_encoder, of_heads) = (encoder.infos(), heads.infos());
        let written = |FairseqTensor { name, theirs, is_head }| {
            let infos = if is_head { &of_heads } else { &of_encoder };
            let info = infos[&name].clone();
            Written { theirs, info, from: if is_head { From::Heads(name) } else { From::Encoder(name) } }
        };
        Self { encoder, heads, all: names.into_iter().map(written).collect() }
    }

    /// Puts the constants before the head that is compared with them, in its type.
    fn add_constants(&mut self, constants: CqtConstants<'_>, halved: bool) -> Result<(), WeightsError> {
        let Some(at) = self.all.iter().position(|one| one.theirs == CQT_HEAD) else { return Ok(()) };
        let TensorInfo { dtype, shape } = self.all[at].info.clone();
        if shape.is_empty() {
            return Ok(());
        }
        let made = constants(shape[0])
            .map_err(|reason| WeightsError::Config { place: self.heads.place(), reason })?;
        let made = made.into_iter().map(|(name, mut tensor)| {
            if halved {
                tensor.data.iter_mut().for_each(|x| *x = half::f16::from_f32(*x).to_f32());
            }
            let bytes = dtype.narrow(&tensor.data).ok_or_else(|| WeightsError::NotFloat {
                place: self.heads.place(),
                tensor: CQT_HEAD.into(),
                dtype: dtype.name(),
            })?;
            let info = TensorInfo { dtype, shape: tensor.shape };
            let from = From::Made(RawTensor { info: info.clone(), bytes });
            Ok(Written { theirs: format!("{CQT_BUFFERS}{name}"), info, from })
        });
        let made = made.collect::<Result<Vec<_>, WeightsError>>()?;
        self.all.splice(at..at, made);
        Ok(())
    }

    fn read(&self, number: usize) -> Result<RawTensor, WeightsError> {
        match &self.all[number].from {
            From::Encoder(name) => self.encoder.read_raw(name),
            From::Heads(name) => self.heads.read_raw(name),
            From::Made(raw) => Ok(raw.clone()),
        }
    }
}

/// The whole object. Optimiser state is absent, as in a checkpoint whose training ended; fairseq then starts a new one.
fn checkpoint(cfg: &Value, tensors: &Tensors<'_>, kept: &[(&str, String)]) -> Item {
    let model = tensors.all.iter().enumerate();
    let model =
        model.map(|(number, one)| (one.theirs.clone(), Item::Tensor(number, one.info.clone()))).collect();
    let named = |name: &str, or: &str| cfg[name]["_name"].as_str().unwrap_or(or).to_owned();
    let history = json!([{
        "criterion_name": if named("criterion", "hubert") == "hubert" { "HubertCriterion".into() } else { named("criterion", "") },
        "optimizer_name": "FairseqAdam",
        "lr_scheduler_state": {"best": null},
        "num_updates": 0,
    }]);
    let mut extra = match Item::from(&json!({
        "metrics": {},
        "previous_training_time": 0.0,
        "train_iterator": {"version": 2, "epoch": 1, "iterations_in_epoch": 0, "shuffle": true},
        "val_loss": null,
    })) {
        Item::Dict(items) => items,
        _ => Vec::new(),
    };
    let kept = kept.iter().map(|(key, text)| ((*key).to_owned(), Item::Text(text.clone()))).collect();
    extra.push(("culturemert".into(), Item::Dict(kept)));
    let key = |name: &str, item| (name.to_owned(), item);
    Item::Dict(vec![
        key("args", Item::None),
        key("cfg", Item::from(cfg)),
        key("model", Item::Ordered(model)),
        key("criterion", Item::None),
        key("optimizer_history", Item::from(&history)),
        // fairseq makes its dictionaries from the data; objects of them would keep torch from opening the file safely.
        key("task_state", Item::Dict(Vec::new())),
        key("extra_state", Item::Dict(extra)),
        key("last_optimizer_state", Item::None),
    ])
}
