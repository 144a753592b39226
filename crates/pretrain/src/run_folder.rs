//! The folder of a run: where its files lie, and what the run was begun from.
//!
//! `RUN/plan.toml` (resolved), `identity.json`, `log.jsonl`, `tensorboard/`, `checkpoints/`, `model/`. Plan and identity are written before
//! the first update; a run is resumed only with the same ones, because its result is a function of them and of nothing else.
//! How often checkpoints are written, how many are kept and what the run is called do not enter.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::{Checkpoints, PretrainError, TrainPlan};

const PLAN: &str = "plan.toml";
const IDENTITY: &str = "identity.json";

/// Hashes of everything a run is a function of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunIdentity {
    /// Hash of what the plan says about training.
    pub plan: String,
    /// Hash of the weights it begins with, or `scratch`.
    pub init: String,
    /// Hash of the corpus.
    pub corpus: String,
    /// Hash of the tokenizer.
    pub codec: String,
    /// Seed of every draw.
    pub seed: u64,
    /// Version of the program; said, not compared.
    pub version: String,
}

impl RunIdentity {
    /// The identity of `plan` on the given weights, corpus and tokenizer.
    pub fn new(plan: &TrainPlan, init: &str, corpus: &str, codec: &str) -> Self {
        Self {
            plan: files::hash_bytes(essence(plan).to_string().as_bytes()).to_string(),
            init: init.into(),
            corpus: corpus.into(),
            codec: codec.into(),
            seed: plan.run.seed,
            version: env!("CARGO_PKG_VERSION").into(),
        }
    }
}

/// A run's folder.
#[derive(Clone, Debug)]
pub struct RunFolder {
    root: PathBuf,
}

impl RunFolder {
    /// Begins a run in `root`, which must not hold one; writes plan and identity.
    pub fn create(root: &Path, plan: &TrainPlan, identity: &RunIdentity) -> Result<Self, PretrainError> {
        let folder = Self { root: root.into() };
        if folder.holds_run() || folder.log().exists() {
            return Err(PretrainError::RunExists(root.into()));
        }
        files::write_atomic(&folder.plan(), plan.to_toml().as_bytes())?;
        let text = serde_json::to_string_pretty(identity);
        let path = root.join(IDENTITY);
        files::write_json(&path, &text.map_err(|error| PretrainError::damaged(&path, error))?)?;
        Ok(folder)
    }

    /// Opens the run in `root` to go on with it; refuses when it was begun from anything else than `plan` and `identity`.
    pub fn resume(root: &Path, plan: &TrainPlan, identity: &RunIdentity) -> Result<Self, PretrainError> {
        let folder = Self { root: root.into() };
        if !folder.holds_run() {
            return Err(PretrainError::NoRun(root.into()));
        }
        let path = root.join(IDENTITY);
        let text = std::fs::read(&path).map_err(PretrainError::io("read", &path))?;
        let begun: RunIdentity =
            serde_json::from_slice(&text).map_err(|error| PretrainError::damaged(&path, error))?;
        let other = |what: &str, then: &str, now: &str| {
            Err(PretrainError::OtherIdentity {
                run: root.into(),
                what: what.into(),
                then: then.into(),
                now: now.into(),
            })
        };
        if begun.plan != identity.plan {
            let then = essence(&folder.read_plan()?);
            if let Some((key, then, now)) = first_difference("", &then, &essence(plan)) {
                return other(&format!("plan's `{key}`"), &then, &now);
            }
            return other("plan", &begun.plan, &identity.plan);
        }
        for (what, then, now) in [
            ("seed", &begun.seed.to_string(), &identity.seed.to_string()),
            ("initial weights' hash", &begun.init, &identity.init),
            ("corpus hash", &begun.corpus, &identity.corpus),
            ("tokenizer hash", &begun.codec, &identity.codec),
        ] {
            if then != now {
                return other(what, then, now);
            }
        }
        Ok(folder)
    }

    /// Whether a run was begun here.
    pub fn holds_run(&self) -> bool {
        self.root.join(IDENTITY).is_file()
    }

    /// The folder as it is, to read from.
    pub fn at(root: &Path) -> Self {
        Self { root: root.into() }
    }

