//! A study as a user writes it: TOML, no unknown key at any level, and as few lines as what is new in it.
//!
//! A file may extend others (`extends`), leave out parts of them (`leave_out`) and add its own; `--set` changes single keys. What comes out is
//! one [`StudyFile`]; [`super::StudyPlan`] checks it against what there is and makes it whole.

mod measures;
mod models;
mod sources;
mod tree;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::exit::usage;
use crate::inputs::must_exist;

pub(crate) use measures::{EvaluationFile, MapFile, ProbeFile, SimilarityFile};
pub(crate) use models::{MergeFile, ModelFile, RecipeName, ReplayFile, ScratchFile};
pub(crate) use sources::{CorpusFile, DataSetFile, FitFile, TokenizerFile};

/// Studies the program knows by name.
pub(crate) const PRESETS: [(&str, &str); 13] = [
    ("pocket", include_str!("../../../presets/pocket.toml")),
    ("paper", include_str!("../../../presets/paper.toml")),
    ("own-recordings", include_str!("../../../presets/own-recordings.toml")),
    ("ablation-ground", include_str!("../../../presets/ablation-ground.toml")),
    ("ablation-rewarming", include_str!("../../../presets/ablation-rewarming.toml")),
    ("ablation-replay", include_str!("../../../presets/ablation-replay.toml")),
    ("ablation-trainable", include_str!("../../../presets/ablation-trainable.toml")),
    ("ablation-stages", include_str!("../../../presets/ablation-stages.toml")),
    ("ablation-lambda", include_str!("../../../presets/ablation-lambda.toml")),
    ("ablation-tokenizer", include_str!("../../../presets/ablation-tokenizer.toml")),
    ("ablation-crop", include_str!("../../../presets/ablation-crop.toml")),
    ("ablation-batch", include_str!("../../../presets/ablation-batch.toml")),
    ("ablations", include_str!("../../../presets/ablations.toml")),
];

/// Files that extend each other deeper than this extend in a circle.
const DEEPEST: usize = 8;

/// A study.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StudyFile {
    /// What it is about, a sentence or two.
    pub(crate) about: String,
    /// Studies, presets or files, whose parts this one has too.
    pub(crate) extends: Vec<String>,
    /// Parts of those that it does not have: `LIST.NAME`, `LIST.*` or the name of a section.
    pub(crate) leave_out: Vec<String>,
    /// Training plan that models follow where they name no other: a preset of `pretrain`, or a TOML file.
    pub(crate) training: String,
    /// Seed of whatever is drawn, where nothing else is said.
    pub(crate) seed: u64,
    /// Seeds of training. What ablations compare is trained once with each; everything else with the first.
    pub(crate) training_seeds: Vec<u64>,
    /// Cultures the base has heard: what is replayed, and forgotten.
    pub(crate) western: Vec<String>,
    /// Folder of split and tag files of the data sets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metadata: Option<PathBuf>,
    /// Known data sets and where they lie.
    pub(crate) datasets: Vec<DataSetFile>,
    /// Corpora to train on; the first is the one that the report describes.
    pub(crate) corpora: Vec<CorpusFile>,
    /// Tokenizers; the first is the one that models learn from where they name no other.
    pub(crate) tokenizers: Vec<TokenizerFile>,
    /// Models, in the order that tables show them.
    pub(crate) models: Vec<ModelFile>,
    /// Models that differ from another in something, to see what that does.
    pub(crate) variants: Vec<ModelFile>,
    /// Models merged from others.
    pub(crate) merges: Vec<MergeFile>,
    /// Probes of every model on the traditions of a corpus.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) probe: Option<ProbeFile>,
    /// Probes on data sets, with a report each.
    pub(crate) evaluations: Vec<EvaluationFile>,
    /// How alike the cultures' tokens are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) similarity: Option<SimilarityFile>,
    /// Recordings laid out as models hear them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) map: Option<MapFile>,
}

impl StudyFile {
    /// A preset or a TOML file, with what it extends, and with assignments `key=value` on top.
    pub(crate) fn find<S: AsRef<str>>(name_or_path: &str, assignments: &[S]) -> anyhow::Result<Self> {
        let mut table = table_of(name_or_path, 0)?;
        for assignment in assignments {
            let assignment = assignment.as_ref();
            tree::assign(&mut table, assignment)
                .map_err(|reason| usage(format!("`--set {assignment}`: {reason}")))?;
        }
        let mut file: Self = table.try_into().map_err(|error: toml::de::Error| {
            let asked: Vec<&str> = assignments.iter().map(AsRef::as_ref).collect();
            let with =
                if asked.is_empty() { String::new() } else { format!(" with `{}`", asked.join("`, `")) };
            usage(format!("`{name_or_path}`{with}: {}", nearest::explain(error.message())))
        })?;
        if file.training_seeds.is_empty() {
            file.training_seeds = vec![file.seed];
        }
        Ok(file)
    }
}

