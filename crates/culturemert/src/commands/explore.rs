//! `explore`: a page to see and hear a collection.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use corpus::Corpus;
use evaluate::Probe;
use evaluate::map::overlap;
use explore::{Collection, GENERATOR, Item, ModelView, Predictions, Sound, Unit};
use serde_json::{Value, json};
use weights::ModelDirectory;

use crate::device::DeviceArgs;
use crate::embedding::Embedder;
use crate::exit::usage;
use crate::exploring::{Excerpts, LayerChoice, Viewed, hear, plan_excerpts, points, view, write_excerpts};
use crate::inputs::{must_exist, open_corpus, open_model};
use crate::terminal::{Terminal, print_json};

/// Write a page to see and hear a corpus: a map by culture, neighbours, tags, excerpts where licences allow them, two models side by side.
///
/// The page opens from its folder without a server and connects to nothing.
#[derive(clap::Args)]
#[command(
    after_help = "Example: culturemert explore corpus --model base --model adapted --probe makam.safetensors --out page"
)]
pub(crate) struct Args {
    /// Prepared corpus.
    corpus: PathBuf,
    /// Model directory; a second one is compared with the first.
    #[arg(long = "model", value_name = "MODEL", required = true)]
    models: Vec<PathBuf>,
    /// Folder of the page.
    #[arg(long)]
    out: PathBuf,
    /// Probe of one of the models (made by `probe`), whose tags are shown; may be given several times.
    #[arg(long = "probe", value_name = "PROBE")]
    probes: Vec<PathBuf>,
    /// What a point is.
    #[arg(long, value_enum, default_value_t)]
    by: By,
    /// Hidden state that is compared: a number (0 is the input of the first layer), or the mean of all layers.
    #[arg(long, default_value = "mean")]
    layer: String,
    /// Nearest neighbours listed for each point.
    #[arg(long, default_value_t = 10)]
    neighbours: usize,
    /// Longest excerpt, seconds.
    #[arg(long, default_value_t = 8.0)]
    excerpt_seconds: f64,
    /// Megabytes of all excerpts together; where they do not suffice, cultures take turns.
    #[arg(long, default_value_t = 500)]
    audio_megabytes: u64,
    /// Write no sound.
    #[arg(long, conflicts_with_all = ["excerpt_seconds", "audio_megabytes"])]
    no_audio: bool,
    /// Title of the page; by default the name of the corpus.
    #[arg(long)]
    title: Option<String>,
    /// Seed of the map and of the choice of excerpts.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Bring recordings to mean 0 and variance 1; by default as the model's preprocessor says.
    #[arg(long)]
    normalize: Option<bool>,
    #[command(flatten)]
    place: DeviceArgs,
}

#[derive(Clone, Copy, Default, clap::ValueEnum)]
enum By {
    /// Each segment of a recording.
    #[default]
    Clip,
    /// Each recording, the mean of its clips.
    Recording,
}

impl From<By> for Unit {
    fn from(by: By) -> Self {
        match by {
            By::Clip => Self::Clip,
            By::Recording => Self::Recording,
        }
    }
}

/// Neighbours beyond these make the page large and tell nothing.
const MOST_NEIGHBOURS: usize = 100;
/// Seconds beyond which a part is no excerpt.
const LONGEST_EXCERPT: f64 = 30.0;

/// A model to look at.
struct Subject {
    name: String,
    hash: String,
    embedder: Embedder,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    check(args)?;
    let layer = LayerChoice::parse(&args.layer)?;
    let corpus = open_corpus(&args.corpus)?;
    let subjects = subjects(args, layer)?;
    let probes = probes(args, &subjects)?;
    refuse_foreign(&args.out)?;

