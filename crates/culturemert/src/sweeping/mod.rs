//! λ by evidence: merges in memory, embedded and probed in one process, and the one that the validation recordings like best.
//!
//! The search is given validation scores and nothing else; test recordings are not even embedded while it runs. Points that are reported
//! (base, shared λ, λ by similarity, the chosen one) have test scores besides. Models are taken in the order of their names, so the order in which
//! they were given changes nothing.

mod ground;
mod kept;
mod outcome;
mod points;
mod questions;
mod search;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use corpus::Corpus;
use evaluate::{Guidance, GuidedTarget, ProbeConfig};
use study::evaluation::Named;
use study::sweep::{Metric, Origin, SCHEMA, Sweep, SweptCorpus, SweptModel, SweptTask, compare};
use weights::{LambdaSweep, LayerGroup};

use crate::guidance::guided;
use crate::interrupt::stop_flag;
use crate::terminal::Terminal;
use ground::Ground;
use kept::Kept;
use points::{Points, Progress, shared};
use search::searched;

pub(crate) use ground::Question;
pub(crate) use outcome::write_chosen;
pub(crate) use questions::Asked;
pub(crate) use search::{Search, Start};

/// What is asked.
pub(crate) struct SweepRequest<'a> {
    /// The base.
    pub(crate) base: &'a Path,
    /// What is merged with it: names, sorted, and directories.
    pub(crate) models: Vec<(String, PathBuf)>,
    pub(crate) factors: Vec<(LayerGroup, f64)>,
    pub(crate) corpus: &'a Corpus,
    pub(crate) questions: Vec<Question>,
    pub(crate) not_measured: Vec<Named>,
    /// Where the splits come from, in words.
    pub(crate) split: String,
    pub(crate) config: ProbeConfig,
    pub(crate) normalise: Option<bool>,
    /// Where merges are heard.
    pub(crate) device: Device,
    pub(crate) metric: Metric,
    /// λ that all models share, one after the other.
    pub(crate) grid: Vec<f64>,
    /// The shared λ where the grid has none but 0.
    pub(crate) uniform: f64,
    pub(crate) guide: Option<Guide<'a>>,
    pub(crate) search: Option<Search>,
    /// File of measurements that are kept.
    pub(crate) keep: Option<&'a Path>,
}

/// λ by similarity.
pub(crate) struct Guide<'a> {
    pub(crate) file: &'a Path,
    /// A culture; none: all together.
    pub(crate) target: Option<&'a str>,
    pub(crate) temperature: f64,
}

