//! The five traditions sound apart: a nearest-mean classifier on coarse spectra of unheard performers names most of them.

use culturemert_synth::{Piece, PlanRequest, Split, Tradition, plan, render};

/// Logarithmic energies around 24 third-octave centres from 80 Hz, and their rates of change: what an instrumentarium leaves behind.
fn features(piece: &Piece) -> Vec<f64> {
    let samples = render(piece, 24_000);
    let frames: Vec<Vec<f64>> = samples
        .chunks_exact(1200)
        .step_by(3)
        .map(|frame| {
            (0..24)
                .map(|band| 80.0 * f64::from(band).mul_add(1.0 / 4.0, 0.0).exp2())
                .map(|f| energy(frame, f))
                .collect()
        })
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

fn energy(frame: &[f32], hertz: f64) -> f64 {
    let omega = std::f64::consts::TAU * hertz / 24_000.0;
    let (mut re, mut im) = (0.0, 0.0);
    for (i, &x) in frame.iter().enumerate() {
        let window = 0.5 - 0.5 * (std::f64::consts::TAU * i as f64 / frame.len() as f64).cos();
        re += window * f64::from(x) * (omega * i as f64).cos();
        im += window * f64::from(x) * (omega * i as f64).sin();
    }
    (re * re + im * im + 1e-6).ln()
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
