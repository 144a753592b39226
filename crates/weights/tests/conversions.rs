//! Conversions between Hugging Face directories and fairseq's checkpoints: nothing changes on the way, in any type.

use std::fs;
use std::path::Path;

use culturemert_weights::{
    Card, Dtype, Lineage, ModelDirectory, ModelFiles, ModelShape, RawTensor, SafetensorsFile, Tensor,
    TensorInfo, TensorSource, TorchCheckpoint, WeightsError, adapt, compare, convert_to_fairseq,
    convert_to_hf, import_checkpoint, open_source, write_safetensors,
};
use serde_json::{Value, json};

/// Two layers of width 8; the front end is as wide as the transformer where `wide`.
fn config(wide: bool) -> Value {
    json!({
        "model_type": "hubert", "architectures": ["HubertModel"], "layer_norm_eps": 0.001,
        "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 12,
        "conv_dim": [4, if wide { 8 } else { 6 }], "conv_kernel": [10, 3], "conv_stride": [5, 2],
        "num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2, "do_stable_layer_norm": true,
    })
}

/// Tensors in a type of their own, as a half precision file has them.
struct Typed(Vec<(String, RawTensor)>);

impl TensorSource for Typed {
    fn place(&self) -> String {
        "test".into()
    }

    fn infos(&self) -> std::collections::BTreeMap<String, TensorInfo> {
        self.0.iter().map(|(name, raw)| (name.clone(), raw.info.clone())).collect()
    }

    fn read_raw(&self, name: &str) -> Result<RawTensor, WeightsError> {
        let found = self.0.iter().find(|(other, _)| other == name).map(|(_, raw)| raw.clone());
        found.ok_or_else(|| WeightsError::NoTensor {
            place: self.place(),
            tensor: name.into(),
            meant: String::new(),
        })
    }
}

/// Any bytes are a number in every type but for NaN; these are small and differ.
fn typed(shapes: impl IntoIterator<Item = (String, Vec<usize>)>, dtype: Dtype) -> Typed {
    let raw = |(name, shape): (String, Vec<usize>)| {
        let n: usize = shape.iter().product();
        let unit: &[u8] = match dtype {
            Dtype::Float16 => &[0, 0x2c],
            Dtype::Bfloat16 => &[0, 0x3d],
            Dtype::Float64 => &[0, 0, 0, 0, 0, 0, 0xb0, 0x3f],
            _ => &[0, 0, 0, 0x3d],
        };
        let bytes = (0..n).flat_map(|i| {
            let mut value = unit.to_vec();
            value[0] = (i * 7 + name.len()) as u8;
            value
        });
        let info = TensorInfo { dtype, shape };
        (name.clone(), RawTensor { info, bytes: bytes.collect() })
    };
    Typed(shapes.into_iter().map(raw).collect())
}

fn write(dir: &Path, config: &Value, dtype: Dtype) {
    let tensors = typed(ModelShape::from_config(config, "test").expect("sound").tensors(), dtype);
    let heads = [
        ("label_embs_concat", vec![2 * 20, 3]),
        ("final_proj.weight", vec![6, 8]),
        ("final_proj.bias", vec![6]),
        ("encoder_cqt_model.fc.weight", vec![7, 8]),
        ("encoder_cqt_model.fc.bias", vec![7]),
    ];
    let heads = typed(heads.map(|(name, shape)| (name.to_owned(), shape)), dtype);
    let (lineage, card) = (Lineage { seed: Some(3), ..Lineage::new() }, Card::new("small", "A test."));
    let files = ModelFiles {
        config,
        tensors: &tensors,
        heads: Some(&heads),
        lineage: &lineage,
        card: &card,
        preprocessor: Some(&json!({"do_normalize": false})),
        fairseq: None,
    };
    ModelDirectory::write(dir, &files).expect("written");
}

/// Stands for the constants of seven bins.
fn constants(n_bins: usize) -> Result<Vec<(&'static str, Tensor)>, String> {
    if n_bins != 7 {
        return Err(format!("{n_bins} bins"));
    }
    Ok(vec![("lenghts", Tensor { shape: vec![n_bins], data: vec![0.1; n_bins] })])
}

#[test]
fn every_type_survives_the_way_to_fairseq_and_back() {
    for dtype in [Dtype::Float32, Dtype::Float16, Dtype::Bfloat16, Dtype::Float64] {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        write(&at("model"), &config(false), dtype);
        let report = convert_to_fairseq(&at("model"), None, &at("there.pt"), &constants).unwrap();
        assert_eq!(report.fairseq_differs, ["`layer_norm_eps` is 0.001, fairseq has 0.00001"]);
        convert_to_hf(&at("there.pt"), None, &at("back")).unwrap();
        for file in [
            "model.safetensors",
            "heads.safetensors",
            "config.json",
            "preprocessor_config.json",
            "culturemert.toml",
        ] {
            let read = |model: &str| fs::read(at(model).join(file)).unwrap();
            assert_eq!(read("model"), read("back"), "{dtype:?}: {file}");
        }
        assert!(!at("back/fairseq.json").exists());
        let checkpoint = TorchCheckpoint::open(&at("there.pt")).unwrap();
        assert!(checkpoint.infos().values().all(|info| info.dtype == dtype), "{dtype:?}");
        assert!(checkpoint.skipped().is_empty());
        let compared = compare(&at("there.pt"), &at("model")).unwrap();
        assert!(compared.equal && compared.constants.len() == 1, "{compared:?}");

        // And from fairseq's side: the second checkpoint is the first, byte for byte.
        convert_to_fairseq(&at("back"), None, &at("again.pt"), &constants).unwrap();
        assert_eq!(fs::read(at("there.pt")).unwrap(), fs::read(at("again.pt")).unwrap());
    }
}

