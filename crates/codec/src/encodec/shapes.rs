//! The architecture of weights that come without `config.json`, read from their shapes.
//!
//! Shapes tell everything but three things, which every model of the original package has alike: 24 kHz, causal convolutions reflected at
//! the edges, and strides of half the kernel. The dilation of a second residual layer they do not tell; such weights need their `config.json`.

use super::checkpoint::Checkpoint;
use super::config::EncodecConfig;

/// Bandwidths of the published 24 kHz model, kbit/s.
const BANDWIDTHS: [f64; 5] = [1.5, 3.0, 6.0, 12.0, 24.0];
/// Most modules of an encoder, and most codebooks: those of a hostile file would never end.
const MOST_LAYERS: usize = 64;
const MOST_CODEBOOKS: usize = 1024;

/// The configuration that fits the weights; the reason against is a clause.
pub(super) fn configuration(weights: &Checkpoint) -> Result<EncodecConfig, String> {
    let layer = |index: usize, rest: &str| conv_shape(weights, &format!("encoder.layers.{index}{rest}.conv"));
    let [num_filters, audio_channels, kernel_size] =
        layer(0, "").ok_or("the shape of its first convolution cannot be read")?;
    let (mut strided, mut residuals, mut blocks_at_level) = (Vec::new(), Vec::new(), Vec::new());
    let (mut lstm, mut blocks, mut use_conv_shortcut) = (None, 0, true);
    for index in 1..MOST_LAYERS {
        if let Some(shape) = layer(index, ".block.1") {
            residuals.push(shape);
            use_conv_shortcut = layer(index, ".shortcut").is_some();
            blocks += 1;
        } else if let Some(shape) = layer(index, "") {
            strided.push(shape);
            blocks_at_level.push(std::mem::take(&mut blocks));
        } else if weights.shape(&format!("encoder.layers.{index}.lstm.weight_ih_l0")).is_some() {
            lstm = Some(index);
        }
    }
    // The convolution behind the LSTM has no stride.
    let [hidden_size, _, last_kernel_size] = strided.pop().ok_or("its encoder has no last convolution")?;
    blocks_at_level.pop();
    let num_residual_layers = blocks_at_level.first().copied().unwrap_or(0);
    if blocks_at_level.iter().any(|&n| n != num_residual_layers) {
        return Err("its residual layers are not as many before every strided convolution".into());
    }
    if num_residual_layers > 1 {
        return Err(
            "shapes do not tell the dilation of its second residual layer; put its `config.json` beside it"
                .into(),
        );
    }
    let upsampling_ratios: Vec<usize> = strided.iter().rev().map(|&[_, _, k]| k / 2).collect();
    if strided.iter().any(|&[_, _, k]| k % 2 == 1) {
        return Err(
            "a strided convolution has a kernel of odd length; put its `config.json` beside it".into()
        );
    }
    let num_lstm_layers = lstm.map_or(0, |index| {
        let there = |layer: &usize| {
            weights.shape(&format!("encoder.layers.{index}.lstm.weight_ih_l{layer}")).is_some()
        };
        (0..MOST_LAYERS).take_while(there).count()
    });
    let residual = residuals.first().copied().unwrap_or([num_filters, num_filters, 3]);
    let codebook = |q: usize| weights.shape(&format!("quantizer.layers.{q}.codebook.embed"));
    let n_codebooks = (0..MOST_CODEBOOKS).take_while(|&q| codebook(q).is_some()).count();
    let &[codebook_size, codebook_dim] = codebook(0).ok_or("it has no codebooks")? else {
        return Err("its codebooks are no matrices".into());
    };
    let mut config = EncodecConfig {
        target_bandwidths: BANDWIDTHS.to_vec(),
        sampling_rate: audio::SAMPLE_RATE,
        audio_channels,
        normalize: false,
        chunk_length_s: None,
        hidden_size,
        num_filters,
        num_residual_layers,
        upsampling_ratios,
        norm_type: "weight_norm".into(),
        kernel_size,
        last_kernel_size,
        residual_kernel_size: residual[2],
        dilation_growth_rate: 2,
        use_causal_conv: true,
        pad_mode: "reflect".into(),
        compress: residual[1].checked_div(residual[0]).unwrap_or(0),
        num_lstm_layers,
        codebook_size,
        codebook_dim: Some(codebook_dim),
        use_conv_shortcut,
    };
    config.check()?;
    let bandwidths =
        BANDWIDTHS.into_iter().filter(|&kbps| config.codebooks_at(kbps) <= n_codebooks).collect();
    config.target_bandwidths = bandwidths;
    if config.target_bandwidths.is_empty() {
        return Err(format!(
            "its {n_codebooks} codebooks are fewer than any bandwidth needs; put its `config.json` beside it"
        ));
    }
    Ok(config)
}

/// `[out, in, k]` of a convolution, under whichever of its names.
fn conv_shape(weights: &Checkpoint, name: &str) -> Option<[usize; 3]> {
    let names = ["weight", "weight_v", "parametrizations.weight.original1"];
    names.iter().find_map(|kind| weights.shape(&format!("{name}.{kind}"))?.try_into().ok())
}
