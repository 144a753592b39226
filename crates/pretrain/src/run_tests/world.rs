//! A corpus of noise in two cultures, a plan of two short stages, and runs that end where a test wants them to.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use burn::tensor::Device;
use corpus::{CodesHeader, CodesWriter, Corpus, PrepareRequest, PrepareSettings, prepare};
use mert::Precision;
use serde_json::{Value, json};
use weights::ModelDirectory;

use crate::run::sit;
use crate::tensorboard::tests::shown;
use crate::{
    Alone, Event, Init, Log, LogLine, NamedTensor, Outcome, PretrainError, Ranks, RunFolder, RunRequest,
    ThreadRank, Threads, TrainFile, TrainPlan, UpdateRecord,
};

/// Hash of the tokenizer the codes are from.
const TOKENIZER: &str = "0123456789abcdef";

/// Eleven updates in two stages; held-out crops are measured after 0, 4, 5, 8 and 11, checkpoints written after 3, 5, 6, 9 and 11.
const PLAN: &str = r#"
[run]
name = "tiny"
[model.init]
hidden_size = 16
num_hidden_layers = 2
num_attention_heads = 2
intermediate_size = 32
conv_dim = [8, 8, 8, 8, 8, 8, 8]
num_conv_pos_embeddings = 8
num_conv_pos_embedding_groups = 2
[crop]
seconds = 0.32
[mixture]
samples = [500, 1500]
[dropout]
layer = 0.1
[objective]
final_dim = 8
cqt_bins = 14
codebooks = 2
entries = 16
[held_out]
crops = 2
every = 4
[checkpoints]
every = 3
keep = 2
[[stage]]
name = "stabilise"
trainable = ["feature_extractor.*", "label_embs_concat"]
updates = 5
micro_batch = 2
accumulation = 2
schedule = { kind = "cosine", peak = 1e-2, min = 1e-3, warmup_updates = 1 }
[stage.data]
replay = { cultures = ["western"], share = 0.25 }
[[stage]]
name = "adapt"
trainable = ["*"]
updates = 6
micro_batch = 2
accumulation = 2
schedule = { kind = "cosine", peak = 1e-2, min = 1e-3, warmup_updates = 1 }
"#;

/// How a sitting ends before its time.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cut {
    /// As if the process were killed when it tells its n-th event (from 0).
    Kill(usize),
    /// It is asked to stop at its n-th event.
    Stop(usize),
}

/// What came of a sitting.
#[derive(Debug)]
pub(super) enum End {
    Finished(String),
    Interrupted(u64),
    Killed,
}

/// What a sitting is begun with.
#[derive(Clone, Copy)]
pub(super) struct Begun<'a> {
    pub(super) name: &'a str,
    pub(super) plan: &'a TrainPlan,
    pub(super) corpus: &'a Corpus,
    pub(super) init: Init<'a>,
    pub(super) accept_drift: bool,
    pub(super) resume: bool,
}

pub(super) struct World {
    folder: tempfile::TempDir,
    pub(super) corpus: Corpus,
    /// What is computed in, if not in what the plan names.
    precision: Option<Precision>,
}

/// The tiny plan, changed.
pub(super) fn tiny_plan(assignments: &[&str]) -> TrainPlan {
    let file = TrainFile::parse("tiny", PLAN).unwrap();
    file.with_overrides(assignments).unwrap().plan().unwrap()
}

