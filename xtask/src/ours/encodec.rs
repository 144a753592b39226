//! EnCodec codes of 30 s at 6 kbit/s, random weights in the shape of the published 24 kHz model.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;
use weights::{Tensor, Tensors, write_safetensors};

use super::{Done, noise, timed};

/// Filters of the first convolution; every ratio doubles them.
const FILTERS: usize = 32;
/// Strides in the encoder's order.
const RATIOS: [usize; 4] = [2, 4, 5, 8];
const WIDTH: usize = 128;
const CODEBOOKS: usize = 8;
const ENTRIES: usize = 1024;

fn model(folder: &Path) -> PathBuf {
    folder.join("encodec")
}

/// Writes `config.json` and `model.safetensors`.
pub(super) fn set_up(folder: &Path) -> anyhow::Result<()> {
    let config = json!({
        "model_type": "encodec",
        "target_bandwidths": [1.5, 3.0, 6.0, 12.0, 24.0],
        "sampling_rate": audio::SAMPLE_RATE,
        "audio_channels": 1,
        "normalize": false,
        "chunk_length_s": null,
        "hidden_size": WIDTH,
        "num_filters": FILTERS,
        "num_residual_layers": 1,
        "upsampling_ratios": RATIOS.into_iter().rev().collect::<Vec<_>>(),
        "norm_type": "weight_norm",
        "kernel_size": 7,
        "last_kernel_size": 7,
        "residual_kernel_size": 3,
        "dilation_growth_rate": 2,
        "use_causal_conv": true,
        "pad_mode": "reflect",
        "compress": 2,
        "num_lstm_layers": 2,
        "trim_right_ratio": 1.0,
        "codebook_size": ENTRIES,
        "codebook_dim": WIDTH,
        "use_conv_shortcut": true,
    });
    files::write_json(&model(folder).join("config.json"), &format!("{config:#}"))?;
    let mut tensors = Tensors::new();
    let mut put = |name: String, shape: &[usize], scale: f32| {
        let values = noise(shape.iter().product(), tensors.len() as u64, scale);
        tensors.insert(name, Tensor { shape: shape.to_vec(), data: values });
    };
    let mut conv = |name: &str, [inputs, outputs, taps]: [usize; 3]| {
        put(format!("{name}.weight_g"), &[outputs, 1, 1], 1.0);
        put(format!("{name}.weight_v"), &[outputs, inputs, taps], 1.0);
        put(format!("{name}.bias"), &[outputs], 0.1);
    };
    conv("encoder.layers.0.conv", [1, FILTERS, 7]);
    let (mut width, mut index) = (FILTERS, 1);
    for ratio in RATIOS {
        let layer = format!("encoder.layers.{index}");
        conv(&format!("{layer}.block.1.conv"), [width, width / 2, 3]);
        conv(&format!("{layer}.block.3.conv"), [width / 2, width, 1]);
        conv(&format!("{layer}.shortcut.conv"), [width, width, 1]);
        conv(&format!("encoder.layers.{}.conv", index + 2), [width, 2 * width, 2 * ratio]);
        width *= 2;
        index += 3;
    }
    conv(&format!("encoder.layers.{}.conv", index + 2), [width, WIDTH, 7]);
    for layer in 0..2 {
        for kind in ["ih", "hh"] {
            let lstm = format!("encoder.layers.{index}.lstm");
            put(format!("{lstm}.weight_{kind}_l{layer}"), &[4 * width, width], 0.04);
            put(format!("{lstm}.bias_{kind}_l{layer}"), &[4 * width], 0.04);
        }
    }
    for book in 0..CODEBOOKS {
        put(format!("quantizer.layers.{book}.codebook.embed"), &[ENTRIES, WIDTH], 1.0);
    }
    Ok(write_safetensors(&model(folder).join("model.safetensors"), &tensors, &BTreeMap::new())?)
}

pub(super) fn codes(repeat: usize, folder: &Path) -> anyhow::Result<Done> {
    let codec = codec::open(model(folder))?;
    let wave = noise(30 * audio::SAMPLE_RATE as usize, 1, 1.0);
    let (seconds, codes) = timed(repeat, || Ok(codec.encode(&wave)?))?;
    let facts = json!({ "frames": codes.n_frames, "codebooks": codes.n_codebooks });
    Ok(Done { seconds, gflop: None, facts })
}
