//! Data sets, corpora and tokenizers, made whole against what lies on disk.

use std::collections::BTreeSet;

use corpus::datasets::{DataSetCard, cards};
use corpus::{Corpus, read_index};

use super::lacks::Lacks;
use super::{CorpusSource, PlannedCorpus};
use crate::exit::usage;
use crate::inputs::must_exist;
use crate::reproduce::file::{CorpusFile, FitFile, StudyFile, TokenizerFile};

/// Traditions of the built-in corpus that are not Western, with the names their communities use.
pub(crate) const TRADITIONS: [&str; 4] = ["turkish-makam", "hindustani", "carnatic", "greek"];

/// Culture of the built-in corpus that a base hears.
pub(crate) const WESTERN: &str = "western";

/// Names of the data sets whose folders are there, or all of them where the study is described.
pub(super) fn given_data_sets(file: &StudyFile, lacks: &mut Lacks) -> anyhow::Result<BTreeSet<String>> {
    let mut given = BTreeSet::new();
    for set in &file.datasets {
        card_of(&set.name)?;
        set.mtat_split().map_err(|error| usage(format!("data set `{}`: {error}", set.name)))?;
        if set.folder.as_os_str().is_empty() {
            let name = &set.name;
            lacks.unnamed(format!("datasets.{name}.folder"), || format!("without the data set `{name}`"));
            if lacks.goes_without() {
                continue;
            }
        } else {
            must_exist(&format!("folder of the data set `{}`", set.name), &set.folder)?;
        }
        given.insert(set.name.clone());
    }
    let named = file.evaluations.iter().flat_map(|evaluation| &evaluation.datasets);
    let gathered = file.corpora.iter().filter_map(|corpus| corpus.gather.as_ref());
    let gathered = gathered.flat_map(|gather| gather.sets.iter().map(|set| &set.dataset));
    for name in named.chain(gathered) {
        if !file.datasets.iter().any(|set| set.name == *name) {
            let known = file.datasets.iter().map(|set| set.name.as_str());
            let meant = nearest::did_you_mean(name, known);
            return Err(usage(format!("the study has no data set `{name}`{meant}")));
        }
    }
    Ok(given)
}

/// The card of a known data set.
pub(crate) fn card_of(name: &str) -> anyhow::Result<&'static DataSetCard> {
    cards().into_iter().find(|card| card.name == name).ok_or_else(|| {
        let known: Vec<&str> = cards().into_iter().map(|card| card.name).collect();
        let meant = nearest::did_you_mean(name, known.iter().copied());
        usage(format!("there is no data set `{name}`, only: {}{meant}", known.join(", ")))
    })
}

/// A corpus with its cultures.
pub(super) fn planned_corpus(
    file: &StudyFile,
    corpus: &CorpusFile,
    given: &BTreeSet<String>,
    lacks: &mut Lacks,
) -> anyhow::Result<PlannedCorpus> {
    let name = corpus.name.clone();
    let (source, cultures) = match (&corpus.synth, &corpus.index, &corpus.gather, &corpus.prepared) {
        (Some(synth), None, None, None) => {
            let (minutes, piece_seconds) = (synth.minutes, synth.piece_seconds);
            let cultures = TRADITIONS.into_iter().chain([WESTERN]).map(str::to_owned).collect();
            (CorpusSource::Synth { minutes, piece_seconds }, cultures)
        }
        (None, Some(index), None, None) => {
            if index.as_os_str().is_empty() {
                return Err(usage(format!(
                    "say where the recordings are, an index file or a folder with a folder for each culture: `--set corpora.{name}.index=PATH`"
                )));
            }
            must_exist(&format!("index of the corpus `{name}`"), index)?;
            let found: BTreeSet<String> =
                read_index(index, None)?.recordings.into_iter().map(|recording| recording.culture).collect();
            let source =
                CorpusSource::Index { index: index.clone(), audio_roots: corpus.audio_roots.clone() };
            (source, western_last(file, found))
        }
        (None, None, Some(gather), None) => {
            let mut sets = Vec::new();
            let mut found: Vec<String> = Vec::new();
            for set in gather.sets.iter().filter(|set| given.contains(&set.dataset)) {
                let culture = card_of(&set.dataset)?.culture.to_owned();
                if !found.contains(&culture) {
                    found.push(culture);
                }
                let place = file.datasets.iter().find(|one| one.name == set.dataset);
                sets.extend(place.map(|place| (place.clone(), set.hours)));
            }
            if sets.is_empty() {
                return Err(usage(format!(
                    "the corpus `{name}` is gathered from data sets, and no folder of one is named: `--set datasets.{}.folder=DIR`",
                    gather.sets.first().map_or("NAME", |set| set.dataset.as_str())
                )));
            }
            (CorpusSource::Gather { sets, held_out_minutes: gather.held_out_minutes }, found)
        }
        (None, None, None, Some(folder)) => {
            if folder.as_os_str().is_empty() {
                return Err(usage(format!("name the prepared corpus: `--set corpora.{name}.prepared=DIR`")));
            }
            let corpus: Corpus = crate::inputs::open_corpus(folder)?;
            let found = corpus.clips().iter().map(|clip| clip.culture.clone()).collect();
            (CorpusSource::Prepared(folder.clone()), western_last(file, found))
        }
        _ => {
            return Err(usage(format!(
                "the corpus `{name}` needs one of `synth`, `index`, `gather` and `prepared`"
            )));
        }
    };
    if cultures.is_empty() {
        lacks.notices.push(format!("the corpus `{name}` holds no culture"));
    }
    Ok(PlannedCorpus { name, source, cultures })
}

