//! Crops and code frames of a batch against the original collater.

use culturemert_corpus::{Alignment, CollateRule, collate};
use serde_json::Value;

fn numbers(value: &Value) -> Vec<u64> {
    value.as_array().unwrap().iter().map(|number| number.as_u64().unwrap()).collect()
}

#[test]
fn golden_crop_matches_the_original_collater() {
    let Some(folder) = golden::folder("mert") else { return };
    let mut n_rows = 0;
    let cases = golden::cases("mert", "crop.json").into_iter().map(|case| case.join("crop.json"));
    for file in cases {
        let table = golden::json(&file);
        let labels_per_sample =
            table["label_rate"].as_f64().unwrap() / table["sample_rate"].as_f64().unwrap();
        for row in table["rows"].as_array().unwrap() {
            check(row, labels_per_sample);
            n_rows += 1;
        }
    }
    assert!(n_rows > 0, "no crops under `{}`", folder.display());
    golden::within(&format!("crop, {n_rows} batches, differing fields"), 0.0, 0.0);
}

#[track_caller]
fn check(row: &Value, labels_per_sample: f64) {
    let clips: Vec<(u64, u64)> =
        numbers(&row["sizes"]).into_iter().zip(numbers(&row["label_lengths"])).collect();
    let rule = CollateRule {
        max_samples: row["max_sample_size"].as_u64().unwrap(),
        pad: row["pad_audio"].as_bool().unwrap(),
        labels_per_sample,
        alignment: Alignment::OriginalRounding,
    };
    let mut given = numbers(&row["given_starts"]).into_iter();
    let mut ranges = Vec::new();
    let batch = collate(&clips, &rule, |range| {
        ranges.push(vec![*range.start(), *range.end()]);
        given.next().expect("a start is given for every longer clip")
    });
    let stated_ranges: Vec<Vec<u64>> = row["start_ranges"].as_array().unwrap().iter().map(numbers).collect();
    assert_eq!(ranges, stated_ranges, "{row}");
    assert_eq!(given.next(), None, "{row}");
    assert_eq!(batch.samples, row["collated_samples"].as_u64().unwrap(), "{row}");
    assert_eq!(batch.target_columns, row["target_columns"].as_u64().unwrap(), "{row}");
    let stated = row["clips"].as_array().unwrap();
    assert_eq!(batch.clips.len(), stated.len(), "{row}");
    for (clip, stated) in batch.clips.iter().zip(stated) {
        let field = |name: &str| stated[name].as_u64().unwrap();
        assert_eq!(clip.wave_start, field("wave_start"), "{row}");
        assert_eq!(clip.padded_samples, field("padded_samples"), "{row}");
        assert_eq!(clip.label_start, field("label_start"), "{row}");
        assert_eq!(clip.label_count, field("label_count"), "{row}");
        let offset = (clip.label_start * 320) as i64 - clip.wave_start as i64;
        assert_eq!(offset, stated["label_start_times_320_minus_wave_start"].as_i64().unwrap(), "{row}");
        let is_padded = clip.label_count < batch.target_columns;
        assert_eq!(is_padded, stated["last_label_value_is_pad"].as_bool().unwrap(), "{row}");
    }
}
