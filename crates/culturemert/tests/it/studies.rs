//! Studies as data: what is listed and estimated, parts of them, rehearsals, one's own recordings, array jobs, ablations.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::command::{culturemert, json, talk};
use crate::datasets::{makam, npy_of};

/// A training plan of few updates, and a study of it on little sound.
fn tiny(dir: &Path) {
    let training = concat!(env!("CARGO_MANIFEST_DIR"), "/../pretrain/presets/pocket.toml");
    let text = std::fs::read_to_string(training).unwrap();
    let text = text.replace("updates = 60", "updates = 10").replace("updates = 150", "updates = 4");
    std::fs::write(dir.join("training.toml"), text.replace("crops = 8 ", "crops = 1 ")).unwrap();
    let study = r#"
extends = ["pocket"]
leave_out = ["models.{culture}", "models.single-stage", "models.single-stage-not-rewarmed", "models.replay-in-both-stages", "merges.*"]
training = "training.toml"
training_seeds = [1, 2]

[[corpora]]
name = "synthetic"
synth.minutes = 1.0

[[tokenizers]]
name = "k-means"
fit.max_frames = 3000

[[models]]
name = "base"
scratch.updates = 3

[[variants]]
name = "replay-40"
of = "multi-culture"
replay = { share = 0.4 }

[probe]
hidden = 16
epochs = 2
"#;
    std::fs::write(dir.join("study.toml"), study).unwrap();
}

/// A recording of 6 s of one tone.
fn tone(path: &Path, step: f32) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let samples: Vec<f32> = (0..144_000).map(|t| 0.3 * (t as f32 * step).sin()).collect();
    audio::write_wav(std::fs::File::create(path).unwrap(), path, &samples, 24_000).unwrap();
}

