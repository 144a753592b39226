//! Token counts of recordings as a file: safetensors with one tensor, `counts`, uint32 `[R, K, E]`, and one JSON document in its metadata that
//! says what was counted and names the rows. Any reader of safetensors opens it.
//!
//! Loading is strict: the tensor with its shape and type, no other, every codebook of a row with as many tokens as the others.

use std::collections::HashMap;
use std::path::Path;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};

use super::recordings::{CountedRecording, CountsOrigin, RecordingCounts};
use crate::EvaluateError;

/// Key of the facts in the file's metadata.
const METADATA_KEY: &str = "culturemert.token-counts";
/// The one tensor.
const TENSOR: &str = "counts";
/// Layout of the facts.
const SCHEMA: u32 = 1;
/// Checked before anything is allocated: 8 GiB are 260 000 recordings of 8 codebooks of 1024 entries.
const MAX_FILE_BYTES: u64 = 8 << 30;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    schema: u32,
    origin: CountsOrigin,
    recordings: Vec<CountedRecording>,
}

/// The one field every version has.
#[derive(Deserialize)]
struct Version {
    schema: u32,
}

impl RecordingCounts {
    /// Writes the counts, wholly or not at all.
    pub fn save(&self, path: &Path) -> Result<(), EvaluateError> {
        let bad = |reason: String| EvaluateError::CountsFile { path: path.to_path_buf(), reason };
        let origin = self.origin().clone();
        let shape = vec![self.recordings().len(), origin.n_codebooks, origin.n_entries];
        let facts = Facts { schema: SCHEMA, origin, recordings: self.recordings().to_vec() };
        let facts = serde_json::to_string(&facts).map_err(|error| bad(error.to_string()))?;
        let bytes: Vec<u8> = self.counts().iter().flat_map(|n| n.to_le_bytes()).collect();
        let view = TensorView::new(Dtype::U32, shape, &bytes).map_err(|error| bad(error.to_string()))?;
        let metadata = HashMap::from([(METADATA_KEY.to_owned(), facts)]);
        let file = safetensors::serialize([(TENSOR, view)], Some(metadata))
            .map_err(|error| bad(error.to_string()))?;
        Ok(files::write_atomic(path, &file)?)
    }

    /// Reads counts; refuses everything that [`RecordingCounts::save`] would not have written.
    pub fn load(path: &Path) -> Result<Self, EvaluateError> {
        let bad = |reason: String| EvaluateError::CountsFile { path: path.to_path_buf(), reason };
        let size = std::fs::metadata(path).map_err(files::FilesError::io("open", path))?.len();
        if size > MAX_FILE_BYTES {
            return Err(bad(format!("it has {size} bytes, counts at most {MAX_FILE_BYTES}")));
        }
        let bytes = std::fs::read(path).map_err(files::FilesError::io("read", path))?;
        let text = |error: safetensors::SafeTensorError| bad(error.to_string());
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(text)?;
        let metadata = header.metadata().as_ref().and_then(|metadata| metadata.get(METADATA_KEY));
        let facts = metadata.ok_or_else(|| bad(format!("its metadata has no `{METADATA_KEY}`")))?;
        let Version { schema } = serde_json::from_str(facts).map_err(|error| bad(error.to_string()))?;
        if schema != SCHEMA {
            return Err(bad(format!("it has layout {schema}, this program reads {SCHEMA}; count again")));
        }
        let facts: Facts = serde_json::from_str(facts).map_err(|error| bad(error.to_string()))?;
        let tensors = SafeTensors::deserialize(&bytes).map_err(text)?;
        if let Some(name) = tensors.names().into_iter().find(|&name| name != TENSOR) {
            return Err(bad(format!("tensor `{name}` is not part of it")));
        }
        let view = tensors.tensor(TENSOR).map_err(text)?;
        let shape = [facts.recordings.len(), facts.origin.n_codebooks, facts.origin.n_entries];
        if view.dtype() != Dtype::U32 || view.shape() != shape {
            let (dtype, found) = (view.dtype(), view.shape());
            return Err(bad(format!("tensor `{TENSOR}` is {dtype:?} {found:?}, needed is U32 {shape:?}")));
        }
        let (words, _) = view.data().as_chunks::<4>();
        let counts = words.iter().map(|&word| u32::from_le_bytes(word)).collect();
        Self::from_rows(facts.origin, facts.recordings, counts).map_err(|error| bad(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::recordings::tests::drawn;
    use super::*;

    #[test]
    fn counts_come_back_as_they_were_and_the_file_is_the_same_twice() {
        let directory = tempfile::tempdir().unwrap();
        let (one, two) = (directory.path().join("1.safetensors"), directory.path().join("2.safetensors"));
        let mut counts = drawn(1, &[("a", 1), ("b", 2)], 3, 20);
        let grouped = CountedRecording { culture: "b".into(), name: "g".into(), group: Some("h".into()) };
        counts.add(&grouped, &[3, 4]).unwrap();
        counts.save(&one).unwrap();
        counts.save(&two).unwrap();
        assert_eq!(std::fs::read(&one).unwrap(), std::fs::read(&two).unwrap());
        assert_eq!(RecordingCounts::load(&one).unwrap(), counts);
    }

    #[test]
    fn truncated_and_foreign_files_are_refused_without_a_panic() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("c.safetensors");
        drawn(1, &[("a", 1)], 2, 5).save(&path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for length in (0..whole.len()).step_by(7) {
            std::fs::write(&path, &whole[..length]).unwrap();
            let message = RecordingCounts::load(&path).unwrap_err().to_string();
            assert!(message.contains("c.safetensors"), "{message}");
        }
        // A count that is not that of the other codebooks.
        let mut changed = whole.clone();
        *changed.last_mut().unwrap() ^= 1;
        std::fs::write(&path, &changed).unwrap();
        assert!(RecordingCounts::load(&path).is_err());
        let text = String::from_utf8_lossy(&whole).into_owned();
        let at = text.find("schema\\\":1").unwrap() + "schema\\\":".len();
        let mut other = whole.clone();
        other[at] = b'7';
        std::fs::write(&path, &other).unwrap();
        let message = RecordingCounts::load(&path).unwrap_err().to_string();
        assert!(message.contains("layout 7"), "{message}");
    }
}