impl World {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let corpus = corpus(folder.path(), "corpus", 0);
        Self { folder, corpus, precision: None }
    }

    /// A world that computes in float32 whatever the plan names: what is left of float16 is its loss scale.
    pub(super) fn in_float32() -> Self {
        Self { precision: Some(Precision::Float32), ..Self::new() }
    }

    /// A corpus of the same shape with other sound.
    pub(super) fn other_corpus(&self) -> Corpus {
        corpus(self.folder.path(), "other", 1)
    }

    pub(super) fn out(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn folder(&self, name: &str) -> RunFolder {
        RunFolder::at(&self.out(name))
    }

    /// A sitting of the run called `name`, resumed when it was begun before; what it told goes to `told`.
    pub(super) fn sit(
        &self,
        name: &str,
        plan: &TrainPlan,
        cut: Option<Cut>,
        told: &mut Vec<String>,
    ) -> Result<End, PretrainError> {
        self.sit_with(name, plan, &self.corpus, Init::Scratch, false, cut, told)
    }

    #[expect(clippy::too_many_arguments, reason = "a run has as many things it is a function of")]
    pub(super) fn sit_with(
        &self,
        name: &str,
        plan: &TrainPlan,
        corpus: &Corpus,
        init: Init<'_>,
        accept_drift: bool,
        cut: Option<Cut>,
        told: &mut Vec<String>,
    ) -> Result<End, PretrainError> {
        let resume = self.out(name).exists();
        let begun = Begun { name, plan, corpus, init, accept_drift, resume };
        self.sit_as(&Alone, &begun, cut, told)
    }

    /// A sitting of `size` ranks, with what cuts each; how each ended and what it told.
    pub(super) fn sit_together(
        &self,
        name: &str,
        plan: &TrainPlan,
        size: usize,
        cut_of: impl Fn(usize) -> Option<Cut> + Sync,
    ) -> Vec<(Result<End, PretrainError>, Vec<String>)> {
        let resume = self.out(name).exists();
        let corpus = &self.corpus;
        let begun = Begun { name, plan, corpus, init: Init::Scratch, accept_drift: false, resume };
        self.sit_apart(size, |_| begun, cut_of)
    }

    /// As [`Self::sit_together`], where ranks need not begin alike.
    pub(super) fn sit_apart<'a>(
        &self,
        size: usize,
        begun_of: impl Fn(usize) -> Begun<'a> + Sync,
        cut_of: impl Fn(usize) -> Option<Cut> + Sync,
    ) -> Vec<(Result<End, PretrainError>, Vec<String>)> {
        let sit = |ranks: ThreadRank| {
            let (rank, mut told) = (ranks.rank(), Vec::new());
            let end = self.sit_as(&ranks, &begun_of(rank), cut_of(rank), &mut told);
            (end, told)
        };
        let sit = &sit;
        std::thread::scope(|scope| {
            let threads: Vec<_> =
                Threads::of(size).into_iter().map(|ranks| scope.spawn(move || sit(ranks))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }

    /// Runs to the end on `size` ranks and returns the model's hash.
    #[track_caller]
    pub(super) fn finish_together(&self, name: &str, plan: &TrainPlan, size: usize) -> String {
        let ends = self.sit_together(name, plan, size, |_| None);
        let hash = |(end, _): (Result<End, PretrainError>, _)| match end.unwrap() {
            End::Finished(hash) => hash,
            other => panic!("`{name}` did not finish: {other:?}"),
        };
        let mut hashes: Vec<String> = ends.into_iter().map(hash).collect();
        hashes.dedup();
        assert_eq!(hashes.len(), 1, "all ranks know the model: {hashes:?}");
        hashes.remove(0)
    }

    /// A sitting as one of the ranks.
    fn sit_as(
        &self,
        ranks: &dyn Ranks,
        begun: &Begun<'_>,
        cut: Option<Cut>,
        told: &mut Vec<String>,
    ) -> Result<End, PretrainError> {
        let &Begun { name, plan, corpus, init, accept_drift, resume } = begun;
        let out = self.out(name);
        let stop = AtomicBool::new(false);
        let request = RunRequest {
            plan,
            corpus,
            tokenizer: TOKENIZER,
            init,
            out: &out,
            resume,
            accept_drift,
            device: Device::flex(),
            ranks,
            stop: &stop,
        };
        let mut watch = |event: Event<'_>| {
            match cut {
                Some(Cut::Kill(at)) if told.len() == at => resume_unwind(Box::new(())),
                Some(Cut::Stop(at)) if told.len() == at => stop.store(true, Ordering::Relaxed),
                _ => {}
            }
            told.push(describe(&event));
        };
        let precision = self.precision.unwrap_or(plan.precision.compute.precision());
        match catch_unwind(AssertUnwindSafe(|| sit(&request, precision, &mut watch))) {
            Ok(outcome) => outcome.map(|outcome| match outcome {
                Outcome::Finished(finished) => End::Finished(finished.model_hash),
                Outcome::Interrupted(update) => End::Interrupted(update),
            }),
            Err(_) => Ok(End::Killed),
        }
    }

    /// Runs to the end and returns the model's hash.
    #[track_caller]
    pub(super) fn finish(&self, name: &str, plan: &TrainPlan) -> String {
        self.finish_telling(name, plan, &mut Vec::new())
    }

    #[track_caller]
    pub(super) fn finish_telling(&self, name: &str, plan: &TrainPlan, told: &mut Vec<String>) -> String {
        match self.sit(name, plan, None, told).unwrap() {
            End::Finished(hash) => hash,
            other => panic!("`{name}` did not finish: {other:?}"),
        }
    }

    /// Fails unless the run `name`, cut at `cut` and then resumed, leaves what the run `whole` left.
    #[track_caller]
    pub(super) fn same_after(&self, cut: Cut, name: &str, whole: &str, plan: &TrainPlan) -> End {
        let end = self.sit(name, plan, Some(cut), &mut Vec::new()).unwrap();
        self.finish(name, plan);
        assert_eq!(self.traces(name), self.traces(whole), "{cut:?}, which ended as {end:?}");
        end
    }

    /// Everything a run leaves that is a function of what it was begun from.
    pub(super) fn traces(&self, name: &str) -> Traces {
        let folder = self.folder(name);
        let timeless = |tag: &str| !(tag.starts_with("seconds/") || tag.starts_with("memory_gib/"));
        let board = shown(&folder.tensorboard()).into_iter().filter(|((_, tag), _)| timeless(tag));
        let model = ModelDirectory::open(&folder.model()).unwrap();
        Traces {
            model: model.identity().unwrap().to_string(),
            heads: model.heads().unwrap().unwrap().content_hash().to_string(),
            log: timeless_log(&folder.log()),
            board: board.map(|(key, value)| (key, value.to_bits())).collect(),
            moments: self
                .checkpoint(name)
                .1
                .into_iter()
                .map(|tensor| (tensor.name, bits(&tensor.data)))
                .collect(),
        }
    }

    /// Weights and moments of the newest checkpoint.
    pub(super) fn checkpoint(&self, name: &str) -> (Vec<NamedTensor>, Vec<NamedTensor>) {
        let plan = self.folder(name).read_plan().unwrap();
        let newest = self.folder(name).checkpoints(plan.checkpoints.retention()).newest().unwrap();
        let checkpoint = newest.checkpoint.unwrap();
        (checkpoint.weights().unwrap(), checkpoint.optimizer().unwrap())
    }

    /// The updates of a run's log.
    pub(super) fn updates(&self, name: &str) -> Vec<UpdateRecord> {
        let lines = Log::read(&self.folder(name).log()).unwrap().into_iter();
        let update = |line| match line {
            LogLine::Update(record) => Some(record),
            _ => None,
        };
        lines.filter_map(update).collect()
    }

    /// Names of the checkpoints of a run.
    pub(super) fn checkpoints(&self, name: &str) -> Vec<u64> {
        let entries = std::fs::read_dir(self.out(name).join("checkpoints")).unwrap();
        let name_of =
            |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut updates: Vec<u64> = entries.map(|entry| name_of(entry).parse().unwrap()).collect();
        updates.sort_unstable();
        updates
    }
}

/// What two runs have to have in common.
#[derive(Debug, PartialEq)]
pub(super) struct Traces {
    model: String,
    heads: String,
    log: Vec<Value>,
    board: BTreeMap<(u64, String), u32>,
    moments: Vec<(String, Vec<u32>)>,
}

pub(super) fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// The lines of a log without seconds and memory.
fn timeless_log(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        for key in ["seconds", "audio_seconds_per_second", "memory_bytes", "memory_peak_bytes"] {
            line.as_object_mut().unwrap().remove(key);
        }
        line
    });
    lines.collect()
}

