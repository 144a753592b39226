//! Files of EnCodec weights: Hugging Face directories, and checkpoints of the original package.
//!
//! The two name tensors differently: original `encoder.model.1.block.1.conv.conv.bias` is `encoder.layers.1.block.1.conv.bias` here, and
//! `quantizer.vq.layers.0._codebook.embed` is `quantizer.layers.0.codebook.embed`. The names may stand behind anything (`encodec.`,
//! `module.`, or the way through a training checkpoint, `best_state/model/`): what stands before `encoder` in one of them stands before all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use files::FilesError;
use weights::{TensorInfo, TensorSource, TorchCheckpoint, open_source};

use super::weights::WeightSource;
use crate::CodecError;

const MAX_BYTES: u64 = 1 << 30;

/// Tensors that the encoder half needs not: decoder, and what is kept for training codebooks on.
const UNUSED_ENDINGS: [&str; 3] = [".embed_avg", ".cluster_size", ".inited"];

/// Open weights under their Hugging Face names.
pub(crate) struct Checkpoint {
    path: PathBuf,
    source: Box<dyn TensorSource>,
    /// Hugging Face name to the name in the file, and what lies there.
    tensors: BTreeMap<String, (String, TensorInfo)>,
}

impl Checkpoint {
    /// Opens the weights in a directory or a file.
    pub(crate) fn open(path: &Path) -> Result<Self, CodecError> {
        let file = if path.is_dir() { file_in(path)? } else { path.to_path_buf() };
        let length = std::fs::metadata(&file).map_err(FilesError::io("open", &file))?.len();
        let is_safetensors =
            file.extension().is_some_and(|extension| extension == "safetensors" || extension == "json");
        if length > MAX_BYTES {
            let reason = format!("it has {length} bytes, and no EnCodec model has more than {MAX_BYTES}");
            return Err(CodecError::Unusable { file, reason });
        }
        let source: Box<dyn TensorSource> =
            if is_safetensors { open_source(&file)? } else { Box::new(TorchCheckpoint::open(&file)?) };
        Self::of(file, source)
    }

    fn of(path: PathBuf, source: Box<dyn TensorSource>) -> Result<Self, CodecError> {
        let infos = source.infos();
        let prefix =
            prefix(infos.keys()).map_err(|reason| CodecError::Unusable { file: path.clone(), reason })?;
        let tensors = infos
            .into_iter()
            .filter_map(|(name, info)| Some((hugging_face_name(name.strip_prefix(&prefix)?), (name, info))))
            .collect();
        Ok(Self { path, source, tensors })
    }

    /// The file, for messages.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The shape of a tensor.
    pub(crate) fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|(_, info)| info.shape.as_slice())
    }

    /// Refuses weights of the encoder or the quantiser that the model knows no place for: it would give other codes.
    pub(crate) fn check_all_used(&self, is_used: impl Fn(&str) -> bool) -> Result<(), CodecError> {
        let matters = |name: &str| {
            let is_codebook = name.ends_with(".codebook.embed");
            let is_of_model = name.starts_with("encoder.") || name.starts_with("quantizer.");
            is_of_model && !is_codebook && !UNUSED_ENDINGS.iter().any(|ending| name.ends_with(ending))
        };
        match self.tensors.iter().find(|(name, _)| matters(name) && !is_used(name)) {
            None => Ok(()),
            Some((_, (stored, _))) => Err(CodecError::Unusable {
                file: self.path.clone(),
                reason: format!("it holds tensor `{stored}`, which the model described has no place for"),
            }),
        }
    }
}

/// The weights of a directory.
fn file_in(dir: &Path) -> Result<PathBuf, CodecError> {
    for name in ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin"] {
        if dir.join(name).is_file() {
            return Ok(dir.join(name));
        }
    }
    let entries = std::fs::read_dir(dir).map_err(FilesError::io("open", dir))?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "th"))
        .collect();
    match found.len() {
        1 => Ok(found.remove(0)),
        _ => Err(CodecError::NoTokenizer {
            dir: dir.into(),
            wanted: "no `codec.toml`, no `model.safetensors`, no `pytorch_model.bin` and no single `.th` file in it",
        }),
    }
}