#[test]
fn a_projection_between_equal_widths_is_no_tensor_of_fairseq() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    write(&at("model"), &config(true), Dtype::Float32);
    let error = convert_to_fairseq(&at("model"), None, &at("there.pt"), &constants).unwrap_err().to_string();
    assert!(error.contains("feature_projection.projection") && error.contains("identity"), "{error}");
    assert!(!at("there.pt").exists());

    // Without it, as fairseq would have saved the model, it is made on the way in and left out on the way back.
    let mut tensors = ModelDirectory::open(&at("model")).unwrap().tensors().unwrap().0;
    for leaf in ["weight", "bias"] {
        tensors.remove(&format!("feature_projection.projection.{leaf}"));
    }
    let named: culturemert_weights::Tensors = tensors
        .iter()
        .map(|(name, tensor)| {
            let theirs =
                culturemert_weights::fairseq_name(name, culturemert_weights::FrontEndNorm::Group).unwrap();
            (theirs, tensor.clone())
        })
        .collect();
    let adapted = adapt(&named, &config(true)).unwrap();
    assert_eq!(adapted.report.made.len(), 2);
    write_safetensors(&at("fairseq.safetensors"), &named, &std::collections::BTreeMap::new()).unwrap();
    let given = config(true);
    convert_to_hf(&at("fairseq.safetensors"), Some(&given), &at("hf")).unwrap();
    convert_to_fairseq(&at("hf"), None, &at("back.safetensors"), &constants).unwrap();
    assert_eq!(open_source(&at("back.safetensors")).unwrap().read_all().unwrap(), named);
    // A Hugging Face file without it is damaged, and nothing is made up.
    assert!(adapt(&tensors, &config(true)).is_err());
}

#[test]
fn torch_shards_read_as_one_model() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    write(&at("model"), &config(false), Dtype::Float32);
    convert_to_fairseq(&at("model"), None, &at("there.pt"), &constants).unwrap();
    fs::create_dir(at("sharded")).unwrap();
    fs::copy(at("there.pt"), at("sharded/one.bin")).unwrap();
    fs::copy(at("model/config.json"), at("sharded/config.json")).unwrap();
    let names = open_source(&at("there.pt")).unwrap().infos();
    let map: serde_json::Map<String, Value> =
        names.keys().map(|name| (name.clone(), "one.bin".into())).collect();
    fs::write(at("sharded/pytorch_model.bin.index.json"), json!({"weight_map": map}).to_string()).unwrap();
    let imported = import_checkpoint(&at("sharded"), None).unwrap();
    let encoder = imported.adapt().unwrap().encoder;
    assert_eq!(encoder, ModelDirectory::open(&at("model")).unwrap().tensors().unwrap().0);
}

#[test]
fn a_checkpoint_cut_anywhere_is_an_error_and_flipped_anywhere_never_a_panic() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    // As small as a model can be: every cut and every flip is tried.
    let mut least = config(false);
    for key in ["hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"] {
        least[key] = 1.into();
    }
    for (key, value) in [("conv_dim", 2), ("conv_kernel", 2), ("conv_stride", 1)] {
        least[key] = json!([value]);
    }
    (least["num_conv_pos_embeddings"], least["num_conv_pos_embedding_groups"]) = (1.into(), 1.into());
    write(&at("model"), &least, Dtype::Float16);
    convert_to_fairseq(&at("model"), None, &at("there.pt"), &constants).unwrap();
    let bytes = fs::read(at("there.pt")).unwrap();
    for n in 0..bytes.len() {
        assert!(TorchCheckpoint::from_bytes(bytes[..n].to_vec(), "cut").is_err(), "{n} of {}", bytes.len());
    }
    for (n, bit) in (0..bytes.len()).zip((0..8).cycle()) {
        let mut flipped = bytes.clone();
        flipped[n] ^= 1 << bit;
        if let Ok(checkpoint) = TorchCheckpoint::from_bytes(flipped, "flipped") {
            let _ = checkpoint.json("/");
            for name in checkpoint.infos().keys() {
                let _ = checkpoint.read_raw(name);
            }
        }
    }
    let model = fs::read(at("model/model.safetensors")).unwrap();
    for n in 0..model.len() {
        fs::write(at("cut.safetensors"), &model[..n]).unwrap();
        assert!(SafetensorsFile::open(&at("cut.safetensors")).is_err(), "{n} of {}", model.len());
    }
}
