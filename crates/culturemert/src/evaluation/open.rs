//! From `NAME=PATH#TAGS` to an evaluation set: a prepared corpus, an index of the user's recordings, or a known data set.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use corpus::datasets::{DataSet, DataSetRequest, IndexRequest, MtatSplit, load, load_index};
use corpus::{Clip, Corpus, Split, SplitShares, redraw_splits};
use evaluate::Kind;
use study::paper::PaperSet;

use super::few::few;
use super::frames::FrameRequest;
use super::set::{EvaluationSet, SetRecording, Source};
use crate::exit::usage;
use crate::inputs::{must_exist, open_corpus};
use crate::tag_names::beginnings;

/// Culture whose music is Western, as the training plans call it.
const WESTERN: &str = "western";

/// Stands for the culture of a recording where a tag could stand.
const CULTURE: &str = "@culture";

/// Shares of splits drawn by group: few recordings need a larger test side than `prepare` gives.
const SHARES: SplitShares = SplitShares { train: 0.5, valid: 0.25, test: 0.25 };

/// `NAME=PATH` or `NAME=PATH#TAGS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DataArgument {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    /// What the tags begin with, or [`CULTURE`].
    pub(crate) tags: Option<String>,
}

impl FromStr for DataArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("`{text}` is not `NAME=PATH` or `NAME=PATH#TAGS`");
        let (name, rest) = text.split_once('=').ok_or_else(expected)?;
        let (path, tags) = match rest.rsplit_once('#') {
            Some((path, tags)) => (path, Some(tags.to_owned())),
            None => (rest, None),
        };
        if name.is_empty() || path.is_empty() || tags.as_ref().is_some_and(String::is_empty) {
            return Err(expected());
        }
        Ok(Self { name: name.to_owned(), path: path.into(), tags })
    }
}

/// Which splits a prepared corpus is taken with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Splits {
    /// The corpus's own.
    #[default]
    Corpus,
    /// Drawn for each set by group, half of the recordings for training.
    Group,
}

/// How sets are opened.
#[derive(Clone, Debug, Default)]
pub(crate) struct OpenRequest {
    /// Folder of split and tag files of known data sets.
    pub(crate) metadata: Option<PathBuf>,
    pub(crate) allow_missing: bool,
    pub(crate) mtat_split: MtatSplit,
    pub(crate) splits: Splits,
    pub(crate) split_seed: u64,
    /// Names of sets of which a recording has one tag.
    pub(crate) classes: Vec<String>,
    /// Names of sets whose tags end in a number that is to be predicted.
    pub(crate) values: Vec<String>,
    /// Names of sets of Western music, besides those known to be.
    pub(crate) western: Vec<String>,
    /// Sets whose items are single frames.
    pub(crate) frames: FrameRequest,
    /// For a rehearsal: so many recordings of each split, at most.
    pub(crate) most: Option<u64>,
    /// Hashes of contents that are known already, so that they are not read for them again.
    pub(crate) contents: Contents,
}

/// Hashes of the contents of recordings, by set and id.
pub(crate) type Contents = BTreeMap<String, BTreeMap<String, String>>;

impl OpenRequest {
    /// Opens a set.
    pub(crate) fn open(&self, argument: &DataArgument) -> anyhow::Result<EvaluationSet> {
        let DataArgument { name, path, tags } = argument;
        must_exist("data set", path)?;
        let annotated = self.frames.of(name);
        // Annotations say what is asked; every recording takes part.
        let tags = &annotated.map_or_else(|| tags.clone(), |_| Some(CULTURE.to_owned()));
        let prefix = tags.clone().unwrap_or_else(|| format!("{name}:"));
        let kind = self.kind(name, &prefix);
        let mut set = if path.join("corpus.toml").is_file() {
            self.of_corpus(name, open_corpus(path)?, kind, &prefix)?
        } else if is_index(path) {
            let request = IndexRequest {
                seed: self.split_seed,
                allow_missing: self.allow_missing,
                ..IndexRequest::new(path)
            };
            let (data_set, kept) = load_index(&request)?;
            let mut set = Self::of_data_set(name, data_set, kind, tags.as_deref())?;
            set.remarks.push(format!(
                "splits of {} recordings are stated by the index, of {} kept in `{}`",
                kept.stated,
                kept.read + kept.drawn,
                kept.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
            ));
            set
        } else {
            let request = DataSetRequest {
                metadata: self.metadata.clone(),
                allow_missing: self.allow_missing,
                split: self.mtat_split,
                ..DataSetRequest::new(path)
            };
            let mut set = Self::of_data_set(name, load(name, &request)?, kind, tags.as_deref())?;
            set.published = published(name);
            set.is_western |= set.published.is_some_and(PaperSet::is_western);
            self.reduce(&mut set);
            set.hash_contents()?;
            set.accept_published_splits();
            set
        };
        self.reduce(&mut set);
        set.is_western |= self.western.contains(name);
        if let Some(annotated) = annotated {
            self.frames.apply(annotated, &mut set)?;
        }
        set.hash_contents()?;
        Ok(set)
    }