    let unit = Unit::from(args.by);
    let shortest = subjects.iter().map(|subject| subject.embedder.shortest()).max().unwrap_or(0);
    let points = points(&corpus, unit, shortest);
    if points.all.is_empty() {
        let dir = args.corpus.display();
        anyhow::bail!("corpus `{dir}` has no clip that sounds and is long enough for the model");
    }
    for (n, what) in [(points.silent, "nothing sounds"), (points.too_short, "the model finds no frame")] {
        if n > 0 {
            terminal.say(format!("left out: {n} clips in which {what}"));
        }
    }
    let mut items = points.items(&corpus, unit);
    let (mut models, mut predictions, mut stated) = (Vec::new(), Vec::new(), Vec::new());
    for subject in &subjects {
        let own: Vec<&(String, Probe)> =
            probes.iter().filter(|(_, probe)| probe.facts().encoder.hash == subject.hash).collect();
        let readers: Vec<&Probe> = own.iter().map(|(_, probe)| probe).collect();
        let heard = hear(&subject.embedder, &corpus, &points, layer, &readers, &subject.name, terminal)?;
        let onto = models.first().map(|first: &ModelView| first.plane.as_slice());
        let width = subject.embedder.width();
        let recordings = points.recordings();
        let viewed = terminal.during(&format!("map of {}", subject.name), || {
            view(&heard.rows, width, &recordings, args.neighbours, args.seed, onto)
        })?;
        for ((name, probe), likeliest) in own.into_iter().zip(heard.likeliest) {
            predictions.push(Predictions { name: name.clone(), tags: probe.tags().to_vec(), likeliest });
        }
        stated.push(said_of(subject, &viewed));
        models.push(model_view(subject, viewed));
    }
    let cuts = if args.no_audio {
        vec![None; items.len()]
    } else {
        let (seconds, limit) = (args.excerpt_seconds, args.audio_megabytes.saturating_mul(1_000_000));
        plan_excerpts(&corpus, &points, &mut items, &Excerpts { seconds, limit, seed: args.seed })
    };
    let result = json!({
        "page": args.out.join("index.html"),
        unit.name().to_owned() + "s": items.len(),
        "cultures": counted(&items, |item| item.culture.clone()),
        "sound": counted(&items, |item| sound_name(item.sound).to_owned()),
        "left_out": { "silent": points.silent, "too_short": points.too_short },
        "models": stated,
        "shared_neighbours": shared(&models),
    });
    let collection = Collection {
        title: title(args),
        unit,
        k: args.neighbours,
        items,
        models,
        predictions,
        facts: facts(args, &corpus, layer),
    };
    let page = explore::page(&collection)?;
    files::replace_directory(&args.out, |dir| {
        files::create_directories(&dir.join("audio"))?;
        write_excerpts(&corpus, &cuts, dir, terminal)?;
        files::write_atomic(&dir.join("index.html"), page.as_bytes())?;
        anyhow::Ok(())
    })?;
    terminal.say(format!("open `{}`", args.out.join("index.html").display()));
    print_json(&result)
}

fn check(args: &Args) -> anyhow::Result<()> {
    if args.models.len() > 2 {
        return Err(usage(format!("a page compares two models, not {}", args.models.len())));
    }
    if !(1..=MOST_NEIGHBOURS).contains(&args.neighbours) {
        return Err(usage(format!(
            "`--neighbours {}` is not between 1 and {MOST_NEIGHBOURS}",
            args.neighbours
        )));
    }
    let seconds = args.excerpt_seconds;
    if !(seconds > 0.0 && seconds <= LONGEST_EXCERPT) {
        return Err(usage(format!(
            "`--excerpt-seconds {seconds}` is not above 0 and at most {LONGEST_EXCERPT}; `--no-audio` writes no sound"
        )));
    }
    Ok(())
}

fn subjects(args: &Args, layer: LayerChoice) -> anyhow::Result<Vec<Subject>> {
    let directories: Vec<ModelDirectory> =
        args.models.iter().map(|path| open_model(path)).collect::<anyhow::Result<_>>()?;
    let names: Vec<String> = directories.iter().map(ModelDirectory::name).collect();
    let device = args.place.find()?;
    let mut subjects = Vec::new();
    for (index, (directory, path)) in directories.iter().zip(&args.models).enumerate() {
        // `base/model` and `adapted/model` are told apart by their paths.
        let is_taken = names.iter().enumerate().any(|(other, name)| other != index && *name == names[index]);
        let name = if is_taken { path.display().to_string() } else { names[index].clone() };
        let embedder = Embedder::new(directory, args.normalize, &device)?;
        layer.check(embedder.n_states())?;
        subjects.push(Subject { name, hash: directory.identity()?.to_string(), embedder });
    }
    Ok(subjects)
}

