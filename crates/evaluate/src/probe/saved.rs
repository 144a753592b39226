//! A trained probe as a file: safetensors with the tensors of [`Shape::tensors`](super::Shape::tensors) and one JSON document, [`ProbeFacts`], in its metadata.
//!
//! Loading is strict: every tensor present with its shape in float32, no other, all finite, and the facts of the version this program writes.

use std::collections::HashMap;
use std::path::Path;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;

use super::standardisation::Standardisation;
use super::trained::{Probe, ProbeFacts, SCHEMA};
use crate::EvaluateError;
use crate::error::all_finite;

/// Key of the facts in the file's metadata.
const METADATA_KEY: &str = "culturemert.probe";
/// No probe is larger; checked before anything is allocated. 4 GiB of weights is the largest shape allowed.
const MAX_FILE_BYTES: u64 = (4 << 30) + (1 << 20);
/// Names of the tensors of a [`Standardisation`].
const MEAN: &str = "standardisation_mean";
const SCALE: &str = "standardisation_scale";

impl Probe {
    /// Writes the probe, wholly or not at all.
    pub fn save(&self, path: &Path) -> Result<(), EvaluateError> {
        Ok(files::write_atomic(path, &self.to_bytes()?)?)
    }

    /// The probe as the content of a file, for those who write more beside it.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EvaluateError> {
        let bad = |reason: String| EvaluateError::ProbeFile { path: "".into(), reason };
        let mut tensors = Vec::new();
        for (name, dims, values) in self.tensors() {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            tensors.push((name, dims, bytes));
        }
        let views: Vec<(&str, TensorView<'_>)> = tensors
            .iter()
            .map(|(name, dims, bytes)| Ok((*name, TensorView::new(Dtype::F32, dims.clone(), bytes)?)))
            .collect::<Result<_, safetensors::SafeTensorError>>()
            .map_err(|error| bad(error.to_string()))?;
        let facts = serde_json::to_string(&self.facts).map_err(|error| bad(error.to_string()))?;
        let metadata = HashMap::from([(METADATA_KEY.to_owned(), facts)]);
        safetensors::serialize(views, Some(metadata)).map_err(|error| bad(error.to_string()))
    }

    /// Reads a probe; refuses everything that [`Probe::save`] would not have written.
    pub fn load(path: &Path) -> Result<Self, EvaluateError> {
        let bad = |reason: String| EvaluateError::ProbeFile { path: path.to_path_buf(), reason };
        let size = std::fs::metadata(path).map_err(files::FilesError::io("open", path))?.len();
        if size > MAX_FILE_BYTES {
            return Err(bad(format!("it has {size} bytes, a probe at most {MAX_FILE_BYTES}")));
        }
        let bytes = std::fs::read(path).map_err(files::FilesError::io("read", path))?;
        Self::from_bytes(&bytes).map_err(|error| match error {
            EvaluateError::ProbeFile { reason, .. } => bad(reason),
            other => bad(other.to_string()),
        })
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, EvaluateError> {
        let bad = |reason: String| EvaluateError::ProbeFile { path: "".into(), reason };
        let text = |error: safetensors::SafeTensorError| bad(error.to_string());
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(text)?;
        let metadata = header.metadata().as_ref().and_then(|metadata| metadata.get(METADATA_KEY));
        let facts = metadata.ok_or_else(|| bad(format!("its metadata has no `{METADATA_KEY}`")))?;
        let version: Version = serde_json::from_str(facts).map_err(|error| bad(error.to_string()))?;
        if version.schema != SCHEMA {
            let found = version.schema;
            return Err(bad(format!("it has layout {found}, this program reads {SCHEMA}; train it again")));
        }
        let facts: ProbeFacts = serde_json::from_str(facts).map_err(|error| bad(error.to_string()))?;
        facts.shape.check()?;
        let tensors = SafeTensors::deserialize(bytes).map_err(text)?;
        let row = vec![facts.encoder.n_layers, facts.encoder.width];
        let mut wanted: Vec<(&str, Vec<usize>)> =
            facts.shape.tensors().into_iter().map(|tensor| (tensor.name, tensor.dims)).collect();
        let n_network = wanted.len();
        if facts.standardised {
            wanted.extend([(MEAN, row.clone()), (SCALE, row)]);
        }
        if let Some(name) = tensors.names().into_iter().find(|name| wanted.iter().all(|(w, _)| w != name)) {
            return Err(bad(format!("tensor `{name}` is not part of a probe")));
        }
        let mut lists = Vec::new();
        for (name, dims) in wanted {
            let view = tensors.tensor(name).map_err(|_| bad(format!("tensor `{name}` is missing")))?;
            if view.dtype() != Dtype::F32 || view.shape() != dims {
                let (dtype, shape) = (view.dtype(), view.shape());
                return Err(bad(format!("tensor `{name}` is {dtype:?} {shape:?}, needed is F32 {dims:?}")));
            }
            let (words, _) = view.data().as_chunks::<4>();
            lists.push(words.iter().map(|&word| f32::from_le_bytes(word)).collect::<Vec<f32>>());
        }
        let rest = lists.split_off(n_network);
        let standardisation = match <[Vec<f32>; 2]>::try_from(rest) {
            Ok([mean, scale]) => {
                all_finite(MEAN, &mean)?;
                all_finite(SCALE, &scale)?;
                Some(Standardisation { mean, scale })
            }
            Err(_) => None,
        };
        Self::new(facts, lists.concat(), standardisation)
    }

    fn tensors(&self) -> Vec<(&str, Vec<usize>, &[f32])> {
        let places = self.facts.shape.tensors().into_iter();
        let mut tensors: Vec<(&str, Vec<usize>, &[f32])> =
            places.map(|place| (place.name, place.dims, &self.parameters[place.range])).collect();
        if let Some(Standardisation { mean, scale }) = &self.standardisation {
            let row = vec![self.facts.encoder.n_layers, self.facts.encoder.width];
            tensors.extend([(MEAN, row.clone(), mean.as_slice()), (SCALE, row, scale.as_slice())]);
        }
        tensors
    }
}

/// The one field every version has.
#[derive(Deserialize)]
struct Version {
    schema: u32,
}

#[cfg(test)]
mod tests {
    use super::super::trained::tests::example;
    use super::*;

