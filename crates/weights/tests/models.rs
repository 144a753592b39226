//! Model directories: what is written is what is read, strictly, and in one step.

use std::fs;
use std::path::Path;

use culturemert_weights::{
    Card, DataOrigin, Lineage, ModelDirectory, ModelFiles, ModelShape, ParentModel, StageRecord, Tensor,
    TensorSource, Tensors, WeightsError, adapt, open_source, to_fairseq_tensors,
};
use serde_json::{Value, json};

fn small_config() -> Value {
    json!({
        "model_type": "mert_model", "auto_map": {"AutoModel": "modeling_MERT.MERTModel"},
        "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 12,
        "conv_dim": [4, 6], "conv_kernel": [10, 3], "conv_stride": [5, 2],
        "num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2,
    })
}

fn filled(config: &Value) -> Tensors {
    let shapes = ModelShape::from_config(config, "test").expect("a sound configuration").tensors();
    let tensor = |name: &str, shape: Vec<usize>| {
        let n = shape.iter().product();
        Tensor { shape, data: golden::cf_uniforms(name, n) }
    };
    shapes.into_iter().map(|(name, shape)| (name.clone(), tensor(&name, shape))).collect()
}

fn lineage() -> Lineage {
    let base =
        ParentModel { name: "base".into(), hash: "00ff".into(), licences: vec!["CC-BY-NC-4.0".into()] };
    let data = DataOrigin {
        corpus: "built-in".into(),
        hash: "abcd".into(),
        cultures: vec!["Turkish makam".into(), "Carnatic".into()],
        licences: vec!["CC0-1.0".into()],
        synthetic: true,
        hours: Some(1.5),
    };
    let stage = StageRecord {
        name: "one".into(),
        updates: 10,
        hours: 0.4,
        trainable: vec!["feature_extractor.*".into()],
        peak_learning_rate: 1e-4,
    };
    Lineage { base: Some(base), data: vec![data], stages: vec![stage], seed: Some(7), ..Lineage::new() }
}

fn write(dir: &Path, config: &Value, tensors: &Tensors, heads: Option<&Tensors>) -> Result<(), WeightsError> {
    let (lineage, card) = (lineage(), Card::new("small", "A test."));
    let heads = heads.map(|heads| heads as &dyn TensorSource);
    let files = ModelFiles {
        config,
        tensors,
        heads,
        lineage: &lineage,
        card: &card,
        preprocessor: None,
        fairseq: None,
    };
    ModelDirectory::write(dir, &files).map(drop)
}

#[test]
fn what_is_written_is_read() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("model");
    let (config, tensors) = (small_config(), filled(&small_config()));
    let heads: Tensors = [("label_embs_concat".to_owned(), Tensor { shape: vec![2, 3], data: vec![1.0; 6] })]
        .into_iter()
        .collect();
    write(&dir, &config, &tensors, Some(&heads)).unwrap();
    let model = ModelDirectory::open(&dir).unwrap();
    let (back, report) = model.tensors().unwrap();
    assert_eq!(back, tensors);
    assert!(report.made.is_empty() && report.unused.is_empty());
    assert_eq!(report.loaded.len(), tensors.len());
    assert_eq!(model.heads().unwrap(), Some(heads));
    assert_eq!(model.config()["model_type"], "hubert");
    assert!(model.config().get("auto_map").is_none());
    assert_eq!(model.preprocessor().unwrap()["sampling_rate"], 24_000);
    let hash = tensors.content_hash();
    assert_eq!(model.content_hash().unwrap(), hash);
    assert_eq!(model.lineage().unwrap(), &Lineage { content_hash: hash.to_string(), ..lineage() });
    let card = fs::read_to_string(dir.join("README.md")).unwrap();
    for word in ["Synthetic data", "CC0-1.0", "CC-BY-NC-4.0", "Turkish makam", "00ff", &hash.to_string()] {
        assert!(card.contains(word), "the card does not say `{word}`:\n{card}");
    }
}

#[test]
fn the_same_model_gives_the_same_bytes() {
    let root = tempfile::tempdir().unwrap();
    let tensors = filled(&small_config());
    for name in ["a", "b"] {
        write(&root.path().join(name), &small_config(), &tensors, None).unwrap();
    }
    for entry in fs::read_dir(root.path().join("a")).unwrap() {
        let name = entry.unwrap().file_name();
        let read = |dir: &str| fs::read(root.path().join(dir).join(&name)).unwrap();
        assert_eq!(read("a"), read("b"), "{}", name.display());
    }
}

#[test]
fn a_model_is_replaced_in_one_step_and_other_directories_never() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("model");
    let (config, mut tensors) = (small_config(), filled(&small_config()));
    write(&dir, &config, &tensors, None).unwrap();
    let before = ModelDirectory::open(&dir).unwrap().content_hash().unwrap();

    let taken = tensors.remove("masked_spec_embed").unwrap();
    let error = write(&dir, &config, &tensors, None).unwrap_err().to_string();
    assert!(error.contains("masked_spec_embed"), "{error}");
    assert_eq!(ModelDirectory::open(&dir).unwrap().content_hash().unwrap(), before);

    tensors.insert("masked_spec_embed", Tensor { data: vec![0.5; taken.data.len()], ..taken });
    write(&dir, &config, &tensors, None).unwrap();
    assert_ne!(ModelDirectory::open(&dir).unwrap().content_hash().unwrap(), before);
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1, "nothing is left beside it");

    let other = root.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("thesis.tex"), "years of work").unwrap();
    assert!(matches!(write(&other, &config, &tensors, None), Err(WeightsError::Occupied { .. })));
    assert!(other.join("thesis.tex").exists());
}

