//! Which codeword belongs to a frame, told by cosine similarity: `s[n,k,v] = cos(p[n,k], e[k,v]) / τ`, loss `Σ_n CE(softmax_v s[n,k,·], c[n,k])`.
//!
//! Shape letters: N frames, K codebooks, V classes of a codebook, F width of the compared vectors. `cos(a, b) = a·b / (max(|a|,ε) max(|b|,ε))`,
//! ε = 1e-8 (torch). Source: MERT's `compute_nce` (`mert_model.py`), where column 0 is the target and the target's own column among
//! the classes is -inf; so is any class whose embedding is bit for bit the target's, and so it is here.
//! Logits are computed again in the backward pass: `ds = (softmax − onehot) · dL / τ`, `dp = (ds·ê − p̂ (ds·s̃)) / |p|`, and alike for `e`.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use burn::Tensor;
use burn::tensor::{Bool, Device, Int, TensorData, activation};
use rayon::prelude::*;

use crate::elementary::exp;
use crate::memory::zeros;
use crate::operation::{Array, CpuOperation, apply, on_cpu};
use crate::precision::{operand, result};
use simd::Precision;
use simd::matrix::{Product, Target, View};

/// Smallest length that divides.
const SHORTEST: f32 = 1e-8;

/// Losses of a batch of frames.
pub struct CodeLoss {
    /// Cross entropy summed over the frames, of every codebook: `[K]`, nats.
    pub sums: Tensor<1>,
    /// Frames of which the target is the most similar class, of every codebook: `[K]`, whole numbers, without a tape.
    pub correct: Tensor<1>,
}

/// Compares `projections [1, N, K·F]` with the class embeddings `[K·V, F]`; `targets [N, K]` are classes below V.
///
/// # Panics
/// When a target is not below V, or the sizes do not fit each other.
pub fn code_loss(
    projections: Tensor<3>,
    embeddings: Tensor<2>,
    targets: &[u32],
    n_codebooks: usize,
    temperature: f64,
    precision: Precision,
) -> CodeLoss {
    let [_, n_frames, width] = projections.dims();
    let [n_rows, n_features] = embeddings.dims();
    assert_eq!(width, n_codebooks * n_features, "projections hold one vector for every codebook");
    assert_eq!(n_rows % n_codebooks, 0, "codebooks have equally many classes");
    assert_eq!(targets.len(), n_frames * n_codebooks, "every frame has one target for every codebook");
    let n_classes = n_rows / n_codebooks;
    assert!(targets.iter().all(|&target| (target as usize) < n_classes), "targets are classes");
    let correct = Arc::new(OnceLock::new());
    let operation = Comparison {
        targets: Arc::from(targets),
        n_codebooks,
        temperature: temperature as f32,
        precision,
        correct: Arc::clone(&correct),
    };
    if on_cpu(&projections) {
        let device = projections.device().inner();
        let sums = apply(operation, [projections.into(), embeddings.into()]);
        let correct = counted(correct.get().expect("the forward pass has counted"), &device);
        return CodeLoss { sums, correct };
    }
    composed(projections, embeddings, &operation)
}

fn counted(correct: &[u64], device: &Device) -> Tensor<1> {
    let correct: Vec<f32> = correct.iter().map(|&n| n as f32).collect();
    let n = correct.len();
    Tensor::from_data(TensorData::new(correct, [n]), device)
}

/// The logits `[K, N, V]` that [`code_loss`] compares, for inspection; classes equal to the target are not taken out.
pub fn code_logits(
    projections: &Tensor<3>,
    embeddings: &Tensor<2>,
    n_codebooks: usize,
    temperature: f64,
) -> Tensor<3> {
    logits(projections, embeddings, n_codebooks, temperature, Precision::Float32)
}

fn logits(
    projections: &Tensor<3>,
    embeddings: &Tensor<2>,
    n_codebooks: usize,
    temperature: f64,
    precision: Precision,
) -> Tensor<3> {
    let [_, n_frames, width] = projections.dims();
    let n_classes = embeddings.dims()[0] / n_codebooks;
    let unit = |x: Tensor<3>| {
        let length = x.clone().square().sum_dim(2).sqrt().clamp_min(f64::from(SHORTEST));
        x / length
    };
    let frames = projections.clone().reshape([n_frames, n_codebooks, width / n_codebooks]).swap_dims(0, 1);
    let classes = embeddings.clone().reshape([n_codebooks, n_classes, width / n_codebooks]);
    let [frames, classes] = [frames, classes].map(unit);
    #[cfg(feature = "card")]
    if crate::card::on_card(&frames) {
        return crate::card::similarities(frames, classes, precision) / temperature;
    }
    let [frames, classes] = [frames, classes].map(|x| operand(x, precision));
    result(frames.matmul(classes.transpose()), precision) / temperature
}

