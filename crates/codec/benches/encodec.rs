//! Speed of EnCodec's full-size encoder with random weights: 30 s at 6 kbit/s, 8 codebooks.
//!
//! `cargo bench -p culturemert-codec --bench encodec`.

use culturemert_codec::{Depth, Encodec, Tokenizer};
use safetensors::Dtype;
use safetensors::tensor::TensorView;

fn main() {
    divan::main();
}

const CONFIG: &str = r#"{
    "model_type": "encodec", "target_bandwidths": [1.5, 3.0, 6.0], "sampling_rate": 24000, "audio_channels": 1, "normalize": false,
    "chunk_length_s": null, "hidden_size": 128, "num_filters": 32, "num_residual_layers": 1, "upsampling_ratios": [8, 5, 4, 2],
    "norm_type": "weight_norm", "kernel_size": 7, "last_kernel_size": 7, "residual_kernel_size": 3, "dilation_growth_rate": 2,
    "use_causal_conv": true, "pad_mode": "reflect", "compress": 2, "num_lstm_layers": 2, "codebook_size": 1024, "codebook_dim": 128,
    "use_conv_shortcut": true
}"#;

/// Names and shapes of the full-size model's tensors.
fn tensors() -> Vec<(String, Vec<usize>)> {
    let mut all = Vec::new();
    let mut conv = |name: String, [n_out, n_in, k]: [usize; 3]| {
        all.push((format!("encoder.layers.{name}conv.weight"), vec![n_out, n_in, k]));
        all.push((format!("encoder.layers.{name}conv.bias"), vec![n_out]));
    };
    conv("0.".into(), [32, 1, 7]);
    for (level, ratio) in [2, 4, 5, 8].into_iter().enumerate() {
        let (dim, index) = (32 << level, 1 + 3 * level);
        conv(format!("{index}.block.1."), [dim / 2, dim, 3]);
        conv(format!("{index}.block.3."), [dim, dim / 2, 1]);
        conv(format!("{index}.shortcut."), [dim, dim, 1]);
        conv(format!("{}.", index + 2), [2 * dim, dim, 2 * ratio]);
    }
    conv("15.".into(), [128, 512, 7]);
    for (kind, layer) in [("weight_ih", 0), ("weight_hh", 0), ("weight_ih", 1), ("weight_hh", 1)] {
        all.push((format!("encoder.layers.13.lstm.{kind}_l{layer}"), vec![2048, 512]));
    }
    for (kind, layer) in [("bias_ih", 0), ("bias_hh", 0), ("bias_ih", 1), ("bias_hh", 1)] {
        all.push((format!("encoder.layers.13.lstm.{kind}_l{layer}"), vec![2048]));
    }
    all.extend((0..8).map(|q| (format!("quantizer.layers.{q}.codebook.embed"), vec![1024, 128])));
    all
}

fn model() -> Encodec {
    let mut draws = draws::Draws::new(1, "encodec bench", &[]);
    let tensors = tensors();
    let mut bytes = Vec::new();
    for (name, shape) in &tensors {
        let fan_in: usize = shape.iter().skip(1).product();
        let scale = if name.starts_with("quantizer") { 0.5 } else { (fan_in as f64).sqrt().recip() };
        let element = |_| ((draws.normal() * scale) as f32).to_le_bytes();
        bytes.push((0..shape.iter().product()).flat_map(element).collect::<Vec<u8>>());
    }
    let views = tensors.iter().zip(&bytes).map(|((name, shape), bytes)| {
        (name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes).expect("a tensor"))
    });
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(
        dir.path().join("model.safetensors"),
        safetensors::serialize(views, None).expect("a file"),
    )
    .expect("written");
    std::fs::write(dir.path().join("config.json"), CONFIG).expect("written");
    Encodec::open(dir.path(), Depth::default()).expect("a model")
}

#[divan::bench(args = [1, 2], sample_count = 5, sample_size = 1)]
fn thirty_seconds(bencher: divan::Bencher<'_, '_>, threads: usize) {
    let (model, mut draws) = (model(), draws::Draws::new(2, "encodec bench", &[]));
    let samples: Vec<f32> = (0..30 * 24_000).map(|_| draws.normal() as f32).collect();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
    bencher.bench(|| pool.install(|| model.encode(&samples).expect("codes")));
}
