//! Model files through the real program: every golden checkpoint and Hugging Face directory, there and back, hidden states equal.

use std::fs;
use std::path::{Path, PathBuf};

use files::Npy;
use serde_json::Value;

use crate::command::json;

/// Writes mono float32 samples at 24 kHz.
fn write_wave(path: &Path, samples: &[f32]) {
    let data: Vec<u8> = samples.iter().flat_map(|x| x.to_le_bytes()).collect();
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + data.len() as u32).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x03\0\x01\0");
    bytes.extend(24_000u32.to_le_bytes());
    bytes.extend(96_000u32.to_le_bytes());
    bytes.extend(b"\x04\0\x20\0data");
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    fs::write(path, bytes).unwrap();
}

/// Hidden states of a wave, as the program writes them.
#[track_caller]
fn embed(dir: &Path, model: &str, wave: &str) -> Vec<f32> {
    let arguments =
        ["embed", "--model", model, wave, "--out", "out.npy", "--window", "0", "--normalize", "false"];
    json(dir, &arguments);
    Npy::<f32>::open(&dir.join("out.npy")).unwrap().as_slice().to_vec()
}

/// Converts a model directory to fairseq's checkpoint and back, and checks that nothing changed.
#[track_caller]
fn there_and_back(dir: &Path, model: &str) {
    json(dir, &["convert", model, "there.pt", "--to", "fairseq"]);
    json(dir, &["convert", "there.pt", "back", "--to", "hf"]);
    for file in ["model.safetensors", "heads.safetensors", "config.json", "preprocessor_config.json"] {
        let read = |model: &str| fs::read(dir.join(model).join(file)).ok();
        assert_eq!(read(model), read("back"), "{model}: `{file}` is not what it was");
    }
    let compared = json(dir, &["inspect", "there.pt", "--against", model]);
    assert_eq!(compared["equal"], true, "{compared}");
    json(dir, &["convert", model, "there.safetensors", "--to", "fairseq"]);
    let compared = json(dir, &["inspect", "there.safetensors", "--against", "there.pt"]);
    assert_eq!(compared["equal"], true, "{compared}");
}

#[test]
fn golden_hubert_files_convert_and_embed_alike() {
    for case in golden::cases("hubert", "model.safetensors") {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let io = golden::Tensors::open(&case.join("io.safetensors"));
        let tolerance = golden::json(&case.join("meta.json"))["tolerance_abs"].as_f64().unwrap();
        let inputs: Vec<usize> = (0..1000).take_while(|index| io.has(&format!("input.{index}"))).collect();
        for index in &inputs {
            write_wave(&dir.join(format!("{index}.wav")), &io.f32(&format!("input.{index}")));
        }
        let mut first: Option<Vec<Vec<f32>>> = None;
        let mut worst = 0.0;
        for file in ["model.safetensors", "model_parametrizations.safetensors", "pytorch_model.bin"] {
            let weights = case.join(file);
            let listed = json(dir, &["inspect", weights.to_str().unwrap()]);
            assert_eq!(listed["kind"], "hugging_face_weights", "{}", weights.display());
            json(dir, &["convert", weights.to_str().unwrap(), "model", "--to", "hf"]);
            assert_eq!(json(dir, &["inspect", "model"])["kind"], "model_directory");
            let states: Vec<Vec<f32>> =
                inputs.iter().map(|index| embed(dir, "model", &format!("{index}.wav"))).collect();
            for (index, ours) in inputs.iter().zip(&states) {
                let layers = (0..1000).take_while(|layer| io.has(&format!("hidden.{index}.{layer}")));
                let theirs: Vec<f32> =
                    layers.flat_map(|layer| io.f32(&format!("hidden.{index}.{layer}"))).collect();
                worst = golden::nan_is_worst(worst, golden::max_abs_diff(ours, &theirs));
            }
            there_and_back(dir, "model");
            assert!(first.get_or_insert_with(|| states.clone()) == &states, "{}", weights.display());
        }
        golden::within(&format!("{} through convert and embed", case.display()), worst, tolerance);
    }
}

/// The checkpoints of the golden folder.
fn checkpoints() -> Vec<PathBuf> {
    let Some(folder) = golden::folder("mert/checkpoints") else { return Vec::new() };
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "pt"));
    files.sort();
    files
}

#[test]
fn golden_fairseq_checkpoints_convert_there_and_back() {
    for path in checkpoints() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let original = path.to_str().unwrap();
        let listed = json(dir, &["inspect", original]);
        assert_eq!(listed["kind"], "fairseq_checkpoint", "{original}");
        assert_eq!(listed["config"]["model"]["_name"], "mert", "{original}");
        let report = json(dir, &["convert", original, "model", "--to", "hf"]);
        check_settings(&listed["config"], &report["settings"]);
        let compared = json(dir, &["inspect", original, "--against", "model"]);
        assert_eq!(compared["equal"], true, "{original}: {compared}");
        there_and_back(dir, "model");

        // With the constants, which both files hold, and their configuration and order of names.
        let compared = json(dir, &["inspect", "there.pt", "--against", original]);
        assert_eq!(compared["only_in_first"].as_array().map(Vec::len), Some(0), "{compared}");
        assert_eq!(compared["only_in_second"].as_array().map(Vec::len), Some(0), "{compared}");
        let worst = compared["worst"]["size"].as_f64().unwrap_or(0.0);
        golden::within(&format!("{original}: constants of the CQT"), worst, CONSTANTS);
        let written = json(dir, &["inspect", "there.pt"]);
        assert_eq!(written["config"], listed["config"], "{original}");

        let samples: Vec<f32> = golden::cf_wave("formats", 24_000);
        write_wave(&dir.join("wave.wav"), &samples);
        assert_eq!(embed(dir, "model", "wave.wav"), embed(dir, "back", "wave.wav"), "{original}");
    }
}

/// Float32 kernels of size 0.1 and less, computed in float64: an ulp where another libm makes the rounding fall the other way. Measured: 0.
const CONSTANTS: f64 = 1e-8;

/// What was read of the configuration is what it says.
fn check_settings(cfg: &Value, settings: &Value) {
    let number = |section: &str, key: &str| settings[section][key].as_f64();
    assert_eq!(number("objective", "final_dim"), cfg["model"]["final_dim"].as_f64());
    assert_eq!(number("objective", "masked"), cfg["criterion"]["pred_masked_weight"].as_f64());
    assert_eq!(number("objective", "features_penalty"), cfg["criterion"]["loss_weights"][0].as_f64());
    assert_eq!(number("masking", "probability"), cfg["model"]["mask_prob"].as_f64());
    assert_eq!(number("masking", "length"), cfg["model"]["mask_length"].as_f64());
    let codebooks = cfg["task"]["labels"].as_array().unwrap().len() as f64;
    assert_eq!(number("objective", "codebooks"), Some(codebooks));
    assert_eq!(number("objective", "special_entries"), Some(4.0));
}
