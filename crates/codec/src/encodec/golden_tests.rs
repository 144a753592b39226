//! Compares with numbers recorded from the original programs (`golden/encodec`).

use std::path::Path;

use golden::Tensors;
use serde_json::Value;

use super::config::EncodecConfig;
use super::weights::WeightSource;
use super::*;

/// Weights by formula, under their older names.
struct ClosedForm {
    salt: String,
}

impl WeightSource for ClosedForm {
    fn has(&self, name: &str) -> bool {
        name.ends_with("weight_g") || name.ends_with("weight_v")
    }

    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, CodecError> {
        let (offset, scale) = if name.ends_with("weight_g") {
            (1.0, 0.25)
        } else if name.ends_with("weight_v") {
            (0.0, 1.0)
        } else if name.contains("bias") {
            (0.0, 1.0 / 16.0)
        } else if let Some(rest) = name.strip_prefix("quantizer.layers.") {
            let q: i32 = rest.split('.').next().unwrap().parse().unwrap();
            (0.0, 0.5f32.powi(2 + q / 12))
        } else {
            let fan_in: usize = shape[1..].iter().product();
            (0.0, 0.5f32.powi((0..32).find(|&e| 3 * 4usize.pow(e) >= fan_in).unwrap() as i32))
        };
        let uniforms = golden::cf_uniforms(&format!("{}{name}", self.salt), shape.iter().product());
        Ok(uniforms.into_iter().map(|u| offset + scale * u).collect())
    }
}

fn config(case: &Path) -> EncodecConfig {
    let config: EncodecConfig =
        serde_json::from_slice(&std::fs::read(case.join("config.json")).unwrap()).unwrap();
    config.check().unwrap();
    config
}

fn check_bandwidths(config: &EncodecConfig, meta: &Value) {
    for input in meta["inputs"].as_array().unwrap() {
        for (kbps, n) in input["n_q_per_bandwidth"].as_object().unwrap() {
            assert_eq!(
                config.codebooks_at(kbps.parse().unwrap()) as u64,
                n.as_u64().unwrap(),
                "{kbps} kbit/s"
            );
        }
    }
}

/// Embeddings and codes of all inputs; `samples(i)` gives the inputs, `kept(T)` the frames whose embeddings are stored.
fn compare(
    case: &Path,
    model: &Encodec,
    recorded: &Tensors,
    samples: impl Fn(usize) -> Vec<f32>,
    kept: impl Fn(usize) -> Vec<usize>,
) {
    let what = case.file_name().unwrap().to_string_lossy();
    let meta = golden::json(&case.join("meta.json"));
    let (mut worst, mut equal, mut all) = (0.0f64, 0usize, 0usize);
    let (tolerance, margin) =
        (meta["tolerance_embeddings_abs"].as_f64().unwrap(), meta["tolerance_rel_margin"].as_f64().unwrap());
    for index in 0..meta["inputs"].as_array().unwrap().len() {
        let samples = samples(index);
        let embeddings = model.embed(&samples).unwrap();
        let codes = model.quantiser.encode(&embeddings);
        let (n_frames, n_codebooks) = (codes.n_frames, codes.n_codebooks);
        let dims = embeddings.len() / n_frames;
        let kept = kept(n_frames);
        let ours: Vec<f32> = (0..dims)
            .flat_map(|dim| kept.iter().map(move |&t| (t, dim)))
            .map(|(t, dim)| embeddings[t * dims + dim])
            .collect();
        worst = golden::nan_is_worst(
            worst,
            golden::max_abs_diff(&ours, &recorded.f32(&format!("embeddings.{index}"))),
        );
        assert_eq!(recorded.shape(&format!("codes.{index}")), [n_codebooks, n_frames]);
        let theirs = recorded.i64(&format!("codes.{index}"));
        let margins = recorded.f64(&format!("rel_margin.{index}"));
        all += theirs.len();
        for t in 0..n_frames {
            for q in 0..n_codebooks {
                let at = q * n_frames + t;
                if i64::from(codes.frame(t)[q]) != theirs[at] {
                    let close = margins[at] < margin;
                    assert!(
                        close,
                        "{what}: input {index}, frame {t}, codebook {q}: margin {:e}",
                        margins[at]
                    );
                    break;
                }
                equal += 1;
            }
        }
        // Read in the smallest chunks the rules allow, not a bit changes.
        assert!(
            model.embed_in_chunks(&samples, 7) == embeddings,
            "{what}: input {index} in chunks of 7 frames"
        );
        // A lower bandwidth is the first codebooks of a higher one.
        let n_few = n_codebooks.div_ceil(2);
        let few =
            ResidualQuantiser::new(model.quantiser.codebooks()[..n_few].to_vec(), dims).encode(&embeddings);
        assert!((0..n_frames).all(|t| few.frame(t) == &codes.frame(t)[..n_few]), "{what}: input {index}");
    }
    golden::within(&format!("encodec {what} embeddings"), worst, tolerance);
    let share = equal as f64 / all as f64;
    golden::within(&format!("encodec {what} share of codes that differ ({all} codes)"), 1.0 - share, 0.01);
}