fn probes(args: &Args, subjects: &[Subject]) -> anyhow::Result<Vec<(String, Probe)>> {
    args.probes
        .iter()
        .map(|path| {
            must_exist("probe", path)?;
            let probe = Probe::load(path)?;
            let encoder = &probe.facts().encoder;
            if subjects.iter().all(|subject| subject.hash != encoder.hash) {
                let (probe, model) = (path.display(), &encoder.name);
                return Err(usage(format!(
                    "probe `{probe}` was trained on model `{model}`, which is none of those given"
                )));
            }
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            Ok((name.unwrap_or_default(), probe))
        })
        .collect()
}

/// Nothing but an older page is written over.
fn refuse_foreign(out: &Path) -> anyhow::Result<()> {
    if !out.exists() {
        return Ok(());
    }
    let shown = out.display();
    if !out.is_dir() {
        return Err(usage(format!("`--out {shown}` is a file; name a folder")));
    }
    let mut names = Vec::new();
    for entry in std::fs::read_dir(out).with_context(|| format!("could not list `{shown}`"))? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    let is_ours = std::fs::read(out.join("index.html"))
        .is_ok_and(|page| String::from_utf8_lossy(&page[..page.len().min(4096)]).contains(GENERATOR));
    let foreign = names.iter().find(|name| !["index.html", "audio"].contains(&name.as_str()));
    match foreign.or(names.first().filter(|_| !is_ours)) {
        None => Ok(()),
        Some(name) => Err(usage(format!(
            "`--out {shown}` holds `{name}`, which is no part of a page of this program; name another folder"
        ))),
    }
}

fn model_view(subject: &Subject, viewed: Viewed) -> ModelView {
    let mut facts = vec![("Hash".to_owned(), subject.hash.clone())];
    if let Some((ours, linear)) = viewed.trust {
        facts.push((
            "Trustworthiness of the map".into(),
            format!("{ours:.3} for 10 neighbours, {linear:.3} for two principal components; 1 is perfect"),
        ));
    }
    let share = 100.0 * viewed.variance;
    facts.push(("Two principal components".into(), format!("{share:.0} % of the variance")));
    ModelView { name: subject.name.clone(), plane: viewed.plane, neighbours: viewed.neighbours, facts }
}

fn said_of(subject: &Subject, viewed: &Viewed) -> Value {
    json!({
        "name": subject.name,
        "hash": subject.hash,
        "trustworthiness": viewed.trust.map(|(ours, _)| ours),
        "trustworthiness_of_two_components": viewed.trust.map(|(_, linear)| linear),
    })
}

/// Neighbours that two models share, mean over points.
fn shared(models: &[ModelView]) -> Option<f64> {
    let [one, two] = models else { return None };
    let pairs = one.neighbours.iter().zip(&two.neighbours);
    let sum: usize = pairs.map(|(a, b)| overlap(a, b)).sum();
    Some(sum as f64 / one.neighbours.len().max(1) as f64)
}

fn counted(items: &[Item], of: impl Fn(&Item) -> String) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for item in items {
        *counts.entry(of(item)).or_default() += 1;
    }
    counts
}

fn sound_name(sound: Sound) -> &'static str {
    match sound {
        Sound::Excerpt { .. } => "excerpt",
        Sound::Licence => "not allowed by the licence",
        Sound::Limit => "beyond the limit",
        Sound::Off => "switched off",
    }
}

fn title(args: &Args) -> String {
    let name = args.corpus.canonicalize().ok();
    let name = name.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    args.title.clone().unwrap_or_else(|| name.unwrap_or_else(|| "Collection".into()))
}

fn facts(args: &Args, corpus: &Corpus, layer: LayerChoice) -> Vec<(String, String)> {
    let layer = match layer {
        LayerChoice::Mean => "the mean of all layers".to_owned(),
        LayerChoice::One(number) => format!("number {number}"),
    };
    let fact = |name: &str, value: String| (name.to_owned(), value);
    vec![
        fact("Version", format!("culturemert {}", env!("CARGO_PKG_VERSION"))),
        fact("Corpus", corpus.content_hash()),
        fact("Hidden state", layer),
        fact("Seed", args.seed.to_string()),
    ]
}