    /// The plan the run was begun with.
    pub fn read_plan(&self) -> Result<TrainPlan, PretrainError> {
        let path = self.plan();
        let text = std::fs::read_to_string(&path).map_err(PretrainError::io("read", &path))?;
        TrainPlan::from_toml(&path.display().to_string(), &text)
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `plan.toml`.
    pub fn plan(&self) -> PathBuf {
        self.root.join(PLAN)
    }

    /// `log.jsonl`.
    pub fn log(&self) -> PathBuf {
        self.root.join("log.jsonl")
    }

    /// `tensorboard/`.
    pub fn tensorboard(&self) -> PathBuf {
        self.root.join("tensorboard")
    }

    /// `checkpoints/`, of which the newest `keep` stay.
    pub fn checkpoints(&self, keep: usize) -> Checkpoints {
        Checkpoints::new(self.root.join("checkpoints"), keep)
    }

    /// `model/`, written at the end.
    pub fn model(&self) -> PathBuf {
        self.root.join("model")
    }
}

/// What of a plan the result of a run depends on.
fn essence(plan: &TrainPlan) -> Value {
    let mut table = Table::try_from(plan).expect("a checked plan holds nothing that TOML lacks");
    table.remove("checkpoints");
    if let Some(run) = table.get_mut("run").and_then(Value::as_table_mut) {
        run.remove("name");
    }
    Value::Table(table)
}

/// Dotted key and both values of the first place where two trees differ.
fn first_difference(key: &str, then: &Value, now: &Value) -> Option<(String, String, String)> {
    let below = |part: &str| if key.is_empty() { part.to_owned() } else { format!("{key}.{part}") };
    let absent = |value: Option<&Value>| value.map_or("absent".into(), Value::to_string);
    match (then, now) {
        (Value::Table(then), Value::Table(now)) => {
            let keys = then.keys().chain(now.keys().filter(|key| !then.contains_key(*key)));
            keys.into_iter().find_map(|part| match (then.get(part), now.get(part)) {
                (Some(then), Some(now)) => first_difference(&below(part), then, now),
                (then, now) => Some((below(part), absent(then), absent(now))),
            })
        }
        (Value::Array(then_items), Value::Array(now_items)) if then_items.len() == now_items.len() => {
            let pairs = then_items.iter().zip(now_items).enumerate();
            pairs
                .into_iter()
                .find_map(|(index, (then, now))| first_difference(&below(&index.to_string()), then, now))
        }
        _ => (then != now).then(|| (key.to_owned(), then.to_string(), now.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset;

    fn plan(assignments: &[&str]) -> TrainPlan {
        preset("pocket").unwrap().with_overrides(assignments).unwrap().plan().unwrap()
    }

    fn identity(plan: &TrainPlan) -> RunIdentity {
        RunIdentity::new(plan, "scratch", "c0", "k0")
    }

    #[test]
    fn a_run_is_begun_once_and_resumed_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("run");
        let plan = plan(&[]);
        assert!(matches!(RunFolder::resume(&root, &plan, &identity(&plan)), Err(PretrainError::NoRun(_))));
        let run = RunFolder::create(&root, &plan, &identity(&plan)).unwrap();
        assert_eq!(run.read_plan().unwrap(), plan);
        assert!(matches!(
            RunFolder::create(&root, &plan, &identity(&plan)),
            Err(PretrainError::RunExists(_))
        ));
        RunFolder::resume(&root, &plan, &identity(&plan)).unwrap();
    }

    #[test]
    fn what_differs_is_named_with_both_values() {
        let folder = tempfile::tempdir().unwrap();
        let begun = plan(&[]);
        RunFolder::create(folder.path(), &begun, &identity(&begun)).unwrap();
        let message = |plan: &TrainPlan, identity: &RunIdentity| {
            RunFolder::resume(folder.path(), plan, identity).unwrap_err().to_string()
        };
        for (assignment, expected) in [
            ("stage.1.schedule.peak=1e-3", "plan's `stage.1.schedule.peak` is 0.0005, now it is 0.001"),
            ("run.seed=7", "plan's `run.seed` is 1337, now it is 7"),
            ("stage.0.data.replay.share=0.5", "`stage.0.data.replay.share` is 0.2, now it is 0.5"),
            ("stage.1.frozen=['mask_emb']", "`stage.1.frozen` is [], now it is [\"mask_emb\"]"),
        ] {
            let other = plan(&[assignment]);
            let message = message(&other, &identity(&other));
            assert!(message.contains(expected) && !message.contains('\n'), "{message}");
        }
        let corpus = RunIdentity { corpus: "c1".into(), ..identity(&begun) };
        assert!(message(&begun, &corpus).contains("corpus hash is c0, now it is c1"));
        let codec = RunIdentity { codec: "k1".into(), ..identity(&begun) };
        assert!(message(&begun, &codec).contains("tokenizer hash is k0"));
        let init = RunIdentity { init: "w".into(), ..identity(&begun) };
        assert!(message(&begun, &init).contains("initial weights' hash is scratch"));
    }

    #[test]
    fn names_and_checkpoints_may_change() {
        let folder = tempfile::tempdir().unwrap();
        let begun = plan(&[]);
        RunFolder::create(folder.path(), &begun, &identity(&begun)).unwrap();
        let other = plan(&["run.name=second", "checkpoints.every=7", "checkpoints.keep=9"]);
        let version = RunIdentity { version: "9.9.9".into(), ..identity(&other) };
        RunFolder::resume(folder.path(), &other, &version).unwrap();
    }
}
