//! The five traditions sound apart: a nearest-mean classifier on coarse spectra of unheard performers names most of them.

use culturemert_synth::{Piece, PlanRequest, Split, Tradition, plan, render};

/// Logarithmic energies around 24 centres a quarter of an octave apart from 80 Hz, and how much they vary: what an instrumentarium leaves behind.
fn features(piece: &Piece) -> Vec<f64> {
    let samples = render(piece, 24_000);
    let window: Vec<f64> =
        (0..1200).map(|i| 0.5 - 0.5 * (std::f64::consts::TAU * f64::from(i) / 1200.0).cos()).collect();
    let frames: Vec<Vec<f64>> = samples
        .chunks_exact(1200)
        .step_by(3)
        .map(|frame| frame.iter().zip(&window).map(|(&x, w)| w * f64::from(x)).collect::<Vec<f64>>())
        .map(|frame| (0..24).map(|band| energy(&frame, 80.0 * (f64::from(band) / 4.0).exp2())).collect())
        .collect();
    let n = frames.len() as f64;
    let mean = |band: usize| frames.iter().map(|frame| frame[band]).sum::<f64>() / n;
    let means: Vec<f64> = (0..24).map(mean).collect();
    let spread =
        |band: usize| (frames.iter().map(|f| (f[band] - means[band]).powi(2)).sum::<f64>() / n).sqrt();
    // The level of a recording says nothing about its tradition.
    let level = means.iter().sum::<f64>() / 24.0;
    means.iter().map(|m| m - level).chain((0..24).map(spread)).collect()
}

/// Logarithm of the power at `hertz` in a frame, after Goertzel.
fn energy(frame: &[f64], hertz: f64) -> f64 {
    let turn = 2.0 * (std::f64::consts::TAU * hertz / 24_000.0).cos();
    let (mut last, mut before) = (0.0, 0.0);
    for x in frame {
        (last, before) = (x + turn * last - before, last);
    }
    (last * last + before * before - turn * last * before + 1e-6).ln()
}

#[test]
fn unheard_performers_are_told_apart_by_tradition() {
    let pieces = plan(&PlanRequest::uniform(3, 4.0, 6.0)).unwrap();
    let rows: Vec<(Tradition, Split, Vec<f64>)> =
        pieces.iter().map(|piece| (piece.tradition, piece.split, features(piece))).collect();
    let n_features = rows[0].2.len();
    let train: Vec<_> = rows.iter().filter(|row| row.1 == Split::Train).collect();
    let column = |index: usize| train.iter().map(move |row| row.2[index]);
    let scales: Vec<f64> = (0..n_features)
        .map(|index| {
            let mean = column(index).sum::<f64>() / train.len() as f64;
            (column(index).map(|x| (x - mean).powi(2)).sum::<f64>() / train.len() as f64).sqrt().max(1e-9)
        })
        .collect();
    let means: Vec<Vec<f64>> = Tradition::ALL
        .iter()
        .map(|tradition| {
            let own: Vec<_> = train.iter().filter(|row| row.0 == *tradition).collect();
            (0..n_features).map(|i| own.iter().map(|row| row.2[i]).sum::<f64>() / own.len() as f64).collect()
        })
        .collect();
    let unheard: Vec<_> = rows.iter().filter(|row| row.1 != Split::Train).collect();
    let right = unheard
        .iter()
        .filter(|row| {
            let distance = |mean: &Vec<f64>| -> f64 {
                mean.iter().zip(&row.2).zip(&scales).map(|((m, x), s)| ((m - x) / s).powi(2)).sum()
            };
            let best = (0..5).min_by(|&a, &b| distance(&means[a]).total_cmp(&distance(&means[b])));
            best == Some(row.0 as usize)
        })
        .count();
    let share = right as f64 / unheard.len() as f64;
    println!("{right} of {} unheard pieces named", unheard.len());
    assert!(share > 0.5, "only {right} of {} pieces of unheard performers were named", unheard.len());
}
