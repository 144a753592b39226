//! Takes recordings of a training split in the order drawn until the hours are full.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use draws::{Draws, fnv1a64};
use rayon::prelude::*;

use super::super::Unreadable;
use super::super::audio_files::Found;
use super::super::catalogue::Listed;
use super::super::load::Surveyed;
use super::evaluation::{Contents, Evaluation, cut_of};
use super::{Excluded, GatherRequest, GatherSet, GatheredSet, UsedFile};
use crate::survey::look_at;
use crate::{CROP_SAMPLES, CorpusError, Split};

/// Recordings that are measured at a time; how many is looked at beyond the last taken is all that depends on it.
const AT_A_TIME: usize = 32;
/// Seconds of a crop.
const CROP_SECONDS: f64 = CROP_SAMPLES as f64 / audio::SAMPLE_RATE as f64;

/// Counts what was looked at and asks whether to stop.
pub(super) struct Watch<'a> {
    pub(super) stop: &'a AtomicBool,
    pub(super) progress: &'a (dyn Fn(usize) + Sync),
    pub(super) looked_at: usize,
}

impl Watch<'_> {
    /// The hashes of files, each computed once however often it is named, whatever they hold; `None` for one that the system refuses.
    pub(super) fn hashes(&mut self, paths: &[&Path]) -> Result<Vec<Option<String>>, CorpusError> {
        let different: BTreeSet<&Path> = paths.iter().copied().collect();
        let different: Vec<&Path> = different.into_iter().collect();
        let hashes =
            self.each(&different, |path| files::hash_file(path).ok().map(|hash| hash.to_string()))?;
        Ok(paths.iter().map(|path| hashes[path].clone()).collect())
    }

    /// Does something with every path, many at a time.
    fn each<'p, T: Send>(
        &mut self,
        paths: &[&'p Path],
        work: impl Fn(&Path) -> T + Sync,
    ) -> Result<BTreeMap<&'p Path, T>, CorpusError> {
        let (before, done) = (self.looked_at, AtomicUsize::new(0));
        let one = |&path: &&'p Path| {
            if self.stop.load(Ordering::Relaxed) {
                return Err(CorpusError::Interrupted { done: before, total: before + paths.len() });
            }
            let found = work(path);
            (self.progress)(before + done.fetch_add(1, Ordering::Relaxed) + 1);
            Ok((path, found))
        };
        let found = paths.par_iter().with_max_len(1).map(one).collect::<Result<_, _>>()?;
        self.looked_at += paths.len();
        Ok(found)
    }
}

/// What is still to be taken.
struct Wanted {
    /// Crops for training; `None`: all there are.
    crops: Option<u64>,
    /// Crops to be held out.
    held_out: u64,
}

impl Wanted {
    fn is_trained(&self, taken: u64) -> bool {
        self.crops.is_some_and(|crops| taken >= crops)
    }
}

pub(super) fn choose(
    set: &GatherSet,
    surveyed: &Surveyed,
    request: &GatherRequest,
    evaluation: &Evaluation,
    watch: &mut Watch<'_>,
) -> Result<GatheredSet, CorpusError> {
    let card = &surveyed.adapter.card;
    let hours_asked = set.hours.or(card.pretraining_hours);
    let crops_of = |hours: f64| (hours * 3600.0 / CROP_SECONDS).ceil() as u64;
    let wanted =
        Wanted { crops: hours_asked.map(crops_of), held_out: crops_of(request.held_out_minutes / 60.0) };
    let is_training = |(listed, _): &(&Listed, &Found)| listed.split == Split::Train;
    let mut order: Vec<(&Listed, &Found)> = surveyed.recordings().filter(is_training).collect();
    let listed = order.len();
    Draws::new(request.seed, "gather", &[fnv1a64(card.name.as_bytes())]).shuffle(&mut order);
    order.retain(|(_, found)| matches!(found, Found::File(..)));
    let mut taker = Taker {
        wanted,
        evaluation,
        taken: 0,
        held_out: 0,
        contents: Contents::default(),
        groups: BTreeSet::new(),
        files: Vec::new(),
        set: GatheredSet {
            name: card.name.into(),
            culture: card.culture.into(),
            licence: card.licence.into(),
            citation: card.citation.into(),
            hours_asked,
            hours_found: 0.0,
            falls_short: false,
            listed,
            absent: listed - order.len(),
            recordings: 0,
            held_out: 0,
            held_out_hours: 0.0,
            too_short: Vec::new(),
            unreadable: Vec::new(),
            excluded: Vec::new(),
            deviations: surveyed.catalogue.deviations.clone(),
            files: Vec::new(),
        },
    };
    for part in order.chunks(AT_A_TIME) {
        if taker.is_full() {
            break;
        }
        let path = |found: &Found| match found {
            Found::File(path, _) => Some(path.clone()),
            Found::Empty(_) | Found::Absent => None,
        };
        let files: Vec<PathBuf> = part.iter().filter_map(|(_, found)| path(found)).collect();
        let different: BTreeSet<&Path> = files.iter().map(PathBuf::as_path).collect();
        let measured = watch.each(&different.into_iter().collect::<Vec<_>>(), measure)?;
        for ((listed, found), file) in part.iter().zip(&files) {
            if let Found::File(_, piece) = found {
                taker.offer(listed, file, *piece, &measured[file.as_path()]);
            }
        }
    }
    Ok(taker.finish())
}

