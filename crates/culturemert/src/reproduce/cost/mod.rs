//! What the steps of a study will take: time, memory, disk, from a few plain rules.
//!
//! Time of models is counted in multiplications and additions (`shape`) and divided by the speed of a matrix product on this machine, of
//! which training and embedding reach fixed shares; time of everything else is proportional to seconds of sound or to bytes. A quarter more
//! or less is good luck, twice as much no surprise: the estimates are there to see whether a plan is a matter of minutes, hours or weeks.

mod machine;
mod shape;
mod sound;

use std::collections::BTreeMap;

use study::graph::Graph;
use weights::ModelDirectory;

use super::models::{Origin, PlannedModel};
use super::plan::StudyPlan;
use super::steps::Work;

pub(crate) use machine::Machine;
use shape::Shape;
use sound::Sound;

/// Share of a product's speed that a training step reaches (`docs/PERFORMANCE.md`).
const TRAINING: f64 = 0.77;
/// The same of embedding.
const EMBEDDING: f64 = 0.88;
/// The same of EnCodec and of k-means, which work on small matrices.
const SMALL_PRODUCTS: f64 = 0.4;
/// Seconds of one core for a second of sound that trains, besides the model: crops, mixtures, spectra. Measured with the plan `pocket`.
const LOADING: f64 = 0.007;
/// Seconds of sound that a core decodes, resamples and writes in a second.
const DECODED: f64 = 250.0;
/// Seconds of music that a core makes in a second.
const SYNTHESISED: f64 = 60.0;
/// Seconds of sound of which a core computes log-mel frames in a second.
const MEL_FRAMES: f64 = 500.0;
/// Floating-point operations of EnCodec's encoder for a second of sound at 24 kHz.
const ENCODEC: f64 = 3.1e9;
/// Bytes that are read or written in a second.
const BYTES_A_SECOND: f64 = 3e8;
/// Bytes of a second of prepared sound: 24 000 samples of 16 bits.
const SOUND_BYTES: f64 = 48_000.0;
/// Numbers that training keeps for each parameter: weights, their copy in the model, the sum of gradients, two moments.
const TRAINING_COPIES: f64 = 5.0;
/// Bytes of activations that training keeps, as a multiple of the first convolution's output (95M: 27 MB a second of sound).
const KEPT_ACTIVATIONS: f64 = 2.8;
/// The same of embedding (95M: 12 MB a second).
const EMBEDDED_ACTIVATIONS: f64 = 1.25;
/// Bytes the program takes without any model.
const PROGRAM: f64 = 6e7;
/// Windows that are embedded together, and their length in seconds.
const WINDOWS: (f64, f64) = (4.0, 30.0);
/// Models with more parameters than this fill all cores by themselves.
const LARGE: f64 = 1e7;

/// What a step takes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Cost {
    /// Seconds, as the study runs it: small models on one core each, large ones on all.
    pub(crate) seconds: f64,
    /// Bytes of memory at its peak.
    pub(crate) memory: f64,
    /// Bytes of disk that its output takes.
    pub(crate) disk: f64,
}

/// Estimates of a study's steps on a machine.
pub(crate) struct Costs<'a> {
    plan: &'a StudyPlan,
    machine: Machine,
    sound: Sound,
    shapes: BTreeMap<String, Shape>,
}

impl<'a> Costs<'a> {
    /// Looks at the lengths of what there is.
    pub(crate) fn new(plan: &'a StudyPlan, machine: Machine) -> Self {
        let mut shapes = BTreeMap::new();
        for model in &plan.models {
            let shape = shape_of(model, &shapes);
            shapes.insert(model.name.clone(), shape);
        }
        Self { plan, machine, sound: Sound::of(plan), shapes }
    }

    /// How many steps run at once: as many as there are cores where models are small, one where they fill the cores.
    pub(crate) fn workers(&self) -> usize {
        let largest = self.shapes.values().map(Shape::parameters).fold(0.0, f64::max);
        if largest > LARGE { 1 } else { self.machine.threads }
    }

    /// Speed of what runs as one step, operations a second.
    fn speed(&self) -> f64 {
        self.machine.operations / if self.workers() == 1 { 1.0 } else { self.machine.threads as f64 }
    }

