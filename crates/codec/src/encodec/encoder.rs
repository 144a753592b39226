//! The SEANet encoder: samples to embeddings.
//!
//! conv 1 → F; for each ratio, last first: residual blocks, ELU, strided conv that doubles the channels; LSTM with skip; ELU, conv → D.
//! Residual block: `shortcut(x) + conv₁(ELU(conv_k(ELU(x))))`, `conv_k` narrows to `dim / compress` with dilation `growthʲ`.
//! Source: Tagliasacchi 2020 (SEANet) as EnCodec builds it. Shape letters: L rows, T frames, C channels. float32, channels last.

use super::config::EncodecConfig;
use super::conv::{Conv, History, Place};
use super::elu::elu_all;
use super::lstm::{Lstm, LstmState};
use super::weights::Source;
use crate::CodecError;

pub(crate) struct Encoder {
    layers: Vec<Layer>,
    hop: usize,
}

enum Layer {
    Conv { conv: Conv, activate: bool },
    Residual { wide: Conv, narrow: Conv, shortcut: Option<Conv> },
    Lstm(Lstm),
}

/// What a layer carries from chunk to chunk.
enum State {
    Rows(History),
    Cells(LstmState),
}

impl Encoder {
    pub(crate) fn build(config: &EncodecConfig, source: &mut Source<'_>) -> Result<Self, CodecError> {
        let mut layers = Vec::new();
        let mut dim = config.num_filters;
        let shape = [1, dim, config.kernel_size];
        layers.push(Layer::Conv {
            conv: Conv::build(source, "encoder.layers.0.conv", shape, [1, 1])?,
            activate: false,
        });
        // The checkpoint counts every module of the list, ELUs included.
        let mut index = 1;
        for &ratio in config.upsampling_ratios.iter().rev() {
            for block in 0..config.num_residual_layers {
                let dilation = config.dilation_growth_rate.pow(block as u32);
                layers.push(Layer::residual(
                    config,
                    source,
                    &format!("encoder.layers.{index}"),
                    dim,
                    dilation,
                )?);
                index += 1;
            }
            let name = format!("encoder.layers.{}.conv", index + 1);
            let conv = Conv::build(source, &name, [dim, 2 * dim, 2 * ratio], [ratio, 1])?;
            layers.push(Layer::Conv { conv, activate: true });
            dim *= 2;
            index += 2;
        }
        if config.num_lstm_layers > 0 {
            let name = format!("encoder.layers.{index}.lstm");
            layers.push(Layer::Lstm(Lstm::build(source, &name, config.num_lstm_layers, dim)?));
            index += 1;
        }
        let name = format!("encoder.layers.{}.conv", index + 1);
        let conv = Conv::build(source, &name, [dim, config.hidden_size, config.last_kernel_size], [1, 1])?;
        layers.push(Layer::Conv { conv, activate: true });
        Ok(Self { layers, hop: config.hop() })
    }

    /// Samples a frame.
    pub(crate) fn hop(&self) -> usize {
        self.hop
    }

    /// Embeddings of a whole recording, read `chunk_frames` frames at a time.
    ///
    /// # Shapes
    /// - samples: `[n]`
    /// - returns `[ceil(n / hop), D]`
    pub(crate) fn run(&self, samples: &[f32], chunk_frames: usize) -> Vec<f32> {
        let mut states: Vec<State> = self.layers.iter().map(Layer::start).collect();
        let n_chunks = samples.len().div_ceil(chunk_frames * self.hop);
        let mut embeddings = Vec::new();
        for (index, chunk) in samples.chunks(chunk_frames * self.hop).enumerate() {
            let place = Place { first: index == 0, last: index + 1 == n_chunks };
            let mut x = chunk.to_vec();
            for (layer, state) in self.layers.iter().zip(&mut states) {
                x = layer.forward(state, place, x);
            }
            embeddings.extend(x);
        }
        embeddings
    }
}

impl Layer {
    fn residual(
        config: &EncodecConfig,
        source: &mut Source<'_>,
        name: &str,
        dim: usize,
        dilation: usize,
    ) -> Result<Self, CodecError> {
        let hidden = dim / config.compress;
        let shape = [dim, hidden, config.residual_kernel_size];
        let wide = Conv::build(source, &format!("{name}.block.1.conv"), shape, [1, dilation])?;
        let narrow = Conv::build(source, &format!("{name}.block.3.conv"), [hidden, dim, 1], [1, 1])?;
        let shortcut = if config.use_conv_shortcut {
            Some(Conv::build(source, &format!("{name}.shortcut.conv"), [dim, dim, 1], [1, 1])?)
        } else {
            None
        };
        Ok(Self::Residual { wide, narrow, shortcut })
    }

    fn start(&self) -> State {
        match self {
            Self::Lstm(lstm) => State::Cells(lstm.start()),
            Self::Conv { .. } | Self::Residual { .. } => State::Rows(History::default()),
        }
    }

    fn forward(&self, state: &mut State, place: Place, mut x: Vec<f32>) -> Vec<f32> {
        match (self, state) {
            (Self::Conv { conv, activate }, State::Rows(history)) => {
                conv.forward(history, place, &x, *activate)
            }
            (Self::Residual { wide, narrow, shortcut }, State::Rows(history)) => {
                let mut hidden = wide.forward(history, place, &x, true);
                elu_all(&mut hidden);
                if let Some(shortcut) = shortcut {
                    let mut out = vec![0.0; x.len()];
                    shortcut.add_pointwise(&x, &mut out);
                    x = out;
                }
                narrow.add_pointwise(&hidden, &mut x);
                x
            }
            (Self::Lstm(lstm), State::Cells(cells)) => {
                lstm.forward(cells, &mut x);
                x
            }
            _ => unreachable!("every layer starts its own state"),
        }
    }
}
