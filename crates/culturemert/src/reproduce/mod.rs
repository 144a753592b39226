//! The whole study: built-in corpus, base, adapted models, merges, probes, similarity, report. Every step is kept by its inputs' hash.

mod collect;
mod map;
mod models;
mod plan;
mod probing;
mod tags;
mod training;

use std::path::{Path, PathBuf};
use std::time::Instant;

use corpus::{Corpus, PrepareRequest};
use evaluate::DivergenceUnit;
use study::results::{LambdaPoint, ModelKind, ModelResult, Recipe, StepTiming, StudyResults};
use study::{Done, Event, Ledger, Step};

use crate::commands::merge::task_arithmetic;
use crate::commands::prepare::prepare_with_bar;
use crate::commands::similarity::plain_settings;
use crate::commands::synth;
use crate::interrupt::stop_flag;
use crate::share::Work;
use crate::terminal::Terminal;
use crate::token_counts::of_corpus;
use crate::tokens::{fit, tokenize_corpus};
use models::{CULTURES, Planned, Roster, WESTERN};
use training::{Ground, TrainedModel, in_parallel, train};

pub(crate) use plan::StudyPlan;

/// Runs the study in `out` and returns its results; `report.html` lies there then.
pub(crate) fn run(
    plan: &StudyPlan,
    preset: &str,
    out: &Path,
    terminal: &Terminal,
) -> anyhow::Result<StudyResults> {
    let quiet = Terminal::new(true, true);
    let begun = Instant::now();
    let roster = Roster::new(plan)?;
    let ledger = ledger(out, terminal)?;
    let mut timings: Vec<StepTiming> = Vec::new();

    let (recordings, prepared) = make_corpus(plan, &ledger, &quiet)?;
    timings.extend([StepTiming::from(&recordings), StepTiming::from(&prepared)]);
    let corpus = Corpus::open(&prepared.dir.join("corpus"))?;
    let tokenizer = codec::open(prepared.dir.join("codec"))?;
    let ground = Ground { ledger: &ledger, corpus: &corpus, tokenizer: tokenizer.hash(), terminal };

    let base = train(&ground, &roster.base, None)?;
    let base_model = base.model();
    let mut trained = vec![base];
    trained.extend(in_parallel(roster.adapted.iter().collect(), |planned: &Planned| {
        train(&ground, planned, Some(&base_model))
    })?);
    timings.extend(trained.iter().map(|model| StepTiming::from(&model.done)));
    let merged = merge_all(plan, &ledger, &roster, &trained)?;
    timings.extend(merged.iter().map(|(_, done)| StepTiming::from(done)));

    let traditions: Vec<&str> = CULTURES.into_iter().chain([WESTERN]).collect();
    let all: Vec<&Planned> = std::iter::once(&roster.base).chain(&roster.adapted).collect();
    let mut subjects: Vec<(String, PathBuf)> =
        all.iter().zip(&trained).map(|(planned, model)| (planned.name.clone(), model.model())).collect();
    subjects.extend(merged.iter().map(|(lambda, done)| (merged_name(*lambda), done.dir.join("model"))));
    let config = plan.probe_config();
    let probed = in_parallel(subjects, |(name, model)| {
        probing::probe_model(&ledger, &corpus, &name, &model, &traditions, &config, &quiet)
    })?;
    timings.extend(probed.iter().map(|(_, done)| StepTiming::from(done)));

    let shown = all.iter().position(|planned| planned.kind == ModelKind::MultiCulture).unwrap_or(0);
    let mapped: std::collections::BTreeSet<usize> = [0, shown].into();
    let mapped: Vec<(&str, PathBuf)> =
        mapped.into_iter().map(|index| (all[index].name.as_str(), trained[index].model())).collect();
    let (map, done) = map::map(&ledger, &corpus, &mapped, plan.seed, &quiet)?;
    timings.push(StepTiming::from(&done));

    let mut results = StudyResults::new(
        preset,
        plan.probe.seeds.clone(),
        collect::describe(&corpus, &traditions),
        collect::tokenizer(tokenizer.as_ref()),
    );
    let hash = |text: String| files::hash_bytes(text.as_bytes()).to_string();
    results.provenance.insert("plan".into(), hash(serde_json::to_string(plan)?));
    results.provenance.insert("corpus".into(), corpus.content_hash());
    results.provenance.insert("tokenizer".into(), tokenizer.hash().into());
    let base_hash = weights::ModelDirectory::open(&base_model)?.identity()?;
    results.provenance.insert("base".into(), base_hash.to_string());
    for (planned, model) in all.iter().zip(&trained) {
        let (model, runs) = collect::trained(planned, model)?;
        results.models.push(model);
        results.runs.extend(runs);
    }
    add_merged(plan, &merged, &probed, &mut results);
    results.similarity = Some(similarity(&corpus, tokenizer.hash())?);
    results.map = Some(map);
    results.timings = timings;
    results.findings = study::findings(&results);
    study::write_all(&results, out)?;
    terminal.say(format!(
        "study finished in {:.0} s; open `{}`",
        begun.elapsed().as_secs_f64(),
        out.join("report.html").display()
    ));
    Ok(results)
}

fn ledger(out: &Path, terminal: &Terminal) -> anyhow::Result<Ledger> {
    let speaks = !terminal.is_quiet();
    let begun = Instant::now();
    Ok(Ledger::open(out)?.with_watcher(move |event| {
        let line = match event {
            Event::Waiting { step, holder } => format!("{step}: waiting for {holder:?}, which works on it"),
            Event::Damaged { step, .. } => format!("{step}: what was kept is damaged, so it is done anew"),
            Event::Resuming { step, .. } => format!("{step}: going on"),
            Event::Started { step } => format!("{step}: started"),
            Event::Finished { step, cached: true, .. } => format!("{step}: kept from an earlier run"),
            Event::Finished { step, .. } => format!("{step}: done"),
        };
        if speaks {
            eprintln!("[{:>5.1} s] {line}", begun.elapsed().as_secs_f64());
        }
    }))
}