fn composed(projections: Tensor<3>, embeddings: Tensor<2>, operation: &Comparison) -> CodeLoss {
    let (n_codebooks, device) = (operation.n_codebooks, projections.device());
    let temperature = f64::from(operation.temperature);
    let logits = logits(&projections, &embeddings, n_codebooks, temperature, operation.precision);
    let [_, n_frames, n_classes] = logits.dims();
    let target = |codebook: usize, frame: usize| operation.targets[frame * n_codebooks + codebook] as i32;
    let books = 0..n_codebooks;
    let by_codebook: Vec<i32> = books
        .flat_map(|codebook| (0..n_frames).map(move |frame| (codebook, frame)))
        .map(|(k, n)| target(k, n))
        .collect();
    #[cfg(feature = "card")]
    if crate::card::on_card(&logits) {
        let (losses, correct) = crate::card::code_losses(logits, embeddings, by_codebook);
        return CodeLoss { sums: losses.sum_dim(1).reshape([n_codebooks]), correct };
    }
    let data = embeddings.into_data();
    let rows = data.as_slice::<f32>().expect("embeddings are float32");
    let mut excluded = vec![false; n_codebooks * n_frames * n_classes];
    for (codebook, targets) in by_codebook.chunks(n_frames).enumerate() {
        let of_book = rows.len() / n_codebooks;
        let twins = Twins::new(&rows[codebook * of_book..][..of_book], n_classes);
        for (frame, &target) in targets.iter().enumerate() {
            for twin in twins.of(target as usize) {
                excluded[(codebook * n_frames + frame) * n_classes + twin] = true;
            }
        }
    }
    let shape = [n_codebooks, n_frames, n_classes];
    let excluded = Tensor::<3, Bool>::from_data(TensorData::new(excluded, shape), &device);
    let logits = logits.mask_fill(excluded, f32::NEG_INFINITY);
    let shape = [n_codebooks, n_frames, 1];
    let chosen = logits.clone().argmax(2).into_data().convert::<i64>();
    let chosen = chosen.as_slice::<i64>().expect("positions were converted to 64 bits");
    let is_found = |&(chosen, target): &(&i64, &i32)| *chosen == i64::from(*target);
    let chosen = chosen.chunks(n_frames).zip(by_codebook.chunks(n_frames));
    let correct: Vec<u64> =
        chosen.map(|(chosen, targets)| chosen.iter().zip(targets).filter(is_found).count() as u64).collect();
    let correct = counted(&correct, &device.clone().inner());
    let targets = Tensor::<3, Int>::from_data(TensorData::new(by_codebook, shape), &device);
    let losses = activation::log_softmax(logits, 2).gather(2, targets);
    CodeLoss { sums: -losses.sum_dim(1).reshape([n_codebooks]), correct }
}

/// Classes whose embeddings are bit for bit the same.
struct Twins {
    groups: HashMap<Vec<u32>, Vec<usize>>,
    keys: Vec<Vec<u32>>,
}

impl Twins {
    fn new(rows: &[f32], n_classes: usize) -> Self {
        let keys: Vec<Vec<u32>> = rows
            .chunks_exact(rows.len() / n_classes)
            // Zero equals minus zero.
            .map(|row| row.iter().map(|x| (x + 0.0).to_bits()).collect())
            .collect();
        let mut groups: HashMap<Vec<u32>, Vec<usize>> = HashMap::new();
        for (class, key) in keys.iter().enumerate() {
            groups.entry(key.clone()).or_default().push(class);
        }
        groups.retain(|_, classes| classes.len() > 1);
        Self { groups, keys }
    }

    /// The other classes with the embedding of `class`.
    fn of(&self, class: usize) -> impl Iterator<Item = usize> {
        let group = if self.groups.is_empty() { None } else { self.groups.get(&self.keys[class]) };
        group.into_iter().flatten().copied().filter(move |&other| other != class)
    }
}

#[derive(Clone, Debug)]
struct Comparison {
    targets: Arc<[u32]>,
    n_codebooks: usize,
    temperature: f32,
    precision: Precision,
    correct: Arc<OnceLock<Vec<u64>>>,
}

/// One codebook's unit vectors, their lengths and the logits between them.
struct Book {
    frames: Vec<f32>,
    frame_lengths: Vec<f32>,
    classes: Vec<f32>,
    class_lengths: Vec<f32>,
    logits: Vec<f32>,
}

