//! Training plans of models.

use std::collections::BTreeSet;

use pretrain::{CultureHours, Replay, TrainFile, TrainPlan};

use crate::exit::usage;
use crate::reproduce::file::{ModelFile, RecipeName, ReplayFile, ScratchFile, StudyFile};
use crate::reproduce::plan::{Lacks, PlannedCorpus, must_be_in};

/// The training plan of an entry with its assignments.
pub(super) fn training_file(
    file: &StudyFile,
    model: &ModelFile,
    tokenizer: &str,
    seed: u64,
) -> anyhow::Result<TrainFile> {
    let training = model.training.as_ref().unwrap_or(&file.training);
    if training.is_empty() {
        return Err(usage("the study does not say by which plan its models train: `training`"));
    }
    let mut assignments = vec![format!("run.seed={seed}")];
    let tokenizer = file.tokenizers.iter().find(|one| one.name == tokenizer);
    let shape = tokenizer.and_then(|one| {
        let fitted = one.fit.as_ref().map(|fit| (fit.codebooks, fit.entries));
        fitted.or(one.encodec.as_ref().map(|encodec| (encodec.codebooks, encodec.entries)))
    });
    if let Some((codebooks, entries)) = shape {
        assignments.push(format!("objective.codebooks={codebooks}"));
        assignments.push(format!("objective.entries={entries}"));
    }
    Ok(TrainFile::find(training)?.with_overrides(&assignments)?.with_overrides(&model.set)?)
}

/// A base's plan, and the cultures that it hears.
pub(super) fn scratch_plan(
    file: &StudyFile,
    plan: &TrainPlan,
    scratch: &ScratchFile,
    corpus: &PlannedCorpus,
) -> anyhow::Result<(TrainPlan, Vec<String>)> {
    scratch.cultures.iter().try_for_each(|culture| must_be_in(corpus, culture, "`scratch`"))?;
    let western: Vec<String> =
        corpus.cultures.iter().filter(|culture| file.western.contains(culture)).cloned().collect();
    let heard = match (scratch.cultures.is_empty(), western.is_empty()) {
        (false, _) => scratch.cultures.clone(),
        (true, false) => western,
        (true, true) => corpus.cultures.clone(),
    };
    if scratch.updates == 0 || !(scratch.peak.is_finite() && scratch.peak > 0.0) {
        return Err(usage("`scratch` needs `updates` and a `peak` above 0"));
    }
    let first = heard.first().map(String::as_str).unwrap_or_default();
    let mut plan = plan.scratch_base(first, scratch.updates, scratch.peak);
    for stage in &mut plan.stages {
        stage.data.cultures = heard.iter().map(|culture| CultureHours::all_of(culture)).collect();
    }
    Ok((plan, heard))
}

/// The plan of a model that is adapted: cultures, hours, replay, order of the stages, then the recipe.
pub(super) fn adapted_plan(
    file: &StudyFile,
    model: &ModelFile,
    plan: &TrainPlan,
    cultures: &[String],
    corpus: &PlannedCorpus,
    lacks: &mut Lacks,
) -> anyhow::Result<TrainPlan> {
    let names: Vec<&str> = cultures.iter().map(String::as_str).collect();
    let mut plan = plan.for_cultures(&names)?;
    if let Some(hours) = &model.hours {
        plan = plan.with_hours(hours)?;
    }
    if let Some(replay) = &model.replay {
        replayed(&mut plan, replay, &file.western)?;
    }
    // What is not there cannot be replayed.
    let (mut n_replays, mut n_kept) = (0, 0);
    for stage in &mut plan.stages {
        if let Some(replay) = &mut stage.data.replay {
            n_replays += 1;
            replay.cultures.retain(|culture| corpus.cultures.contains(culture));
            n_kept += usize::from(!replay.cultures.is_empty());
        }
        stage.data.replay = stage.data.replay.take().filter(|replay| !replay.cultures.is_empty());
    }
    if n_kept < n_replays {
        let notice =
            format!("nothing is replayed: the corpus `{}` has none of what the plan replays", corpus.name);
        if !lacks.notices.contains(&notice) {
            lacks.notices.push(notice);
        }
    }
    if let Some(order) = &model.order {
        let stages: Option<Vec<_>> = order.iter().map(|&number| plan.stages.get(number).cloned()).collect();
        let is_whole = order.iter().collect::<BTreeSet<_>>().len() == plan.stages.len();
        plan.stages =
            stages.filter(|stages| is_whole && stages.len() == plan.stages.len()).ok_or_else(|| {
                usage(format!(
                    "`order` is {order:?}, not each of the stages 0 to {} once",
                    plan.stages.len() - 1
                ))
            })?;
    }
    Ok(match model.recipe.unwrap_or_default() {
        RecipeName::TwoStage => plan,
        RecipeName::ReplayInAllStages => plan.replay_in_all_stages(),
        RecipeName::SingleStage => plan.single_stage(true),
        RecipeName::SingleStageNotRewarmed => plan.single_stage(false),
    })
}

fn replayed(plan: &mut TrainPlan, replay: &ReplayFile, western: &[String]) -> anyhow::Result<()> {
    if !(0.0..1.0).contains(&replay.share) {
        return Err(usage(format!("`replay.share` is {}, not from 0 to below 1", replay.share)));
    }
    let n_stages = plan.stages.len();
    if let Some(number) = replay.stages.iter().find(|&&number| number >= n_stages) {
        return Err(usage(format!(
            "`replay.stages` names the stage {number}, and the last is {}",
            n_stages - 1
        )));
    }
    // What the plan replays, or where it replays nothing what the base has heard.
    let before = plan.stages.iter().find_map(|stage| stage.data.replay.clone());
    let cultures = before.map_or_else(|| western.to_vec(), |before| before.cultures);
    for (number, stage) in plan.stages.iter_mut().enumerate() {
        let is_replayed = replay.share > 0.0 && replay.stages.contains(&number);
        stage.data.replay =
            is_replayed.then(|| Replay { cultures: cultures.clone(), share: replay.share, hours: None });
    }
    Ok(())
}
