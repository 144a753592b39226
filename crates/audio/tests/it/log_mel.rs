//! Log-mel frames against their definition.

use std::f64::consts::TAU;

use culturemert_audio::mel::{LogMel, MelConfig};

#[test]
fn a_sine_lies_in_its_band() {
    let mel = LogMel::new(MelConfig::default());
    for hz in [200.0, 1000.0, 5000.0] {
        let samples: Vec<f32> =
            (0..24_001).map(|i| (TAU * hz * f64::from(i) / 24_000.0).sin() as f32 * 0.5).collect();
        let frames = mel.transform(&samples);
        assert_eq!(frames.len(), 76 * 64);
        let row = &frames[40 * 64..41 * 64];
        let loudest = (0..64).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap();
        let to_mel = |f: f64| 2595.0 * (1.0 + f / 700.0).log10();
        let step = (to_mel(12_000.0) - to_mel(30.0)) / 65.0;
        let expected = ((to_mel(hz) - to_mel(30.0)) / step - 1.0).round() as usize;
        assert!(loudest.abs_diff(expected) <= 1, "{hz} Hz in band {loudest}, not {expected}");
        // A Hann window spreads a sine of energy A² over lines that sum to 1.5·A².
        let energy: f32 = row.iter().map(|x| x.exp()).sum();
        assert!((energy / 0.25 - 1.5).abs() < 0.3, "{energy}");
    }
}

#[test]
fn the_definition_is_kept() {
    let config = MelConfig { n_mels: 20, window: 256, hop: 100, ..MelConfig::default() };
    let samples = golden::cf_wave("mel", 2_345);
    let ours = LogMel::new(config).transform(&samples);
    assert_eq!(ours.len(), 24 * 20);
    let to_mel = |f: f64| 2595.0 * (1.0 + f / 700.0).log10();
    let to_hertz = |m: f64| 700.0 * (10.0f64.powf(m / 2595.0) - 1.0);
    let corner = |i: usize| to_hertz(to_mel(30.0) + (to_mel(12_000.0) - to_mel(30.0)) * i as f64 / 21.0);
    for frame in [0, 1, 7, 23] {
        let mut power = vec![0.0f64; 129];
        for (line, power) in power.iter_mut().enumerate() {
            let (mut re, mut im) = (0.0, 0.0);
            for i in 0..256i64 {
                let at = frame as i64 * 100 + i - 128;
                let x = usize::try_from(at).ok().and_then(|at| samples.get(at)).copied().unwrap_or(0.0);
                let x = f64::from(x) * (0.5 - 0.5 * (TAU * i as f64 / 256.0).cos()) / 64.0;
                re += x * (TAU * line as f64 * i as f64 / 256.0).cos();
                im += x * (TAU * line as f64 * i as f64 / 256.0).sin();
            }
            *power = re * re + im * im;
        }
        for band in 5..20 {
            let (left, peak, right) = (corner(band), corner(band + 1), corner(band + 2));
            let weight = |hz: f64| ((hz - left) / (peak - left)).min((right - hz) / (right - peak)).max(0.0);
            let energy: f64 = power.iter().enumerate().map(|(l, p)| p * weight(l as f64 * 93.75)).sum();
            let error = (f64::from(ours[frame * 20 + band]) - (energy + 1e-8).ln()).abs();
            assert!(error < 1e-3, "frame {frame}, band {band}: {error}");
        }
    }
}

#[test]
fn any_number_of_bands_has_finite_frames() {
    for n_mels in [1, 7, 64, 80, 128, 512] {
        let mel = LogMel::new(MelConfig { n_mels, ..MelConfig::default() });
        for n in [0, 1, 319, 320, 321, 5000] {
            let frames = mel.transform(&vec![0.3; n]);
            assert_eq!(frames.len(), n.div_ceil(320) * n_mels);
            assert!(frames.iter().all(|x| x.is_finite()));
        }
    }
}

#[test]
fn nonsense_is_refused() {
    let good = MelConfig::default();
    let bad = [
        MelConfig { hop: 0, ..good },
        MelConfig { window: 1023, ..good },
        MelConfig { n_mels: 0, ..good },
        MelConfig { fmin: 9000.0, fmax: 8000.0, ..good },
        MelConfig { fmax: 13_000.0, ..good },
        MelConfig { fmin: f64::NAN, ..good },
    ];
    for config in bad {
        assert!(LogMel::try_new(config).is_err(), "{config:?}");
    }
}
