//! The folder of a run: where its files lie, and what the run was begun from.
//!
//! `RUN/plan.toml` (resolved), `identity.json`, `log.jsonl`, `tensorboard/`, `checkpoints/`, `model/`. Plan and identity are written before
//! the first update; a run is resumed only with the same ones, because its result is a function of them and of nothing else. Going on with
//! others has to be asked for, and stays in the identity's history. What the run is called, how many updates it forgives, how often
//! checkpoints are written (unless it may roll back to one) and how many are kept do not enter.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::health::SpikePolicy;
use crate::init::FRESH;
use crate::record::{Difference, DriftRecord, is_one, one};
use crate::{Checkpoints, PretrainError, Retention, TrainPlan};

const PLAN: &str = "plan.toml";
const IDENTITY: &str = "identity.json";

/// Hashes of everything a run is a function of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// Processes that train it. Another number is accepted unasked, and kept on record.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub ranks: usize,
    /// The card it computes on; none is the processor. Another one is accepted unasked, and kept on record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<String>,
    /// Where the weights lay that it begins with; said, not compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init_path: Option<PathBuf>,
    /// Changes the run went on in spite of, oldest first; said, not compared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drifts: Vec<DriftRecord>,
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
            ranks: 1,
            card: None,
            init_path: None,
            drifts: Vec::new(),
        }
    }

    /// Whether its heads were drawn anew although it began with a model.
    pub fn has_fresh_heads(&self) -> bool {
        self.init.ends_with(FRESH)
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
        folder.write_identity(identity)?;
        Ok(folder)
    }

    /// Opens the run in `root` to go on with it; refuses when it was begun from anything else than `plan` and `identity`.
    pub fn resume(root: &Path, plan: &TrainPlan, identity: &RunIdentity) -> Result<Self, PretrainError> {
        let folder = Self::open(root)?;
        let changes = folder.differences(plan, identity)?;
        if changes.is_empty() { Ok(folder) } else { Err(PretrainError::Drift { run: root.into(), changes }) }
    }

    /// The run in `root`, whatever it was begun from.
    pub fn open(root: &Path) -> Result<Self, PretrainError> {
        let folder = Self { root: root.into() };
        if folder.holds_run() { Ok(folder) } else { Err(PretrainError::NoRun(root.into())) }
    }

    /// What is not as when the run was begun, or as it was last accepted.
    pub fn differences(
        &self,
        plan: &TrainPlan,
        identity: &RunIdentity,
    ) -> Result<Vec<Difference>, PretrainError> {
        let begun = self.identity()?;
        let mut changes = Vec::new();
        if begun.plan != identity.plan {
            collect_differences("", &essence(&self.read_plan()?), &essence(plan), &mut changes);
            if changes.is_empty() {
                changes.push(difference("plan", &begun.plan, &identity.plan));
            }
        }
        for (what, then, now) in [
            ("initial weights' hash", &begun.init, &identity.init),
            ("corpus hash", &begun.corpus, &identity.corpus),
            ("tokenizer hash", &begun.codec, &identity.codec),
        ] {
            if then != now {
                changes.push(difference(what, then, now));
            }
        }
        Ok(changes)
    }

    /// Differences in the number of ranks and in the device: they change how sums are rounded only, so nobody needs to be asked.
    pub fn other_roundings(&self, identity: &RunIdentity) -> Result<Vec<Difference>, PretrainError> {
        let begun = self.identity()?;
        let device = |identity: &RunIdentity| identity.card.clone().unwrap_or_else(|| "cpu".into());
        let pairs = [
            ("number of ranks", begun.ranks.to_string(), identity.ranks.to_string()),
            ("device", device(&begun), device(identity)),
        ];
        let other = pairs.iter().filter(|(_, then, now)| then != now);
        Ok(other.map(|(what, then, now)| difference(what, then, now)).collect())
    }

    /// Makes `plan` and `identity` those of the run from now on, and keeps `drift` in its history.
    pub fn accept(
        &self,
        plan: &TrainPlan,
        identity: &RunIdentity,
        drift: DriftRecord,
    ) -> Result<(), PretrainError> {
        let mut drifts = self.identity()?.drifts;
        drifts.push(drift);
        self.write_identity(&RunIdentity { drifts, ..identity.clone() })?;
        self.keep_plan(plan)
    }

    /// Brings `plan.toml` up to what may change without another identity, and to what a kill cut off.
    pub fn keep_plan(&self, plan: &TrainPlan) -> Result<(), PretrainError> {
        let text = plan.to_toml();
        if std::fs::read_to_string(self.plan()).is_ok_and(|there| there == text) {
            return Ok(());
        }
        Ok(files::write_atomic(&self.plan(), text.as_bytes())?)
    }

    /// What the run was begun from, and what was accepted since.
    pub fn identity(&self) -> Result<RunIdentity, PretrainError> {
        let path = self.root.join(IDENTITY);
        let text = std::fs::read(&path).map_err(PretrainError::io("read", &path))?;
        serde_json::from_slice(&text).map_err(|error| PretrainError::damaged(&path, error))
    }

    fn write_identity(&self, identity: &RunIdentity) -> Result<(), PretrainError> {
        let path = self.root.join(IDENTITY);
        let text = serde_json::to_string_pretty(identity);
        Ok(files::write_json(&path, &text.map_err(|error| PretrainError::damaged(&path, error))?)?)
    }

    /// Whether `root` is what a run leaves that was killed before it had written what it begins from.
    pub fn is_stillborn(root: &Path) -> bool {
        let folder = Self { root: root.into() };
        root.is_dir() && folder.plan().is_file() && !folder.holds_run() && !folder.log().exists()
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

    /// `checkpoints/`, of which those stay that `retention` names.
    pub fn checkpoints(&self, retention: Retention) -> Checkpoints {
        Checkpoints::new(self.root.join("checkpoints"), retention)
    }

    /// `model/`, written at the end.
    pub fn model(&self) -> PathBuf {
        self.root.join("model")
    }
}

