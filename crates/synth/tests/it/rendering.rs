//! Rendered pieces are the same every time, of the length asked for, and clean.

use culturemert_synth::{PlanRequest, Tradition, plan, render};

fn digest(samples: &[f32]) -> u64 {
    let bytes: Vec<u8> = samples.iter().flat_map(|x| x.to_bits().to_le_bytes()).collect();
    draws::fnv1a64(&bytes)
}

#[test]
fn every_piece_is_finite_within_full_scale_without_offset_and_never_silent() {
    for seconds in [4.0, 11.3] {
        for piece in plan(&PlanRequest::uniform(7, seconds / 3.0, seconds)).unwrap() {
            let samples = render(&piece, 24_000);
            assert_eq!(samples.len(), (seconds * 24_000.0).round() as usize);
            assert!(samples.iter().all(|x| x.is_finite() && x.abs() <= 0.99), "{}", piece.id);
            let mean = samples.iter().map(|&x| f64::from(x)).sum::<f64>() / samples.len() as f64;
            assert!(mean.abs() < 1e-4, "{}: mean {mean}", piece.id);
            for (second, part) in samples.chunks_exact(24_000).enumerate() {
                let level = (part.iter().map(|&x| f64::from(x * x)).sum::<f64>() / 24_000.0).sqrt();
                assert!(level > 1e-3, "{}: second {second} is silent", piece.id);
            }
        }
    }
}

#[test]
fn rendering_depends_on_nothing_but_the_piece() {
    let pieces = plan(&PlanRequest::uniform(11, 0.5, 6.0)).unwrap();
    let alone: Vec<u64> = pieces.iter().map(|piece| digest(&render(piece, 24_000))).collect();
    let mut together = vec![0; pieces.len()];
    std::thread::scope(|scope| {
        for (piece, digest_of) in pieces.iter().zip(&mut together) {
            scope.spawn(move || *digest_of = digest(&render(piece, 24_000)));
        }
    });
    assert_eq!(alone, together);
    let mut distinct = alone.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), alone.len(), "no two pieces are the same");
}

#[test]
fn other_seeds_are_other_music_and_other_rates_are_other_lengths() {
    let first = |seed| plan(&PlanRequest::uniform(seed, 0.2, 6.0)).unwrap().remove(0);
    assert_ne!(digest(&render(&first(1), 24_000)), digest(&render(&first(2), 24_000)));
    for rate in [0u32, 1, 8000, 44_100, 48_000] {
        let samples = render(&first(1), rate);
        assert_eq!(samples.len() as u32, 6 * rate);
        assert!(samples.iter().all(|x| x.is_finite() && x.abs() <= 0.99));
    }
}

#[test]
fn levels_vary_between_performers() {
    let pieces = plan(&PlanRequest::uniform(5, 2.0, 6.0)).unwrap();
    for tradition in Tradition::ALL {
        let decibels: Vec<f64> = pieces
            .iter()
            .filter(|piece| piece.tradition == tradition)
            .map(|piece| render(piece, 24_000))
            .map(|x| 10.0 * (x.iter().map(|&x| f64::from(x * x)).sum::<f64>() / x.len() as f64).log10())
            .collect();
        let (low, high) = decibels.iter().fold((0.0f64, -99.0f64), |(l, h), &d| (l.min(d), h.max(d)));
        assert!(high - low > 3.0 && low > -36.0 && high < -10.0, "{tradition}: {low} to {high} dB");
    }
}

/// Whoever changes the music changes these numbers, and says why: results made before cannot be compared with results made after.
#[test]
fn the_music_of_a_seed_is_pinned() {
    let pieces = plan(&PlanRequest::uniform(1, 0.2, 6.0)).unwrap();
    let heard: Vec<(&str, u64)> =
        pieces.iter().map(|piece| (piece.id.as_str(), digest(&render(piece, 24_000)))).collect();
    let pinned = [
        ("turkish-makam/rast-aksak-000", 0x54104cc56f75a1b1),
        ("turkish-makam/rast-aksak-001", 0x059094cd17f35880),
        ("hindustani/yaman-teental-000", 0xecd1fd2af021139a),
        ("hindustani/yaman-teental-001", 0x1ed9f9baed5515b1),
        ("carnatic/kalyani-adi-000", 0x0d60dccac457cb2e),
        ("carnatic/kalyani-adi-001", 0x5c453171f3b85835),
        ("greek/hitzaz-7-8-000", 0x90fa5a7a0992c854),
        ("greek/hitzaz-7-8-001", 0xbe719c0591cc5f96),
        ("western/major-4-4-000", 0xfca3f37cf709f337),
        ("western/major-4-4-001", 0x87181efa5f7753b2),
    ];
    assert_eq!(heard, pinned);
}
