//! Rendering speed: one core, 24 kHz, pieces of 20 s, by tradition. `cargo bench -p culturemert-synth`.

use culturemert_synth::{Piece, PlanRequest, Tradition, plan, render};

fn main() {
    divan::main();
}

fn pieces(tradition: Tradition) -> Vec<Piece> {
    let minutes = [(tradition, 5.0)].into();
    plan(&PlanRequest { seed: 1, minutes, piece_seconds: 20.0 }).expect("a plan of five minutes can be made")
}

/// Fifteen pieces, five minutes of music: divide 300 s by the time shown.
#[divan::bench(args = Tradition::ALL, sample_count = 3, sample_size = 1)]
fn five_minutes(bencher: divan::Bencher, tradition: Tradition) {
    let pieces = pieces(tradition);
    bencher.bench(|| pieces.iter().map(|piece| render(piece, 24_000).len()).sum::<usize>());
}