/// Divides rows by their lengths, in place, and returns the lengths.
fn normalise(rows: &mut [f32], width: usize) -> Vec<f32> {
    rows.chunks_exact_mut(width)
        .map(|row| {
            let square: f64 = row.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
            let length = (square.sqrt() as f32).max(SHORTEST);
            for x in row.iter_mut() {
                *x /= length;
            }
            length
        })
        .collect()
}

/// The gradient of a vector `x` from the gradient of `x / |x|`: `(g − x̂ (g·x̂)) / |x|`; below the shortest length, `g / ε`.
fn pull_back(grads: &mut [f32], units: &[f32], lengths: &[f32], width: usize) {
    for ((grad, unit), &length) in grads.chunks_exact_mut(width).zip(units.chunks_exact(width)).zip(lengths) {
        let along: f32 =
            if length > SHORTEST { grad.iter().zip(unit).map(|(g, u)| g * u).sum() } else { 0.0 };
        for (g, u) in grad.iter_mut().zip(unit) {
            *g = (*g - u * along) / length;
        }
    }
}

impl Comparison {
    fn sizes(&self, inputs: &[Array; 2]) -> (usize, usize, usize) {
        let [_, n_frames, _] = inputs[0].dims();
        let [n_rows, n_features] = inputs[1].dims();
        (n_frames, n_rows / self.n_codebooks, n_features)
    }

    fn book(&self, inputs: &[Array; 2], codebook: usize) -> Book {
        let (n_frames, n_classes, width) = self.sizes(inputs);
        let mut frames = Vec::with_capacity(n_frames * width);
        for row in inputs[0].values().chunks_exact(self.n_codebooks * width) {
            frames.extend_from_slice(&row[codebook * width..][..width]);
        }
        let mut classes = inputs[1].values()[codebook * n_classes * width..][..n_classes * width].to_vec();
        let twins = Twins::new(&classes, n_classes);
        let frame_lengths = normalise(&mut frames, width);
        let class_lengths = normalise(&mut classes, width);
        let mut logits = zeros(n_frames * n_classes);
        Product::new(
            View::dense(&frames, n_frames, width),
            View::dense(&classes, n_classes, width).transposed(),
        )
        .with(self.precision)
        .scaled(1.0 / self.temperature)
        .write(Target::new(&mut logits, n_classes));
        for (frame, row) in logits.chunks_exact_mut(n_classes).enumerate() {
            for twin in twins.of(self.target(frame, codebook)) {
                row[twin] = f32::NEG_INFINITY;
            }
        }
        Book { frames, frame_lengths, classes, class_lengths, logits }
    }

    fn target(&self, frame: usize, codebook: usize) -> usize {
        self.targets[frame * self.n_codebooks + codebook] as usize
    }
}

/// Largest logit and `Σ e^(s − largest)` of a row.
#[inline(always)]
fn partition(row: &[f32]) -> (f32, f32) {
    // Loops, not iterator sums: those are functions of their own, compiled for the smallest vectors.
    let mut highest = f32::NEG_INFINITY;
    for &logit in row {
        highest = highest.max(logit);
    }
    let mut lanes = [0.0f32; 16];
    let mut rest = 0.0;
    let chunks = row.chunks_exact(16);
    for &logit in chunks.remainder() {
        rest += weight(logit, highest);
    }
    for chunk in chunks {
        for (lane, &logit) in lanes.iter_mut().zip(chunk) {
            *lane += weight(logit, highest);
        }
    }
    (highest, rest + lanes.iter().sum::<f32>())
}

/// `e^(s − highest)`, and 0 for a class that was taken out.
#[inline(always)]
fn weight(logit: f32, highest: f32) -> f32 {
    if logit == f32::NEG_INFINITY { 0.0 } else { exp(logit - highest) }
}

impl CpuOperation<2> for Comparison {
    fn forward(&self, inputs: &[Array; 2]) -> Array {
        let (_, n_classes, _) = self.sizes(inputs);
        let results: Vec<(f32, u64)> = (0..self.n_codebooks)
            .into_par_iter()
            .map(|codebook| {
                let book = self.book(inputs, codebook);
                let (mut sum, mut correct) = (0.0f64, 0);
                simd::vectorised(
                    #[inline(always)]
                    || {
                        for (frame, row) in book.logits.chunks_exact(n_classes).enumerate() {
                            let (highest, total) = partition(row);
                            let target = row[self.target(frame, codebook)];
                            sum += f64::from(highest - target) + f64::from(total).ln();
                            correct += u64::from(target >= highest);
                        }
                    },
                );
                (sum as f32, correct)
            })
            .collect();
        // A second forward pass of the same value counts the same.
        let _ = self.correct.set(results.iter().map(|result| result.1).collect());
        Array::new(results.iter().map(|result| result.0).collect(), &[self.n_codebooks])
    }

