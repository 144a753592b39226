//! Every point as a model hears it: one row, the mean over time, and what probes say of it.

use std::collections::BTreeMap;

use corpus::Corpus;
use evaluate::Probe;
use rayon::prelude::*;

use super::points::{Point, Points};
use crate::embedding::Embedder;
use crate::exit::usage;
use crate::probing::embed_recording;
use crate::terminal::Terminal;

/// Tags a probe is quoted with.
const QUOTED: usize = 5;

/// Which hidden states make the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LayerChoice {
    /// The mean of all layers' outputs; the input of the first is left out.
    Mean,
    /// One state; 0 is the input of the first layer.
    One(usize),
}

impl LayerChoice {
    /// `mean`, or a number.
    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        match (text, text.parse()) {
            ("mean", _) => Ok(Self::Mean),
            (_, Ok(number)) => Ok(Self::One(number)),
            _ => Err(usage(format!("`--layer {text}` is neither `mean` nor a number"))),
        }
    }

    /// Fails for a state the encoder does not have.
    pub(crate) fn check(self, n_states: usize) -> anyhow::Result<()> {
        match self {
            Self::One(layer) if layer >= n_states => {
                let last = n_states - 1;
                Err(usage(format!("`--layer {layer}`: the model's states are 0 to {last}")))
            }
            _ => Ok(()),
        }
    }

    /// The row of `[states, width]`.
    fn row(self, states: &[f32], width: usize) -> Vec<f64> {
        let mean = |states: &[f32]| {
            let n = (states.len() / width) as f64;
            let sum = |at: usize| states.iter().skip(at).step_by(width).map(|&x| f64::from(x)).sum::<f64>();
            (0..width).map(|at| sum(at) / n).collect()
        };
        match self {
            Self::One(layer) => mean(&states[layer * width..][..width]),
            // An encoder without layers has its input only.
            Self::Mean if states.len() == width => mean(states),
            Self::Mean => mean(&states[width..]),
        }
    }
}

/// What a model and its probes make of the points.
pub(crate) struct Heard {
    /// `[n, width]`
    pub(crate) rows: Vec<f32>,
    /// For each probe and point the likeliest tags with probabilities.
    pub(crate) likeliest: Vec<Vec<Vec<(usize, f64)>>>,
}

/// Embeds every recording that has a point, several at once.
pub(crate) fn hear(
    embedder: &Embedder,
    corpus: &Corpus,
    points: &Points,
    layer: LayerChoice,
    probes: &[&Probe],
    name: &str,
    terminal: &Terminal,
) -> anyhow::Result<Heard> {
    let ranges = corpus.recordings();
    let mut by_recording: BTreeMap<usize, Vec<&Point>> = BTreeMap::new();
    for point in &points.all {
        by_recording.entry(point.recording).or_default().push(point);
    }
    let width = embedder.width();
    let bar = terminal.bar(&format!("embed {name}"), by_recording.len() as u64);
    let by_recording: Vec<(usize, Vec<&Point>)> = by_recording.into_iter().collect();
    let heard: Vec<Vec<OnePoint>> = by_recording
        .par_iter()
        .with_max_len(1)
        .map(|(recording, points)| {
            let range = ranges[*recording].clone();
            let states = embed_recording(embedder, corpus, range.clone())?;
            let of_clip =
                |clip: usize| (states[clip - range.start].as_slice(), corpus.clips()[clip].samples as f64);
            let found: anyhow::Result<Vec<OnePoint>> = points
                .iter()
                .map(|point| {
                    let parts: Vec<(&[f32], f64)> = point.clips.iter().map(|&clip| of_clip(clip)).collect();
                    one_point(&parts, layer, width, probes)
                })
                .collect();
            bar.inc(1);
            found
        })
        .collect::<anyhow::Result<_>>()?;
    bar.finish_and_clear();
    let mut all = Heard { rows: Vec::new(), likeliest: vec![Vec::new(); probes.len()] };
    for point in heard.into_iter().flatten() {
        all.rows.extend(point.row);
        all.likeliest.iter_mut().zip(point.said).for_each(|(list, of_probe)| list.push(of_probe));
    }
    Ok(all)
}

/// What is made of one point.
struct OnePoint {
    row: Vec<f32>,
    /// Of each probe.
    said: Vec<Vec<(usize, f64)>>,
}

/// From the clips of a point (all states of each, and its samples): their mean weighted by samples, and what probes say of them together.
fn one_point(
    parts: &[(&[f32], f64)],
    layer: LayerChoice,
    width: usize,
    probes: &[&Probe],
) -> anyhow::Result<OnePoint> {
    let total: f64 = parts.iter().map(|(_, samples)| samples).sum();
    let mut row = vec![0.0; width];
    for (states, samples) in parts {
        let share = samples / total;
        row.iter_mut().zip(layer.row(states, width)).for_each(|(sum, x)| *sum += share * x);
    }
    let features: Vec<f32> = parts.iter().flat_map(|(states, _)| states.iter().copied()).collect();
    let mut said = Vec::new();
    for probe in probes {
        said.push(likeliest(&probe.probabilities(&features)?));
    }
    Ok(OnePoint { row: row.into_iter().map(|x| x as f32).collect(), said })
}

fn likeliest(probabilities: &[f64]) -> Vec<(usize, f64)> {
    let mut all: Vec<(usize, f64)> = probabilities.iter().copied().enumerate().collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    all.truncate(QUOTED);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_is_a_number_or_the_mean_of_all_but_the_input() {
        let states = [9.0, 9.0, 1.0, 2.0, 3.0, 6.0];
        assert_eq!(LayerChoice::parse("mean").unwrap().row(&states, 2), [2.0, 4.0]);
        assert_eq!(LayerChoice::parse("0").unwrap().row(&states, 2), [9.0, 9.0]);
        assert_eq!(LayerChoice::Mean.row(&states[..2], 2), [9.0, 9.0]);
        assert!(LayerChoice::parse("last").is_err());
        assert!(LayerChoice::One(2).check(3).is_ok() && LayerChoice::One(3).check(3).is_err());
    }

    #[test]
    fn the_likeliest_come_first_and_equal_ones_in_their_order() {
        assert_eq!(likeliest(&[0.1, 0.7, 0.7, 0.2]), [(1, 0.7), (2, 0.7), (3, 0.2), (0, 0.1)]);
        assert_eq!(likeliest(&[0.5; 9]).len(), QUOTED);
    }
}
