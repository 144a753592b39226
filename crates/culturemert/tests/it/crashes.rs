//! `kill -9` at random moments. Whatever it hits, the command run again ends with the bytes of a run that nobody disturbed.
//!
//! Each command runs in chains: a fresh folder, one to three sittings that are killed, then sittings until it is done. A third of the kills
//! strike right when an unfinished file or directory shows, the others at a moment drawn uniformly over the time a whole run takes.
//! `CULTUREMERT_CRASHES=200` asks for that many kills in all, `CULTUREMERT_CRASH_SEED` for other moments.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use draws::Draws;

use crate::command::{FEW, culturemert, json, small_corpus, talk};

/// Kills in all when the environment does not say.
const CRASHES: u64 = 24;
/// Seed of the moments when the environment does not say.
const SEED: u64 = 9;
/// Most kills before a chain is left to end.
const KILLS_A_CHAIN: u64 = 3;
/// Sittings after which a chain that does not end is a failure.
const MOST_SITTINGS: usize = 20;

type Tree = BTreeMap<String, Vec<u8>>;

/// A command that is killed.
struct Victim {
    name: &'static str,
    /// Fills the folder of a chain.
    furnish: Box<dyn Fn(&Path) + Sync>,
    begin: Vec<String>,
    /// Added once this file is there.
    resume: Option<(&'static str, &'static str)>,
    /// Folder of what it makes.
    out: &'static str,
    /// File or folder in there without which nothing is said to be finished.
    commit: &'static str,
    /// What of the folder is compared; the rest holds seconds and dates.
    compared: &'static str,
}

#[derive(Default)]
struct Tally {
    chains: u64,
    kills: u64,
    /// Of these, with an unfinished file or directory there.
    mid_write: u64,
    sittings: u64,
}

#[test]
fn a_command_killed_at_any_moment_and_run_again_ends_in_the_same_bytes() {
    let number = |name: &str, usual: u64| {
        std::env::var(name).map_or(usual, |text| text.parse().expect("a whole number"))
    };
    let (n_kills, seed) = (number("CULTUREMERT_CRASHES", CRASHES), number("CULTUREMERT_CRASH_SEED", SEED));
    let folder = tempfile::tempdir().unwrap();
    let victims = victims(folder.path());
    let share = n_kills.div_ceil(victims.len() as u64);
    println!("{n_kills} kills, CULTUREMERT_CRASH_SEED={seed}");
    std::thread::scope(|scope| {
        let running: Vec<_> = victims
            .iter()
            .map(|victim| {
                let root = folder.path().join(format!("{}-chains", victim.name));
                (victim.name, scope.spawn(move || kill_often(victim, &root, share, seed)))
            })
            .collect();
        for (name, tally) in running {
            let tally = tally.join().unwrap_or_else(|_| panic!("`{name}`, CULTUREMERT_CRASH_SEED={seed}"));
            println!(
                "{name:>8}: {} kills ({} while something was unfinished), {} sittings, {} chains, 0 mismatches",
                tally.kills, tally.mid_write, tally.sittings, tally.chains
            );
        }
    });
}

/// The commands on one small corpus, made here.
fn victims(dir: &Path) -> Vec<Victim> {
    small_corpus(dir);
    let at = |name: &str| dir.join(name).display().to_string();
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let train = ["pretrain", "--config", "pocket", "--corpus", &at("corpus"), "--out"];
    for seed in ["1", "2"] {
        let (out, seed) = (format!("model-{seed}"), format!("run.seed={seed}"));
        let short = ["--set", "stage.0.updates=1", "--set", "stage.1.updates=1", "--set", "held_out.crops=1"];
        json(dir, &[&train[..], &[&out, "--set", &seed], &short].concat());
    }
    let merge = ["merge", "--base", &at("model-1/model"), "--model", &at("model-2/model"), "--out"];
    json(dir, &[&merge[..], &["older/out", "--lambda", "0.9"]].concat());
    let (older, corpus) = (dir.join("older/out"), dir.join("corpus"));
    vec![
        Victim {
            name: "pretrain",
            furnish: Box::new(|_| ()),
            begin: words(&[&train[..], &["out"], &FEW].concat()),
            resume: Some(("out/identity.json", "--resume")),
            out: "out",
            commit: "model",
            compared: "model",
        },
        Victim {
            name: "prepare",
            furnish: Box::new(|_| ()),
            begin: words(&["prepare", "--index", &at("recordings/index.jsonl"), "--out", "out"]),
            resume: None,
            out: "out",
            commit: "corpus.toml",
            compared: "",
        },
        Victim {
            name: "merge",
            // There is an older model in its place, which stays until the new one is whole.
            furnish: Box::new(move |chain| copy(&older, &chain.join("out"))),
            begin: words(&[&merge[..], &["out", "--lambda", "0.2"]].concat()),
            resume: None,
            out: "out",
            commit: "config.json",
            compared: "",
        },
        Victim {
            name: "tokenize",
            furnish: Box::new(move |chain| {
                copy(&corpus, &chain.join("corpus"));
                fs::remove_dir_all(chain.join("corpus/codes")).unwrap();
            }),
            begin: words(&["tokenize", "--codec", &at("codec"), "--corpus", "corpus"]),
            resume: None,
            out: "corpus",
            commit: "codes",
            compared: "",
        },
    ]
}

