//! The full 95M shape with weights from a formula: hidden states of 5 and 30 s against `transformers`.

use golden::Tensors;
use mert::{EncoderConfig, Mert, Precision, parameters};

use crate::tensors::{device, on_device, relative_l2};

/// Largest relative error of a hidden state when products are computed in bfloat16.
const BFLOAT16: f64 = 1e-2;

/// The same of float16, which has three more bits.
const FLOAT16: f64 = 2e-3;

#[test]
fn golden_hidden_states_of_the_full_shape() {
    for case in golden::cases("hubert", "summary.safetensors") {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let config = EncoderConfig::from_json(&golden::json(&case.join("config.json"))).unwrap();
        let meta = golden::json(&case.join("meta.json"));
        let summary = Tensors::open(&case.join("summary.safetensors"));
        let salt = meta["salt"].as_str().unwrap();
        let rules = meta["weights"].clone();
        let model = parameters::load(Mert::blank(&config, None, &device()).unwrap(), &mut |name| {
            let rule = rule_of(&rules, name);
            let shape: Vec<usize> =
                rule["shape"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect();
            let (offset, scale) =
                (rule["offset"].as_f64().unwrap() as f32, rule["scale"].as_f64().unwrap() as f32);
            let n = shape.iter().product();
            let values =
                golden::cf_uniforms(&format!("{salt}{name}"), n).into_iter().map(|u| offset + scale * u);
            Some((shape, values.collect()))
        })
        .unwrap();
        let inputs = meta["inputs"].as_object().unwrap();
        for (tag, input) in inputs {
            let wave = golden::cf_wave(
                input["wave_name"].as_str().unwrap(),
                input["samples"].as_u64().unwrap() as usize,
            );
            let (states, n_frames) = model.embed(&wave, 1).unwrap();
            let tolerance = input["tolerance_abs"].as_f64().or(meta["tolerance_abs"].as_f64()).unwrap();
            let error = worst(&states, n_frames, input, tag, &summary);
            golden::within(&format!("hubert {name} {tag}"), error, on_device(tolerance));
            if input["samples"].as_u64().unwrap() > 200_000 {
                continue;
            }
            for (precision, bound) in [(Precision::Bfloat16, BFLOAT16), (Precision::Float16, FLOAT16)] {
                if !mert::computes_in(&device(), precision) {
                    continue;
                }
                let (rounded, _) = model.clone().with_precision(precision).embed(&wave, 1).unwrap();
                let errors = states.iter().zip(&rounded).map(|(exact, found)| relative_l2(found, exact));
                let error = errors.fold(0.0, golden::nan_is_worst);
                golden::within(&format!("hubert {name} {tag} in {precision}"), error, bound);
            }
        }
    }
}

fn rule_of<'a>(rules: &'a serde_json::Value, name: &str) -> &'a serde_json::Value {
    match rules {
        serde_json::Value::Array(rules) => {
            rules.iter().find(|rule| rule["name"] == name).unwrap_or_else(|| panic!("no rule for `{name}`"))
        }
        rules => &rules[name],
    }
}

/// Largest difference of what the summary keeps of every hidden state.
fn worst(
    states: &[Vec<f32>],
    n_frames: usize,
    input: &serde_json::Value,
    tag: &str,
    summary: &Tensors,
) -> f64 {
    let listed: Vec<usize> =
        input["frames_listed"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect();
    let shape = summary.shape(&format!("{tag}.hidden_frames"));
    let n_channels = shape[2];
    let (mut frames, mut time_means, mut channel_means) = (Vec::new(), Vec::new(), Vec::new());
    for state in states {
        let width = state.len() / n_frames;
        for &frame in &listed {
            frames.extend_from_slice(&state[frame * width..][..n_channels]);
        }
        let mut sums = vec![0.0f64; width];
        for row in state.chunks_exact(width) {
            sums.iter_mut().zip(row).for_each(|(sum, &x)| *sum += f64::from(x));
        }
        time_means.extend(sums.into_iter().map(|sum| (sum / n_frames as f64) as f32));
        channel_means.extend(
            state
                .chunks_exact(width)
                .step_by(10)
                .map(|row| (row.iter().map(|&x| f64::from(x)).sum::<f64>() / width as f64) as f32),
        );
    }
    let parts =
        [("hidden_frames", frames), ("hidden_time_mean", time_means), ("hidden_channel_mean", channel_means)];
    parts.into_iter().fold(0.0, |worst, (part, ours)| {
        golden::nan_is_worst(worst, golden::max_abs_diff(&ours, &summary.f32(&format!("{tag}.{part}"))))
    })
}