    /// Keeps what a rehearsal keeps, and takes over the hashes that are known.
    fn reduce(&self, set: &mut EvaluationSet) {
        if let Some(most) = self.most {
            few(set, most);
        }
        if let Some(known) = self.contents.get(&set.name) {
            set.know_contents(known);
        }
    }

    fn kind(&self, name: &str, prefix: &str) -> Kind {
        let asked = |names: &[String]| names.iter().any(|asked| asked == name);
        if asked(&self.values) {
            Kind::Values
        } else if asked(&self.classes) || prefix == CULTURE {
            Kind::Classes
        } else {
            Kind::Tags
        }
    }

    /// Recordings of a corpus that have such a tag.
    fn of_corpus(
        &self,
        name: &str,
        corpus: Corpus,
        kind: Kind,
        prefix: &str,
    ) -> anyhow::Result<EvaluationSet> {
        let corpus = Arc::new(corpus);
        let clips = corpus.clips();
        let tags_of = |clip: &Clip| wanted(&clip.culture, &clip.tags, prefix);
        let ranges: Vec<_> = corpus
            .recordings()
            .into_iter()
            .filter(|range| !tags_of(&clips[range.start]).is_empty())
            .collect();
        let tags: Vec<Vec<String>> = ranges.iter().map(|range| tags_of(&clips[range.start])).collect();
        if tags.is_empty() {
            return Err(no_such_tag(name, prefix, clips.iter().flat_map(|clip| &clip.tags)));
        }
        let splits: Vec<Split> = match self.splits {
            Splits::Corpus => ranges.iter().map(|range| clips[range.start].split).collect(),
            Splits::Group => {
                let items: Vec<(&Clip, &[String])> = ranges
                    .iter()
                    .zip(&tags)
                    .map(|(range, tags)| (&clips[range.start], tags.as_slice()))
                    .collect();
                redraw_splits(&items, SHARES, self.split_seed)
            }
        };
        let is_western = ranges.iter().all(|range| clips[range.start].culture == WESTERN);
        let (outputs, answers) = answers(name, kind, prefix, &tags)?;
        let recordings =
            ranges.into_iter().zip(splits).zip(answers).map(|((range, split), (labels, values))| {
                let clip = &clips[range.start];
                SetRecording {
                    id: clip.source.clone(),
                    content: clip.source_sha256.clone(),
                    group: clip.group.as_ref().map(|group| format!("{}/{group}", clip.culture)),
                    split,
                    labels,
                    values,
                    frames: Vec::new(),
                    source: Source::Clips(Arc::clone(&corpus), range),
                }
            });
        Ok(EvaluationSet {
            name: name.to_owned(),
            kind,
            published: None,
            is_western,
            outputs,
            recordings: recordings.collect(),
            max_seconds: None,
            incomplete: Vec::new(),
            remarks: Vec::new(),
            left_out: Vec::new(),
        })
    }

    /// A data set's recordings: all of them, or those with such a tag where `prefix` says which.
    fn of_data_set(
        name: &str,
        data_set: DataSet,
        kind: Kind,
        prefix: Option<&str>,
    ) -> anyhow::Result<EvaluationSet> {
        let mut incomplete = Vec::new();
        if let Some(first) = data_set.missing.first() {
            incomplete
                .push(format!("{} recordings are missing, the first is `{first}`", data_set.missing.len()));
        }
        if let Some(first) = data_set.untagged.first() {
            let n = data_set.untagged.len();
            incomplete.push(format!("{n} recordings have no stated tags, the first is `{first}`"));
        }
        incomplete.extend(data_set.deviations);
        let mut items = data_set.items;
        let (outputs, answers) = match prefix {
            None if kind == Kind::Tags => {
                let has = |tags: &[String]| -> Vec<u8> {
                    data_set.vocabulary.iter().map(|tag| u8::from(tags.contains(tag))).collect()
                };
                let labels = items.iter().map(|item| (has(&item.tags), Vec::new())).collect();
                (data_set.vocabulary.clone(), labels)
            }
            _ => {
                let prefix = prefix.map_or_else(|| format!("{name}:"), ToOwned::to_owned);
                items.retain(|item| !wanted(&data_set.culture, &item.tags, &prefix).is_empty());
                if items.is_empty() {
                    return Err(no_such_tag(name, &prefix, data_set.vocabulary.iter()));
                }
                let tags: Vec<Vec<String>> =
                    items.iter().map(|item| wanted(&data_set.culture, &item.tags, &prefix)).collect();
                answers(name, kind, &prefix, &tags)?
            }
        };
        let recordings = items.into_iter().zip(answers).map(|(item, (labels, values))| SetRecording {
            id: item.id,
            content: String::new(),
            group: item.group,
            split: item.split,
            labels,
            values,
            frames: Vec::new(),
            source: Source::File(item.path, item.piece, audio::Resampler::default()),
        });
        Ok(EvaluationSet {
            name: name.to_owned(),
            kind,
            published: None,
            is_western: data_set.culture == WESTERN,
            outputs,
            recordings: recordings.collect(),
            max_seconds: data_set.max_seconds,
            incomplete,
            remarks: data_set.remarks,
            left_out: Vec::new(),
        })
    }
}

