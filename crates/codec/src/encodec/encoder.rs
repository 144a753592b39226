//! The SEANet encoder: samples to embeddings.
//!
//! conv 1 → F; for each ratio, last first: residual blocks, ELU, strided conv that doubles the channels; LSTM with skip; ELU, conv → D.
//! Residual block: `shortcut(x) + conv₁(ELU(conv_k(ELU(x))))`, `conv_k` narrows to `dim / compress` with dilation `growthʲ`.
//! Source: Tagliasacchi 2020 (SEANet) as EnCodec builds it. Shape letters: L rows, T frames, C channels. float32, channels last.

use rayon::prelude::*;

use super::activation::elu_all;
use super::config::EncodecConfig;
use super::conv::{BLOCK_ROWS, Conv, History, Place};
use super::lstm::LstmLayer;
use super::weights::Source;
use crate::CodecError;
use crate::panels::Start;

/// Layers in the order of the signal, in three parts: what is before the LSTM, the LSTM, what is behind it.
pub(crate) struct Encoder {
    pub(crate) front: Vec<FrontLayer>,
    pub(crate) lstm: Vec<LstmLayer>,
    pub(crate) last: Conv,
    hop: usize,
}

pub(crate) enum FrontLayer {
    Conv { conv: Conv, activate: bool },
    Residual { wide: Conv, narrow: Conv, shortcut: Option<Conv> },
}

impl Encoder {
    pub(crate) fn build(config: &EncodecConfig, source: &mut Source<'_>) -> Result<Self, CodecError> {
        let mut dim = config.num_filters;
        let shape = [1, dim, config.kernel_size];
        let conv = Conv::build(source, "encoder.layers.0.conv", shape, [1, 1])?;
        let mut front = vec![FrontLayer::Conv { conv, activate: false }];
        // The checkpoint counts every module of the list, ELUs included.
        let mut index = 1;
        for &ratio in config.upsampling_ratios.iter().rev() {
            for block in 0..config.num_residual_layers {
                let dilation = config.dilation_growth_rate.pow(block as u32);
                let name = format!("encoder.layers.{index}");
                front.push(FrontLayer::residual(config, source, &name, dim, dilation)?);
                index += 1;
            }
            let name = format!("encoder.layers.{}.conv", index + 1);
            let conv = Conv::build(source, &name, [dim, 2 * dim, 2 * ratio], [ratio, 1])?;
            front.push(FrontLayer::Conv { conv, activate: true });
            dim *= 2;
            index += 2;
        }
        let name = format!("encoder.layers.{index}.lstm");
        let lstm = (0..config.num_lstm_layers).map(|layer| LstmLayer::build(source, &name, layer, dim));
        let lstm = lstm.collect::<Result<Vec<_>, _>>()?;
        index += usize::from(!lstm.is_empty());
        let name = format!("encoder.layers.{}.conv", index + 1);
        let last = Conv::build(source, &name, [dim, config.hidden_size, config.last_kernel_size], [1, 1])?;
        Ok(Self { front, lstm, last, hop: config.hop() })
    }

    /// Samples a frame.
    pub(crate) fn hop(&self) -> usize {
        self.hop
    }
}

impl FrontLayer {
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

    /// The next chunk, in place; `spare` is room that one layer leaves to the next.
    ///
    /// # Shapes
    /// - x: `[L, in]`; becomes `[ceil(L / s), out]`
    pub(crate) fn forward(
        &self,
        history: &mut History,
        place: Place,
        x: &mut Vec<f32>,
        spare: &mut Vec<f32>,
    ) {
        match self {
            Self::Conv { conv, activate } => {
                conv.forward(history, place, x, *activate, spare);
                std::mem::swap(x, spare);
            }
            Self::Residual { wide, narrow, shortcut } => {
                let padded = wide.padded(history, place, x, true);
                let dim = narrow.n_out();
                x.par_chunks_mut(BLOCK_ROWS * dim).enumerate().for_each_init(
                    || (Vec::new(), Vec::new()),
                    |(hidden, sum), (block, x)| {
                        hidden.resize(x.len() / dim * wide.n_out(), 0.0);
                        wide.rows(padded, block * BLOCK_ROWS, Start::Bias, hidden);
                        elu_all(hidden);
                        if let Some(shortcut) = shortcut {
                            sum.resize(x.len(), 0.0);
                            shortcut.rows(x, 0, Start::Bias, sum);
                            x.copy_from_slice(sum);
                        }
                        narrow.rows(hidden, 0, Start::OutputAndBias, x);
                    },
                );
            }
        }
    }
}
