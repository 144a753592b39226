//! Wrong commands: one clear sentence, exit code 2, nothing lost.

use crate::command::{culturemert, talk};

#[track_caller]
fn refused(arguments: &[&str], part: &str) {
    let folder = tempfile::tempdir().unwrap();
    let output = culturemert(folder.path(), arguments).output().unwrap();
    let said = talk(&output);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
    assert!(said.contains(part), "{arguments:?}: {said}");
    assert!(output.stdout.is_empty(), "{arguments:?} wrote data");
}

#[test]
fn wrong_commands_exit_with_2_and_say_why() {
    refused(&["transcribe"], "transcribe");
    refused(&["prepare", "--index", "nowhere.tsv", "--out", "corpus"], "index `nowhere.tsv` does not exist");
    refused(&["similarity", "--corpus", "nowhere"], "corpus `nowhere` does not exist");
    refused(&["similarity"], "--corpus");
    refused(&["similarity", "--counts", "nowhere"], "file of counts `nowhere` does not exist");
    refused(&["similarity", "--counts", "c", "--source", "A=b"], "--transfer");
    refused(
        &["similarity", "--codes", "a=nowhere", "--entries", "8"],
        "folder of codes `nowhere` does not exist",
    );
    refused(&["embed", "--model", "nowhere", "a.wav", "--out", "a.npy"], "model `nowhere` does not exist");
    refused(&["tokenize", "--codec", "nowhere", "a.wav", "--out", "a.npy"], "codec `nowhere` does not exist");
    refused(&["tokenize", "--codec", ".", "--bandwidth", "much", "a.wav", "--out", "a.npy"], "'much'");
    refused(&["prepare", "--index", "i", "--out", "o", "--bandwidth", "6"], "--codec");
    refused(&["cqt", "nowhere.wav", "--out", "a.npy"], "recording `nowhere.wav` does not exist");
    refused(&["cqt", "nowhere.wav", "--out", "a.npy", "--bins", "85"], "`--bins 85`");
    refused(&["merge", "--base", "b", "--model", "m", "--lambda", "nan", "--out", "o"], "`--lambda NaN`");
    let merge = ["merge", "--base", "b", "--model", "m", "--model", "n", "--out", "o"];
    let lambdas = ["--lambda", "1", "--lambda", "2", "--lambda", "3"];
    refused(&[&merge[..], &lambdas].concat(), "3 `--lambda` and 2 `--model`");
    refused(&[&merge[..], &["--group", "tail=1"]].concat(), "`tail` is no group of layers");
    refused(&[&merge[..], &["--group", "front-end=much"]].concat(), "`much` is not a finite number");
    refused(&[&merge[..], &["--lambda", "much"]].concat(), "neither a number nor `guided`");
    refused(&[&merge[..], &["--lambda", "guided"]].concat(), "needs `--similarity FILE`");
    refused(
        &[&merge[..], &["--lambda", "guided", "--similarity", "s"]].concat(),
        "needs a name for every model: `--model NAME=m`",
    );
    refused(&[&merge[..], &["--similarity", "s"]].concat(), "`--similarity` goes with `--lambda guided`");
    let sweep = ["sweep", "--base", "b", "--model", "a=m", "--model", "c=n", "--corpus", "k"];
    refused(&sweep, "--lambda");
    refused(&[&sweep[..], &["--lambda", "0,nan"]].concat(), "`--lambda NaN` is not a finite number");
    refused(&[&sweep[..], &["--lambda", "0,1", "--model", "a=o"]].concat(), "two models are called `a`");
    refused(&[&sweep[..], &["--lambda", "0,1", "--model", "o"]].concat(), "`--model NAME=o`");
    refused(&[&sweep[..], &["--lambda", "0", "--svg", "f"]].concat(), "`--svg` draws scores by shared λ");
    let search = [&sweep[..], &["--search", "coordinate"]].concat();
    refused(&[&search[..], &["--start", "1,2,3"]].concat(), "`--start` has 3 λ for 2 models");
    refused(&[&search[..], &["--start", "1,inf"]].concat(), "finite numbers with commas");
    refused(&[&search[..], &["--start", "guided"]].concat(), "`--start guided` needs `--similarity FILE`");
    refused(&[&search[..], &["--step-grid", "0"]].concat(), "the step 0 is no multiple of 0.000001 above 0");
    refused(&[&sweep[..], &["--lambda", "0.2"]].concat(), "model `b` does not exist");
    let vector = ["task-vector", "--base", "nowhere", "--model", "m", "--out", "o"];
    refused(&vector, "base `nowhere` does not exist");
    refused(&["inspect", "nowhere.safetensors"], "does not exist");
    let explore = ["explore", "nowhere", "--model", "m", "--out", "o"];
    refused(&explore, "corpus `nowhere` does not exist");
    refused(&[&explore[..], &["--model", "n", "--model", "l"]].concat(), "a page compares two models, not 3");
    refused(&[&explore[..], &["--neighbours", "0"]].concat(), "`--neighbours 0`");
    refused(&[&explore[..], &["--excerpt-seconds", "nan"]].concat(), "`--excerpt-seconds NaN`");
    refused(&[&explore[..], &["--layer", "last"]].concat(), "`--layer last`");
    refused(&["reproduce", "--config", "big"], "`big` does not exist");
    refused(&["reproduce", "--config", "pocet"], "`pocet` does not exist; did you mean `pocket`?");
    refused(&["datasets", "check", "magnatagtune", "."], "; did you mean `magnatagatune`?");
    refused(&["prepare", "--indx", "i", "--out", "o"], "'--index'");
    refused(&["synth", "--out", "s", "--minutes", "-1"], "-1 minutes");
}