#[test]
fn wrong_shapes_and_extra_tensors_are_named() {
    let root = tempfile::tempdir().unwrap();
    let mut tensors = filled(&small_config());
    tensors.insert("classifier.weight", Tensor { shape: vec![1], data: vec![0.0] });
    let error = write(&root.path().join("m"), &small_config(), &tensors, None).unwrap_err().to_string();
    assert!(error.contains("classifier.weight"), "{error}");
    tensors.remove("classifier.weight");
    tensors.insert("masked_spec_embed", Tensor { shape: vec![3], data: vec![0.0; 3] });
    let error = write(&root.path().join("m"), &small_config(), &tensors, None).unwrap_err().to_string();
    assert!(error.contains("[3]") && error.contains("[8]"), "{error}");
}

#[test]
fn a_folded_positional_convolution_is_taken_apart() {
    let config = small_config();
    let mut tensors = filled(&config);
    let name = "encoder.pos_conv_embed.conv";
    let weight = tensors.remove(&format!("{name}.weight_v")).unwrap();
    tensors.remove(&format!("{name}.weight_g"));
    tensors.insert(format!("{name}.weight"), weight.clone());
    let encoder = adapt(&tensors, &config).unwrap().encoder;
    let (g, v) = (
        encoder.get(&format!("{name}.weight_g")).unwrap(),
        encoder.get(&format!("{name}.weight_v")).unwrap(),
    );
    let n_taps = g.data.len();
    for tap in 0..n_taps {
        let length = v.data.iter().skip(tap).step_by(n_taps).map(|x| x * x).sum::<f32>().sqrt();
        assert!((g.data[tap] / length - 1.0).abs() < 1e-6);
    }
    assert_eq!(v, &weight);
}

#[test]
fn golden_hubert_weights_load_under_all_their_names() {
    for case in golden::cases("hubert", "model.safetensors") {
        let config = golden::json(&case.join("config.json"));
        let old = adapt(open_source(&case).unwrap().as_ref(), &config).unwrap();
        assert!(old.report.unused.is_empty(), "{}: {:?}", case.display(), old.report.unused);
        let newer = case.join("model_parametrizations.safetensors");
        let new = adapt(open_source(&newer).unwrap().as_ref(), &config).unwrap();
        assert_eq!(old.encoder, new.encoder, "{}", case.display());

        // What is written holds exactly the tensors transformers wrote, and survives the way through fairseq's names.
        let root = tempfile::tempdir().unwrap();
        write(&root.path().join("m"), &config, &old.encoder, None).unwrap();
        let theirs = open_source(&case).unwrap().infos();
        assert_eq!(open_source(&root.path().join("m")).unwrap().infos(), theirs, "{}", case.display());
        let fairseq = to_fairseq_tensors(&old.encoder, &Tensors::new(), &config).unwrap();
        assert!(fairseq.contains("mask_emb"));
        assert_eq!(adapt(&fairseq, &config).unwrap().encoder, old.encoder);
        let identity = ModelDirectory::open(&root.path().join("m")).unwrap().identity().unwrap();
        assert_ne!(identity, old.encoder.content_hash());
    }
}

/// What a model directory holds: its weights, heads and texts, by name.
fn content(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut content: Vec<(String, Vec<u8>)> = fs::read_dir(dir)
        .expect("a directory")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| {
            let name = path.file_name().unwrap_or_default().display().to_string();
            (name, fs::read(&path).expect("a file"))
        })
        .collect();
    content.sort();
    content
}

#[test]
fn under_every_fault_a_model_is_the_old_or_the_new_one() {
    let (config, tensors) = (small_config(), filled(&small_config()));
    let mut other = tensors.clone();
    let flat = other.get("masked_spec_embed").unwrap().clone();
    other.insert("masked_spec_embed", Tensor { data: vec![0.5; flat.data.len()], ..flat });
    let made = tempfile::tempdir().unwrap();
    let whole = |tensors: &Tensors, name: &str| {
        write(&made.path().join(name).join("model"), &config, tensors, None).unwrap();
        content(&made.path().join(name).join("model"))
    };
    let (old, new) = (whole(&tensors, "old"), whole(&other, "new"));
    let work = |root: &Path| write(&root.join("model"), &config, &other, None);
    let look = |root: &Path, is_done: bool| {
        ModelDirectory::open(&root.join("model")).unwrap().tensors().unwrap();
        let found = content(&root.join("model"));
        assert!(found == new || (!is_done && found == old));
    };
    let before = |root: &Path| write(&root.join("model"), &config, &tensors, None).unwrap();
    let n_struck = files::faults::everywhere(before, work, look);
    assert!(n_struck > 80, "{n_struck} operations");
    files::faults::everywhere_without_exchange(before, work, look);
    files::faults::everywhere(
        |_| {},
        work,
        |root, is_done| {
            let is_there = root.join("model").exists();
            assert!(is_there || !is_done);
            if is_there {
                assert!(content(&root.join("model")) == new);
            }
        },
    );
}
