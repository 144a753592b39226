//! Sets whose items are single frames: beats, spans and pitch classes from a table of annotations.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use corpus::{AnnotationKind, Annotations};
use evaluate::Kind;
use study::evaluation::Named;

use super::set::EvaluationSet;
use crate::exit::usage;
use crate::inputs::must_exist;

/// `NAME=FILE`: annotations of the recordings of a data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FramesArgument {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

impl FromStr for FramesArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, path)) if !name.is_empty() && !path.is_empty() => {
                Ok(Self { name: name.to_owned(), path: path.into() })
            }
            _ => Err(format!("`{text}` is not `NAME=FILE`")),
        }
    }
}

/// How frames are taken from annotated recordings.
#[derive(Clone, Debug, Default)]
pub(crate) struct FrameRequest {
    pub(crate) annotations: Vec<FramesArgument>,
    /// Frames of a recording, at most.
    pub(crate) most: usize,
    pub(crate) seed: u64,
}

impl FrameRequest {
    /// The annotations of a set.
    pub(crate) fn of(&self, name: &str) -> Option<&FramesArgument> {
        self.annotations.iter().find(|argument| argument.name == name)
    }

    /// Makes a set of recordings one of their annotated frames.
    pub(crate) fn apply(&self, argument: &FramesArgument, set: &mut EvaluationSet) -> anyhow::Result<()> {
        must_exist("annotations", &argument.path)?;
        let annotations = Annotations::read(&argument.path)?;
        let ids = by_name(set.recordings.iter().map(|recording| recording.id.as_str()));
        let mut of_recording: Vec<Option<&str>> = vec![None; set.recordings.len()];
        let mut unknown = Vec::new();
        for id in annotations.ids() {
            match ids.get(id).copied().flatten() {
                None => unknown.push(id),
                Some(at) if of_recording[at].is_some() => {
                    return Err(usage(format!(
                        "`{}` annotates recording `{}` twice, as `{}` and as `{id}`",
                        argument.path.display(),
                        set.recordings[at].id,
                        of_recording[at].unwrap_or_default()
                    )));
                }
                Some(at) => of_recording[at] = Some(id),
            }
        }
        if of_recording.iter().all(Option::is_none) {
            return Err(usage(format!(
                "`{}` annotates no recording of `{}`: it names `{}`, where recordings are called `{}`",
                argument.path.display(),
                set.name,
                unknown.first().unwrap_or(&""),
                set.recordings.first().map_or("", |recording| recording.id.as_str())
            )));
        }
        if let Some(first) = unknown.first() {
            let n = unknown.len();
            set.remarks.push(format!("{n} annotated recordings are not in the set, the first is `{first}`"));
        }
        let outputs = annotations.outputs();
        let mut kept = Vec::new();
        for (mut recording, id) in std::mem::take(&mut set.recordings).into_iter().zip(of_recording) {
            let frames = id.map(|id| annotations.frames(id, self.most, self.seed)).unwrap_or_default();
            if frames.is_empty() {
                let reason =
                    if id.is_some() { "no frame of it has an annotation" } else { "it is not annotated" };
                set.left_out.push(Named { name: recording.id, reason: reason.into() });
                continue;
            }
            let mut labels = vec![0; frames.len() * outputs.len()];
            for (row, frame) in labels.chunks_exact_mut(outputs.len()).zip(&frames) {
                frame.outputs.iter().for_each(|&output| row[output] = 1);
            }
            recording.labels = labels;
            recording.values.clear();
            recording.frames = frames.into_iter().map(|frame| frame.seconds).collect();
            kept.push(recording);
        }
        set.recordings = kept;
        set.outputs = outputs;
        // The published numbers are of whole recordings.
        set.published = None;
        set.kind = match annotations.kind() {
            AnnotationKind::Events => Kind::Tags,
            AnnotationKind::Spans | AnnotationKind::Melody => Kind::Classes,
        };
        set.remarks.push(format!(
            "items are frames, at most {} of each of {} annotated recordings",
            self.most,
            set.recordings.len()
        ));
        Ok(())
    }
}

/// Places of recordings by what a table may call them: the whole name, or its last part, each with or without the extension. None where
/// several are called so.
fn by_name<'a>(ids: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, Option<usize>> {
    let mut places: BTreeMap<&str, Option<usize>> = BTreeMap::new();
    let mut whole = BTreeMap::new();
    for (at, id) in ids.enumerate() {
        whole.insert(id, Some(at));
        let last = id.rsplit('/').next().unwrap_or(id);
        let mut names: Vec<&str> =
            [id, last].into_iter().flat_map(|name| [name, without_extension(name)]).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            places.entry(name).and_modify(|place| *place = None).or_insert(Some(at));
        }
    }
    places.extend(whole);
    places
}

/// `a/b.mp3` is `a/b`; a dot of a number, as in `2.5`, or of a hidden file begins no extension.
fn without_extension(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, extension))
            if !stem.is_empty()
                && !stem.ends_with('/')
                && extension.starts_with(|c: char| c.is_ascii_alphabetic()) =>
        {
            stem
        }
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recordings_are_found_by_any_of_their_names_unless_two_share_it() {
        let places = by_name(["a/x.mp3", "b/x.mp3", "b/y.flac"].into_iter());
        for (name, place) in [
            ("a/x", Some(0)),
            ("b/x.mp3", Some(1)),
            ("y", Some(2)),
            ("y.flac", Some(2)),
            ("x", None),
            ("x.mp3", None),
        ] {
            assert_eq!(places.get(name).copied().flatten(), place, "{name}");
        }
        assert!(!places.contains_key("z"));
        // The whole name wins over a part of another.
        assert_eq!(by_name(["x", "a/x"].into_iter())["x"], Some(0));
    }
}
