//! What evaluation spends its time on, at the sizes of the published study.

#![expect(clippy::unwrap_used, reason = "a bench that fails shall stop")]

use culturemert_evaluate as evaluate;
use divan::Bencher;
use draws::Draws;
use evaluate::map::{
    Embeddings, PlaneSettings, nearest_neighbours, plane, principal_components, trustworthiness,
};
use evaluate::{
    Adam, AdamSettings, Bootstrap, Dropout, LOGIT_THRESHOLD, Mix, Network, Rows, Shape, Tagging, Targets,
    bootstrap_intervals, tagging_metrics,
};

fn main() {
    divan::main();
}

fn normals(n: usize) -> Vec<f32> {
    let mut draws = Draws::new(1, "bench", &[]);
    (0..n).map(|_| draws.normal() as f32).collect()
}

fn labels(n: usize) -> Vec<u8> {
    let mut draws = Draws::new(2, "bench", &[]);
    (0..n).map(|_| u8::from(draws.below(20) == 0)).collect()
}

/// One step of 64 chunks of the 95M encoder: 12 layers of 768, 50 tags.
#[divan::bench(args = [Mix::Softmax, Mix::Concat])]
fn training_step_95m(bencher: Bencher<'_, '_>, mix: Mix) {
    let shape = Shape { mix, layers: 12, width: 768, hidden: 512, outputs: 50 };
    // More chunks than caches hold, as in a real split.
    let features = normals(1024 * 13 * 768);
    let rows = Rows::new(&features, 13 * 768, 768, 12 * 768).unwrap();
    let targets: Vec<f32> = labels(1024 * 50).into_iter().map(f32::from).collect();
    let mut network = Network::new(shape, shape.initial(1)).unwrap();
    let mut adam = Adam::new(shape.n_parameters(), AdamSettings::default());
    let mut epoch = 0;
    bencher.bench_local(|| {
        epoch += 1;
        let batch: Vec<usize> = (0..64).map(|i| (i * 17 + epoch * 64) % 1024).collect();
        let dropout = Some(Dropout { probability: 0.2, seed: 1, epoch });
        let loss = network.loss_and_gradient(&rows, Targets::Tags(&targets), &batch, dropout);
        let (parameters, gradient) = network.update();
        adam.step(parameters, gradient, 1e-3);
        loss
    });
}

/// The test split of MagnaTagATune: 5329 files, 50 tags.
#[divan::bench]
fn metrics_of_magnatagatune(bencher: Bencher<'_, '_>) {
    let (labels, scores) = (labels(5329 * 50), normals(5329 * 50));
    let data = Tagging::new(&labels, &scores, 50).unwrap();
    bencher.bench(|| tagging_metrics(&data, LOGIT_THRESHOLD).unwrap());
}

/// The same split, five seeds, 1000 resamples.
#[divan::bench(sample_count = 3)]
fn intervals_of_magnatagatune(bencher: Bencher<'_, '_>) {
    let (labels, scores) = (labels(5329 * 50), normals(5329 * 50));
    let data = [Tagging::new(&labels, &scores, 50).unwrap(); 5];
    bencher.bench(|| bootstrap_intervals(&data, None, Bootstrap::default()).unwrap());
}

/// 10 000 clips in 40 clouds, embedded by the 95M encoder.
fn large_collection() -> Embeddings {
    let mut rows = normals(10_000 * 768);
    let centres = normals(40 * 768);
    for (at, row) in rows.chunks_exact_mut(768).enumerate() {
        row.iter_mut().zip(&centres[at % 40 * 768..]).for_each(|(x, centre)| *x += centre);
    }
    Embeddings::new(&rows, 768).unwrap()
}

#[divan::bench(sample_count = 3)]
fn neighbours_of_10k(bencher: Bencher<'_, '_>) {
    let all = large_collection();
    bencher.bench(|| nearest_neighbours(&all, 15, None));
}

#[divan::bench(sample_count = 3)]
fn components_of_10k(bencher: Bencher<'_, '_>) {
    let all = large_collection();
    bencher.bench(|| principal_components(&all, 2));
}

#[divan::bench(sample_count = 3)]
fn plane_of_10k(bencher: Bencher<'_, '_>) {
    let all = large_collection();
    let neighbours = nearest_neighbours(&all, 15, None);
    bencher.bench(|| plane(&all, &neighbours, PlaneSettings::default()).unwrap());
}

#[divan::bench(sample_count = 3)]
fn trustworthiness_of_10k(bencher: Bencher<'_, '_>) {
    let all = large_collection();
    let scores = principal_components(&all, 2).scores;
    bencher.bench(|| trustworthiness(&all, &scores, 10).unwrap());
}
