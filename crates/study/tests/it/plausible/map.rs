//! Pieces of five traditions on the maps of two models, and a few tones for excerpts.

use std::collections::BTreeMap;

use culturemert_study::results::{AcrossPair, MapExcerpt, MapPiece, MapResult, MapView};

use super::{CULTURES, noise};

const PIECES: u64 = 24;

/// Every tradition's pieces around a centre of its own, nearer to it under the second model.
pub(crate) fn map(base: &str, adapted: &str) -> MapResult {
    let cultures: Vec<String> = CULTURES.iter().map(|culture| culture.0.to_owned()).collect();
    let pieces = cultures.iter().flat_map(|culture| {
        (0..PIECES).map(move |i| MapPiece {
            recording: format!("{culture}/piece-{i:02}.wav"),
            culture: culture.clone(),
            licence: "CC0-1.0".into(),
        })
    });
    let view = |model: &str, spread: f64| {
        let places = (0..5 * PIECES).map(|at| {
            let angle = 1.2566 * (at / PIECES) as f64;
            [angle.cos() + spread * noise(at), angle.sin() + spread * noise(at + 500)]
        });
        let share = |i: usize, j: usize| if i == j { 1.0 - 0.4 * spread } else { 0.1 * spread };
        MapView {
            model: model.into(),
            places: places.collect(),
            trustworthiness: Some(0.93),
            linear_trustworthiness: Some(0.81),
            shares: (0..5).map(|i| (0..5).map(|j| share(i, j)).collect()).collect(),
            across: (0..5)
                .map(|i| AcrossPair { piece: i * PIECES, neighbour: (i + 1) % 5 * PIECES, cosine: 0.4 })
                .collect(),
        }
    };
    let mut sounds = BTreeMap::new();
    let excerpts = (0..5u64).map(|i| {
        let (sha256, wav) = (format!("{i:064}"), tone(220.0 + 55.0 * i as f64));
        sounds.insert(sha256.clone(), wav);
        MapExcerpt { piece: i * PIECES, seconds: 0.5, sha256 }
    });
    let excerpts = excerpts.collect();
    MapResult {
        k: 10,
        pieces: pieces.collect(),
        views: vec![view(base, 0.9), view(adapted, 0.5)],
        cultures,
        excerpts,
        sounds,
    }
}

/// Half a second as a wav file: 8 kHz, 16 bits, mono.
fn tone(hertz: f64) -> Vec<u8> {
    let samples =
        (0..4000).map(|i| (8000.0 * (std::f64::consts::TAU * hertz * f64::from(i) / 8000.0).sin()) as i16);
    let data: Vec<u8> = samples.flat_map(i16::to_le_bytes).collect();
    let word = |n: usize| (n as u32).to_le_bytes().to_vec();
    [
        b"RIFF".to_vec(),
        word(36 + data.len()),
        b"WAVEfmt ".to_vec(),
        word(16),
        vec![1, 0, 1, 0],
        word(8000),
        word(16000),
        vec![2, 0, 16, 0],
        b"data".to_vec(),
        word(data.len()),
        data,
    ]
    .concat()
}
