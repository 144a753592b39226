//! What things cost. Not tests of truth: run them alone, with `--ignored --nocapture speed`.

use std::time::{Duration, Instant};

use culturemert_audio::cqt::{Cqt, CqtConfig};
use culturemert_audio::mel::{LogMel, MelConfig};
use culturemert_audio::{Resampler, resample};

fn best<T>(mut work: impl FnMut() -> T) -> Duration {
    let once = |_| {
        let start = Instant::now();
        std::hint::black_box(work());
        start.elapsed()
    };
    (0..20).map(once).min().unwrap()
}

#[test]
#[ignore = "a measurement"]
fn speed() {
    let crop = golden::cf_wave("speed", 120_000);
    for n_bins in [84, 336] {
        let start = Instant::now();
        let cqt = Cqt::new(CqtConfig::mert(n_bins));
        let made = start.elapsed();
        eprintln!("constant-Q of {n_bins} bins: tables {made:?}, 5 s {:?}", best(|| cqt.transform(&crop)));
    }
    let mel = LogMel::new(MelConfig::default());
    eprintln!("log-mel: 5 s {:?}", best(|| mel.transform(&crop)));
    let second = golden::cf_wave("speed", 44_100);
    for resampler in [Resampler::Torchaudio, Resampler::Hq] {
        eprintln!("44.1 kHz, {resampler}: 1 s {:?}", best(|| resample(&second, 44_100, 24_000, resampler)));
    }
}
