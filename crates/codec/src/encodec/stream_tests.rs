//! A recording in pieces gives the codes of the whole: small random models, every length and cut.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::HOP;

/// Weights drawn by name.
struct Drawn;

impl WeightSource for Drawn {
    fn has(&self, name: &str) -> bool {
        name.ends_with(".conv.weight")
    }

    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, CodecError> {
        let mut draws = draws::Draws::new(1, name, &[]);
        let fan_in: usize = shape.iter().skip(1).product();
        let scale = 1.5 / (fan_in as f64).sqrt();
        Ok((0..shape.iter().product()).map(|_| (draws.normal() * scale) as f32).collect())
    }
}

fn model(dilated: bool, num_lstm_layers: usize) -> Encodec {
    let config = serde_json::json!({
        "target_bandwidths": [6.0], "sampling_rate": 24000, "audio_channels": 1, "normalize": false, "chunk_length_s": null,
        "hidden_size": 5, "num_filters": 3, "num_residual_layers": if dilated { 2 } else { 1 }, "upsampling_ratios": [8, 5, 4, 2],
        "norm_type": "weight_norm", "kernel_size": 7, "last_kernel_size": 7, "residual_kernel_size": 3, "dilation_growth_rate": 3,
        "use_causal_conv": true, "pad_mode": "reflect", "compress": 2, "num_lstm_layers": num_lstm_layers, "codebook_size": 1024,
        "codebook_dim": 5, "use_conv_shortcut": !dilated,
    });
    let config: EncodecConfig = serde_json::from_value(config).unwrap();
    config.check().unwrap();
    Encodec::build(&config, &Drawn, Depth::default()).unwrap()
}

static MODELS: LazyLock<Vec<Encodec>> =
    LazyLock::new(|| vec![model(false, 2), model(true, 1), model(false, 0)]);

/// Codes of `samples` cut into pieces of these lengths over and over, read `chunk_frames` frames at a time.
fn in_pieces(model: &Encodec, samples: &[f32], lengths: &[usize], chunk_frames: usize) -> Codes {
    let (mut codes, mut stream) = (model.no_codes(), model.stream_in_chunks(chunk_frames));
    let (mut rest, mut lengths) = (samples, lengths.iter().cycle());
    while !rest.is_empty() {
        let (now, later) = rest.split_at(rest.len().min(*lengths.next().unwrap()));
        stream.push(now, &mut codes).unwrap();
        rest = later;
    }
    stream.finish(&mut codes).unwrap();
    codes
}

fn length() -> impl Strategy<Value = usize> {
    prop_oneof![
        Just(0),
        Just(1),
        1usize..640,
        Just(2240),
        2200usize..2300,
        (0usize..140).prop_map(|frames| frames * HOP),
        1usize..60_000,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn codes_do_not_depend_on_pieces_or_chunks(
        n in length(), lengths in prop::collection::vec(1usize..30_000, 1..5), chunk_frames in 7usize..200, which in 0usize..3,
    ) {
        let model = &MODELS[which];
        let samples = golden::cf_wave("pieces", n);
        let whole = in_pieces(model, &samples, &[n.max(1)], 1000);
        prop_assert_eq!(whole.n_frames, n.div_ceil(HOP));
        prop_assert_eq!(whole.data.len(), whole.n_frames * 8);
        prop_assert_eq!(&in_pieces(model, &samples, &lengths, chunk_frames), &whole);
        prop_assert_eq!(&model.encode(&samples).unwrap(), &whole);
    }
}

#[test]
fn threads_change_no_bit() {
    let samples = golden::cf_wave("threads", 100_000);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| MODELS[0].embed(&samples).unwrap())
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn a_broken_sample_is_named_by_its_frame() {
    let (mut codes, mut stream) = (MODELS[0].no_codes(), MODELS[0].stream());
    stream.push(&[0.0; 1000], &mut codes).unwrap();
    let error = stream.push(&[0.0, f32::NAN], &mut codes).unwrap_err();
    assert!(matches!(error, CodecError::NotFinite { frame_idx: 3 }), "{error}");
}