/// The synthetic recordings, then the corpus with its tokenizer and codes.
fn make_corpus(plan: &StudyPlan, ledger: &Ledger, quiet: &Terminal) -> anyhow::Result<(Done, Done)> {
    let request = ::synth::PlanRequest::uniform(plan.seed, plan.corpus.minutes, plan.corpus.piece_seconds);
    let step =
        Step::new("synth").input("plan", serde_json::to_string(&plan.corpus)?).input("seed", plan.seed);
    let recordings = ledger.run(&step, |dir| synth::write(&synth::planned(&request)?, dir, quiet))?;
    let settings = plan.codec_settings();
    let step = Step::new("corpus")
        .input("recordings", &recordings.output_hash)
        .input("codec", serde_json::to_string(&settings)?);
    let prepared = ledger.run(&step, |dir| {
        let request = PrepareRequest::new(recordings.dir.join("index.jsonl"), dir.join("corpus"));
        prepare_with_bar(&request, quiet)?;
        let corpus = Corpus::open(&dir.join("corpus"))?;
        let codec_dir = dir.join("codec");
        if !codec_dir.join("codec.toml").is_file() {
            fit(&corpus, &settings, quiet)?.save(&codec_dir)?;
        }
        tokenize_corpus(&corpus, codec::open(&codec_dir)?.as_ref(), Work::Whole, stop_flag(), quiet)
    })?;
    Ok((recordings, prepared))
}

/// Task arithmetic over the single-culture models, for every weight of the sweep.
fn merge_all(
    plan: &StudyPlan,
    ledger: &Ledger,
    roster: &Roster,
    trained: &[TrainedModel],
) -> anyhow::Result<Vec<(f64, Done)>> {
    let base = trained[0].model();
    let experts: Vec<(&Planned, &TrainedModel)> = roster
        .adapted
        .iter()
        .zip(&trained[1..])
        .filter(|(planned, _)| planned.kind == ModelKind::SingleCulture)
        .collect();
    let models: Vec<PathBuf> = experts.iter().map(|(_, model)| model.model()).collect();
    let mut merged = Vec::new();
    for &lambda in &plan.merge.lambdas {
        let mut step = Step::new(merged_name(lambda))
            .input("lambda", lambda)
            .input("base", &trained[0].done.output_hash);
        for (planned, model) in &experts {
            step = step.input(planned.name.as_str(), &model.done.output_hash);
        }
        let done = ledger
            .run(&step, |dir| task_arithmetic(&base, &models, lambda, &dir.join("model")).map(|_| ()))?;
        merged.push((lambda, done));
    }
    Ok(merged)
}

fn merged_name(lambda: f64) -> String {
    format!("task-arithmetic-{lambda}")
}

/// Puts the probes into the results: the shown merged model into the tables, all of them into the sweep.
fn add_merged(
    plan: &StudyPlan,
    merged: &[(f64, Done)],
    probed: &[(probing::Probed, Done)],
    results: &mut StudyResults,
) {
    let n_trained = results.models.len();
    let experts = results.models.iter().filter(|model| model.kind == ModelKind::SingleCulture);
    let trained_on: Vec<String> = experts.flat_map(|model| model.trained_on.clone()).collect();
    for (probed, _) in &probed[..n_trained] {
        results.probes.extend(probed.probes.iter().cloned());
    }
    for ((lambda, done), (probed, _)) in merged.iter().zip(&probed[n_trained..]) {
        results.lambda_sweep.push(LambdaPoint::from_probes(*lambda, &probed.probes));
        #[expect(clippy::float_cmp, reason = "the plan was checked to name one of its own numbers")]
        let shown = *lambda == plan.merge.shown;
        if shown {
            results.models.push(ModelResult {
                name: merged_name(*lambda),
                kind: ModelKind::Merged,
                recipe: Recipe::Merge,
                trained_on: trained_on.clone(),
                lambda: Some(*lambda),
                parameters: results.models[0].parameters,
                stages: Vec::new(),
                held_out: std::collections::BTreeMap::new(),
                seconds: done.seconds,
            });
            results.probes.extend(probed.probes.iter().cloned());
        }
    }
    let mut unused: Vec<&String> = probed.iter().flat_map(|(probed, _)| &probed.left_out).collect();
    unused.sort();
    unused.dedup();
    if !unused.is_empty() {
        results.left_out.unused.insert("tags without both classes in some split".into(), unused.len() as u64);
    }
}

fn similarity(corpus: &Corpus, tokenizer: &str) -> anyhow::Result<study::results::Similarity> {
    let counts = of_corpus(corpus, tokenizer)?;
    let similarity = evaluate::similarity(&counts.tables()?)?;
    let (bootstrap, splits) = plain_settings();
    Ok(study::results::Similarity {
        n_frames: similarity.cultures.iter().cloned().zip(similarity.n_frames).collect(),
        cultures: similarity.cultures,
        jensen_shannon: similarity.mean.jsd_nats,
        cosine_distance: similarity.mean.cosine_distance,
        intervals: Some(evaluate::similarity_intervals(&counts, DivergenceUnit::Nats, bootstrap)?),
        halves: Some(evaluate::split_halves(&counts, DivergenceUnit::Nats, splits)?),
    })
}