#[test]
fn slips_in_a_plan_name_the_key() {
    let dry = ["pretrain", "--dry-run", "--config", "pocket", "--set"];
    let slip = |assignment| [&dry[..], &[assignment]].concat();
    refused(&slip("stage.0.updatez=3"), "updatez");
    refused(&slip("crop.seconds=long"), "crop.seconds");
    refused(&slip("masking.probability=2.0"), "masking.probability");
    refused(&["pretrain", "--dry-run", "--config", "huge"], "`huge`");
    refused(&["pretrain", "--dry-run", "--config", "pokcet"], "; did you mean `pocket`?");
    refused(&slip("crop.secons=2.0"), "; did you mean `seconds`?");
    refused(&["pretrain", "--resume", "--corpus", "c", "--out", "nowhere"], "holds no run to resume");
    refused(&["pretrain", "--accept-drift", "--config", "pocket", "--corpus", "c", "--out", "o"], "--resume");
    refused(&["pretrain", "--resume", "--corpus", "c", "--out", "o", "--set", "run.seed=1"], "`--config`");
}

#[test]
fn presets_are_complete() {
    let folder = tempfile::tempdir().unwrap();
    for preset in ["pocket", "paper", "mert"] {
        let output =
            culturemert(folder.path(), &["pretrain", "--config", preset, "--dry-run"]).output().unwrap();
        assert!(output.status.success(), "{}", talk(&output));
        assert!(String::from_utf8_lossy(&output.stdout).contains("[[stage]]"));
    }
}

#[test]
fn every_verb_has_an_example() {
    let folder = tempfile::tempdir().unwrap();
    let help = culturemert(folder.path(), &["--help"]).output().unwrap();
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let verbs: Vec<&str> = help
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
        .take_while(|line| !line.trim().is_empty())
        .filter_map(|line| {
            line.split_whitespace().next().filter(|_| line.starts_with("  ") && !line.starts_with("   "))
        })
        .filter(|verb| *verb != "help")
        .collect();
    assert!(verbs.len() >= 14, "{verbs:?}");
    for verb in verbs {
        let help = culturemert(folder.path(), &[verb, "--help"]).output().unwrap();
        assert!(String::from_utf8_lossy(&help.stdout).contains("Example: culturemert"), "{verb}");
    }
}
