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
        let differing = mixed
            .iter()
            .zip(&inputs.f32("source_mixed"))
            .filter(|(ours, theirs)| ours.to_bits() != theirs.to_bits())
            .count();
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        golden::within(&format!("mixture {name}, samples with other bits"), differing as f64, 0.0);
        check_pieces(&recorded, number(&recorded["clip_length"]));

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

/// Which clip's samples a segment of the pool of the others consists of, as recorded piece by piece.
fn check_pieces(recorded: &serde_json::Value, n_samples: usize) {
    let number = |value: &serde_json::Value| value.as_u64().unwrap() as usize;
    for (clip, recorded) in recorded["clips"].as_array().unwrap().iter().enumerate() {
        for segment in recorded["segments"].as_array().unwrap() {
            let (mut from, mut to) = (number(&segment["pool_start"]), number(&segment["position"]));
            let end = from + number(&segment["duration"]);
            for piece in segment["pieces"].as_array().unwrap() {
                // Others keep their order; those after the clip itself come one earlier.
                let other = from / n_samples + usize::from(from / n_samples >= clip);
                let found = ["from_clip", "from_sample", "to_sample"].map(|key| number(&piece[key]));
                assert_eq!(found, [other, from % n_samples, to], "clip {clip}: {segment}");
                from += number(&piece["count"]);
                to += number(&piece["count"]);
            }
            assert_eq!(from, end, "clip {clip}: {segment}");
        }
    }
}
