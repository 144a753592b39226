//! λ by evidence: what is chosen, by what, that it goes on after a stop, and what is refused.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::command::{FEW, culturemert, json, small_corpus, talk};

/// A corpus, a base, two models that went on from it, and settings of a short probe.
fn world(dir: &Path) {
    small_corpus(dir);
    let train = ["pretrain", "--config", "pocket", "--corpus", "corpus", "--out"];
    json(dir, &[&train[..], &["base", "--init", "scratch"], &FEW].concat());
    for (out, seed) in [("one", "run.seed=3"), ("two", "run.seed=4")] {
        json(dir, &[&train[..], &[out, "--init", "base/model", "--set", seed], &FEW].concat());
    }
    json(dir, &["similarity", "--corpus", "corpus", "--out", "similarity.json"]);
    std::fs::write(dir.join("probe.toml"), "epochs = 5\nseeds = [1, 2]\nhidden = 16\n").unwrap();
}

const SWEEP: [&str; 5] = ["sweep", "--base", "base/model", "--config", "probe.toml"];
const MODELS: [&str; 4] = ["--model", "carnatic=one/model", "--model", "greek=two/model"];
const TURNED: [&str; 4] = ["--model", "greek=two/model", "--model", "carnatic=one/model"];
const TAGS: [&str; 2] = ["--tags", "tradition:,instrument:"];

fn numbers(list: &Value, key: &str) -> Vec<u64> {
    list.as_array().unwrap().iter().map(|one| one[key].as_f64().unwrap().to_bits()).collect()
}

#[test]
fn the_choice_is_of_validation_alone_and_whatever_the_order_and_the_test_tags() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    world(dir);
    let search = ["--lambda", "0,0.5,1", "--search", "coordinate", "--step-grid", "0.25", "--rounds", "2"];
    let guided = ["--similarity", "similarity.json", "--target", "carnatic"];
    let keep = ["--corpus", "corpus", "--keep", "points.jsonl"];
    let files = ["--out", "chosen", "--csv", "points.csv", "--svg", "points.svg"];
    let first = json(dir, &[&SWEEP[..], &MODELS, &TAGS, &search, &guided, &keep, &files].concat());

    // The best is the best on validation recordings, and a search only adds points.
    let points = first["points"].as_array().unwrap();
    let score = |point: &Value| point["validation"]["mean"]["mean"].as_f64().unwrap();
    let chosen = &points[first["chosen"].as_u64().unwrap() as usize];
    assert!(points.iter().all(|point| score(point) <= score(chosen)), "{first:#}");
    assert!(points.len() > 4 && first["search"]["rounds"][0]["n_new"].as_u64() == Some(4), "{first:#}");
    let lambdas = |point: &Value| point["lambdas"].to_string();
    let distinct: std::collections::BTreeSet<String> = points.iter().map(lambdas).collect();
    assert_eq!(distinct.len(), points.len(), "no λ twice");
    let names: Vec<&str> =
        first["compared"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["base", "uniform", "guided", "chosen"]);
    let of_guided = &points[first["compared"][2]["point"].as_u64().unwrap() as usize];
    let uniform = &points[first["compared"][1]["point"].as_u64().unwrap() as usize];
    let sum: f64 = of_guided["lambdas"].as_object().unwrap().values().filter_map(Value::as_f64).sum();
    assert!((sum - 2.0 * uniform["shared"].as_f64().unwrap()).abs() < 1e-9, "{of_guided}");
    let carnatic = |point: &Value| point["lambdas"]["carnatic"].as_f64().unwrap();
    assert!(carnatic(of_guided) > carnatic(uniform), "the target is nearest to itself");
    let with_test = |point: &&Value| !point["test"].is_null();
    let moves = points.iter().filter(|point| point["origins"] == serde_json::json!(["search"]));
    assert!(moves.filter(with_test).count() <= 1, "of moves of the search only the chosen one is tested");

    // λ = 0 is the base's own probe, bit for bit.
    let probe = ["probe", "--model", "base/model", "--corpus", "corpus", "--config", "probe.toml"];
    let base = json(dir, &[&probe[..], &["--tags", "tradition:", "--out", "base.json"]].concat());
    let side = |side: &str| &points[0][side]["tasks"]["tradition:"]["seeds"];
    assert_eq!(points[0]["lambdas"], serde_json::json!({ "carnatic": 0.0, "greek": 0.0 }));
    assert_eq!(numbers(side("validation"), "roc_auc"), numbers(&base["seeds"], "valid_roc_auc"));
    let tests: Vec<&Value> = base["seeds"].as_array().unwrap().iter().map(|seed| &seed["test"]).collect();
    let tests = serde_json::json!(tests);
    assert_eq!(numbers(side("test"), "roc_auc"), numbers(&tests, "roc_auc_macro"));
    assert_eq!(numbers(side("test"), "average_precision"), numbers(&tests, "average_precision_macro"));

    // The chosen merge is the one that was measured, and says how it was chosen.
    let card = std::fs::read_to_string(dir.join("chosen/README.md")).unwrap();
    let lineage = std::fs::read_to_string(dir.join("chosen/culturemert.toml")).unwrap();
    for text in [&card, &lineage] {
        assert!(text.contains("coordinate search from uniform λ"), "{text}");
        assert!(text.contains("validation recordings of corpus corpus"), "{text}");
    }
    assert!(lineage.contains(chosen["content_hash"].as_str().unwrap()));
    let csv = std::fs::read_to_string(dir.join("points.csv")).unwrap();
    assert_eq!(csv.lines().count(), points.len() + 1);
    assert!(std::fs::read_to_string(dir.join("points.svg")).unwrap().contains("Mean, test"));

    // Models in another order, kept points: the same value, and nothing is measured.
    let kept = std::fs::read(dir.join("points.jsonl")).unwrap();
    let again = [&SWEEP[..], &TURNED, &TAGS, &search, &guided, &keep].concat();
    assert_eq!(json(dir, &again), first);
    assert_eq!(std::fs::read(dir.join("points.jsonl")).unwrap(), kept, "nothing was measured");

    // Other tags on the test recordings: other test scores, the same choice.
    let index = std::fs::read_to_string(dir.join("recordings/index.jsonl")).unwrap();
    let mut lines: Vec<Value> = index.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let is_test: Vec<usize> = (0..lines.len()).filter(|&at| lines[at]["split"] == "test").collect();
    assert!(is_test.len() > 2, "{index}");
    let mut tags: Vec<Value> = is_test.iter().map(|&at| lines[at]["tags"].clone()).collect();
    tags.rotate_left(1);
    is_test.into_iter().zip(tags).for_each(|(at, tags)| lines[at]["tags"] = tags);
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    std::fs::write(dir.join("recordings/turned.jsonl"), lines.join("\n")).unwrap();
    json(dir, &["prepare", "--index", "recordings/turned.jsonl", "--out", "turned"]);
    let other = [&SWEEP[..], &MODELS, &TAGS, &search, &guided, &["--corpus", "turned"]].concat();
    let other = json(dir, &other);
    assert_eq!((&other["chosen"], &other["search"]), (&first["chosen"], &first["search"]));
    let sides = |swept: &Value, side: &str| -> Vec<Value> {
        swept["points"].as_array().unwrap().iter().map(|point| point[side].clone()).collect()
    };
    assert_eq!(sides(&other, "validation"), sides(&first, "validation"));
    assert_ne!(sides(&other, "test"), sides(&first, "test"));

    what_is_wrong_is_named(dir);
    similarity_guides_merges_and_mixtures(dir, &first);
    stopped_sweeps_go_on(dir);
}

