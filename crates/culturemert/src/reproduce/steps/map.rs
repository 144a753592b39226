//! The step that lays the recordings of a corpus out as some models hear them, with a few excerpts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Context;
use corpus::Corpus;
use explore::{Item, Unit, faded, sound_of};
use study::results::{AcrossPair, MapExcerpt, MapPiece, MapResult, MapView};
use study::{Done, Step};
use weights::ModelDirectory;

use super::{Dones, Ground};
use crate::embedding::Embedder;
use crate::exploring::{LayerChoice, Points, Viewed, hear, points, view};

/// Neighbours that shares are taken over.
const NEIGHBOURS: usize = 10;
/// Excerpts a tradition, at most.
const EXCERPTS: usize = 3;
/// Seconds of an excerpt.
const SECONDS: f64 = 3.0;
/// Hertz of an excerpt: half the corpus's, so that the report stays small.
const RATE: u32 = 12_000;
/// File of the step's numbers.
const MAP: &str = "map.json";

pub(super) fn step(mut step: Step, ground: &Ground<'_>, dones: &Dones) -> anyhow::Result<Step> {
    let map = ground.plan.file.map.as_ref().context("the study has no map")?;
    let corpus = ground.corpus_hash(dones, &ground.plan.corpus(&map.corpus).name)?;
    step = step.input("corpus", corpus).input("seed", ground.plan.file.seed);
    for model in &map.models {
        step = step.input(format!("model {model}"), ground.model_hash(dones, model)?);
    }
    Ok(step)
}

/// Maps of the models, the first of which the others' planes are turned to.
pub(super) fn map(ground: &Ground<'_>, dones: &Dones, dir: &Path) -> anyhow::Result<()> {
    let asked = ground.plan.file.map.as_ref().context("the study has no map")?;
    let corpus = ground.open_corpus(dones, &ground.plan.corpus(&asked.corpus).name)?;
    let mut models = Vec::new();
    for name in &asked.models {
        models.push((name.as_str(), ModelDirectory::open(&ground.model_dir(dones, name)?)?));
    }
    let map = made(ground, &corpus, &models, dir)?;
    Ok(files::write_json(&dir.join(MAP), &serde_json::to_string_pretty(&map)?)?)
}

/// What the step made, with its excerpts.
pub(crate) fn map_of(done: &Done) -> anyhow::Result<MapResult> {
    let read = |name: &str| {
        let file = done.dir.join(name);
        std::fs::read(&file).map_err(files::FilesError::io("read", &file))
    };
    let mut map: MapResult = serde_json::from_slice(&read(MAP)?)?;
    for excerpt in &map.excerpts {
        map.sounds.insert(excerpt.sha256.clone(), read(&wav_name(&excerpt.sha256))?);
    }
    Ok(map)
}

fn wav_name(sha256: &str) -> String {
    format!("{sha256}.wav")
}

fn made(
    ground: &Ground<'_>,
    corpus: &Corpus,
    models: &[(&str, ModelDirectory)],
    dir: &Path,
) -> anyhow::Result<MapResult> {
    let (seed, terminal) = (ground.plan.file.seed, ground.quiet);
    let open = |(_, model): &(&str, ModelDirectory)| Embedder::new(model, None, ground.device);
    let embedders: Vec<Embedder> = models.iter().map(open).collect::<anyhow::Result<_>>()?;
    let shortest = embedders.iter().map(Embedder::shortest).max().unwrap_or(0);
    let points = points(corpus, Unit::Recording, shortest);
    let items = points.items(corpus, Unit::Recording);
    let cultures: Vec<String> =
        items.iter().map(|item| item.culture.clone()).collect::<BTreeSet<_>>().into_iter().collect();
    let mut views: Vec<MapView> = Vec::new();
    let mut first: Option<Vec<f32>> = None;
    for ((name, _), embedder) in models.iter().zip(&embedders) {
        let heard = hear(embedder, corpus, &points, LayerChoice::Mean, &[], name, terminal)?;
        let recordings = points.recordings();
        let viewed = view(&heard.rows, embedder.width(), &recordings, NEIGHBOURS, seed, first.as_deref())?;
        views.push(view_of(name, &viewed, &items, &cultures));
        first.get_or_insert(viewed.plane);
    }
    let excerpts = excerpts(corpus, &points, &items, &views, dir)?;
    let pieces = items.into_iter().map(|item| MapPiece {
        recording: item.name,
        culture: item.culture,
        licence: item.licence.unwrap_or_default(),
    });
    let (k, pieces) = (NEIGHBOURS as u64, pieces.collect());
    Ok(MapResult { k, cultures, pieces, views, excerpts, sounds: BTreeMap::new() })
}

