//! Tasks of every kind in one harness: what can be learnt is learnt and beats chance, layers are chosen on the validation files, and two
//! models are told apart file by file.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use culturemert_evaluate as evaluate;
use draws::Draws;
use evaluate::{
    Bootstrap, EncoderFacts, EvaluateError, FeatureSet, FileFacts, Kind, Layers, MeasuredOutcome,
    ProbeConfig, ProbeData, measure, scoring_differences,
};

const WIDTH: usize = 10;
const CLASSES: usize = 4;

/// Hidden state 1 of 3 carries the class of a file, and its value, when `signal` is above 0.
fn split(name: &str, n_files: usize, kind: Kind, signal: f64) -> FeatureSet {
    let mut set = FeatureSet { n_layers: 3, width: WIDTH, ..FeatureSet::default() };
    let mut draws = Draws::new(draws::fnv1a64(name.as_bytes()), "features", &[]);
    for file in 0..n_files {
        let class = draws.below(CLASSES as u64) as usize;
        let value = 100.0 + 25.0 * draws.normal();
        for _ in 0..2 {
            for layer in 0..3 {
                for d in 0..WIDTH {
                    let carried = match kind {
                        Kind::Values => 2.0 * (value - 100.0) / 25.0 * f64::from(u8::from(d == 3)),
                        _ => 2.0 * f64::from(u8::from(d == class)),
                    };
                    let carried = if layer == 1 { signal * carried } else { 0.0 };
                    set.features.push((0.5 * draws.normal() + carried) as f32);
                }
            }
            set.chunk_file.push(file);
        }
        match kind {
            Kind::Values => set.values.push(value as f32),
            _ => set.labels.extend((0..CLASSES).map(|c| u8::from(c == class))),
        }
        let (id, content) = (format!("{name}/{file}"), format!("hash of {name}/{file}"));
        set.files.push(FileFacts { id, content, group: None });
    }
    set
}

fn run(kind: Kind, signal: f64, config: &ProbeConfig) -> Result<MeasuredOutcome, EvaluateError> {
    let sets = [("train", 90), ("valid", 40), ("test", 60)].map(|(name, n)| split(name, n, kind, signal));
    let n = if kind == Kind::Values { 1 } else { CLASSES };
    let outputs: Vec<String> = (0..n).map(|output| format!("output {output}")).collect();
    let data = ProbeData::new(&outputs, &sets[0], &sets[1], &sets[2]).unwrap();
    let encoder = EncoderFacts {
        name: "made-up".to_owned(),
        hash: "0".to_owned(),
        n_layers: 3,
        width: WIDTH,
        chunk_seconds: 30.0,
    };
    measure(&data, &encoder, &ProbeConfig { kind, ..config.clone() })
}

fn short() -> ProbeConfig {
    ProbeConfig {
        layers: Layers::All,
        hidden: 32,
        epochs: 60,
        batch: 16,
        learning_rates: vec![3e-3],
        seeds: vec![1, 2],
        bootstrap: Some(Bootstrap { n_resamples: 300, ..Bootstrap::default() }),
        ..ProbeConfig::default()
    }
}

#[test]
fn every_kind_learns_its_signal_and_beats_chance_only_then() {
    for (kind, enough) in [(Kind::Tags, 0.95), (Kind::Classes, 0.9), (Kind::Values, 0.8)] {
        let found = run(kind, 1.0, &short()).unwrap();
        assert!(found.measured.first.mean > enough, "{kind:?}: {:?}", found.measured.first);
        let interval = found.measured.intervals.unwrap().first;
        assert!((interval.estimate - found.measured.first.mean).abs() < 1e-12);
        assert!(interval.low <= interval.estimate && interval.estimate <= interval.high);
        let against_chance = |outcome: &MeasuredOutcome| {
            let chance = [outcome.chance_scoring().unwrap()];
            let ours = outcome.scorings().unwrap();
            scoring_differences(&ours, &chance, Some(&outcome.units), Bootstrap::default()).unwrap()
        };
        assert!(against_chance(&found).intervals.first.low > 0.0, "{kind:?}");
        let noise = run(kind, 0.0, &short()).unwrap();
        assert!(against_chance(&noise).intervals.first.low < 0.05, "{kind:?}");
    }
}

#[test]
fn layers_are_chosen_on_the_validation_files() {
    let grid = vec![Layers::One(0), Layers::One(1), Layers::One(2), Layers::All];
    for kind in [Kind::Tags, Kind::Classes, Kind::Values] {
        let config = ProbeConfig { layer_grid: grid.clone(), learning_rates: vec![1e-3, 3e-3], ..short() };
        let measured = run(kind, 1.0, &config).unwrap().measured;
        assert_eq!(measured.trials.len(), 8);
        assert!(matches!(measured.layers, Layers::One(1) | Layers::All), "{kind:?}: {:?}", measured.layers);
        let best = measured.trials.iter().map(|trial| trial.valid.mean).fold(f64::MIN, f64::max);
        let chosen = measured.seeds.iter().map(|seed| seed.valid).sum::<f64>() / 2.0;
        assert!((best - chosen).abs() < 1e-12);
    }
    let twice = ProbeConfig { layer_grid: vec![Layers::All, Layers::All], ..short() };
    assert!(run(Kind::Tags, 1.0, &twice).unwrap_err().to_string().contains("given twice"));
}

#[test]
fn threads_change_no_digit() {
    for kind in [Kind::Classes, Kind::Values] {
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| run(kind, 0.5, &short()).unwrap())
        };
        let (one, three) = (on(1), on(3));
        assert_eq!(one.measured, three.measured);
        assert_eq!(one.scores, three.scores);
    }
}

#[test]
fn files_of_no_class_or_of_the_wrong_kind_are_refused() {
    let mut sets = [("train", 20), ("valid", 9), ("test", 9)].map(|(n, f)| split(n, f, Kind::Classes, 1.0));
    sets[2].labels[..CLASSES].fill(0);
    let outputs: Vec<String> = (0..CLASSES).map(|output| format!("output {output}")).collect();
    let data = ProbeData::new(&outputs, &sets[0], &sets[1], &sets[2]).unwrap();
    let encoder = EncoderFacts {
        name: "made-up".to_owned(),
        hash: "0".to_owned(),
        n_layers: 3,
        width: WIDTH,
        chunk_seconds: 30.0,
    };
    let refused = |kind| measure(&data, &encoder, &ProbeConfig { kind, ..short() }).unwrap_err().to_string();
    assert_eq!(
        refused(Kind::Classes),
        "`test/0` of test has 0 classes; a single-label task needs exactly one"
    );
    assert!(refused(Kind::Values).contains("setting `kind`"));
}
