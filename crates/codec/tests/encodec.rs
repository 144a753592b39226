//! EnCodec directories that are not what they should be.

use culturemert_codec::{CodecError, Depth, Encodec, open};
use safetensors::Dtype;
use safetensors::tensor::TensorView;

const CONFIG: &str = r#"{
    "model_type": "encodec", "target_bandwidths": [1.5, 6.0], "sampling_rate": 24000, "audio_channels": 1, "normalize": false,
    "chunk_length_s": null, "hidden_size": 2, "num_filters": 2, "num_residual_layers": 0, "upsampling_ratios": [20, 16],
    "norm_type": "weight_norm", "kernel_size": 3, "last_kernel_size": 3, "residual_kernel_size": 3, "dilation_growth_rate": 2,
    "use_causal_conv": true, "pad_mode": "reflect", "compress": 2, "num_lstm_layers": 0, "codebook_size": 1024, "codebook_dim": 2,
    "use_conv_shortcut": true
}"#;

/// The tensors the configuration above needs, of small waves.
fn tensors() -> Vec<(String, Vec<usize>)> {
    let conv = |index: usize, shape: [usize; 3]| {
        let name = format!("encoder.layers.{index}.conv");
        [(format!("{name}.weight"), shape.to_vec()), (format!("{name}.bias"), vec![shape[0]])]
    };
    let mut all: Vec<(String, Vec<usize>)> =
        [conv(0, [2, 1, 3]), conv(2, [4, 2, 32]), conv(4, [8, 4, 40]), conv(6, [2, 8, 3])].concat();
    all.extend((0..8).map(|q| (format!("quantizer.layers.{q}.codebook.embed"), vec![1024, 2])));
    all
}

fn write(
    dir: &std::path::Path,
    config: &str,
    tensors: &[(String, Vec<usize>)],
    value: impl Fn(usize) -> f32,
) {
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(_, shape)| (0..shape.iter().product()).flat_map(|i| value(i).to_le_bytes()).collect())
        .collect();
    let views = tensors.iter().zip(&bytes).map(|((name, shape), bytes)| {
        (name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes).expect("a tensor"))
    });
    std::fs::write(dir.join("model.safetensors"), safetensors::serialize(views, None).expect("a file"))
        .expect("written");
    std::fs::write(dir.join("config.json"), config).expect("written");
}

fn wavy(index: usize) -> f32 {
    ((index * 7919) % 1009) as f32 / 1009.0 - 0.5
}

#[test]
fn a_model_opens_by_its_directory() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), CONFIG, &tensors(), wavy);
    let model = open(dir.path()).unwrap();
    assert_eq!((model.name(), model.n_codebooks(), model.n_entries()), ("encodec", 8, 1024));
    for n in [0, 1, 320, 321, 24_000, 60_001] {
        let codes = model.encode(&golden::cf_wave("encodec", n)).unwrap();
        assert_eq!((codes.n_frames, codes.data.len()), (n.div_ceil(320), n.div_ceil(320) * 8), "{n} samples");
    }
    std::fs::write(dir.path().join("codec.toml"), "kind = \"encodec\"\ncodebooks = 2\n").unwrap();
    let two = open(dir.path()).unwrap();
    assert_eq!(two.n_codebooks(), 2);
    assert_ne!(two.hash(), model.hash(), "other codes, another hash");
    let wave = golden::cf_wave("encodec", 48_000);
    let (coarse, fine) = (two.encode(&wave).unwrap(), model.encode(&wave).unwrap());
    assert!(
        (0..150).all(|frame| coarse.frame(frame) == &fine.frame(frame)[..2]),
        "codes of fewer codebooks come first"
    );
    assert!(matches!(Encodec::open(dir.path(), Depth::Codebooks(9)), Err(CodecError::Setting { .. })));
    assert!(matches!(model.encode(&[0.0, f32::NAN]), Err(CodecError::NotFinite { frame_idx: 0 })));
}

#[test]
fn threads_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), CONFIG, &tensors(), wavy);
    let wave = golden::cf_wave("threads", 100_000);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| open(dir.path()).and_then(|model| model.encode(&wave)).expect("codes"))
    };
    assert_eq!(run(1), run(4));
}

#[test]
fn what_does_not_fit_is_one_clear_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let check = |config: &str, tensors: &[(String, Vec<usize>)], says: &str| {
        write(dir.path(), config, tensors, wavy);
        let message = open(dir.path()).err().unwrap_or_else(|| panic!("opened, not: {says}")).to_string();
        assert!(message.contains(says), "`{message}` does not say `{says}`");
        assert!(!message.contains('\n'), "`{message}` is one sentence");
    };
    let all = tensors();
    check("{}", &all, "missing field `target_bandwidths`");
    check("[", &all, "it is no EnCodec config");
    check(&CONFIG.replace("\"audio_channels\": 1", "\"audio_channels\": 2"), &all, "`audio_channels` is 2");
    check(&CONFIG.replace("\"normalize\": false", "\"normalize\": true"), &all, "48 kHz");
    check(&CONFIG.replace("reflect", "constant"), &all, "reflected");
    check(&CONFIG.replace("[20, 16]", "[20, 15]"), &all, "has shape [4, 2, 32]");
    check(&CONFIG.replace("[20, 16]", "[]"), &all, "number of upsampling_ratios");
    check(&CONFIG.replace("\"sampling_rate\": 24000", "\"sampling_rate\": 48000"), &all, "48000 Hz");
    check(
        &CONFIG.replace("\"hidden_size\": 2", "\"hidden_size\": 99999999"),
        &all,
        "`hidden_size` is 99999999",
    );
    check(
        &CONFIG.replace("\"kernel_size\": 3, \"last", "\"kernel_size\": 5, \"last"),
        &all,
        "has shape [2, 1, 3]",
    );
    check(CONFIG, &all[..4], "lacks tensor `encoder.layers.4.conv.weight_g`");
    check(CONFIG, &all[..all.len() - 1], "lacks tensor `quantizer.layers.7.codebook.embed`");
    std::fs::write(dir.path().join("codec.toml"), "kind = \"encodec\"\ncodebooks = 0\n").unwrap();
    check(CONFIG, &all, "`codebooks = 0` cannot be");
}