/// In alphabetical order, Western ones last: the order of tables.
fn western_last(file: &StudyFile, found: BTreeSet<String>) -> Vec<String> {
    let (western, others): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|culture| file.western.contains(culture));
    others.into_iter().chain(western).collect()
}

/// Names the corpus of a tokenizer, and in a rehearsal what stands in for one that is not named.
pub(super) fn whole_tokenizer(
    tokenizer: &mut TokenizerFile,
    corpora: &[PlannedCorpus],
    lacks: &mut Lacks,
) -> anyhow::Result<()> {
    let name = tokenizer.name.clone();
    let corpus = match corpora {
        [] => return Ok(()),
        [first, ..] if tokenizer.corpus.is_empty() => first,
        _ => corpus_of(corpora, &tokenizer.corpus, &format!("tokenizer `{name}`"))?,
    };
    tokenizer.corpus.clone_from(&corpus.name);
    for culture in &tokenizer.cultures {
        must_be_in(corpus, culture, &format!("tokenizer `{name}`"))?;
    }
    match (&tokenizer.fit, &tokenizer.encodec) {
        (Some(_), None) => Ok(()),
        (None, Some(encodec)) if encodec.folder.as_os_str().is_empty() => {
            lacks.unnamed(format!("tokenizers.{name}.encodec.folder"), || {
                format!("a small k-means tokenizer stands in for `{name}`")
            });
            if lacks.goes_without() {
                tokenizer.fit = Some(FitFile { codebooks: 4, entries: 64, max_frames: 60_000 });
                tokenizer.encodec = None;
            }
            Ok(())
        }
        (None, Some(encodec)) => must_exist(&format!("tokenizer `{name}`"), &encodec.folder),
        _ => Err(usage(format!("the tokenizer `{name}` needs one of `fit` and `encodec`"))),
    }
}

/// The corpus that `whose` names.
pub(crate) fn corpus_of<'a>(
    corpora: &'a [PlannedCorpus],
    name: &str,
    whose: &str,
) -> anyhow::Result<&'a PlannedCorpus> {
    corpora.iter().find(|corpus| corpus.name == name).ok_or_else(|| {
        let meant = nearest::did_you_mean(name, corpora.iter().map(|corpus| corpus.name.as_str()));
        usage(format!("{whose}: there is no corpus `{name}`{meant}"))
    })
}

/// Fails where the corpus lacks a culture.
pub(crate) fn must_be_in(corpus: &PlannedCorpus, culture: &str, whose: &str) -> anyhow::Result<()> {
    if corpus.cultures.iter().any(|known| known == culture) {
        return Ok(());
    }
    let meant = nearest::did_you_mean(culture, corpus.cultures.iter().map(String::as_str));
    let (name, known) = (&corpus.name, corpus.cultures.join(", "));
    Err(usage(format!("{whose}: the corpus `{name}` has nothing of `{culture}`, only: {known}{meant}")))
}