/// Chain after chain until there were `n_kills` kills.
fn kill_often(victim: &Victim, root: &Path, n_kills: u64, seed: u64) -> Tally {
    let chain = |name: &str| {
        let chain = root.join(name);
        fs::create_dir_all(&chain).unwrap();
        (victim.furnish)(&chain);
        chain
    };
    let whole = chain("whole");
    let before = tree(&whole.join(victim.out));
    let begun = Instant::now();
    let output = sitting(victim, &whole, None).wait_with_output().unwrap();
    assert!(output.status.success(), "{}", talk(&output));
    let duration = begun.elapsed();
    let expected = tree(&whole.join(victim.out).join(victim.compared));

    let mut tally = Tally::default();
    while tally.kills < n_kills {
        let mut draws = Draws::new(seed, victim.name, &[tally.chains]);
        let chain = chain(&tally.chains.to_string());
        let place = || format!("{} chain {}", victim.name, chain.display());
        let mut kills_left = draws.inclusive(1, KILLS_A_CHAIN).min(n_kills - tally.kills);
        let is_done = (0..MOST_SITTINGS).any(|_| {
            tally.sittings += 1;
            let mut child = sitting(victim, &chain, Some(draws.inclusive(1, 3)));
            if kills_left > 0 {
                let moment = draws.uniform();
                wait_for_moment(
                    &mut child,
                    &chain,
                    duration.mul_f64(moment),
                    draws.below(3) == 0,
                    draws.below(3),
                );
                // The child may have ended before; then this does nothing.
                child.kill().unwrap();
            }
            let output = child.wait_with_output().unwrap();
            if output.status.code().is_none() {
                kills_left -= 1;
                tally.kills += 1;
                tally.mid_write += u64::from(!unfinished(&chain).is_empty());
                never_half(victim, &chain, &before, &expected);
                return false;
            }
            assert!(output.status.success(), "{}: {}", place(), talk(&output));
            true
        });
        assert!(is_done, "{} does not come to its end", place());
        let found = tree(&chain.join(victim.out).join(victim.compared));
        assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{}", place());
        for (name, bytes) in &found {
            assert!(*bytes == expected[name], "{}: `{name}` has other bytes", place());
        }
        if victim.name == "pretrain" {
            assert_eq!(updates_of(&chain.join("out/log.jsonl")), (1..=8).collect::<Vec<_>>(), "{}", place());
        }
        let left = unfinished(&chain);
        assert!(left.is_empty(), "{}: {left:?} are left", place());
        tally.chains += 1;
        fs::remove_dir_all(&chain).unwrap();
    }
    tally
}

/// The updates a log tells of.
fn updates_of(log: &Path) -> Vec<u64> {
    let text = fs::read_to_string(log).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    lines.filter(|line| line["kind"] == "update").filter_map(|line| line["update"].as_u64()).collect()
}

/// Starts the command, or goes on with it.
fn sitting(victim: &Victim, chain: &Path, threads: Option<u64>) -> Child {
    let mut arguments: Vec<&str> = victim.begin.iter().map(String::as_str).collect();
    arguments.extend(victim.resume.filter(|(file, _)| chain.join(file).exists()).map(|(_, flag)| flag));
    let mut command = culturemert(chain, &arguments);
    if let Some(threads) = threads {
        command.env("RAYON_NUM_THREADS", threads.to_string());
    }
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits for `moment`, or for the `nth` sight of something new that is unfinished, or for the end.
fn wait_for_moment(child: &mut Child, chain: &Path, moment: Duration, at_a_write: bool, mut nth: u64) {
    let begun = Instant::now();
    let mut seen = unfinished(chain);
    while child.try_wait().unwrap().is_none() {
        if at_a_write {
            let now = unfinished(chain);
            if now.iter().any(|path| !seen.contains(path)) {
                if nth == 0 {
                    return;
                }
                nth -= 1;
            }
            seen = now;
        } else if begun.elapsed() >= moment {
            return;
        } else {
            std::thread::sleep(Duration::from_micros(200));
        }
    }
}

/// Right after a kill: what says it is finished is finished, and what was there before is there until then.
fn never_half(victim: &Victim, chain: &Path, before: &Tree, expected: &Tree) {
    let out = chain.join(victim.out);
    if victim.name == "tokenize" {
        let is_finished = tree(&out).keys().any(|name| name.ends_with("/codes.toml"));
        assert!(!is_finished || tree(&out) == *expected, "codes in `{}`", out.display());
        return;
    }
    if !out.join(victim.commit).exists() {
        assert!(before.is_empty(), "what was in `{}` is gone", out.display());
        return;
    }
    let found = tree(&out.join(victim.compared));
    let is_expected = expected.iter().all(|(name, bytes)| found.get(name) == Some(bytes));
    assert!(is_expected || found == *before, "`{}` is half of something", out.display());
}

/// Files and directories below `folder` that are being written or were when their writer died.
fn unfinished(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(files::UNFINISHED)) {
            found.push(path);
        } else if path.is_dir() {
            found.extend(unfinished(&path));
        }
    }
    found
}

/// Every file below `root` with its bytes; none where there is no folder.
fn tree(root: &Path) -> Tree {
    let mut found = Tree::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(&folder).into_iter().flatten().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().display().to_string();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn copy(from: &Path, to: &Path) {
    for (name, bytes) in tree(from) {
        let path = to.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}
