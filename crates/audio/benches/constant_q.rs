//! Speed of the constant-Q transform on what training reads: four crops of 5 s, 336 bins.
//!
//! `cargo bench -p culturemert-audio`.

use culturemert_audio::cqt::{Cqt, CqtConfig};
use rayon::prelude::*;

fn main() {
    divan::main();
}

fn crops() -> Vec<Vec<f32>> {
    (0..4).map(|crop| golden::cf_wave(&format!("crop {crop}"), 120_000)).collect()
}

/// One crop after another would leave threads idle while a crop's spectrum is made.
#[divan::bench(args = [1, 2], sample_count = 10, sample_size = 1)]
fn four_crops(bencher: divan::Bencher<'_, '_>, threads: usize) {
    let (cqt, crops) = (Cqt::new(CqtConfig::mert(336)), crops());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
    bencher.bench(|| pool.install(|| crops.par_iter().map(|crop| cqt.transform(crop)).collect::<Vec<_>>()));
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn tables() -> Cqt {
    Cqt::new(CqtConfig::mert(336))
}
