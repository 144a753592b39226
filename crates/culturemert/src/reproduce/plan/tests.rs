//! Shipped studies and what is wrong with others.

use study::results::{ModelKind, Recipe};

use super::*;
use crate::reproduce::file::PRESETS;
use crate::reproduce::models::{Origin, Part};
use std::collections::BTreeSet;

const DESCRIBED: Asked = Asked { limit: None, describe: true };

fn planned(name: &str, set: &[&str], asked: Asked) -> anyhow::Result<StudyPlan> {
    StudyPlan::new(StudyFile::find(name, set)?, asked)
}

#[track_caller]
fn refused(set: &[&str], part: &str) {
    let message = format!("{:#}", planned("pocket", set, Asked::default()).unwrap_err());
    assert!(message.contains(part), "{message}");
}

#[test]
fn every_shipped_study_is_a_whole_graph() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("index.tsv");
    std::fs::write(&index, "path\tculture\na.wav\tgreek\nb.wav\tcarnatic\nc.wav\twestern\n").unwrap();
    let recordings = format!("corpora.recordings.index={}", index.display());
    for (name, _) in PRESETS {
        let set: &[&str] = if name == "own-recordings" { &[&recordings] } else { &[] };
        let plan = planned(name, set, DESCRIBED).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        let graph = plan.graph().unwrap_or_else(|error| panic!("{name}: {error:#}"));
        let report = graph.place("report").unwrap();
        assert_eq!(graph.with_needs(&BTreeSet::from([report])).len(), graph.len(), "{name}");
        if name.starts_with("ablation") && name != "ablation-ground" && name != "ablation-lambda" {
            let variants = plan.models.iter().filter(|model| matches!(model.part, Part::Variant { .. }));
            assert!(variants.count() >= 6, "{name}: two variants or more, with three seeds");
        }
    }
}

#[test]
fn the_paper_is_that_of_the_paper() {
    let plan = planned("paper", &[], DESCRIBED).unwrap();
    let hours = |name: &str| -> Vec<f64> {
        let totals = plan.model(name).unwrap().plan.as_ref().unwrap().totals();
        totals.iter().map(|stage| stage.hours).collect()
    };
    assert_eq!(hours("CultureMERT"), [100.0, 650.0]);
    assert_eq!((hours("MakamMERT"), hours("LyraMERT")), (vec![60.0, 200.0], vec![20.0, 50.0]));
    let stages = &plan.model("CultureMERT").unwrap().plan.as_ref().unwrap().stages;
    assert_eq!(stages[0].data.replay.as_ref().unwrap().share, 0.2);
    assert!(stages[1].data.replay.is_none());
    let recipes: Vec<Recipe> = plan.models.iter().map(|model| model.recipe).collect();
    for recipe in [Recipe::SingleStage, Recipe::SingleStageNoRewarming, Recipe::TwoStageReplayBoth] {
        assert_eq!(recipes.iter().filter(|one| **one == recipe).count(), 1);
    }
    let singles = plan.models.iter().filter(|model| model.kind == ModelKind::SingleCulture);
    assert_eq!(singles.count(), 4);
    let shown: Vec<(&str, f64)> =
        plan.merges.iter().filter_map(|merge| Some((merge.shown_as.as_deref()?, merge.lambda))).collect();
    assert_eq!(shown, [("CultureMERT-TA", 0.2)]);
    assert_eq!(plan.merges[0].experts.len(), 4);
    assert_eq!(plan.evaluation_config(&plan.file.evaluations[0]).seeds.len(), 5);
}

#[test]
fn variants_are_their_model_but_for_what_they_state() {
    let plan = planned("ablation-replay", &[], DESCRIBED).unwrap();
    let of = |name: &str| plan.model(name).unwrap();
    let shares = |name: &str| -> Vec<f64> {
        let stages = &of(name).plan.as_ref().unwrap().stages;
        stages.iter().map(|stage| stage.data.replay.as_ref().map_or(0.0, |replay| replay.share)).collect()
    };
    assert_eq!(shares("multi-culture"), [0.2, 0.0]);
    assert_eq!((shares("replay-0"), shares("replay-40")), (vec![0.0, 0.0], vec![0.4, 0.0]));
    assert_eq!(
        (shares("replay-20-in-stage-2"), shares("replay-20-in-both")),
        (vec![0.0, 0.2], vec![0.2, 0.2])
    );
    let repeat = of("replay-40-seed-1339");
    assert_eq!((repeat.seed, repeat.plan.as_ref().unwrap().run.seed), (1339, 1339));
    assert_eq!(repeat.origin, Origin::Model("base".into()), "one base for all seeds");
    assert_eq!(of("multi-culture-seed-1338").part, Part::Repeat);
    assert!(plan.model("base-seed-1338").is_none());
    let Part::Variant { of: reference, changes } = &of("replay-40").part else { panic!("a variant") };
    assert_eq!(reference, "multi-culture");
    assert!(changes.len() == 1 && changes[0].contains("share = 0.4"), "{changes:?}");
    let plan = planned("ablation-stages", &[], DESCRIBED).unwrap();
    let names: Vec<&str> = plan
        .model("stages-exchanged")
        .unwrap()
        .plan
        .as_ref()
        .unwrap()
        .stages
        .iter()
        .map(|stage| stage.name.as_str())
        .collect();
    assert_eq!(names, ["adapt", "stabilise"]);
}

