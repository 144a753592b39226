//! Laying recorded segments over the clean clips gives the recorded mixed clips, and our own draws keep to the recorded ranges.

use golden::Tensors;
use mert::mixture::{Segment, apply};

use crate::fairseq;

#[test]
fn golden_mixture() {
    for case in golden::cases("mert", "mixture.json") {
        let recorded = golden::json(&case.join("mixture.json"));
        let inputs = Tensors::open(&case.join("inputs.safetensors"));
        let number = |value: &serde_json::Value| value.as_u64().unwrap() as usize;
        let segments: Vec<Vec<Segment>> = recorded["clips"]
            .as_array()
            .unwrap()
            .iter()
            .map(|clip| {
                let mixed = clip["uniform"].as_f64().unwrap() > recorded["mixture_prob"].as_f64().unwrap();
                assert_eq!(mixed, clip["mixed"].as_bool().unwrap());
                let segments = clip["segments"].as_array().unwrap().iter();
                segments
                    .map(|segment| Segment {
                        pool_start: number(&segment["pool_start"]),
                        duration: number(&segment["duration"]),
                        position: number(&segment["position"]),
                        gain: segment["gain"].as_f64().unwrap() as f32,
                    })
                    .collect()
            })
            .collect();
        let mixed = apply(&inputs.f32("source"), &segments);
        let error = golden::max_abs_diff(&mixed, &inputs.f32("source_mixed"));
        golden::within(&format!("mixture {}", case.file_name().unwrap().to_string_lossy()), error, 0.0);

        let mixture = fairseq::mixture(&golden::json(&case.join("config.json"))["model"]);
        let n_samples = number(&recorded["clip_length"]);
        let drawn: Vec<Vec<Segment>> =
            (0..200).flat_map(|update| mixture.draw(segments.len(), n_samples, 1, &[update])).collect();
        let share = drawn.iter().filter(|clip| !clip.is_empty()).count() as f64 / drawn.len() as f64;
        assert!((share - (1.0 - mixture.probability)).abs() < 0.08, "{share}");
        let pool = (segments.len() - 1) * n_samples;
        for segment in drawn.iter().flatten() {
            assert!((mixture.samples[0]..=mixture.samples[1]).contains(&segment.duration));
            assert!(segment.pool_start <= pool - mixture.samples[1]);
            assert!(segment.position + segment.duration <= n_samples);
        }
    }
}
