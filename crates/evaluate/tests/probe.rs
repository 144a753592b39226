//! Whole probe runs on features made up here: what can be learnt is learnt, what cannot is not, and nothing depends on threads.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::time::Instant;

use culturemert_evaluate as evaluate;
use draws::Draws;
use evaluate::{
    Bootstrap, EncoderFacts, FeatureSet, FileFacts, Layers, LearningData, LeftOutReason, Mix, Probe,
    ProbeConfig, ProbeData, ProbeOutcome, probe, validate, validate_and_test,
};

const TAGS: usize = 6;

fn encoder(n_layers: usize, width: usize) -> EncoderFacts {
    EncoderFacts { name: "made-up".to_owned(), hash: "0".to_owned(), n_layers, width, chunk_seconds: 30.0 }
}

/// Two chunks a file. Hidden state 2 carries the tags when `signal` is above 0; the others are noise.
fn split(name: &str, n_files: usize, [n_layers, width]: [usize; 2], signal: f64) -> FeatureSet {
    let mut set = FeatureSet { n_layers, width, ..FeatureSet::default() };
    let directions: Vec<f64> =
        (0..TAGS * width).map(|i| Draws::new(9, "direction", &[i as u64]).normal()).collect();
    let mut draws = Draws::new(draws::fnv1a64(name.as_bytes()), "features", &[]);
    for file in 0..n_files {
        let tags: Vec<u8> = (0..TAGS).map(|tag| u8::from((file + tag) % (tag + 2) == 0)).collect();
        for _ in 0..2 {
            for layer in 0..n_layers {
                for d in 0..width {
                    let of_tag = |tag: usize| f64::from(tags[tag]) * directions[tag * width + d];
                    let carried: f64 = (0..TAGS).map(of_tag).sum();
                    let carried = if layer == 2 { signal * carried } else { 0.0 };
                    set.features.push((draws.normal() + carried) as f32);
                }
            }
            set.chunk_file.push(file);
        }
        set.labels.extend(tags);
        let (id, content) = (format!("{name}/{file}"), format!("hash of {name}/{file}"));
        set.files.push(FileFacts { id, content, group: None });
    }
    set
}

fn names() -> Vec<String> {
    (0..TAGS).map(|tag| format!("tag {tag}")).collect()
}

fn short() -> ProbeConfig {
    ProbeConfig {
        hidden: 64,
        epochs: 60,
        batch: 16,
        learning_rates: vec![3e-3],
        seeds: vec![1, 2],
        ..ProbeConfig::default()
    }
}

fn run(signal: f64, config: &ProbeConfig) -> ProbeOutcome {
    let sizes = [4, 12];
    let sets = [("train", 80), ("valid", 40), ("test", 40)].map(|(name, n)| split(name, n, sizes, signal));
    let tags = names();
    let data = ProbeData::new(&tags, &sets[0], &sets[1], &sets[2]).unwrap();
    probe(&data, &encoder(4, 12), config).unwrap()
}

#[test]
fn a_signal_is_found_in_its_layer_and_noise_is_not() {
    let found = run(1.0, &short()).result;
    assert!(found.roc_auc.mean > 0.85, "{:?}", found.roc_auc);
    let interval = found.intervals.unwrap().roc_auc;
    assert!((interval.estimate - found.roc_auc.mean).abs() < 1e-12);
    assert!(interval.low < interval.estimate && interval.estimate < interval.high);
    let noise = run(0.0, &short()).result;
    assert!((noise.roc_auc.mean - 0.5).abs() < 0.12, "{:?}", noise.roc_auc);
    let one = |state| run(1.0, &ProbeConfig { layers: Layers::One(state), ..short() }).result.roc_auc.mean;
    assert!(one(2) > 0.9 && one(1) < 0.62, "{} {}", one(2), one(1));
}