fn describe(event: &Event<'_>) -> String {
    match event {
        Event::Resumed(update) => format!("resumed {update}"),
        Event::Notice(text) => text.clone(),
        Event::Stage(_) => "stage".into(),
        Event::Update(record) => format!("update {}", record.update),
        Event::Probe(due) => format!("probe {}", due.update),
        Event::HeldOut(record) => format!("held out {} {}", record.update, record.culture),
    }
}

fn corpus(root: &Path, name: &str, salt: u64) -> Corpus {
    let recordings = root.join(format!("{name}-recordings"));
    let mut rows = Vec::new();
    for culture in ["carnatic", "western"] {
        for (number, split) in ["train", "train", "train", "valid"].iter().enumerate() {
            let path = format!("{culture}-{number}.wav");
            let key = format!("{salt}/{path}");
            let samples: Vec<f32> = golden::cf_uniforms(&key, 36_000).iter().map(|x| 0.5 * x).collect();
            std::fs::create_dir_all(&recordings).unwrap();
            let recording = recordings.join(&path);
            let file = std::fs::File::create(&recording).unwrap();
            audio::write_wav(file, &recording, &samples, 24_000).unwrap();
            rows.push(json!({"path": path, "culture": culture, "split": split}).to_string());
        }
    }
    std::fs::write(recordings.join("index.jsonl"), rows.join("\n")).unwrap();
    let mut request = PrepareRequest::new(recordings.join("index.jsonl"), root.join(name));
    request.settings = PrepareSettings { segment_seconds: 1.5, ..PrepareSettings::default() };
    prepare(&request, &AtomicBool::new(false), &|_| {}).unwrap();
    let corpus = Corpus::open(&request.out).unwrap();
    let header =
        CodesHeader { tokenizer: TOKENIZER.into(), name: "noise".into(), n_codebooks: 2, n_entries: 16 };
    let writer = CodesWriter::open(&corpus, header).unwrap();
    for shard in writer.pending_shards() {
        let mut of_shard = writer.shard(shard).unwrap();
        while let Some(clip) = of_shard.pending().next() {
            let n = corpus.clips()[clip].n_frames() as usize * 2;
            let codes = golden::cf_uniforms(&format!("{salt}/codes/{clip}"), n);
            of_shard.push(&codes.iter().map(|x| ((x + 1.0) * 8.0) as u16).collect::<Vec<_>>()).unwrap();
        }
        of_shard.finish().unwrap();
    }
    writer.finish().unwrap();
    corpus
}