    #[test]
    fn a_probe_comes_back_as_it_was_and_the_file_is_the_same_twice() {
        let directory = tempfile::tempdir().unwrap();
        let (one, two) = (directory.path().join("1.safetensors"), directory.path().join("2.safetensors"));
        for standardise in [false, true] {
            let probe = example(standardise);
            probe.save(&one).unwrap();
            probe.save(&two).unwrap();
            assert_eq!(std::fs::read(&one).unwrap(), std::fs::read(&two).unwrap());
            assert_eq!(Probe::load(&one).unwrap(), probe);
        }
    }

    #[test]
    fn truncated_and_foreign_files_are_refused_without_a_panic() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("p.safetensors");
        example(true).save(&path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for cut in (0..whole.len()).step_by(7) {
            std::fs::write(&path, &whole[..cut]).unwrap();
            assert!(Probe::load(&path).is_err(), "{cut} bytes");
        }
        let changed = |from: &[u8], to: &[u8]| -> Vec<u8> {
            let at = whole.windows(from.len()).position(|part| part == from).unwrap();
            let mut bytes = [&whole[..at], to, &whole[at + from.len()..]].concat();
            // The header says its own length first.
            let header = u64::from_le_bytes(whole[..8].try_into().unwrap());
            bytes[..8].copy_from_slice(&(header + to.len() as u64 - from.len() as u64).to_le_bytes());
            bytes
        };
        for (from, to) in [
            (&b"hidden_bias"[..], &b"hidden_bios"[..]),
            (b"\\\"schema\\\":1", b"\\\"schema\\\":2"),
            (b"\\\"layers\\\":2", b"\\\"layers\\\":1"),
            (b"\\\"layers\\\":2", b"\\\"layers\\\":9"),
            (b"\\\"standardised\\\":true", b"\\\"standardised\\\":null"),
            (b"\\\"first_layer\\\":1", b"\\\"first_layer\\\":2"),
            (b"\\\"n_layers\\\":3,\\\"width\\\":4", b"\\\"n_layers\\\":9007199254740993,\\\"width\\\":4"),
        ] {
            std::fs::write(&path, changed(from, to)).unwrap();
            assert!(Probe::load(&path).is_err(), "{}", String::from_utf8_lossy(to));
        }
        std::fs::write(&path, changed(b"made", b"fade")).unwrap();
        assert_eq!(
            Probe::load(&path).unwrap().facts().encoder.name,
            "fade",
            "only the changes were at fault"
        );
    }
}
