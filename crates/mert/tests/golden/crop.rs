//! Frames of a collated batch: of the convolutions, of the model after trimming to the labels, and of the constant-Q target.

use mert::{EncoderConfig, Geometry};

#[test]
fn golden_crop_frames() {
    let config = EncoderConfig::v1_95m();
    for case in golden::cases("mert", "crop.json") {
        let table = golden::json(&case.join("crop.json"));
        let cqt = audio::cqt::Cqt::new(audio::cqt::CqtConfig::mert(84));
        let rows = table["rows"].as_array().unwrap();
        for row in rows {
            let number = |key: &str| row[key].as_u64().unwrap() as usize;
            let (n_samples, columns) = (number("collated_samples"), number("target_columns"));
            let n_clips = row["clips"].as_array().unwrap().len();
            let geometry = Geometry::new(&config, n_samples, &vec![n_samples; n_clips], columns).unwrap();
            assert_eq!(config.n_frames(n_samples), number("conv_frames"), "{row}");
            assert_eq!(geometry.n_frames, number("model_frames"), "{row}");
            assert_eq!(cqt.n_frames(n_samples), number("cqt_frames_computed"), "{row}");
            assert_eq!(geometry.n_frames, number("cqt_frames_used"), "{row}");
        }
        golden::within(&format!("crop, frames of {} batches", rows.len()), 0.0, 0.0);
    }
}