/// The text of a study with what it extends, as one tree.
fn table_of(name_or_path: &str, depth: usize) -> anyhow::Result<toml::Table> {
    if depth > DEEPEST {
        return Err(usage(format!("`{name_or_path}` extends itself, or {DEEPEST} studies one another")));
    }
    let (text, folder) = text_of(name_or_path)?;
    let wrong = |error: &toml::de::Error| {
        let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        let place = line.map_or(String::new(), |line| format!("line {line}: "));
        usage(format!("`{name_or_path}`: {place}{}", nearest::explain(error.message())))
    };
    let mut table: toml::Table = toml::from_str(&text).map_err(|error| wrong(&error))?;
    // Read by itself first: an error then knows its line. What is missing may stand in what it extends.
    if let Err(error) = toml::from_str::<StudyFile>(&text)
        && !error.message().starts_with("missing field")
    {
        return Err(wrong(&error));
    }
    let names = |key: &str| -> Vec<String> {
        let list = table.get(key).and_then(toml::Value::as_array).into_iter().flatten();
        list.filter_map(toml::Value::as_str).map(ToOwned::to_owned).collect()
    };
    let (extends, leave_out) = (names("extends"), names("leave_out"));
    let mut whole = toml::Table::new();
    for extended in &extends {
        // A path is seen from the file that names it.
        let beside = folder.as_ref().map(|folder| folder.join(extended)).filter(|path| path.is_file());
        let extended = beside.map_or_else(|| extended.clone(), |path| path.display().to_string());
        tree::merge(&mut whole, table_of(&extended, depth + 1)?);
    }
    for part in &leave_out {
        tree::leave_out(&mut whole, part)
            .map_err(|reason| usage(format!("`{name_or_path}`: `leave_out` names `{part}`: {reason}")))?;
    }
    table.remove("extends");
    table.remove("leave_out");
    tree::merge(&mut whole, table);
    Ok(whole)
}

/// The text, and the folder of the file.
fn text_of(name_or_path: &str) -> anyhow::Result<(String, Option<PathBuf>)> {
    if let Some((_, text)) = PRESETS.iter().find(|(name, _)| *name == name_or_path) {
        return Ok(((*text).to_owned(), None));
    }
    let path = Path::new(name_or_path);
    let known = PRESETS.map(|(name, _)| format!("`{name}`")).join(", ");
    let meant = nearest::did_you_mean(name_or_path, PRESETS.map(|(name, _)| name));
    must_exist(&format!("study (neither one of {known} nor a file)"), path)
        .map_err(|error| usage(format!("{error}{meant}")))?;
    let text = std::fs::read_to_string(path)
        .map_err(|error| usage(format!("study `{name_or_path}` cannot be read: {error}")))?;
    Ok((text, path.parent().map(Path::to_path_buf)))
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "tests say which numbers are exact")]
mod tests {
    use super::*;

    fn written(text: &str) -> anyhow::Result<StudyFile> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("study.toml");
        std::fs::write(&path, text).unwrap();
        StudyFile::find::<&str>(path.to_str().unwrap(), &[])
    }

    #[test]
    fn slips_are_named_with_their_line() {
        let message = written("seed = 1\n[probe]\nepoch = 3\n").unwrap_err().to_string().replace('\n', " ");
        assert!(message.contains("line 3: ") && message.ends_with("did you mean `epochs`?"), "{message}");
        let message = written("[[models]]\nname = 'x'\nrecipe = 'single-stag'\n").unwrap_err().to_string();
        assert!(message.ends_with("did you mean `single-stage`?"), "{message}");
        let message = written("extends = ['pocket']\nleave_out = ['models.singel-stage']\n").unwrap_err();
        assert!(message.to_string().ends_with("did you mean `single-stage`?"), "{message}");
        let message = StudyFile::find::<&str>("pocet", &[]).unwrap_err().to_string();
        assert!(message.contains("`pocet` does not exist; did you mean `pocket`?"), "{message}");
    }

    #[test]
    fn a_study_has_what_it_extends() {
        let file = written(
            "extends = ['pocket']\nleave_out = ['merges.*', 'similarity']\nseed = 5\n\
             [[models]]\nname = 'base'\nscratch.updates = 3\n\
             [[variants]]\nname = 'cold'\nof = 'multi-culture'\nset = ['stage.0.updates=1']\n",
        )
        .unwrap();
        let pocket = StudyFile::find::<&str>("pocket", &[]).unwrap();
        assert_eq!((file.seed, file.training_seeds, file.merges.len()), (5, vec![5], 0));
        assert_eq!((file.models.len(), file.variants.len()), (pocket.models.len(), 1));
        let (base, before) = (&file.models[0], &pocket.models[0]);
        assert_eq!(base.scratch.as_ref().unwrap().updates, 3);
        assert_eq!(base.scratch.as_ref().unwrap().peak, before.scratch.as_ref().unwrap().peak);
        assert!(file.similarity.is_none() && file.probe == pocket.probe);
    }

    #[test]
    fn assignments_find_entries_by_name_or_number() {
        let set = ["models.base.scratch.updates=7", "corpora.0.synth.minutes=2.5", "metadata=/data/x y"];
        let file = StudyFile::find("pocket", &set).unwrap();
        assert_eq!(file.models[0].scratch.as_ref().unwrap().updates, 7);
        assert_eq!(file.corpora[0].synth.as_ref().unwrap().minutes, 2.5);
        assert_eq!(file.metadata, Some("/data/x y".into()));
        for (assignment, part) in [
            ("models.bse.scratch.updates=7", "did you mean `base`?"),
            ("modls.base.each=true", "did you mean `models`?"),
            ("seed", "KEY=VALUE"),
            ("seed=x", "invalid type"),
            ("corpora.7.name=x", "there is no entry `7`"),
        ] {
            let message = StudyFile::find("pocket", &[assignment]).unwrap_err().to_string();
            assert!(message.contains(part) && message.contains(assignment), "{message}");
        }
    }
}