/// Runs it.
pub(crate) fn sweep(request: SweepRequest<'_>, terminal: &Terminal) -> anyhow::Result<Sweep> {
    let paths: Vec<&Path> = request.models.iter().map(|(_, path)| path.as_path()).collect();
    let names: Vec<String> = request.models.iter().map(|(name, _)| name.clone()).collect();
    let merges = LambdaSweep::open(request.base, &paths)?;
    // A group without tensors is said before anything is embedded.
    merges.plan(&vec![0.0; names.len()], &request.factors)?;
    if let Some(guide) = &request.guide {
        guided_by(guide, &names, request.uniform)?;
    }
    // Of base and models; they are read whole for these, so this is done once.
    let hashes: Vec<String> = merges.content_hashes()?.iter().map(ToString::to_string).collect();
    let ground = Ground {
        merges,
        factors: request.factors,
        corpus: request.corpus,
        questions: request.questions,
        config: request.config,
        normalise: request.normalise,
        device: request.device,
        stop: stop_flag(),
    };
    let kept = Kept::open(request.keep, ground.key(&hashes)?)?;
    let mut points = Points::new(&ground, &names, request.metric, kept, terminal);
    let n = names.len();

    // Without a shared λ there would be nothing to compare with.
    let extra = request.grid.iter().all(|lambda| *lambda == 0.0).then_some(request.uniform);
    let of_grid: Vec<f64> = request.grid.iter().copied().chain(extra).collect();
    let bar = terminal.parts_bar("shared λ", of_grid.len() + 1);
    let of = of_grid.len() + 1;
    let base = points.at(&vec![0.0; n], Origin::Base, true, Progress { bar: &bar, index: 0, of })?;
    for (index, &lambda) in of_grid.iter().enumerate() {
        let progress = Progress { bar: &bar, index: index + 1, of };
        points.at(&vec![lambda; n], Origin::Uniform, true, progress)?;
    }
    bar.finish();
    let uniform = points.best(|point| shared(&point.lambdas).is_some_and(|lambda| lambda != 0.0));
    let uniform = uniform.ok_or_else(|| anyhow::anyhow!("no shared λ besides 0 was measured"))?;
    let uniform_lambda = points.all[uniform].lambdas[0];
    let mut named = vec![("base", base), ("uniform", uniform)];

    let guided = request.guide.as_ref().map(|guide| guided_by(guide, &names, uniform_lambda)).transpose()?;
    let guided_lambdas =
        guided.as_ref().map(|target| target.sources.iter().map(|source| source.lambda).collect::<Vec<f64>>());
    if let Some(lambdas) = &guided_lambdas {
        let bar = terminal.parts_bar("guided λ", 1);
        let progress = Progress { bar: &bar, index: 0, of: 1 };
        named.push(("guided", points.at(lambdas, Origin::Guided, true, progress)?));
        bar.finish();
    }

    let mut trace = None;
    if let Some(search) = &request.search {
        let (word, start) = match &search.start {
            Start::Uniform => ("uniform", vec![uniform_lambda; n]),
            Start::Guided => ("guided", guided_lambdas.unwrap_or_default()),
            Start::Given(lambdas) => ("given", lambdas.clone()),
        };
        trace = Some(searched(search, word, &start, &mut points, &names)?);
    }
    let chosen = points.best(|_| true).ok_or_else(|| anyhow::anyhow!("no score is a number"))?;
    let bar = terminal.parts_bar("chosen λ", 1);
    points.test(chosen, Progress { bar: &bar, index: 0, of: 1 })?;
    bar.finish();
    named.push(("chosen", chosen));

    let swept = points.report();
    let tasks = ground.questions.iter().map(|question| SweptTask {
        name: question.name.clone(),
        tags: question.task.tags.clone(),
        left_out: points.left_out(&question.name),
        files: question.task.sizes(),
    });
    let models = names.iter().zip(&hashes[1..]);
    let licences = request.corpus.clips().iter().map(|clip| clip.licence.as_deref());
    let mut synthetic = licences.map(|licence| licence == Some(synth::LICENCE));
    let mut provenance = BTreeMap::from([("probe".to_owned(), serde_json::to_string(&ground.config)?)]);
    if !ground.factors.is_empty() {
        provenance.insert("factors of λ".into(), serde_json::to_string(&ground.factors)?);
    }
    Ok(Sweep {
        schema: SCHEMA,
        tool_version: env!("CARGO_PKG_VERSION").into(),
        metric: request.metric,
        base: SweptModel { name: ground.merges.base().name(), hash: hashes[0].clone() },
        models: models.map(|(name, hash)| SweptModel { name: name.clone(), hash: hash.clone() }).collect(),
        corpus: SweptCorpus {
            name: corpus_name(request.corpus),
            hash: request.corpus.content_hash(),
            split: request.split,
            synthetic: synthetic.all(|synthetic| synthetic),
        },
        tasks: tasks.collect(),
        not_measured: request.not_measured,
        seeds: ground.config.seeds.clone(),
        compared: compare(request.metric, &swept, &named),
        points: swept,
        search: trace,
        guided,
        chosen,
        provenance,
    })
}

fn guided_by(guide: &Guide<'_>, names: &[String], uniform_lambda: f64) -> anyhow::Result<GuidedTarget> {
    guided(guide.file, names, guide.target, Guidance { uniform_lambda, temperature: guide.temperature })
}

fn corpus_name(corpus: &Corpus) -> String {
    let dir = corpus.dir().canonicalize().unwrap_or_else(|_| corpus.dir().into());
    dir.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