    /// Cores of one step.
    fn cores(&self) -> f64 {
        if self.workers() == 1 { self.machine.threads as f64 } else { 1.0 }
    }

    /// What a step takes.
    pub(crate) fn of(&self, work: &Work) -> Cost {
        let all = self.machine.threads as f64;
        let plan = self.plan;
        match work {
            Work::Recordings(place) => self.sound.recordings(plan, *place, all),
            Work::Corpus(place) => {
                let seconds = self.sound.corpus(&plan.corpora[*place].name);
                Cost {
                    seconds: seconds / (DECODED * all),
                    memory: PROGRAM + 5e7,
                    disk: seconds * SOUND_BYTES,
                }
            }
            Work::Codec(place) => self.codec(*place),
            Work::Codes(corpus, tokenizer) => self.codes(corpus, tokenizer),
            Work::Train(place) => self.training(&plan.models[*place]),
            Work::Merge(place) => {
                let merge = &plan.merges[*place];
                let bytes = 4.0 * self.shape(&merge.base).encoder();
                let n_read = merge.experts.len() as f64 + 1.0;
                Cost {
                    seconds: bytes * (n_read + 1.0) / BYTES_A_SECOND,
                    memory: PROGRAM + 2.0 * bytes,
                    disk: bytes,
                }
            }
            Work::Probe(subject) => self.probe(&subject.name),
            Work::Sets(place) => {
                let bytes = self.sound.evaluation_bytes(*place);
                Cost {
                    seconds: bytes / BYTES_A_SECOND,
                    memory: PROGRAM,
                    disk: 100.0 * self.sound.recordings_of(*place),
                }
            }
            Work::Embed(place, subject) => {
                let shape = self.shape(&subject.name);
                let seconds = self.sound.evaluation(*place);
                let features = seconds / WINDOWS.1 * shape.features() * 4.0;
                Cost { disk: features, ..self.embedding(shape, seconds) }
            }
            Work::Evaluate(place, subjects) => {
                let chunks = self.sound.evaluation(*place) / WINDOWS.1;
                let config = plan.evaluation_config(&plan.file.evaluations[*place]);
                let seconds = |name: &str| self.probe_training(self.shape(name), chunks, &config);
                let shapes = subjects.iter().map(|subject| self.shape(&subject.name).features());
                Cost {
                    seconds: subjects.iter().map(|subject| seconds(&subject.name)).sum(),
                    memory: PROGRAM + shapes.fold(0.0, f64::max) * chunks * 4.0 * 2.0,
                    disk: 1e5 * subjects.len() as f64,
                }
            }
            Work::Map => {
                let Some(map) = &plan.file.map else { return Cost::default() };
                let sound = self.sound.corpus(&plan.corpus(&map.corpus).name);
                let costs = map.models.iter().map(|model| self.embedding(self.shape(model), sound));
                costs.fold(Cost { disk: 1e6, ..Cost::default() }, |all, cost| Cost {
                    seconds: all.seconds + cost.seconds,
                    memory: all.memory.max(cost.memory),
                    ..all
                })
            }
            Work::Similarity => Cost { seconds: 2.0, memory: PROGRAM + 1e8, disk: 1e5 },
            Work::Report => Cost { seconds: 2.0, memory: PROGRAM, disk: 5e6 },
        }
    }

    fn codec(&self, place: usize) -> Cost {
        let tokenizer = &self.plan.file.tokenizers[place];
        let Some(fit) = &tokenizer.fit else { return Cost::default() };
        let settings = self.plan.fit_settings(fit);
        let seconds = self.sound.corpus(&tokenizer.corpus);
        let frames = (seconds * 75.0).min(settings.max_frames as f64);
        let bins = settings.features.bins() as f64;
        let products =
            2.0 * frames * bins * (settings.entries * settings.codebooks * settings.iterations) as f64;
        let kept = frames * bins * 4.0;
        Cost {
            seconds: seconds / (MEL_FRAMES * self.machine.threads as f64)
                + products / (SMALL_PRODUCTS * self.machine.operations),
            memory: PROGRAM + 3.0 * kept,
            disk: 4.0 * bins * (settings.entries * settings.codebooks) as f64,
        }
    }

