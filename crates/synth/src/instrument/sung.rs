//! A singing voice: a glottal wave and its breath through five formants that move from vowel to vowel.
//!
//! Sources: G. Fant, *Acoustic Theory of Speech Production* (1960); formant frequencies after G. Peterson and H. Barney, "Control methods used in a
//! study of the vowels" (1952), with a singer's formant near 3 kHz (J. Sundberg, *The Science of the Singing Voice*, 1987).

use draws::Draws;

use super::Touch;
use super::contour::Contour;
use crate::signal::{Noise, Oscillator, Resonance, Resonators, Wavetable};

/// First three formants of a, o, e, i, u in hertz, with weights. Open vowels come first: `a` is sung most.
const VOWELS: [[(f64, f32); 3]; 5] = [
    [(730.0, 1.0), (1090.0, 0.7), (2440.0, 0.18)],
    [(570.0, 1.0), (840.0, 0.6), (2410.0, 0.10)],
    [(530.0, 1.0), (1840.0, 0.35), (2480.0, 0.22)],
    [(300.0, 1.0), (2250.0, 0.25), (3010.0, 0.2)],
    [(320.0, 1.0), (870.0, 0.35), (2240.0, 0.06)],
];
/// Bandwidths of the five formants, Hz.
const BANDWIDTHS: [f64; 5] = [80.0, 100.0, 130.0, 200.0, 320.0];
/// How fast the mouth moves: share of the way per control block.
const ARTICULATION: f64 = 0.09;

/// Plays `contour` into `out`.
pub(crate) fn play(contour: &Contour, touch: &Touch, draws: &Draws, sample_rate: u32, out: &mut [f32]) {
    let mut own = Draws::from_key(draws.at(0));
    let slope = 1.45 - 0.5 * (touch.bright - 1.0);
    let amplitudes: Vec<f32> = (1..=60).map(|k| libm::pow(f64::from(k), -slope) as f32).collect();
    let wave = Wavetable::new(&amplitudes);
    let mut glottis = Oscillator::default();
    let mut noise = Noise::new(Draws::from_key(draws.at(1)));
    let mut tract = Resonators::<5>::new(&[], sample_rate);
    let mut vowel = 0;
    let mut formants = VOWELS[vowel];
    let per_cycle = 1.0 / f64::from(sample_rate.max(1));
    for (block, range) in contour.sounding_blocks(sample_rate, out.len()) {
        let out = &mut out[range];
        if contour.onset[block] && own.uniform() < 0.6 {
            // Half of the syllables are open.
            vowel = if own.uniform() < 0.5 { 0 } else { own.below(5) as usize };
        }
        for (index, (now, goal)) in formants.iter_mut().zip(VOWELS[vowel]).enumerate() {
            now.0 += ARTICULATION * (goal.0 - now.0);
            now.1 += ARTICULATION as f32 * (goal.1 - now.1);
            // The first formant never falls below the pitch: singers open the mouth.
            let hertz = if index == 0 { now.0.max(1.05 * contour.hertz[block]) } else { now.0 } / touch.size;
            tract.tune(index, Resonance::new(hertz, BANDWIDTHS[index], now.1), sample_rate);
        }
        tract.tune(3, Resonance::new(3100.0 / touch.size, BANDWIDTHS[3], 0.14), sample_rate);
        tract.tune(4, Resonance::new(3900.0 / touch.size, BANDWIDTHS[4], 0.08), sample_rate);
        glottis.run(&wave, contour.hertz[block] * per_cycle, contour.hertz[block + 1] * per_cycle, out);
        let (level, next) = (contour.level[block], contour.level[block + 1]);
        let slope = (next - level) / out.len() as f32;
        let mut gain = level;
        for y in out.iter_mut() {
            *y = gain * (*y + 0.03 * noise.sample());
            gain += slope;
        }
        tract.run(out, 0.02, 2.0);
    }
}
