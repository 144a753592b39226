//! EnCodec's 24 kHz tokenizer: SEANet encoder, then residual vector quantisation.
//!
//! Source: Défossez 2022, *High Fidelity Neural Audio Compression*; layers, padding and names as the published 24 kHz model has them.
//! Samples `[n]` → embeddings `[ceil(n / 320), 128]` → codes `[ceil(n / 320), K]`. float32, channels last, whole recordings read in chunks
//! whose states are carried, so that memory does not grow with length and no bit changes. Pure but for opening.

mod activation;
mod checkpoint;
mod config;
mod conv;
mod encoder;
#[cfg(test)]
mod golden_tests;
mod lstm;
mod pipeline;
mod shapes;
#[cfg(test)]
mod stream_tests;
mod weights;

use std::collections::BTreeSet;
use std::path::Path;

use files::Hasher;

use self::checkpoint::Checkpoint;
use self::config::EncodecConfig;
use self::encoder::Encoder;
use self::pipeline::EmbeddingStream;
use self::weights::{Source, WeightSource};
use crate::features::check_finite;
use crate::quantiser::{Codebook, ResidualQuantiser, RowQuantiser};
use crate::tensor_file::read_bounded;
use crate::tokenizer::{CodeStream, check_samples};
use crate::{CodecError, Codes, Tokenizer};

/// What MERT was trained on, kbit/s: 8 codebooks.
pub const MERT_BANDWIDTH: f64 = 6.0;

const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// Frames a chunk: no layer looks farther back. A chunk of a second keeps the widest activations near the processor.
const CHUNK_FRAMES: usize = config::MAX_REACH;

/// How many of a model's codebooks are used: each gives a code a frame, and those of few come first among those of many.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Depth {
    /// As many as fit this bandwidth in kbit/s, one that the model was trained for.
    Bandwidth(f64),
    /// So many.
    Codebooks(usize),
}

impl Default for Depth {
    fn default() -> Self {
        Self::Bandwidth(MERT_BANDWIDTH)
    }
}

/// The encoder half of EnCodec with its first `K` codebooks.
pub struct Encodec {
    encoder: Encoder,
    quantiser: ResidualQuantiser,
    hash: String,
}

impl Encodec {
    /// Opens a Hugging Face directory (`config.json` with `model.safetensors` or `pytorch_model.bin`), or the file or directory of a
    /// checkpoint of the original package (`.th`). Without a `config.json` beside it the shapes of the weights tell the architecture.
    pub fn open(path: impl AsRef<Path>, depth: Depth) -> Result<Self, CodecError> {
        let path = path.as_ref();
        let dir = if path.is_dir() { path } else { path.parent().unwrap_or(Path::new("")) };
        let weights = Checkpoint::open(path)?;
        let file = dir.join("config.json");
        let (config, file) = if file.is_file() {
            let unusable = |reason| CodecError::Unusable { file: file.clone(), reason };
            let text = read_bounded(&file, MAX_CONFIG_BYTES)?;
            let config: EncodecConfig = serde_json::from_slice(&text)
                .map_err(|error| unusable(format!("it is no EnCodec config ({error})")))?;
            config.check().map_err(unusable)?;
            (config, file)
        } else {
            let file = weights.path().to_path_buf();
            let config = shapes::configuration(&weights)
                .map_err(|reason| CodecError::Unusable { file: file.clone(), reason })?;
            (config, file)
        };
        if config.sampling_rate != audio::SAMPLE_RATE {
            let reason =
                format!("it works at {} Hz, and recordings here have 24000 Hz", config.sampling_rate);
            return Err(CodecError::Unusable { file, reason });
        }
        let (model, used) = Self::build_recording(&config, &weights, depth)?;
        weights.check_all_used(|name| used.contains(name))?;
        Ok(model)
    }

    #[cfg(test)]
    fn build(config: &EncodecConfig, weights: &dyn WeightSource, depth: Depth) -> Result<Self, CodecError> {
        Ok(Self::build_recording(config, weights, depth)?.0)
    }