    fn codes(&self, corpus: &str, tokenizer: &str) -> Cost {
        let seconds = self.sound.corpus(corpus);
        let all = self.machine.threads as f64;
        let Some(tokenizer) = self.plan.tokenizer(tokenizer) else { return Cost::default() };
        let (time, codebooks, memory) = match (&tokenizer.encodec, &tokenizer.fit) {
            (Some(encodec), _) => {
                (seconds * ENCODEC / (SMALL_PRODUCTS * self.machine.operations), encodec.codebooks, 6e8)
            }
            (None, Some(fit)) => (seconds / (MEL_FRAMES * all), fit.codebooks, 1e8),
            (None, None) => (0.0, 0, 0.0),
        };
        Cost { seconds: time, memory: PROGRAM + memory, disk: seconds * 75.0 * 2.0 * codebooks as f64 }
    }

    fn training(&self, model: &PlannedModel) -> Cost {
        let Some(plan) = &model.plan else { return Cost::default() };
        let shape = self.shape(&model.name);
        let crop = plan.crop.seconds;
        let mut seconds = 0.0;
        let mut largest: f64 = 0.0;
        for stage in &plan.stages {
            let sound = stage.updates as f64 * stage.batch() as f64 * crop;
            let trains_all =
                stage.trainable.iter().any(|pattern| pattern == "*" || pattern.starts_with("encoder"));
            let operations = sound * shape.training(crop, trains_all);
            seconds += operations / (TRAINING * self.speed()) + sound * LOADING / self.cores();
            largest = largest.max(stage.micro_batch as f64 * crop);
        }
        // Held-out crops are measured after every so many updates, and before and after every stage.
        let measured = (plan.updates() / plan.held_out.every.max(1)) as f64 + plan.stages.len() as f64 + 1.0;
        let cultures = self.plan.corpus(&model.corpus).cultures.len() as f64;
        let held_out = measured * cultures * plan.held_out.crops as f64 * crop;
        seconds += held_out * (shape.embedding(crop) / (EMBEDDING * self.speed()) + LOADING / self.cores());
        let weights = 4.0 * shape.parameters();
        Cost {
            seconds,
            memory: PROGRAM + TRAINING_COPIES * weights + KEPT_ACTIVATIONS * shape.first_output() * largest,
            disk: weights,
        }
    }

    fn probe(&self, name: &str) -> Cost {
        let Some(probe) = &self.plan.file.probe else { return Cost::default() };
        let shape = self.shape(name);
        let corpus = &self.plan.corpus(&probe.corpus).name;
        let seconds = self.sound.corpus(corpus);
        let chunks = (seconds / WINDOWS.1).max(self.sound.pieces(corpus));
        let config = self.plan.probe_config(probe);
        let embedding = self.embedding(shape, seconds);
        let features = chunks * shape.features() * 4.0;
        Cost {
            seconds: embedding.seconds + self.probe_training(shape, chunks, &config),
            memory: embedding.memory + 2.0 * features,
            disk: 1e4,
        }
    }

    fn embedding(&self, shape: &Shape, seconds: f64) -> Cost {
        let activations = EMBEDDED_ACTIVATIONS * shape.first_output() * WINDOWS.0 * WINDOWS.1;
        Cost {
            seconds: seconds * shape.embedding(WINDOWS.1) / (EMBEDDING * self.speed()),
            memory: PROGRAM + 4.0 * shape.encoder() + activations,
            disk: 0.0,
        }
    }

    /// Probes of all seeds and rates on so many chunks, of which three fifths train; early stopping spares half of the epochs.
    fn probe_training(&self, shape: &Shape, chunks: f64, config: &evaluate::ProbeConfig) -> f64 {
        let runs = (config.seeds.len() * config.learning_rates.len().max(1)) as f64;
        let each = 6.0 * shape.width() * config.hidden as f64 + 6.0 * shape.features();
        runs * config.epochs as f64 / 2.0 * 0.6 * chunks * each / (SMALL_PRODUCTS * self.speed())
    }