#[track_caller]
fn succeeds(output: &Output) -> Value {
    assert!(output.status.success(), "{}", talk(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn steps(listed: &Value, state: &str) -> Vec<String> {
    let of_state = listed.as_array().unwrap().iter().filter(|one| one["state"] == state);
    of_state.map(|one| one["step"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn parts_of_a_study_come_together_whoever_does_them() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    tiny(dir);
    let study = ["reproduce", "--config", "study.toml", "--out"];
    let listed = json(dir, &[&study[..], &["parts", "--list", "--json"]].concat());
    assert_eq!(steps(&listed, "to-do").len() + 1, listed.as_array().unwrap().len());
    assert_eq!(steps(&listed, "always"), ["report"]);
    assert!(!dir.join("parts").exists(), "a list makes nothing");
    // A step, with what it needs.
    let only = json(dir, &[&study[..], &["parts", "--only", "probe-base"]].concat());
    assert_eq!(only["steps"], serde_json::json!(["probe-base"]));
    let listed = json(dir, &[&study[..], &["parts", "--list", "--json"]].concat());
    assert_eq!(
        steps(&listed, "kept"),
        [
            "recordings-synthetic",
            "corpus-synthetic",
            "codec-k-means",
            "codes-synthetic-k-means",
            "train-base",
            "probe-base"
        ]
    );
    // Two jobs of an array at the same time, each with its part; the last call puts them together.
    let job = |number: &str| {
        let mut command = culturemert(dir, &[&study[..], &["parts", "--shard", "auto"]].concat());
        command.env("JOB_COMPLETION_INDEX", number).env("JOB_COMPLETIONS", "2");
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
    };
    let (first, second) = (job("0"), job("1"));
    let shares = [first, second].map(|job| succeeds(&job.wait_with_output().unwrap()));
    let named = |share: &Value| share["steps"].as_array().unwrap().len();
    assert_eq!(named(&shares[0]) + named(&shares[1]) + 1, listed.as_array().unwrap().len());
    assert!(!dir.join("parts/results.json").exists(), "a part makes no report");
    let whole = culturemert(dir, &[&study[..], &["parts"]].concat()).output().unwrap();
    let printed = succeeds(&whole);
    assert!(!talk(&whole).contains(": started"), "{}", talk(&whole));
    assert_eq!(printed["rehearsal"], false);
    // The same in one go: the same numbers.
    succeeds(&culturemert(dir, &[&study[..], &["whole"]].concat()).output().unwrap());
    let read = |file: &str| std::fs::read(dir.join(file)).unwrap();
    assert!(read("parts/results.json") == read("whole/results.json"), "not the same bytes");
    let [parts, times] = ["parts/results.json", "parts/times.json"]
        .map(|file| serde_json::from_slice::<Value>(&read(file)).unwrap());
    assert!(times["steps"].as_array().is_some_and(|steps| !steps.is_empty()));
    // What one change does, over both training seeds.
    let ablation = &parts["ablations"][0];
    assert_eq!((&ablation["variant"], &ablation["of"]), (&"replay-40".into(), &"multi-culture".into()));
    assert_eq!(ablation["training_seeds"], serde_json::json!([1, 2]));
    let effect = &ablation["effects"][0];
    assert_eq!((&effect["scope"], &effect["measure"]), (&"adapted".into(), &"score".into()));
    let [low, high] = [0, 1].map(|end| effect["interval"][end].as_f64().unwrap());
    let difference = effect["difference"].as_f64().unwrap();
    assert!(low <= difference && difference <= high && effect["variant"].as_array().unwrap().len() == 2);
    let page = std::fs::read_to_string(dir.join("parts/report.html")).unwrap();
    assert!(page.contains("What single changes do") && page.contains("replay-40"));
    assert!(dir.join("parts/tables/ablations.csv").is_file());
}

#[test]
fn every_shipped_study_says_what_it_would_take() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    for name in ["pocket", "paper", "ablations", "ablation-ground", "ablation-tokenizer", "ablation-lambda"] {
        let estimates = json(dir, &["reproduce", "--config", name, "--dry-run", "--json"]);
        let steps = estimates["steps"].as_array().unwrap();
        for step in steps {
            let name = &step["step"];
            for key in ["seconds", "memory", "disk"] {
                assert!(step[key].as_f64().unwrap() > 0.0, "{name} has no {key}");
            }
        }
        let totals = &estimates["totals"];
        assert_eq!(totals["steps"].as_u64(), Some(steps.len() as u64));
        assert!(totals["elapsed"].as_f64() <= totals["seconds"].as_f64(), "{totals}");
        assert!(!estimates["rests_on"].as_array().unwrap().is_empty());
    }
    let output = culturemert(dir, &["reproduce", "--config", "paper", "--dry-run"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for part in [
        "train-CultureMERT ",
        "merge-CultureMERT-TA-0.2 ",
        "evaluate-table-2 ",
        "datasets.makam.folder",
        "GFLOP/s",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!dir.join("study").exists(), "nothing is made");
    let refused = |arguments: &[&str], part: &str| {
        let output = culturemert(dir, &[&["reproduce"], arguments].concat()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", talk(&output));
        assert!(talk(&output).contains(part), "{part}: {}", talk(&output));
    };
    refused(&["--config", "paper"], "`--set models.MERT-v1.directory=…`");
    refused(&["--config", "own-recordings"], "`--set corpora.recordings.index=PATH`");
    refused(&["--only", "probe-bse"], "did you mean `probe-base`?");
    refused(&["--set", "models.bse.scratch.updates=3"], "did you mean `base`?");
    refused(&["--config", "paper", "--set", "datasets.makam.folder=nowhere"], "`nowhere` does not exist");
    refused(&["--shard", "3/2"], "is not I/N");
    refused(&["--set", "models.multi-culture.cultures=['grek']"], "did you mean `greek`?");
}

#[test]
fn ones_own_recordings_become_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    tiny(dir);
    json(dir, &["synth", "--out", "recordings", "--minutes", "0.8", "--piece-seconds", "6"]);
    // Two cultures without Western music among them, one of them without tags and named as its people write it.
    let index = std::fs::read_to_string(dir.join("recordings/index.jsonl")).unwrap();
    let mut lines = String::new();
    for line in index.lines() {
        let mut line: Value = serde_json::from_str(line).unwrap();
        match line["culture"].as_str().unwrap() {
            "greek" => {
                line["culture"] = "λύρα".into();
                line["tags"] = Value::Array(Vec::new());
            }
            "carnatic" => {}
            _ => continue,
        }
        lines.push_str(&line.to_string());
        lines.push('\n');
    }
    std::fs::write(dir.join("recordings/own.jsonl"), lines).unwrap();
    let arguments = [
        "reproduce",
        "--config",
        "own-recordings",
        "--out",
        "mine",
        "--set",
        "corpora.recordings.index=recordings/own.jsonl",
        "--set",
        "training=training.toml",
        "--set",
        "models.base.scratch.updates=3",
        "--set",
        "probe.epochs=2",
        "--set",
        "probe.hidden=16",
        "--set",
        "tokenizers.k-means.fit.max_frames=3000",
        "--set",
        "merges.task-arithmetic.lambdas=[0.2, 1.0]",
        "--set",
        "evaluations.cultures.probe={ epochs = 2, seeds = [1, 2] }",
    ];
    let output = culturemert(dir, &arguments).output().unwrap();
    let printed = succeeds(&output);
    assert_eq!(printed["synthetic"], false);
    assert!(talk(&output).contains("nothing is replayed"), "{}", talk(&output));
    let results: Value =
        serde_json::from_slice(&std::fs::read(dir.join("mine/results.json")).unwrap()).unwrap();
    let names: Vec<&str> =
        results["models"].as_array().unwrap().iter().map(|model| model["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["base", "carnatic", "λύρα", "all-cultures", "single-stage", "task-arithmetic-0.2"]);
    let probed: std::collections::BTreeSet<&str> = results["probes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|probe| probe["tradition"].as_str().unwrap())
        .collect();
    assert_eq!(probed.into_iter().collect::<Vec<_>>(), ["carnatic"]);
    let unused: Vec<&String> = results["left_out"]["unused"].as_object().unwrap().keys().collect();
    assert!(unused.iter().any(|reason| reason.contains("λύρα: no recording has a tag")), "{unused:?}");
    assert_eq!(results["similarity"]["cultures"].as_array().unwrap().len(), 2);
    let cultures: Value = serde_json::from_slice(
        &std::fs::read(dir.join("mine/evaluations/cultures/evaluation.json")).unwrap(),
    )
    .unwrap();
    assert_eq!(cultures["sets"][0]["metrics"], serde_json::json!(["accuracy", "macro F1"]));
    assert!(dir.join("mine/report.html").is_file());
}

#[test]
fn the_paper_is_rehearsed_on_what_data_sets_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    makam(dir);
    // A second recording to validate on, and what Dunya would answer: one of two makams for every recording.
    let sides = |n: usize, split: &'static str| (0..n).map(move |at| (format!("{split}{at}"), at));
    let ids: Vec<String> = sides(2, "valid").map(|(id, _)| id).collect();
    std::fs::write(dir.join("makam/valid.npy"), npy_of(&ids)).unwrap();
    tone(&dir.join("makam/audios/valid1.wav"), 0.041);
    let all = sides(8, "train").chain(sides(2, "valid")).chain(sides(2, "test"));
    let tags: serde_json::Map<String, Value> = all
        .map(|(id, at)| (id, serde_json::json!([if at % 2 == 0 { "makam--Rast" } else { "makam--Segah" }])))
        .collect();
    std::fs::write(dir.join("makam/tags.json"), serde_json::to_vec(&tags).unwrap()).unwrap();
    let mut arguments: Vec<String> = [
        "reproduce",
        "--config",
        "paper",
        "--out",
        "paper",
        "--limit",
        "2",
        "--set",
        "datasets.makam.folder=makam",
    ]
    .map(str::to_owned)
    .into();
    // Of a set that is only evaluated on, some recordings of each of the real splits.
    let metadata = golden::metadata();
    if let Some(metadata) = &metadata {
        let (place, metadata) = (dir.join("fma"), metadata.canonicalize().unwrap());
        std::fs::create_dir_all(&place).unwrap();
        let check = ["datasets", "check", "fma", "fma", "--metadata", metadata.to_str().unwrap()];
        let listed: Value =
            serde_json::from_slice(&culturemert(dir, &check).output().unwrap().stdout).unwrap();
        let absent = listed["absent"].as_array().unwrap();
        for (number, at) in [0, 17_486, 19_984].into_iter().flat_map(|first| first..first + 8).enumerate() {
            let id = absent[at].as_str().unwrap();
            tone(&place.join(format!("fma_medium/{}/{id}.mp3", &id[..3])), 0.02 + 0.0007 * number as f32);
        }
        arguments.extend(["--set".into(), "datasets.fma.folder=fma".into()]);
        arguments.extend(["--set".into(), format!("datasets.fma.metadata={}", metadata.display())]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = culturemert(dir, &arguments).output().unwrap();
    let printed = succeeds(&output);
    assert_eq!(printed["rehearsal"], true);
    let said = talk(&output);
    for part in [
        "without the data set `lyra`",
        "stands in for `MERT-v1`",
        "stands in for `encodec`",
        "without the model `LyraMERT`",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let results: Value =
        serde_json::from_slice(&std::fs::read(dir.join("paper/results.json")).unwrap()).unwrap();
    assert_eq!(results["rehearsal"]["limit"], 2);
    let names: Vec<&str> =
        results["models"].as_array().unwrap().iter().map(|model| model["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "MERT-v1",
            "MakamMERT",
            "CultureMERT",
            "single-stage",
            "single-stage-not-rewarmed",
            "replay-in-both-stages",
            "CultureMERT-TA"
        ]
    );
    for model in results["models"].as_array().unwrap() {
        let updates =
            model["stages"].as_array().unwrap().iter().map(|stage| stage["updates"].as_u64().unwrap());
        assert!(updates.into_iter().all(|updates| updates <= 4), "{model}");
    }
    let page = std::fs::read_to_string(dir.join("paper/report.html")).unwrap();
    assert!(page.contains("A rehearsal"));
    let evaluation: Value = serde_json::from_slice(
        &std::fs::read(dir.join("paper/evaluations/table-2/evaluation.json")).unwrap(),
    )
    .unwrap();
    let sets: Vec<&str> =
        evaluation["sets"].as_array().unwrap().iter().map(|set| set["name"].as_str().unwrap()).collect();
    assert_eq!(sets, if metadata.is_some() { vec!["makam", "fma"] } else { vec!["makam"] });
    for set in evaluation["sets"].as_array().unwrap() {
        assert!(set["files"].as_array().unwrap().iter().all(|n| n.as_u64().unwrap() <= 2), "{set}");
        assert!(!set["incomplete"].as_array().unwrap().is_empty(), "{set}");
    }
    let tradition = |probe: &Value| probe["tradition"].as_str().unwrap().to_owned();
    let traditions: std::collections::BTreeSet<String> =
        results["probes"].as_array().unwrap().iter().map(tradition).collect();
    assert!(traditions.contains("turkish-makam"), "{traditions:?}");
    assert_eq!(results["lambda_sweep"].as_array().unwrap().len(), 8);
}