    fn backward(&self, inputs: &[Array; 2], output_grad: &Array, _: [bool; 2]) -> [Option<Array>; 2] {
        let (n_frames, n_classes, width) = self.sizes(inputs);
        let parts: Vec<(Vec<f32>, Vec<f32>)> = (0..self.n_codebooks)
            .into_par_iter()
            .map(|codebook| {
                let mut book = self.book(inputs, codebook);
                let factor = output_grad.values()[codebook] / self.temperature;
                simd::vectorised(
                    #[inline(always)]
                    || {
                        for (frame, row) in book.logits.chunks_exact_mut(n_classes).enumerate() {
                            let (highest, total) = partition(row);
                            let rate = factor / total;
                            for s in row.iter_mut() {
                                *s = weight(*s, highest) * rate;
                            }
                            row[self.target(frame, codebook)] -= factor;
                        }
                    },
                );
                let logit_grads = View::dense(&book.logits, n_frames, n_classes);
                let mut frame_grads = vec![0.0; n_frames * width];
                let classes = View::dense(&book.classes, n_classes, width);
                Product::new(logit_grads, classes)
                    .with(self.precision)
                    .write(Target::new(&mut frame_grads, width));
                let mut class_grads = vec![0.0; n_classes * width];
                let frames = View::dense(&book.frames, n_frames, width);
                Product::new(logit_grads.transposed(), frames)
                    .with(self.precision)
                    .write(Target::new(&mut class_grads, width));
                pull_back(&mut frame_grads, &book.frames, &book.frame_lengths, width);
                pull_back(&mut class_grads, &book.classes, &book.class_lengths, width);
                (frame_grads, class_grads)
            })
            .collect();
        let mut projection_grads = vec![0.0; inputs[0].values().len()];
        let mut embedding_grads = Vec::with_capacity(inputs[1].values().len());
        for (codebook, (frame_grads, class_grads)) in parts.into_iter().enumerate() {
            let rows = projection_grads.chunks_exact_mut(self.n_codebooks * width);
            for (row, grad) in rows.zip(frame_grads.chunks_exact(width)) {
                row[codebook * width..][..width].copy_from_slice(grad);
            }
            embedding_grads.extend(class_grads);
        }
        [
            Some(Array::new(projection_grads, inputs[0].shape())),
            Some(Array::new(embedding_grads, inputs[1].shape())),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::check::{differentiate, random};

    fn comparison(targets: &[u32], n_codebooks: usize) -> Comparison {
        let targets = Arc::from(targets);
        let correct = Arc::new(OnceLock::new());
        Comparison { targets, n_codebooks, temperature: 0.5, precision: Precision::Float32, correct }
    }

    #[test]
    fn gradients_equal_finite_differences() {
        let inputs = [random(&[1, 3, 8], 1), random(&[10, 4], 2)];
        differentiate(&comparison(&[0, 4, 2, 2, 3, 1], 2), inputs);
    }

    #[test]
    fn equals_the_composition_also_where_classes_are_twins() {
        let mut rows = random(&[12, 4], 2).values().to_vec();
        rows.copy_within(4..8, 12);
        let (frames, classes) = (random(&[1, 5, 8], 1), Array::new(rows, &[12, 4]));
        let operation = comparison(&[1, 0, 3, 5, 2, 2, 0, 0, 3, 1], 2);
        let ours = operation.forward(&[frames.clone(), classes.clone()]);
        let theirs = composed(frames.tensor(), classes.tensor(), &operation);
        let sums = theirs.sums.into_data().try_into_vec::<f32>().unwrap();
        for (a, b) in ours.values().iter().zip(&sums) {
            assert!((a - b).abs() < 1e-4, "{a} against {b}");
        }
        let found = theirs.correct.into_data().try_into_vec::<f32>().unwrap();
        assert_eq!(operation.correct.get(), Some(&found.into_iter().map(|n| n as u64).collect()));
    }

    #[test]
    fn a_frame_that_points_at_its_class_is_correct() {
        let frames = Array::new(vec![0.0, 3.0, 5.0, 0.0], &[1, 2, 2]);
        let classes = Array::new(vec![1.0, 0.0, 0.0, 1.0], &[2, 2]);
        let operation = comparison(&[1, 1], 1);
        operation.forward(&[frames, classes]);
        assert_eq!(operation.correct.get(), Some(&vec![1]));
    }
}