#[test]
fn every_mix_learns() {
    for mix in [Mix::Softmax, Mix::Conv, Mix::Concat] {
        for standardise in [false, true] {
            let config = ProbeConfig { mix, standardise, layers: Layers::All, ..short() };
            let roc_auc = run(1.0, &config).result.roc_auc;
            assert!(roc_auc.mean > 0.8, "{mix:?} {standardise}: {roc_auc:?}");
        }
    }
}

#[test]
fn the_number_of_threads_changes_nothing_and_seeds_do() {
    let config = ProbeConfig { learning_rates: vec![1e-3, 3e-3], ..short() };
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| run(0.5, &config))
    };
    let (one, three) = (on(1), on(3));
    assert_eq!(serde_json::to_string(&one.result).unwrap(), serde_json::to_string(&three.result).unwrap());
    assert_eq!(one.test_scores, three.test_scores);
    assert_eq!(one.probe, three.probe);
    assert_eq!(one.result.trials.len(), 2);
    assert_ne!(one.test_scores[0], one.test_scores[1]);
    let best = one.result.trials.iter().map(|trial| trial.valid.mean).fold(0.0, f64::max);
    let chosen =
        one.result.trials.iter().find(|t| t.learning_rate.to_bits() == one.result.learning_rate.to_bits());
    assert!((chosen.unwrap().valid.mean - best).abs() < 1e-15);
}

#[test]
fn tags_of_one_class_are_left_out_with_their_reason() {
    let mut sets = [("train", 60), ("valid", 30), ("test", 30)].map(|(name, n)| split(name, n, [4, 12], 1.0));
    let fill = |set: &mut FeatureSet, tag: usize, label: u8| {
        set.labels.iter_mut().skip(tag).step_by(TAGS).for_each(|cell| *cell = label);
    };
    fill(&mut sets[0], 0, 0);
    fill(&mut sets[0], 3, 1);
    fill(&mut sets[2], 4, 0);
    fill(&mut sets[2], 5, 1);
    let tags = names();
    let data = ProbeData::new(&tags, &sets[0], &sets[1], &sets[2]).unwrap();
    let outcome = probe(&data, &encoder(4, 12), &short()).unwrap();
    let left: Vec<(String, LeftOutReason)> =
        outcome.result.left_out.iter().map(|left| (left.tag.clone(), left.reason)).collect();
    let expected = [
        ("tag 0", LeftOutReason::NoPositiveInTrain),
        ("tag 3", LeftOutReason::NoNegativeInTrain),
        ("tag 4", LeftOutReason::NoPositiveInTest),
        ("tag 5", LeftOutReason::NoNegativeInTest),
    ];
    assert_eq!(left, expected.map(|(tag, reason)| (tag.to_owned(), reason)));
    assert_eq!(outcome.result.tags, ["tag 1", "tag 2", "tag 4", "tag 5"]);
    assert_eq!(outcome.probe.tags(), outcome.result.tags);
    assert!(outcome.result.per_tag[2].roc_auc.is_none() && outcome.result.per_tag[0].roc_auc.is_some());
}

