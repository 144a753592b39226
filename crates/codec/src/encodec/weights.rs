//! Where weights come from, by their Hugging Face names.
//!
//! Weight norm over dimension 0: `w[o] = g[o] · v[o] / ‖v[o]‖₂`, as `weight_g`/`weight_v`, as `parametrizations.weight.original0/1`, or folded
//! already as `weight`. Norms in float64.

use std::collections::BTreeSet;

use files::{ContentHash, Hasher};

use crate::CodecError;

/// Gives tensors by name and shape.
pub(crate) trait WeightSource {
    /// Whether there is a tensor of this name.
    fn has(&self, name: &str) -> bool;
    /// Its elements in C order; it must have `shape`.
    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, CodecError>;
}

/// A source that hashes what it gives and keeps its names.
pub(crate) struct Source<'a> {
    weights: &'a dyn WeightSource,
    hasher: Hasher,
    used: BTreeSet<String>,
}

impl<'a> Source<'a> {
    pub(crate) fn new(weights: &'a dyn WeightSource) -> Self {
        Self { weights, hasher: Hasher::default(), used: BTreeSet::new() }
    }

    /// The tensor `name`.
    pub(crate) fn tensor(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, CodecError> {
        let elements = self.stored(name, shape)?;
        self.record(name, &elements);
        Ok(elements)
    }

    /// The kernel of the convolution `name`, weight norm applied.
    ///
    /// # Shapes
    /// - shape: `[out, in, k]`
    pub(crate) fn kernel(&mut self, name: &str, shape: [usize; 3]) -> Result<Vec<f32>, CodecError> {
        let new = format!("{name}.parametrizations.weight");
        let folded = format!("{name}.weight");
        let kernel = if self.weights.has(&folded) {
            self.stored(&folded, &shape)?
        } else {
            let (g, v) = if self.weights.has(&format!("{new}.original1")) {
                (format!("{new}.original0"), format!("{new}.original1"))
            } else {
                (format!("{name}.weight_g"), format!("{name}.weight_v"))
            };
            let lengths = self.stored(&g, &[shape[0], 1, 1])?;
            let mut kernel = self.stored(&v, &shape)?;
            for (row, &length) in kernel.chunks_exact_mut(shape[1] * shape[2]).zip(&lengths) {
                let norm = row.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
                for x in row {
                    *x = (f64::from(*x) * f64::from(length) / norm) as f32;
                }
            }
            kernel
        };
        self.record(name, &kernel);
        Ok(kernel)
    }

    /// Hash of everything given so far.
    pub(crate) fn hash(&self) -> ContentHash {
        self.hasher.finish()
    }

    /// Names of the tensors given, as the weights have them.
    pub(crate) fn into_used(self) -> BTreeSet<String> {
        self.used
    }

    fn stored(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, CodecError> {
        self.used.insert(name.to_owned());
        self.weights.tensor(name, shape)
    }

    fn record(&mut self, name: &str, elements: &[f32]) {
        let bytes: Vec<u8> = elements.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.hasher.part(name).part(bytes);
    }
}