/// A model's view in the words of the results: places to a thousandth of the map's size, shares, nearest pairs.
fn view_of(model: &str, viewed: &Viewed, items: &[Item], cultures: &[String]) -> MapView {
    let at = |item: &Item| cultures.iter().position(|name| *name == item.culture).unwrap_or(0);
    let mut counts = vec![vec![0u64; cultures.len()]; cultures.len()];
    let mut nearest: Vec<Option<AcrossPair>> = vec![None; cultures.len()];
    for (piece, (item, row)) in items.iter().zip(&viewed.neighbours).enumerate() {
        for one in row {
            let (own, other) = (at(item), at(&items[one.index as usize]));
            counts[own][other] += 1;
            let cosine = f64::from(one.cosine);
            if own != other && nearest[own].is_none_or(|pair| cosine > pair.cosine) {
                let neighbour = u64::from(one.index);
                nearest[own] = Some(AcrossPair { piece: piece as u64, neighbour, cosine });
            }
        }
    }
    let share = |row: &Vec<u64>| {
        let all = row.iter().sum::<u64>().max(1) as f64;
        row.iter().map(|&n| n as f64 / all).collect()
    };
    let rounded = |x: f32| (f64::from(x) * 1000.0).round() / 1000.0;
    MapView {
        model: model.to_owned(),
        places: viewed.plane.chunks_exact(2).map(|point| [rounded(point[0]), rounded(point[1])]).collect(),
        trustworthiness: viewed.trust.map(|(ours, _)| ours),
        linear_trustworthiness: viewed.trust.map(|(_, linear)| linear),
        shares: counts.iter().map(share).collect(),
        across: nearest.into_iter().flatten().collect(),
    }
}

/// Writes the middle of pieces that stand in the tables of pairs, a few of each tradition, where their licence allows it.
fn excerpts(
    corpus: &Corpus,
    points: &Points,
    items: &[Item],
    views: &[MapView],
    dir: &Path,
) -> anyhow::Result<Vec<MapExcerpt>> {
    let mut chosen: BTreeSet<u64> = BTreeSet::new();
    let mut of_culture: BTreeMap<&str, usize> = BTreeMap::new();
    let named =
        views.iter().flat_map(|view| view.across.iter().flat_map(|pair| [pair.piece, pair.neighbour]));
    for piece in named {
        let item = &items[piece as usize];
        let n = of_culture.entry(&item.culture).or_default();
        if *n < EXCERPTS && sound_of(item.licence.as_deref()).0 && chosen.insert(piece) {
            *n += 1;
        }
    }
    let mut excerpts = Vec::new();
    for piece in chosen {
        let clips = points.all[piece as usize].clips.iter().map(|&clip| &corpus.clips()[clip]);
        let Some(clip) = clips.max_by_key(|clip| clip.samples) else { continue };
        let n = clip.samples.min((SECONDS * f64::from(audio::SAMPLE_RATE)) as u64);
        let samples = corpus.samples(clip, (clip.samples - n) / 2, n as usize)?;
        let samples = faded(audio::resample(&samples, audio::SAMPLE_RATE, RATE, audio::Resampler::Hq));
        let mut wav = Vec::new();
        audio::write_wav(&mut wav, dir, &samples, RATE)?;
        let sha256 = files::hash_bytes(&wav).to_string();
        files::write_atomic(&dir.join(wav_name(&sha256)), &wav)?;
        let seconds = samples.len() as f64 / f64::from(RATE);
        excerpts.push(MapExcerpt { piece, seconds, sha256 });
    }
    Ok(excerpts)
}