/// The tags of a recording that are asked for.
fn wanted(culture: &str, tags: &[String], prefix: &str) -> Vec<String> {
    if prefix == CULTURE {
        return vec![culture.to_owned()];
    }
    tags.iter().filter(|tag| tag.starts_with(prefix)).cloned().collect()
}

/// Names of the outputs, and labels or values of every recording.
type Answers = (Vec<String>, Vec<(Vec<u8>, Vec<f32>)>);

fn answers(name: &str, kind: Kind, prefix: &str, tags: &[Vec<String>]) -> anyhow::Result<Answers> {
    if kind == Kind::Values {
        let number = |tags: &Vec<String>| match tags.as_slice() {
            [tag] => tag[prefix.len()..].trim().parse::<f32>().ok().filter(|value| value.is_finite()),
            _ => None,
        };
        let values: Option<Vec<_>> =
            tags.iter().map(|tags| Some((Vec::new(), vec![number(tags)?]))).collect();
        let values = values.ok_or_else(|| {
            usage(format!(
                "`{name}`: every recording needs one tag `{prefix}NUMBER` for its value to be predicted"
            ))
        })?;
        return Ok((vec![prefix.trim_end_matches(':').to_owned()], values));
    }
    let outputs: BTreeSet<&String> = tags.iter().flatten().collect();
    let outputs: Vec<String> = outputs.into_iter().cloned().collect();
    let labels = |tags: &Vec<String>| {
        let labels = outputs.iter().map(|output| u8::from(tags.contains(output))).collect();
        (labels, Vec::new())
    };
    let labels = tags.iter().map(labels).collect();
    Ok((outputs, labels))
}

fn no_such_tag<'a>(name: &str, prefix: &str, tags: impl Iterator<Item = &'a String>) -> anyhow::Error {
    usage(format!(
        "`{name}`: no recording has a tag that begins with `{prefix}`; say which with `{name}=PATH#TAGS`; {}",
        beginnings(tags, prefix)
    ))
}

/// Whether `path` is an index file or a folder with one.
fn is_index(path: &Path) -> bool {
    path.is_file() || ["index.tsv", "index.csv", "index.jsonl"].iter().any(|name| path.join(name).is_file())
}

/// The set of the paper that goes by this name here.
fn published(name: &str) -> Option<PaperSet> {
    match name {
        "makam" => Some(PaperSet::Makam),
        "hindustani" => Some(PaperSet::Hindustani),
        "carnatic" => Some(PaperSet::Carnatic),
        "lyra" => Some(PaperSet::Lyra),
        "fma" => Some(PaperSet::FmaMedium),
        "magnatagatune" => Some(PaperSet::Mtat),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_name_path_and_tags() {
        let read = |text: &str| text.parse::<DataArgument>();
        let of = |name: &str, path: &str, tags: Option<&str>| DataArgument {
            name: name.into(),
            path: path.into(),
            tags: tags.map(Into::into),
        };
        assert_eq!(read("makam=a/b"), Ok(of("makam", "a/b", None)));
        assert_eq!(read("x=a=b#raga:"), Ok(of("x", "a=b", Some("raga:"))));
        for wrong in ["makam", "=a", "a=", "a=b#"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn values_are_read_from_tags() {
        let tags =
            |all: &[&str]| -> Vec<Vec<String>> { all.iter().map(|tag| vec![(*tag).to_owned()]).collect() };
        let (outputs, found) =
            answers("t", Kind::Values, "tempo:", &tags(&["tempo:120", "tempo: 60.5"])).unwrap();
        assert_eq!(outputs, ["tempo"]);
        assert_eq!(found[1].1, [60.5]);
        assert!(answers("t", Kind::Values, "tempo:", &tags(&["tempo:fast"])).is_err());
        let (outputs, found) = answers("t", Kind::Tags, "a:", &tags(&["a:y", "a:x"])).unwrap();
        assert_eq!(outputs, ["a:x", "a:y"]);
        assert_eq!(found[0].0, [0, 1]);
    }
}