    /// The model, and the names of the tensors that made it.
    fn build_recording(
        config: &EncodecConfig,
        weights: &dyn WeightSource,
        depth: Depth,
    ) -> Result<(Self, BTreeSet<String>), CodecError> {
        let most = config.max_codebooks();
        let n_codebooks = match depth {
            Depth::Bandwidth(kbps) => config.codebooks_for(kbps)?,
            Depth::Codebooks(n) if (1..=most).contains(&n) => n,
            Depth::Codebooks(n) => {
                let (value, needed) = (n.to_string(), format!("from 1 to {most}"));
                return Err(CodecError::Setting { key: "codebooks", value, needed });
            }
        };
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
        let quantiser = ResidualQuantiser::new(codebooks, config.hidden_size);
        let model = Self { encoder, quantiser, hash };
        Ok((model, source.into_used()))
    }

    /// The encoder's output, before quantisation.
    ///
    /// # Shapes
    /// - samples: `[n]`
    /// - returns `[ceil(n / 320), 128]`
    pub fn embed(&self, samples: &[f32]) -> Result<Vec<f32>, CodecError> {
        check_samples(samples, 0, self.encoder.hop())?;
        let embeddings = self.embed_in_chunks(samples, CHUNK_FRAMES);
        check_finite(&embeddings, self.quantiser.dims(), 0)?;
        Ok(embeddings)
    }

    fn embed_in_chunks(&self, samples: &[f32], chunk_frames: usize) -> Vec<f32> {
        let mut embeddings = Vec::new();
        let mut collect = |chunk: &[f32]| embeddings.extend_from_slice(chunk);
        let mut stream = EmbeddingStream::new(&self.encoder, chunk_frames);
        stream.push(samples, &mut collect);
        stream.finish(&mut collect);
        embeddings
    }

    fn stream_in_chunks(&self, chunk_frames: usize) -> EncodecStream<'_> {
        EncodecStream {
            model: self,
            embeddings: EmbeddingStream::new(&self.encoder, chunk_frames),
            rows: RowQuantiser::new(&self.quantiser),
            n_samples: 0,
            n_frames: 0,
        }
    }
}

/// Codes of a recording in pieces.
struct EncodecStream<'a> {
    model: &'a Encodec,
    embeddings: EmbeddingStream<'a>,
    rows: RowQuantiser<'a>,
    n_samples: usize,
    n_frames: usize,
}

impl EncodecStream<'_> {
    /// Runs `read` on the embeddings and quantises what comes out.
    fn run(
        &mut self,
        codes: &mut Codes,
        read: impl FnOnce(&mut EmbeddingStream<'_>, pipeline::Sink<'_>),
    ) -> Result<(), CodecError> {
        let Self { model, embeddings, rows, n_frames, .. } = self;
        let dims = model.quantiser.dims();
        let mut fault = Ok(());
        read(embeddings, &mut |chunk| {
            if fault.is_ok() {
                fault = check_finite(chunk, dims, *n_frames);
                *n_frames += chunk.len() / dims;
                rows.push(chunk, codes);
            }
        });
        fault
    }
}

impl CodeStream for EncodecStream<'_> {
    fn push(&mut self, samples: &[f32], codes: &mut Codes) -> Result<(), CodecError> {
        check_samples(samples, self.n_samples, self.model.encoder.hop())?;
        self.n_samples += samples.len();
        self.run(codes, |embeddings, sink| embeddings.push(samples, sink))
    }

    fn finish(&mut self, codes: &mut Codes) -> Result<(), CodecError> {
        self.run(codes, |embeddings, sink| embeddings.finish(sink))?;
        self.rows.finish(codes);
        Ok(())
    }
}

impl Tokenizer for Encodec {
    fn name(&self) -> &str {
        crate::directory::ENCODEC
    }

    fn hash(&self) -> &str {
        &self.hash
    }

    fn hop(&self) -> usize {
        self.encoder.hop()
    }

    fn n_codebooks(&self) -> usize {
        self.quantiser.n_codebooks()
    }

    fn n_entries(&self) -> usize {
        self.quantiser.n_entries()
    }

    fn stream(&self) -> Box<dyn CodeStream + '_> {
        Box::new(self.stream_in_chunks(CHUNK_FRAMES))
    }
}