    fn shape(&self, name: &str) -> &Shape {
        let merged = self.plan.merges.iter().find(|merge| merge.name == name).map(|merge| &merge.base);
        let shape =
            self.shapes.get(merged.map_or(name, String::as_str)).or_else(|| self.shapes.values().next());
        shape.expect("a study has a model, and every model a shape")
    }

    /// What all of `graph` takes when so many steps run at once: seconds from beginning to end, by doing the first that is ready.
    pub(crate) fn elapsed(&self, graph: &Graph<Work>, is_left: impl Fn(usize) -> bool) -> f64 {
        let mut ends = vec![0.0_f64; graph.len()];
        let mut workers = vec![0.0_f64; self.workers()];
        for (place, node) in graph.nodes().iter().enumerate() {
            let ready = graph.needs(place).iter().map(|&need| ends[need]).fold(0.0, f64::max);
            if !is_left(place) {
                ends[place] = ready;
                continue;
            }
            let free = workers.iter_mut().min_by(|a, b| a.total_cmp(b));
            let Some(free) = free else { continue };
            *free = free.max(ready) + self.of(&node.work).seconds;
            ends[place] = *free;
        }
        ends.into_iter().fold(0.0, f64::max)
    }

    /// What the estimates rest on, a sentence each.
    pub(crate) fn grounds(&self) -> Vec<String> {
        let mut grounds = vec![
            format!(
                "speed of this machine: {:.0} GFLOP/s in a matrix product on {} cores, measured just now; training reaches {:.0} % of it, embedding {:.0} %",
                self.machine.operations / 1e9,
                self.machine.threads,
                100.0 * TRAINING,
                100.0 * EMBEDDING
            ),
            "operations of a model from its shape: 27 GFLOP for a second of sound through MERT-95M, three times that where all of it trains, less where only the front end does".into(),
            "sound: hours of the plan, of the data sets' cards and of the files' sizes; 48 kB a second when prepared".into(),
            "memory: five numbers of four bytes for each parameter that trains, and what the convolutions keep; disk: outputs that stay, without checkpoints".into(),
        ];
        grounds.push(match self.workers() {
            1 => "large models fill the cores: one step at a time".into(),
            n => format!("small models do not fill the cores: {n} steps at a time, each on one"),
        });
        grounds
    }
}

fn shape_of(model: &PlannedModel, before: &BTreeMap<String, Shape>) -> Shape {
    let training = model.plan.as_ref();
    let found = match &model.origin {
        Origin::Given { directory, .. } => {
            ModelDirectory::open(directory).ok().and_then(|model| Shape::of_config(model.config()))
        }
        Origin::Scratch => {
            training.and_then(|plan| plan.model.config()).and_then(|json| Shape::of_config(&json))
        }
        Origin::Model(from) => before.get(from).cloned(),
    };
    let shape = found.unwrap_or_else(Shape::mert_95m);
    let objective = training.map(|plan| &plan.objective);
    objective.map_or(shape.clone(), |objective| shape.with_heads(objective))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reproduce::file::StudyFile;
    use crate::reproduce::plan::Asked;

    fn machine() -> Machine {
        Machine { operations: 2e11, threads: 2 }
    }

    #[track_caller]
    fn totals(name: &str) -> (f64, f64) {
        let file = StudyFile::find::<&str>(name, &[]).unwrap();
        let plan = StudyPlan::new(file, Asked { limit: None, describe: true }).unwrap();
        let graph = plan.graph().unwrap();
        let costs = Costs::new(&plan, machine());
        let sum: f64 = graph.nodes().iter().map(|node| costs.of(&node.work).seconds).sum();
        (costs.elapsed(&graph, |_| true), sum)
    }

    #[test]
    fn steps_side_by_side_take_no_longer_than_one_by_one() {
        let (elapsed, sum) = totals("pocket");
        assert!(elapsed <= sum && elapsed >= sum / 2.0 - 1e-9, "{elapsed} {sum}");
        assert!((30.0..1200.0).contains(&elapsed), "a matter of minutes: {elapsed}");
        let (elapsed, sum) = totals("paper");
        assert!((elapsed - sum).abs() < 1e-6 * sum, "one at a time");
        assert!(elapsed > 30.0 * 86_400.0, "a matter of months on such a machine: {elapsed}");
    }
}
