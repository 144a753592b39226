//! The statistics of our masks are those of fairseq's: share of masked frames, runs, lengths of runs, and where they fall.

use golden::Tensors;
use mert::masking::Masking;

/// Clips we draw for a setting.
const CLIPS: usize = 24_000;

/// Allowed distance in standard errors of the difference of two means. The recorded draws count as this many independent ones.
const SIGMAS: f64 = 4.5;
const INDEPENDENT: f64 = 9_200.0;

#[derive(Default)]
struct Runs {
    count: usize,
    frames: usize,
    by_length: std::collections::BTreeMap<usize, usize>,
}

#[test]
fn golden_mask_statistics() {
    for case in golden::cases("mert", "position_probability.safetensors") {
        let stats = golden::json(&case.join("stats.json"));
        let positions = Tensors::open(&case.join("position_probability.safetensors"));
        for setting in stats["settings"].as_array().unwrap() {
            let number = |key: &str| setting[key].as_u64().unwrap() as usize;
            let (n_frames, batch) = (number("T"), number("B"));
            let probability = setting["mask_prob"].as_f64().unwrap();
            let masking = Masking {
                probability,
                length: number("mask_length"),
                min_spans: number("min_masks"),
                equal_counts: true,
            };
            let mut hits = vec![0usize; n_frames];
            let mut runs = Runs::default();
            for update in 0..CLIPS / batch {
                let mask = masking.draw(&vec![n_frames; batch], n_frames, 11, &[update as u64]);
                for clip in mask.chunks_exact(n_frames) {
                    tally(clip, &mut hits, &mut runs);
                }
            }
            let what = format!("mask T={n_frames} B={batch} p={probability} l={}", masking.length);
            check_means(&what, setting, batch, n_frames, &hits, &runs);
            check_lengths(&what, setting, &runs);
            let key = format!("p_masked.T{n_frames}.B{batch}.prob{probability}.len{}", masking.length);
            check_positions(&what, &positions.f32(&key), &hits);
        }
    }
}

fn tally(clip: &[bool], hits: &mut [usize], runs: &mut Runs) {
    let mut length = 0;
    for (t, &masked) in clip.iter().chain([&false]).enumerate() {
        if masked {
            hits[t] += 1;
            length += 1;
        } else if length > 0 {
            runs.count += 1;
            runs.frames += length;
            *runs.by_length.entry(length).or_default() += 1;
            length = 0;
        }
    }
}

fn check_means(
    what: &str,
    setting: &serde_json::Value,
    batch: usize,
    n_frames: usize,
    hits: &[usize],
    runs: &Runs,
) {
    let share = hits.iter().sum::<usize>() as f64 / (CLIPS * n_frames) as f64;
    // One value per batch: all its clips have equally many masked frames.
    let values = batch as f64;
    within_sigmas(&format!("{what} share"), share, &setting["masked_share"], values);
    within_sigmas(&format!("{what} runs"), runs.count as f64 / CLIPS as f64, &setting["runs_per_clip"], 1.0);
}

/// Compares our mean of `CLIPS / clips_per_value` values with the recorded mean.
#[track_caller]
fn within_sigmas(what: &str, ours: f64, recorded: &serde_json::Value, clips_per_value: f64) {
    let (mean, sd) = (recorded["mean"].as_f64().unwrap(), recorded["sd"].as_f64().unwrap());
    let error = sd * (clips_per_value / CLIPS as f64 + clips_per_value / INDEPENDENT).sqrt();
    golden::within(what, (ours - mean).abs(), SIGMAS * error);
}

fn check_lengths(what: &str, setting: &serde_json::Value, runs: &Runs) {
    for (length, share) in setting["run_length_share"].as_object().unwrap() {
        let Ok(length) = length.parse::<usize>() else { continue };
        let (share, ours) = (
            share.as_f64().unwrap(),
            runs.by_length.get(&length).copied().unwrap_or(0) as f64 / runs.count as f64,
        );
        if share == 0.0 {
            assert!(ours < 1e-4, "{what}: runs of {length} have share {ours}, recorded is none");
            continue;
        }
        // Runs of one clip depend on each other: count every clip as one run.
        let error = (share * (1.0 - share) * (1.0 / CLIPS as f64 + 1.0 / INDEPENDENT)).sqrt();
        golden::within(&format!("{what} runs of {length}"), (ours - share).abs(), SIGMAS * error);
    }
}

fn check_positions(what: &str, recorded: &[f32], hits: &[usize]) {
    let mut worst = 0.0f64;
    for (&p, &n) in recorded.iter().zip(hits) {
        let (p, ours) = (f64::from(p), n as f64 / CLIPS as f64);
        let error = (p.max(1e-4) * (1.0 - p) * (1.0 / CLIPS as f64 + 1.0 / INDEPENDENT)).sqrt();
        worst = golden::nan_is_worst(worst, (ours - p).abs() / error);
    }
    // The largest of several hundred normal deviations.
    golden::within(&format!("{what} positions, sigmas"), worst, SIGMAS);
    assert_eq!(hits.last(), Some(&0), "the last frame is never masked");
}
