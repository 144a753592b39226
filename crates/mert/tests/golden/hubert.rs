//! Hidden states equal those of `transformers`' `HubertModel`, for every case that lies under `hubert/`.

use burn::tensor::{Tensor, TensorData};
use golden::Tensors;
use mert::{EncoderConfig, Mert, silent};

use crate::tensors::{device, model, on_device, values};

fn wave(samples: Vec<f32>, n_clips: usize) -> Tensor<2> {
    let n = samples.len() / n_clips;
    Tensor::from_data(TensorData::new(samples, [n_clips, n]), &device())
}

#[test]
fn golden_hidden_states_of_small_models() {
    for case in golden::cases("hubert", "io.safetensors") {
        if !case.join("config.json").is_file() {
            continue;
        }
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let config = EncoderConfig::from_json(&golden::json(&case.join("config.json"))).unwrap();
        let meta = golden::json(&case.join("meta.json"));
        let tolerance = meta["tolerance_abs"].as_f64().unwrap();
        let io = Tensors::open(&case.join("io.safetensors"));
        for (file, renamed) in [("model.safetensors", false), ("model_parametrizations.safetensors", true)] {
            let weights = Tensors::open(&case.join(file));
            let model = model(&config, None, &device(), &weights, |name| {
                let parametrised = [
                    ("weight_g", "parametrizations.weight.original0"),
                    ("weight_v", "parametrizations.weight.original1"),
                ];
                parametrised
                    .into_iter()
                    .filter(|_| renamed)
                    .fold(name.to_owned(), |name, (old, new)| name.replace(old, new))
            });
            let error = worst_of_inputs(&model, &io).max(worst_of_batch(&model, &io, &meta));
            golden::within(&format!("hubert {name} {file}"), error, on_device(tolerance));
        }
    }
}

fn worst_of_inputs(model: &Mert, io: &Tensors) -> f64 {
    let mut worst = 0.0;
    for index in (0..).take_while(|index| io.has(&format!("input.{index}"))) {
        let input = io.f32(&format!("input.{index}"));
        let features =
            model.encoder.feature_extractor.forward(wave(input.clone(), 1), model.precision(), &mut silent);
        let error = golden::max_abs_diff(&values(&features), &io.f32(&format!("conv_features.{index}")));
        worst = golden::nan_is_worst(worst, error);
        let states = model.encoder.hidden_states(wave(input, 1), None).unwrap();
        assert_eq!(states.len(), model.config().num_hidden_layers + 1);
        for (layer, state) in states.iter().enumerate() {
            let error = golden::max_abs_diff(&values(state), &io.f32(&format!("hidden.{index}.{layer}")));
            worst = golden::nan_is_worst(worst, error);
        }
    }
    worst
}

fn worst_of_batch(model: &Mert, io: &Tensors, meta: &serde_json::Value) -> f64 {
    if !io.has("batch.input") {
        return 0.0;
    }
    let n_clips = io.shape("batch.input")[0];
    let valid: Vec<usize> = meta["batch"]["frames_valid"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| n.as_u64().unwrap() as usize)
        .collect();
    let states = model.encoder.hidden_states(wave(io.f32("batch.input"), n_clips), Some(&valid)).unwrap();
    let ours = values(states.last().unwrap());
    let theirs = io.f32("batch.last_hidden");
    let [_, n_frames, width] = states[0].dims();
    (0..n_clips).fold(0.0, |worst, clip| {
        let real = clip * n_frames * width..(clip * n_frames + valid[clip]) * width;
        golden::nan_is_worst(worst, golden::max_abs_diff(&ours[real.clone()], &theirs[real]))
    })
}