#[test]
fn golden_encodec_tiny() {
    for case in golden::cases("encodec", "model.safetensors") {
        let config = config(&case);
        let recorded = Tensors::open(&case.join("io.safetensors"));
        check_bandwidths(&config, &golden::json(&case.join("meta.json")));
        let mut hashes = Vec::new();
        for file in ["model.safetensors", "model_parametrizations.safetensors", "original.th"] {
            if !case.join(file).is_file() {
                continue;
            }
            let model = Encodec::open(case.join(file), Depth::Codebooks(config.max_codebooks())).unwrap();
            compare(&case, &model, &recorded, |i| recorded.f32(&format!("input.{i}")), |n| (0..n).collect());
            hashes.push(model.hash);
        }
        assert!(
            hashes.windows(2).all(|pair| pair[0] == pair[1]),
            "the same weights under other names: {hashes:?}"
        );
        check_bandwidth_choice(&case, &config);
    }
}

/// Every bandwidth opens with its number of codebooks and a hash of its own; others are refused.
fn check_bandwidth_choice(case: &Path, config: &EncodecConfig) {
    let mut hashes = std::collections::BTreeSet::new();
    for &kbps in &config.target_bandwidths {
        let model = crate::open_at(case, Some(kbps)).unwrap();
        assert_eq!((model.n_codebooks(), model.hop()), (config.codebooks_at(kbps), config.hop()));
        assert!(model.kbps() <= kbps + 1e-9 || model.n_codebooks() == 1, "{} above {kbps}", model.kbps());
        hashes.insert(model.hash().to_owned());
    }
    assert_eq!(hashes.len(), config.target_bandwidths.len(), "codes of other bandwidths are other codes");
    let refused = crate::open_at(case, Some(5.5)).err().unwrap().to_string();
    assert!(refused.starts_with("`bandwidth = 5.5` cannot be: it must be one of"), "{refused}");
    assert!(Encodec::open(case, Depth::Codebooks(config.max_codebooks() + 1)).is_err());
}

#[test]
fn golden_encodec_original_file_alone() {
    for case in golden::cases("encodec", "original.th") {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("encodec.th");
        std::fs::copy(case.join("original.th"), &file).unwrap();
        let with_config = Encodec::open(&case, Depth::default()).unwrap();
        let hugging_face = tempfile::tempdir().unwrap();
        std::fs::copy(case.join("original.th"), hugging_face.path().join("pytorch_model.bin")).unwrap();
        std::fs::copy(case.join("config.json"), hugging_face.path().join("config.json")).unwrap();
        let bin = Encodec::open(hugging_face.path(), Depth::default()).unwrap();
        assert_eq!(bin.hash, with_config.hash);
        for path in [file.as_path(), dir.path()] {
            assert_eq!(
                Encodec::open(path, Depth::default()).unwrap().hash,
                with_config.hash,
                "{}",
                path.display()
            );
        }
    }
}

#[test]
fn golden_encodec_closed_form() {
    for case in golden::cases("encodec", "summary.safetensors") {
        let config = config(&case);
        let meta = golden::json(&case.join("meta.json"));
        check_bandwidths(&config, &meta);
        let weights = ClosedForm { salt: meta["salt"].as_str().unwrap().to_owned() };
        let model = Encodec::build(&config, &weights, Depth::Codebooks(config.max_codebooks())).unwrap();
        let wave = |i: usize| {
            let n = meta["inputs"][i]["samples"].as_u64().unwrap() as usize;
            golden::cf_wave(meta["wave_names"][i].as_str().unwrap(), n)
        };
        let kept = |n: usize| {
            let mut frames = vec![0, n / 3, n / 2, n - 1];
            frames.dedup();
            frames
        };
        compare(&case, &model, &Tensors::open(&case.join("summary.safetensors")), wave, kept);
    }
}
