//! Speed of fitting and encoding on noise: the hardest material to fit, for it has no groups to find.
//!
//! `cargo bench -p culturemert-codec`. Encoding runs in a pool of one thread; one item is one second of audio.

use culturemert_codec::{FitSettings, ResidualKMeans, Tokenizer};
use divan::counter::ItemsCount;
use draws::Draws;

fn main() {
    divan::main();
}

fn noise(n_frames: usize) -> Vec<f32> {
    let mut draws = Draws::new(1, "bench", &[]);
    (0..n_frames * 64).map(|_| draws.normal() as f32).collect()
}

fn one_thread() -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool of one thread")
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn fit_pocket(bencher: divan::Bencher<'_, '_>) {
    let frames = noise(60_000);
    bencher.bench(|| {
        ResidualKMeans::fit(&frames, &FitSettings::pocket()).map(|codec| codec.statistics().clone())
    });
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn fit_pocket_one_thread(bencher: divan::Bencher<'_, '_>) {
    let (frames, pool) = (noise(60_000), one_thread());
    bencher.bench(|| {
        pool.install(|| {
            ResidualKMeans::fit(&frames, &FitSettings::pocket()).map(|codec| codec.statistics().clone())
        })
    });
}

#[divan::bench(args = [(4, 64), (8, 1024)], sample_count = 10, sample_size = 1)]
fn encode_minute(bencher: divan::Bencher<'_, '_>, (codebooks, entries): (usize, usize)) {
    let settings = FitSettings { codebooks, entries, iterations: 2, ..FitSettings::pocket() };
    let codec = ResidualKMeans::fit(&noise(10_000), &settings).expect("noise can be fitted");
    let mut draws = Draws::new(2, "bench", &[]);
    let samples: Vec<f32> = (0..60 * 24_000).map(|_| draws.normal() as f32 * 0.1).collect();
    let pool = one_thread();
    bencher.counter(ItemsCount::new(60_u32)).bench(|| pool.install(|| codec.encode(&samples)));
}
