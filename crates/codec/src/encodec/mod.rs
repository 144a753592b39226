//! EnCodec's 24 kHz tokenizer: SEANet encoder, then residual vector quantisation.
//!
//! Source: Défossez 2022, *High Fidelity Neural Audio Compression*; layers, padding and names as the published 24 kHz model has them.
//! Samples `[n]` → embeddings `[ceil(n / 320), 128]` → codes `[ceil(n / 320), K]`. float32, channels last, whole recordings read in chunks
//! whose states are carried, so that memory does not grow with length and nothing changes but rounding. Pure but for opening.

mod config;
mod conv;
mod elu;
mod encoder;
#[cfg(test)]
mod golden_tests;
mod lstm;
mod weights;

use std::path::Path;

use files::Hasher;

use self::config::EncodecConfig;
use self::encoder::Encoder;
use self::weights::{Source, WeightSource};
use crate::features::check_finite;
use crate::quantiser::{Codebook, ResidualQuantiser};
use crate::tensor_file::{TensorFile, read_bounded};
use crate::{CodecError, Codes, HOP, Tokenizer};

/// Codebooks at 6 kbit/s, what MERT was trained on.
pub const MERT_CODEBOOKS: usize = 8;

const MAX_CONFIG_BYTES: u64 = 1 << 20;
const MAX_WEIGHTS_BYTES: u64 = 1 << 30;

/// Frames a chunk. A chunk of one second keeps the widest activations within the caches.
const CHUNK_FRAMES: usize = 75;

/// The encoder half of EnCodec with its first `K` codebooks.
pub struct Encodec {
    encoder: Encoder,
    quantiser: ResidualQuantiser,
    hash: String,
}

impl Encodec {
    /// Opens a Hugging Face directory (`config.json`, `model.safetensors`) with the first `n_codebooks` codebooks.
    pub fn open(dir: impl AsRef<Path>, n_codebooks: usize) -> Result<Self, CodecError> {
        let dir = dir.as_ref();
        let file = dir.join("config.json");
        let unusable = |reason| CodecError::Unusable { file: file.clone(), reason };
        let text = read_bounded(&file, MAX_CONFIG_BYTES)?;
        let config: EncodecConfig = serde_json::from_slice(&text)
            .map_err(|error| unusable(format!("it is no EnCodec config ({error})")))?;
        config.check().map_err(unusable)?;
        if config.sampling_rate != audio::SAMPLE_RATE || config.hop() != HOP {
            let (hz, hop) = (config.sampling_rate, config.hop());
            return Err(unusable(format!(
                "it works at {hz} Hz with hop {hop}, and tokens here need 24000 Hz with hop {HOP}"
            )));
        }
        let weights = TensorFile::open(&dir.join("model.safetensors"), MAX_WEIGHTS_BYTES)?;
        Self::build(&config, &weights, n_codebooks)
    }

    fn build(
        config: &EncodecConfig,
        weights: &dyn WeightSource,
        n_codebooks: usize,
    ) -> Result<Self, CodecError> {
        let most = config.max_codebooks();
        if !(1..=most).contains(&n_codebooks) {
            let (value, needed) = (n_codebooks.to_string(), format!("from 1 to {most}"));
            return Err(CodecError::Setting { key: "codebooks", value, needed });
        }
        let mut source = Source::new(weights);
        let encoder = Encoder::build(config, &mut source)?;
        let shape = [config.codebook_size, config.hidden_size];
        let codebooks = (0..n_codebooks)
            .map(|q| source.tensor(&format!("quantizer.layers.{q}.codebook.embed"), &shape))
            .map(|entries| entries.map(|entries| Codebook::new(entries, config.hidden_size)))
            .collect::<Result<Vec<_>, _>>()?;
        let mut hasher = Hasher::default();
        hasher.part("encodec").part(format!("{:?}", config.identity())).part(n_codebooks.to_string());
        let mut hash = hasher.part(source.hash().to_string()).finish().to_string();
        hash.truncate(16);
        Ok(Self { encoder, quantiser: ResidualQuantiser::new(codebooks, config.hidden_size), hash })
    }

    /// The encoder's output, before quantisation.
    ///
    /// # Shapes
    /// - samples: `[n]`
    /// - returns `[ceil(n / 320), 128]`
    pub fn embed(&self, samples: &[f32]) -> Result<Vec<f32>, CodecError> {
        if let Some(at) = samples.iter().position(|x| !x.is_finite()) {
            return Err(CodecError::NotFinite { frame_idx: at / self.encoder.hop() });
        }
        let embeddings = self.encoder.run(samples, CHUNK_FRAMES);
        check_finite(&embeddings, self.quantiser.dims())?;
        Ok(embeddings)
    }
}

impl Tokenizer for Encodec {
    fn name(&self) -> &str {
        crate::directory::ENCODEC
    }

    fn hash(&self) -> &str {
        &self.hash
    }

    fn n_codebooks(&self) -> usize {
        self.quantiser.n_codebooks()
    }

    fn n_entries(&self) -> usize {
        self.quantiser.n_entries()
    }

    fn encode(&self, samples: &[f32]) -> Result<Codes, CodecError> {
        Ok(self.quantiser.encode(&self.embed(samples)?))
    }
}