/// Hash and seconds of a file, or why it cannot be used.
fn measure(path: &Path) -> Result<(String, f64), String> {
    let hash = look_at(path).map_err(|(_, detail)| detail)?;
    let seconds = audio::seconds(path).map_err(|error| error.to_string())?;
    Ok((hash.to_string(), seconds))
}

struct Taker<'a> {
    wanted: Wanted,
    evaluation: &'a Evaluation,
    /// Crops taken so far.
    taken: u64,
    held_out: u64,
    /// What was taken, for training or to be held out.
    contents: Contents,
    /// Groups that train.
    groups: BTreeSet<String>,
    files: Vec<UsedFile>,
    set: GatheredSet,
}

impl Taker<'_> {
    fn is_full(&self) -> bool {
        self.wanted.is_trained(self.taken) && self.held_out >= self.wanted.held_out
    }

    fn offer(
        &mut self,
        listed: &Listed,
        file: &Path,
        piece: Option<(f64, f64)>,
        measured: &Result<(String, f64), String>,
    ) {
        if self.is_full() {
            return;
        }
        let (sha256, whole) = match measured {
            Ok(measured) => measured,
            Err(reason) => {
                self.set.unreadable.push(Unreadable { file: file.into(), reason: reason.clone() });
                return;
            }
        };
        let cut = cut_of(piece);
        let seconds = piece.map_or(*whole, |(start, end)| end.min(*whole) - start);
        let n_crops = (seconds / CROP_SECONDS).floor().max(0.0) as u64;
        if n_crops == 0 {
            self.set.too_short.push(listed.id.clone());
            return;
        }
        let fault = self.evaluation.fault(&listed.id, sha256, cut).or_else(|| {
            let other = self.contents.meeting(sha256, cut)?;
            Some(format!("it holds what `{other}` holds, which was taken"))
        });
        if let Some(reason) = fault {
            self.set.excluded.push(Excluded { id: listed.id.clone(), reason });
            return;
        }
        let split = if self.wanted.is_trained(self.taken) { Split::Valid } else { Split::Train };
        match (&listed.group, split) {
            // A concert that trains cannot be held out.
            (Some(group), Split::Valid) if self.groups.contains(group) => return,
            (Some(group), Split::Train) => drop(self.groups.insert(group.clone())),
            _ => {}
        }
        let count = if split == Split::Train { &mut self.taken } else { &mut self.held_out };
        *count += n_crops;
        self.contents.insert(&listed.id, sha256, cut);
        self.files.push(UsedFile {
            id: listed.id.clone(),
            file: file.into(),
            piece,
            seconds,
            sha256: sha256.clone(),
            split,
            group: listed.group.clone(),
        });
    }

    fn finish(self) -> GatheredSet {
        let hours = |crops: u64| crops as f64 * CROP_SECONDS / 3600.0;
        let n = |split| self.files.iter().filter(|file| file.split == split).count();
        GatheredSet {
            hours_found: hours(self.taken),
            falls_short: self.taken == 0 || self.wanted.crops.is_some_and(|crops| self.taken < crops),
            recordings: n(Split::Train),
            held_out: n(Split::Valid),
            held_out_hours: hours(self.held_out),
            files: self.files,
            ..self.set
        }
    }
}