fn what_is_wrong_is_named(dir: &Path) {
    let copy = ["config.json", "model.safetensors", "preprocessor_config.json"];
    std::fs::create_dir(dir.join("deeper")).unwrap();
    for file in copy {
        std::fs::copy(dir.join("one/model").join(file), dir.join("deeper").join(file)).unwrap();
    }
    let config = std::fs::read_to_string(dir.join("deeper/config.json")).unwrap();
    let mut config: Value = serde_json::from_str(&config).unwrap();
    config["num_hidden_layers"] = 3.into();
    std::fs::write(dir.join("deeper/config.json"), config.to_string()).unwrap();
    let refused = |more: &[&str], code: i32, part: &str| {
        let arguments = [&SWEEP[..], &["--corpus", "corpus", "--lambda", "0.5"], more].concat();
        let output = culturemert(dir, &arguments).output().unwrap();
        let said = talk(&output);
        assert_eq!(output.status.code(), Some(code), "{more:?}: {said}");
        assert!(said.contains(part), "{more:?}: {said}");
        assert!(output.stdout.is_empty());
    };
    let with = |more: &[&'static str]| [&MODELS[..], &TAGS, more].concat();
    let alone = |model: &'static str| [&["--model", model][..], &TAGS].concat();
    refused(&alone("a=deeper"), 1, "`deeper`: its architecture is not that of `base/model`");
    refused(&alone("a=nowhere"), 2, "model `nowhere` does not exist");
    refused(
        &with(&["--similarity", "similarity.json", "--target", "carnatik"]),
        2,
        "the target `carnatik` is none of the cultures of `similarity.json`",
    );
    let strangers = ["--model", "kora=one/model", "--similarity", "similarity.json"];
    refused(&[&TAGS[..], &strangers].concat(), 2, "the model `kora` is none of the cultures");
    refused(&with(&["--similarity", "probe.toml"]), 2, "is not what `culturemert similarity --out` writes");
    refused(&with(&["--keep", "similarity.json"]), 2, "holds no kept points");
    refused(&with(&["--out", "one/model"]), 2, "is the model itself");
    refused(&[&MODELS[..], &["--tags", "maqam:"]].concat(), 2, "no recording of the corpus has a tag");
    refused(&[&MODELS[..], &["--culture", "western,jazz"]].concat(), 2, "nothing of the culture `jazz`");
}

/// λ and shares by similarity are the same wherever they are asked for.
fn similarity_guides_merges_and_mixtures(dir: &Path, swept: &Value) {
    let merge = [&["merge", "--base", "base/model", "--out", "guided", "--lambda", "guided"][..], &MODELS];
    let guided = ["--similarity", "similarity.json", "--target", "carnatic", "--uniform"];
    let uniform = swept["guided"]["uniform_lambda"].as_f64().unwrap().to_string();
    let report = json(dir, &[&merge.concat()[..], &guided, &[&uniform]].concat());
    let point = &swept["points"][swept["compared"][2]["point"].as_u64().unwrap() as usize];
    assert_eq!(report["content_hash"], point["content_hash"]);
    let card = std::fs::read_to_string(dir.join("guided/README.md")).unwrap();
    assert!(
        card.contains("λ by similarity of tokens to carnatic (similarity.json, temperature 1)"),
        "{card}"
    );
    let asked = ["similarity", "--corpus", "corpus", "--adapted", "carnatic,greek", "--mixture"];
    let mixture = culturemert(dir, &[&asked[..], &["carnatic"]].concat()).output().unwrap();
    let mixture = String::from_utf8(mixture.stdout).unwrap();
    let share = swept["guided"]["sources"][0]["share"].as_f64().unwrap();
    assert!(mixture.contains(&format!("{{ culture = \"carnatic\", weight = {share:.6} }}")), "{mixture}");
    let settings = mixture.lines().last().unwrap().trim_start_matches(['#', ' ']);
    let mut arguments = vec!["pretrain".to_owned(), "--config".into(), "pocket".into(), "--dry-run".into()];
    for setting in settings.split("--set ").skip(1) {
        let setting = setting.trim().trim_matches('\'').replace("stage.N", "stage.1");
        arguments.extend(["--set".to_owned(), setting]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let plan = culturemert(dir, &arguments).output().unwrap();
    assert!(plan.status.success(), "{}", talk(&plan));
    assert!(String::from_utf8_lossy(&plan.stdout).contains("mixture = \"weights\""));
    let unknown = culturemert(dir, &[&asked[..], &["carnatik"]].concat()).output().unwrap();
    assert_eq!(unknown.status.code(), Some(2));
    assert!(talk(&unknown).contains("did you mean `carnatic`?"), "{}", talk(&unknown));
}

/// Ctrl-C ends with 130 and keeps what is known; the same command goes on to the value of one that nobody stopped.
fn stopped_sweeps_go_on(dir: &Path) {
    let grid = ["--lambda", "0.1,0.2,0.3,0.4,0.6,0.7,0.8,0.9,1.1,1.2,1.3,1.4,1.5,1.6"];
    let sweep = |keep: &'static str| {
        [&SWEEP[..], &MODELS, &TAGS, &grid, &["--corpus", "corpus", "--keep", keep]].concat()
    };
    let mut child = culturemert(dir, &sweep("stopped.jsonl"));
    let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let has_begun =
        || std::fs::read_to_string(dir.join("stopped.jsonl")).is_ok_and(|text| text.contains('\n'));
    while !has_begun() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let signal = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(signal.success() && output.stdout.is_empty());
    assert_eq!(output.status.code(), Some(130), "{}", talk(&output));
    assert!(
        talk(&output).contains("are kept in `stopped.jsonl`; the same command goes on"),
        "{}",
        talk(&output)
    );
    let lines = |file: &str| std::fs::read_to_string(dir.join(file)).unwrap().lines().count();
    let before = lines("stopped.jsonl");
    assert!((1..15).contains(&before), "{before}");
    let gone_on = json(dir, &sweep("stopped.jsonl"));
    assert_eq!(lines("stopped.jsonl"), 15, "base and fourteen λ, each once");
    assert_eq!(json(dir, &sweep("whole.jsonl")), gone_on);
}
