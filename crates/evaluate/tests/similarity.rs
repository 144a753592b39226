//! Token similarity against scipy and numpy (`golden/similarity`).

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use culturemert_evaluate as evaluate;
use evaluate::{Matrix, Measures, TokenCounts, similarity};
use golden::{Tensors, nan_is_worst, within};
use serde_json::Value;

type Field = fn(&Measures) -> &Matrix;

const MEASURES: [(&str, Field); 6] = [
    ("jsd_nats", |m| &m.jsd_nats),
    ("jsd_bits", |m| &m.jsd_bits),
    ("js_distance_base_e", |m| &m.js_distance_base_e),
    ("js_distance_base_2", |m| &m.js_distance_base_2),
    ("cosine_similarity", |m| &m.cosine_similarity),
    ("cosine_distance", |m| &m.cosine_distance),
];

/// All numbers of nested lists, in order.
fn flat(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(flat).collect(),
        number => vec![number.as_f64().unwrap()],
    }
}

#[track_caller]
fn worst(ours: &[f64], theirs: &[f64]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, nan_is_worst)
}

/// Counts `[K, T]` codes of one culture.
fn counts(culture: &str, tensors: &Tensors, n_entries: usize) -> TokenCounts {
    let name = format!("codes.{culture}");
    let [n_codebooks, n_frames] = tensors.shape(&name)[..] else { panic!("codes have two axes") };
    let by_codebook = tensors.i64(&name);
    let mut counts = TokenCounts::new(culture, n_codebooks, n_entries).unwrap();
    for frame in 0..n_frames {
        let codes: Vec<u16> =
            (0..n_codebooks).map(|k| u16::try_from(by_codebook[k * n_frames + frame]).unwrap()).collect();
        counts.add(&codes).unwrap();
    }
    counts
}

#[test]
fn golden_similarity() {
    for case in golden::cases("similarity", "result.json") {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let theirs = golden::json(&case.join("result.json"));
        let tensors = Tensors::open(&case.join("io.safetensors"));
        let cultures: Vec<String> = serde_json::from_value(theirs["cultures"].clone()).unwrap();
        let n_entries = usize::try_from(theirs["vocab"].as_u64().unwrap()).unwrap();
        let tables: Vec<TokenCounts> =
            cultures.iter().map(|culture| counts(culture, &tensors, n_entries)).collect();
        let ours = similarity(&tables).unwrap();

        let tolerances = &theirs["tolerance_abs"];
        let exact = tolerances["divergences_and_cosine"].as_f64().unwrap();
        for (measure, of) in MEASURES {
            let rooted = measure.starts_with("js_distance");
            let tolerance =
                if rooted { tolerances["square_rooted_distances"].as_f64().unwrap() } else { exact };
            let per_codebook: Vec<f64> = ours.per_codebook.iter().flat_map(|m| of(m).concat()).collect();
            let error = worst(&per_codebook, &tensors.f64(&format!("per_codebook.{measure}_f64")));
            within(&format!("similarity/{name} {measure}"), error, tolerance);
            let error = worst(&of(&ours.mean).concat(), &flat(&theirs["mean_over_codebooks"][measure]));
            within(&format!("similarity/{name} mean {measure}"), error, tolerance);
        }
        for (culture, table) in cultures.iter().zip(&tables) {
            let at = ours.cultures.iter().position(|name| name == culture).unwrap();
            let error = worst(&ours.entropy_bits[at], &flat(&theirs["entropy_bits_per_codebook"][culture]));
            within(&format!("similarity/{name} entropy of {culture}"), error, exact);
            let used = serde_json::to_value(&ours.used_entries[at]).unwrap();
            assert_eq!(used, theirs["used_codes_per_codebook"][culture], "{name}: used codes of {culture}");
            assert_eq!(theirs["frames"][culture].as_u64(), Some(table.n_frames()));
        }
    }
}