/// What of a plan the result of a run depends on.
fn essence(plan: &TrainPlan) -> Value {
    let mut table = Table::try_from(plan).expect("a checked plan holds nothing that TOML lacks");
    let mut of = |section: &str, keys: &[&str]| {
        if let Some(section) = table.get_mut(section).and_then(Value::as_table_mut) {
            for key in keys {
                section.remove(*key);
            }
        }
    };
    of("run", &["name"]);
    of("health", &["max_skipped"]);
    // A run that may roll back depends on what it rolls back to.
    let rolls_back = plan.health.spike == SpikePolicy::RollBack;
    of("checkpoints", if rolls_back { &["keep", "keep_every"] } else { &["every", "keep", "keep_every"] });
    Value::Table(table)
}

fn difference(what: &str, then: &str, now: &str) -> Difference {
    Difference { what: what.into(), then: then.into(), now: now.into() }
}

/// Dotted keys and both values where two trees differ.
fn collect_differences(key: &str, then: &Value, now: &Value, found: &mut Vec<Difference>) {
    let below = |part: &str| if key.is_empty() { part.to_owned() } else { format!("{key}.{part}") };
    let text = |value: Option<&Value>| value.map_or("absent".into(), Value::to_string);
    match (then, now) {
        (Value::Table(then), Value::Table(now)) => {
            for part in then.keys().chain(now.keys().filter(|key| !then.contains_key(*key))) {
                match (then.get(part), now.get(part)) {
                    (Some(then), Some(now)) => collect_differences(&below(part), then, now, found),
                    (then, now) => {
                        let what = format!("plan's `{}`", below(part));
                        found.push(difference(&what, &text(then), &text(now)));
                    }
                }
            }
        }
        (Value::Array(then_items), Value::Array(now_items)) if then_items.len() == now_items.len() => {
            for (index, (then, now)) in then_items.iter().zip(now_items).enumerate() {
                collect_differences(&below(&index.to_string()), then, now, found);
            }
        }
        _ if then != now => {
            found.push(difference(&format!("plan's `{key}`"), &then.to_string(), &now.to_string()));
        }
        _ => {}
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
        let other = plan(&[
            "run.name=second",
            "checkpoints.every=7",
            "checkpoints.keep=9",
            "checkpoints.keep_every=3",
            "health.max_skipped=99",
        ]);
        let version = RunIdentity { version: "9.9.9".into(), ..identity(&other) };
        let run = RunFolder::resume(folder.path(), &other, &version).unwrap();
        run.keep_plan(&other).unwrap();
        assert_eq!(run.read_plan().unwrap(), other);
    }

    #[test]
    fn a_run_that_may_roll_back_depends_on_its_checkpoints() {
        let folder = tempfile::tempdir().unwrap();
        let begun = plan(&["health.spike=roll-back"]);
        RunFolder::create(folder.path(), &begun, &identity(&begun)).unwrap();
        let other = plan(&["health.spike=roll-back", "checkpoints.every=7"]);
        let message = RunFolder::resume(folder.path(), &other, &identity(&other)).unwrap_err().to_string();
        assert!(message.contains("plan's `checkpoints.every` is 50, now it is 7"), "{message}");
    }

    #[test]
    fn accepted_changes_stay_in_the_history() {
        let folder = tempfile::tempdir().unwrap();
        let begun = plan(&[]);
        let run = RunFolder::create(folder.path(), &begun, &identity(&begun)).unwrap();
        let other = plan(&["run.seed=7", "stage.1.clip_norm=2.0"]);
        let changed = RunIdentity { corpus: "c1".into(), ..identity(&other) };
        let changes = run.differences(&other, &changed).unwrap();
        assert_eq!(changes.len(), 3, "{changes:?}");
        let message = RunFolder::resume(folder.path(), &other, &changed).unwrap_err().to_string();
        assert!(message.contains("(and 2 more)") && message.contains("`--accept-drift`"), "{message}");
        let drift = DriftRecord { update: 40, changes };
        run.accept(&other, &changed, drift.clone()).unwrap();
        RunFolder::resume(folder.path(), &other, &changed).unwrap();
        assert!(RunFolder::resume(folder.path(), &begun, &identity(&begun)).is_err());
        assert_eq!(run.identity().unwrap().drifts, [drift]);
    }

    #[test]
    fn a_run_killed_while_it_began_can_begin() {
        let folder = tempfile::tempdir().unwrap();
        let plan = plan(&[]);
        assert!(!RunFolder::is_stillborn(folder.path()), "an empty folder is none");
        std::fs::write(folder.path().join(PLAN), "half").unwrap();
        assert!(RunFolder::is_stillborn(folder.path()));
        RunFolder::create(folder.path(), &plan, &identity(&plan)).unwrap();
        assert!(!RunFolder::is_stillborn(folder.path()));
    }
}
