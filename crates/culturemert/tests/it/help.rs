//! Help where it hurts: the doctor, shells, manual pages, an example of a plan.

use std::process::Command;

use serde_json::Value;

use crate::command::{culturemert, json, talk};

/// The verbs that the program lists.
pub(crate) fn verbs() -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let help = culturemert(folder.path(), &["--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let listed = help.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1);
    let listed = listed.take_while(|line| !line.trim().is_empty());
    let listed = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    listed.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn the_doctor_measures_and_says_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let examine = |threads: Option<usize>| {
        let mut command = culturemert(folder.path(), &["doctor", "--json"]);
        match threads {
            Some(threads) => command.env("RAYON_NUM_THREADS", threads.to_string()),
            None => command.env_remove("RAYON_NUM_THREADS"),
        };
        let output = command.output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let n_problems = report["problems"].as_array().unwrap().len();
        // A machine with little memory or disk is told so; either way the exit code agrees with the report.
        assert_eq!(output.status.code(), Some(i32::from(n_problems > 0)), "{report:#}");
        (report, talk(&output))
    };
    let (report, _) = examine(None);
    assert_eq!(report["version"], env!("CARGO_PKG_VERSION"));
    let products = report["products"].as_array().unwrap();
    assert_eq!(products.len(), 4);
    for products in products {
        assert!(products["gflops"].as_f64().unwrap() > 0.0 && products["error"].as_f64().unwrap() < 1e-6);
    }
    if cfg!(target_os = "linux") {
        let memory = &report["memory"];
        assert!(memory["available_bytes"].as_u64().unwrap() <= memory["total_bytes"].as_u64().unwrap());
        assert!(report["folders"][0]["free_bytes"].as_u64().unwrap() > 0);
    }
    let processors = report["processors"].as_u64().unwrap() as usize;
    let (report, said) = examine(Some(processors + 1));
    let problem = format!("{} threads share {processors} processors", processors + 1);
    assert!(report["problems"].to_string().contains(&problem), "{report:#}");
    assert!(said.contains("the report says what to do"), "{said}");
    let text = culturemert(folder.path(), &["doctor"]).output().unwrap();
    let text = String::from_utf8(text.stdout).unwrap();
    for part in
        ["version ", "threads ", "float32 ", "bfloat16 ", "GFLOP/s", "memory ", "ffmpeg       not needed"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn every_shell_gets_every_verb() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = culturemert(folder.path(), &["completions", shell]).output().unwrap();
        assert!(output.status.success(), "{}", talk(&output));
        let script = String::from_utf8(output.stdout).unwrap();
        for verb in verbs() {
            assert!(script.contains(&verb), "{shell} lacks {verb}");
        }
        assert!(script.contains("accept-drift"), "{shell} lacks flags");
    }
    let refused = culturemert(folder.path(), &["completions", "bsh"]).output().unwrap();
    assert!(refused.status.code() == Some(2) && talk(&refused).contains("'bash'"), "{}", talk(&refused));
}

#[test]
fn bash_completes_with_what_it_is_given() {
    let folder = tempfile::tempdir().unwrap();
    if Command::new("bash").arg("--version").output().is_err() {
        eprintln!("not tested: there is no bash");
        return;
    }
    let script = culturemert(folder.path(), &["completions", "bash"]).output().unwrap().stdout;
    std::fs::write(folder.path().join("script"), script).unwrap();
    let completed = |words: &str, last: usize| {
        let ask = format!(
            "source ./script; COMP_WORDS=({words}); COMP_CWORD={last}; \
             _culturemert culturemert \"${{COMP_WORDS[{last}]}}\" \"${{COMP_WORDS[{last}-1]}}\"; echo \"${{COMPREPLY[*]}}\""
        );
        let output = Command::new("bash").current_dir(folder.path()).args(["--norc", "-c", &ask]).output();
        let output = output.unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned() + &talk(&output)
    };
    assert_eq!(completed("culturemert pre", 1), "prepare pretrain");
    assert_eq!(completed("culturemert pretrain --dry", 2), "--dry-run");
    assert_eq!(completed("culturemert convert --to h", 3), "hf");
}

#[test]
fn every_verb_has_a_page_of_the_manual() {
    let folder = tempfile::tempdir().unwrap();
    let names = json(folder.path(), &["man", "--out", "man/man1"]);
    let page = |name: &str| std::fs::read_to_string(folder.path().join("man/man1").join(name)).unwrap();
    for name in names.as_array().unwrap() {
        let text = page(name.as_str().unwrap());
        assert!(text.contains(".TH culturemert") && text.contains(".SH NAME"), "{name}: {text}");
    }
    for verb in verbs().iter().filter(|verb| *verb != "help") {
        assert!(page(&format!("culturemert-{verb}.1")).contains("Example: culturemert"), "{verb}");
    }
    assert!(page("culturemert-datasets-check.1").contains("metadata"));
    let printed = culturemert(folder.path(), &["man"]).output().unwrap();
    assert_eq!(String::from_utf8(printed.stdout).unwrap().trim_end(), page("culturemert.1").trim_end());
}

#[test]
fn an_example_of_a_plan_is_the_preset_it_explains() {
    let folder = tempfile::tempdir().unwrap();
    let printed = |arguments: &[&str]| {
        let output = culturemert(folder.path(), arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", talk(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(printed(&["pretrain", "--example"]), printed(&["pretrain", "--example", "pocket"]));
    for preset in ["pocket", "paper", "mert"] {
        let plan = printed(&["pretrain", "--example", preset]);
        assert!(plan.contains("# Highest rate."), "{plan}");
        std::fs::write(folder.path().join("plan.toml"), plan).unwrap();
        let dry = |config| printed(&["pretrain", "--dry-run", "--config", config]);
        assert_eq!(dry("plan.toml"), dry(preset), "{preset}");
    }
    let refused = culturemert(folder.path(), &["pretrain", "--example", "papper"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(talk(&refused).contains("did you mean `paper`?"), "{}", talk(&refused));
}