#[test]
fn equal_compute_means_as_many_seconds_of_sound() {
    for name in ["ablation-batch", "ablation-crop", "ablation-stages"] {
        let plan = planned(name, &[], DESCRIBED).unwrap();
        let hours = |plan: &pretrain::TrainPlan| plan.totals().iter().map(|stage| stage.hours).sum::<f64>();
        let reference = hours(plan.model("multi-culture").unwrap().plan.as_ref().unwrap());
        for model in plan.models.iter().filter(|model| matches!(model.part, Part::Variant { .. })) {
            let own = hours(model.plan.as_ref().unwrap());
            assert!((own - reference).abs() < 1e-9, "{name}: {}: {own} {reference}", model.name);
        }
    }
}

#[test]
fn a_rehearsal_goes_without_what_is_not_named() {
    let folder = tempfile::tempdir().unwrap();
    let set = format!("datasets.lyra.folder={}", folder.path().display());
    let message = planned("paper", &[&set], Asked::default()).unwrap_err().to_string();
    assert!(message.contains("`--set datasets.makam.folder=…`") && !message.contains("lyra"), "{message}");
    let plan = planned("paper", &[&set], Asked { limit: Some(3), describe: false }).unwrap();
    assert_eq!(plan.corpora[0].cultures, ["greek"]);
    let names: Vec<&str> = plan.models.iter().map(|model| model.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "MERT-v1",
            "LyraMERT",
            "CultureMERT",
            "single-stage",
            "single-stage-not-rewarmed",
            "replay-in-both-stages"
        ]
    );
    assert!(plan.models.iter().all(|model| model.plan.as_ref().unwrap().updates() <= 6));
    assert!(plan.notices.iter().any(|notice| notice.contains("nothing is replayed")), "{:?}", plan.notices);
    assert_eq!(plan.file.evaluations[0].datasets, ["lyra"]);
    plan.graph().unwrap();
}

#[test]
fn contradictions_are_named() {
    refused(&["models.base.directory=x"], "both a `directory` and a `scratch`");
    refused(&["models.multi-culture.from=bse"], "did you mean `base`?");
    refused(&["models.multi-culture.order=[0, 0]"], "not each of the stages 0 to 1 once");
    refused(&["models.multi-culture.replay={ share = 1.5 }"], "`replay.share` is 1.5");
    refused(&["models.multi-culture.replay={ share = 0.1, stages = [4] }"], "names the stage 4");
    refused(&["models.multi-culture.set=['stage.0.update=3']"], "did you mean `updates`?");
    refused(&["models.single-stage.of=multi-cultur"], "did you mean `multi-culture`?");
    refused(&["models.base.tokenizer=k-mean"], "did you mean `k-means`?");
    refused(&["merges.0.lambdas=[0.2, 0.1]"], "rising numbers");
    refused(&["merges.0.shown=0.7"], "none of `lambdas`");
    refused(&["merges.0.method=slerp"], "has no λ");
    refused(&["merges.0.models=['carnatik']"], "did you mean `carnatic`?");
    refused(&["tokenizers.0.cultures=['jazz']"], "has nothing of `jazz`");
    refused(&["corpora.0.index=x"], "needs one of `synth`, `index`, `gather` and `prepared`");
    refused(&["datasets=[{ name = 'lira', folder = '.' }]"], "did you mean `lyra`?");
    refused(&["evaluations=[{ name = 'e', datasets = ['lyra'] }]"], "no data set `lyra`");
    refused(&["models.1.name=x"], "put `{culture}` into its name");
    refused(&["models.2.name=base"], "two entries of `models` are called `base`");
    refused(&["probe.epochs=0"], "`probe`: ");
    refused(&["training=pockt"], "did you mean `pocket`?");
}
