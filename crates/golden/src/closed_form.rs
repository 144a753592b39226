//! Weights and waveforms given by a formula, so that full-size cases need no files (`golden/hubert/README.md`).

use draws::{Draws, fnv1a64};

/// `n` uniforms in `[-1, 1)` of the stream named `key` (salt and tensor name), exact in float32.
pub fn cf_uniforms(key: &str, n: usize) -> Vec<f32> {
    let stream = Draws::from_key(fnv1a64(key.as_bytes()));
    (0..n as u64).map(|index| uniform(stream.at(index))).collect()
}

fn uniform(bits: u64) -> f32 {
    ((bits >> 40) as i64 - (1 << 23)) as f32 / (1 << 23) as f32
}

/// The test waveform `name` of `n` samples at 24 kHz: four gated parabola tones and a little noise.
pub fn cf_wave(name: &str, n: usize) -> Vec<f32> {
    let tones = Draws::from_key(fnv1a64(format!("{name}/f").as_bytes()));
    let noise = Draws::from_key(fnv1a64(format!("{name}/n").as_bytes()));
    let frequencies: [u64; 4] = std::array::from_fn(|tone| 80 + tones.at(tone as u64) % 4000);
    let sample = |t: u64| {
        let mut x = 0.0f64;
        for (tone, &frequency) in frequencies.iter().enumerate() {
            if !(t / 6000 + tone as u64).is_multiple_of(3) {
                let v = 2.0 * ((t * frequency) % 24_000) as f64 / 24_000.0 - 1.0;
                x += 0.5f64.powi(tone as i32 + 2) * (4.0 * v * (1.0 - v.abs()));
            }
        }
        (x + f64::from(uniform(noise.at(t))) / 64.0) as f32
    };
    (0..n as u64).map(sample).collect()
}