/// What stands before `encoder.` in the names of the one model of the file; the best state of a training checkpoint goes first.
fn prefix<'a>(names: impl Iterator<Item = &'a String>) -> Result<String, String> {
    let endings = ["encoder.layers.0.conv.bias", "encoder.model.0.conv.conv.bias"];
    let found: Vec<&str> =
        names.filter_map(|name| endings.iter().find_map(|ending| name.strip_suffix(ending))).collect();
    let best: Vec<&str> = found.iter().copied().filter(|prefix| prefix.starts_with("/best_state/")).collect();
    match (found.as_slice(), best.as_slice()) {
        ([one], _) | (_, [one]) => Ok((*one).to_owned()),
        ([], _) => Err(
            "it holds no EnCodec encoder: there is no tensor `encoder.layers.0.conv.bias`, nor its original \
                        name `encoder.model.0.conv.conv.bias`"
                .into(),
        ),
        (several, _) => Err(format!("it holds {} models, one behind each of {several:?}", several.len())),
    }
}

fn hugging_face_name(original: &str) -> String {
    original
        .replacen("encoder.model.", "encoder.layers.", 1)
        .replace(".conv.conv.", ".conv.")
        .replacen("quantizer.vq.layers.", "quantizer.layers.", 1)
        .replace("._codebook.", ".codebook.")
}

impl WeightSource for Checkpoint {
    fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, CodecError> {
        let file = || self.path.clone();
        let Some((stored, info)) = self.tensors.get(name) else {
            return Err(CodecError::MissingTensor { file: file(), tensor: name.to_owned() });
        };
        if info.shape != shape {
            let (found, needed) = (info.shape.clone(), shape.to_vec());
            return Err(CodecError::Shape { file: file(), tensor: stored.clone(), found, needed });
        }
        let tensor = self.source.read(stored)?;
        match tensor.data.iter().position(|x| !x.is_finite()) {
            Some(at) => {
                let reason = format!("element {at} of tensor `{stored}` is not finite");
                Err(CodecError::Unusable { file: file(), reason })
            }
            None => Ok(tensor.data),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn original_names_become_those_of_hugging_face() {
        for (original, ours) in [
            ("encoder.model.1.block.1.conv.conv.weight_g", "encoder.layers.1.block.1.conv.weight_g"),
            ("encoder.model.1.shortcut.conv.conv.bias", "encoder.layers.1.shortcut.conv.bias"),
            ("encoder.model.13.lstm.weight_ih_l0", "encoder.layers.13.lstm.weight_ih_l0"),
            ("quantizer.vq.layers.31._codebook.embed", "quantizer.layers.31.codebook.embed"),
            ("encoder.layers.0.conv.bias", "encoder.layers.0.conv.bias"),
        ] {
            assert_eq!(hugging_face_name(original), ours);
        }
    }

    #[test]
    fn the_model_is_found_wherever_it_stands() {
        let prefix = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            prefix(names.iter())
        };
        assert_eq!(prefix(&["encoder.layers.0.conv.bias"]).unwrap(), "");
        assert_eq!(
            prefix(&["/best_state/model/encoder.model.0.conv.conv.bias"]).unwrap(),
            "/best_state/model/"
        );
        assert_eq!(
            prefix(&["/best_state/encoder.model.0.conv.conv.bias", "/ema/encoder.model.0.conv.conv.bias"])
                .unwrap(),
            "/best_state/"
        );
        assert!(
            prefix(&["/a/encoder.layers.0.conv.bias", "/b/encoder.layers.0.conv.bias"])
                .unwrap_err()
                .contains("2 models")
        );
        assert!(prefix(&["decoder.layers.0.conv.bias"]).unwrap_err().contains("no EnCodec encoder"));
    }
}