/// What is chosen by knows nothing of test files: with other answers there, or without them, its numbers keep every bit.
#[test]
fn validation_alone_gives_the_numbers_of_a_whole_run_whatever_the_test_files_are() {
    let mut sets = [("train", 80), ("valid", 40), ("test", 40)].map(|(name, n)| split(name, n, [4, 12], 1.0));
    let tags = names();
    let config = ProbeConfig { standardise: true, learning_rates: vec![1e-3, 3e-3], ..short() };
    let alone = LearningData::new(&tags, &sets[0], &sets[1]).unwrap();
    let alone = validate(&alone, &encoder(4, 12), &config).unwrap();
    let whole = |sets: &[FeatureSet; 3]| {
        let data = ProbeData::new(&tags, &sets[0], &sets[1], &sets[2]).unwrap();
        (
            validate_and_test(&data, &encoder(4, 12), &config).unwrap(),
            probe(&data, &encoder(4, 12), &config).unwrap().result,
        )
    };
    let ((validated, test), result) = whole(&sets);
    assert_eq!(validated, alone);
    assert_eq!(validated.outputs, result.tags);
    for (seed, (side, test)) in result.seeds.iter().zip(validated.seeds.iter().zip(&test)) {
        assert_eq!((side.seed, test.seed), (seed.seed, seed.seed));
        assert_eq!(side.first.to_bits(), seed.valid_roc_auc.to_bits());
        assert_eq!(test.first.to_bits(), seed.test.roc_auc_macro.to_bits());
        assert_eq!(test.second.to_bits(), seed.test.average_precision_macro.to_bits());
        assert!((0.0..=1.0).contains(&side.second) && side.second.to_bits() != side.first.to_bits());
    }
    sets[2].labels.iter_mut().for_each(|label| *label = 1 - *label);
    let ((validated, other), _) = whole(&sets);
    assert_eq!(validated, alone);
    assert!(other.iter().zip(&test).all(|(a, b)| a.first < 0.5 && b.first > 0.5), "{other:?} {test:?}");
}

#[test]
fn the_saved_probe_scores_the_test_files_as_the_run_did() {
    let outcome = run(1.0, &ProbeConfig { standardise: true, seeds: vec![5], ..short() });
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("probe.safetensors");
    outcome.probe.save(&path).unwrap();
    let loaded = Probe::load(&path).unwrap();
    let test = split("test", 40, [4, 12], 1.0);
    let of_file = &test.features[7 * 2 * 48..8 * 2 * 48];
    let ours = loaded.probabilities(of_file).unwrap();
    let theirs = &outcome.test_scores[0][7 * TAGS..8 * TAGS];
    for (p, &logit) in ours.iter().zip(theirs) {
        // A file alone is another batch, whose products may be summed in another order.
        assert!((p - evaluate::logistic(logit)).abs() < 1e-5, "{p} {logit}");
    }
}

#[test]
fn a_rate_that_explodes_is_reported_or_survives_but_never_yields_nan() {
    let sets = [("train", 40), ("valid", 20), ("test", 20)].map(|(name, n)| split(name, n, [4, 12], 1.0));
    let tags = names();
    let data = ProbeData::new(&tags, &sets[0], &sets[1], &sets[2]).unwrap();
    let config = ProbeConfig { learning_rates: vec![1e30], ..short() };
    let message = probe(&data, &encoder(4, 12), &config).unwrap_err().to_string();
    assert!(message.contains("lower the learning rate") || message.contains("finite"), "{message}");
    assert!(probe(&data, &encoder(5, 12), &short()).is_err());
}

/// The pocket size of the study: must stay a matter of a second or two, so that a grid of models and traditions stays cheap.
#[test]
fn five_seeds_at_pocket_size_are_fast() {
    let sets = [("train", 200), ("valid", 50), ("test", 50)].map(|(name, n)| split(name, n, [5, 96], 0.1));
    let tags = names();
    let data = ProbeData::new(&tags, &sets[0], &sets[1], &sets[2]).unwrap();
    let config =
        ProbeConfig { stop_patience: 100, bootstrap: Some(Bootstrap::default()), ..ProbeConfig::default() };
    let start = Instant::now();
    let result = probe(&data, &encoder(5, 96), &config).unwrap().result;
    let seconds = start.elapsed().as_secs_f64();
    let epochs: usize = result.seeds.iter().map(|seed| seed.epochs.len()).sum();
    assert_eq!(epochs, 500);
    // Ten times the processor time it takes; the machine may be shared.
    assert!(seconds < 15.0, "{seconds} s for {epochs} epochs");
    tell_seconds(seconds);
}

#[expect(clippy::print_stderr, reason = "a measured time, for whoever runs this with output shown")]
fn tell_seconds(seconds: f64) {
    eprintln!("500 epochs of 400 chunks: {seconds:.2} s");
}
