//! Checkpoints of torch: the tensors fairseq wrote, and nothing that a hostile file could do.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use culturemert_weights::{
    ModelDirectory, TensorSource, TorchCheckpoint, adapt, convert_to_hf, import_checkpoint, open_source,
};
use proptest::prelude::*;
use serde_json::Value;

/// The checkpoints of the golden folder with their descriptions.
fn checkpoints() -> Vec<(PathBuf, Value)> {
    let Some(folder) = golden::folder("mert/checkpoints") else { return Vec::new() };
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "pt"));
    files.sort();
    files.into_iter().map(|path| (path.clone(), golden::json(&path.with_extension("json")))).collect()
}

#[test]
fn golden_checkpoints_have_the_same_tensors() {
    for (path, expected) in checkpoints() {
        let name = path.file_name().unwrap().display().to_string();
        let checkpoint = TorchCheckpoint::open(&path).unwrap();
        assert_eq!(checkpoint.is_legacy(), name.contains("legacy"), "{name}");
        let found: BTreeMap<String, (Vec<usize>, &str, String)> = checkpoint
            .infos()
            .into_iter()
            .map(|(path, info)| {
                let hash = checkpoint.read_raw(&path).unwrap().sha256().to_string();
                (path, (info.shape, info.dtype.name(), hash))
            })
            .collect();
        let tensors = expected["tensors"].as_array().unwrap();
        for tensor in tensors {
            let at = tensor["path"].as_str().unwrap();
            let (shape, dtype, hash) = found.get(at).unwrap_or_else(|| panic!("{name}: no tensor {at}"));
            assert_eq!(serde_json::json!(shape), tensor["shape"], "{name}: {at}");
            assert_eq!(*dtype, tensor["dtype"], "{name}: {at}");
            assert_eq!(*hash, tensor["sha256"], "{name}: {at}");
        }
        assert_eq!(found.len(), tensors.len(), "{name}");
        eprintln!("golden: mert/checkpoints/{name}: {} tensors, all sha256 equal", tensors.len());
    }
}

#[test]
fn golden_checkpoints_have_the_same_structure() {
    for (path, expected) in checkpoints() {
        let name = path.file_name().unwrap().display().to_string();
        let checkpoint = TorchCheckpoint::open(&path).unwrap();
        assert_eq!(checkpoint.skipped(), ["fairseq.data.dictionary.Dictionary"], "{name}");
        let keys: Vec<String> = checkpoint.json("/").unwrap().as_object().unwrap().keys().cloned().collect();
        assert_eq!(serde_json::json!(keys), expected["top_level_keys"], "{name}");
        for (at, key) in
            [("/optimizer_history", "optimizer_history"), ("/extra_state/train_iterator", "train_iterator")]
        {
            assert_eq!(checkpoint.json(at).unwrap(), expected[key], "{name}: {at}");
        }
        for (index, symbols) in expected["dictionary_symbols"].as_array().unwrap().iter().enumerate() {
            let at = format!("/task_state/dictionaries/{index}/symbols");
            assert_eq!(checkpoint.json(&at).as_ref(), Some(symbols), "{name}: {at}");
        }
        if let Some(scale) =
            expected["last_optimizer_state"].get("loss_scale").filter(|scale| !scale.is_null())
        {
            assert_eq!(checkpoint.json("/last_optimizer_state/loss_scale").as_ref(), Some(scale), "{name}");
        }
        let stem = name.split('_').next().unwrap();
        let cfg = path.with_file_name(format!("{stem}_cfg.json"));
        if cfg.exists() {
            assert_eq!(checkpoint.json("/cfg").unwrap(), golden::json(&cfg), "{name}: configuration");
        }
    }
}

#[test]
fn golden_checkpoints_become_model_directories() {
    for (path, expected) in checkpoints() {
        let root = tempfile::tempdir().unwrap();
        let out = root.path().join("model");
        let report = convert_to_hf(&path, None, &out).unwrap().tensors;
        let model = ModelDirectory::open(&out).unwrap();
        let n_tensors = expected["tensors"].as_array().unwrap().len();
        assert_eq!(n_tensors, report.loaded.len() + report.heads.len() + report.unused.len());
        for unused in &report.unused {
            let known = ["constant of the constant-Q", "state of the optimiser", "outside the weights"];
            assert!(known.iter().any(|reason| unused.reason.contains(reason)), "{unused:?}");
        }
        assert!(model.heads().unwrap().unwrap().contains("label_embs_concat"));
        let back = import_checkpoint(&out, None).unwrap();
        let encoder = import_checkpoint(&path, None).unwrap().adapt().unwrap().encoder;
        assert_eq!(back.adapt().unwrap().encoder, encoder);
    }
}

#[test]
fn golden_hubert_bin_files_equal_their_safetensors() {
    for case in golden::cases("hubert", "pytorch_model.bin") {
        let config = golden::json(&case.join("config.json"));
        let bin = open_source(&case.join("pytorch_model.bin")).unwrap();
        let safe = open_source(&case.join("model.safetensors")).unwrap();
        assert_eq!(
            adapt(bin.as_ref(), &config).unwrap().encoder,
            adapt(safe.as_ref(), &config).unwrap().encoder
        );
        assert_eq!(bin.content_hash().unwrap(), safe.content_hash().unwrap());
    }
}

fn read_everything(bytes: &[u8]) {
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), bytes).expect("written");
    if let Ok(checkpoint) = TorchCheckpoint::open(file.path()) {
        let _ = checkpoint.json("/");
        for name in checkpoint.infos().keys() {
            let _ = checkpoint.read_raw(name);
        }
    }
}

#[test]
fn golden_checkpoints_cut_short_are_errors() {
    for (path, _) in checkpoints() {
        let bytes = fs::read(&path).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        for n in (0..bytes.len()).step_by(997) {
            fs::write(file.path(), &bytes[..n]).unwrap();
            assert!(TorchCheckpoint::open(file.path()).is_err(), "{}: {n} bytes", path.display());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn golden_checkpoints_with_damage_never_panic(
        which in any::<prop::sample::Index>(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..6),
    ) {
        let all = checkpoints();
        if !all.is_empty() {
            let mut bytes = fs::read(&which.get(&all).0).expect("read");
            for (at, value, late) in damage {
                // Structure lies at the front of the pickle and at the end of a zip file.
                let n = bytes.len();
                let at = if late { n - 1 - at.index(n.min(30_000)) } else { at.index(n.min(45_000)) };
                bytes[at] = value;
            }
            read_everything(&bytes);
        }
    }
}
