//! The disk as users have it: full, limited, with a umask, and with inputs named as outputs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::command::{FEW, culturemert, json, small_corpus, talk};

/// A file system in memory of a few hundred kilobytes; gone with the value.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None`, and a word about it, where tests may not mount.
    fn mount(at: &Path, kibibytes: u32) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let size = format!("size={kibibytes}k,mode=755");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "none"]).arg(at).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self(at.into()))
    }

    fn grow(&self) {
        let grown = Command::new("mount").args(["-o", "remount,size=200m"]).arg(&self.0).status().unwrap();
        assert!(grown.success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Every file below `root` with its bytes.
fn tree(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for path in paths_below(root).into_iter().filter(|path| path.is_file()) {
        found.insert(path.strip_prefix(root).unwrap().into(), fs::read(&path).unwrap());
    }
    found
}

fn paths_below(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(paths_below(&path));
        }
        found.push(path);
    }
    found
}

#[track_caller]
fn assert_told(output: &Output, file: &str, remedy: &str) {
    let said = talk(output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let error = said.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
    assert!(error.contains(file) && error.contains(remedy), "{said}");
}

#[track_caller]
fn assert_nothing_half_written(root: &Path) {
    for path in paths_below(root) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(!name.starts_with(".tmp-") && !name.starts_with(".replac"), "{} is left", path.display());
    }
}

/// Each command meets a full disk, says so, leaves what was there, and ends well once there is room.
#[test]
fn a_full_disk_is_told_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let Some(disk) = SmallDisk::mount(&dir.join("disk"), 700) else {
        eprintln!("skipped: a small file system cannot be mounted here, which takes root");
        return;
    };
    small_corpus(dir);
    let run = |arguments: &[&str]| culturemert(dir, arguments).output().unwrap();
    let full = |arguments: &[&str], file: &str| {
        let before = tree(&disk.0);
        assert_told(&run(arguments), file, "free some space");
        assert_nothing_half_written(&disk.0);
        let after = tree(&disk.0);
        assert!(before.iter().all(|(name, bytes)| after.get(name) == Some(bytes)), "{arguments:?}");
    };
    let wav = paths_below(&dir.join("recordings/greek")).swap_remove(0).display().to_string();
    let cqt = ["cqt", &wav, "--bins", "84", "--out", "disk/cqt.npy"];
    json(dir, &cqt);
    full(&["cqt", &wav, "--bins", "1680", "--out", "disk/cqt.npy"], "disk/cqt.npy");
    fs::remove_file(dir.join("disk/cqt.npy")).unwrap();
    let prepare = ["prepare", "--index", "recordings/index.jsonl", "--out", "disk/corpus"];
    full(&prepare, "disk/corpus/parts/");
    fs::remove_dir_all(dir.join("disk/corpus")).unwrap();
    let train =
        [&["pretrain", "--config", "pocket", "--corpus", "corpus", "--out", "disk/run"][..], &FEW].concat();
    full(&train, "disk/run/checkpoints/");

    disk.grow();
    json(dir, &prepare);
    let (ours, whole) = (tree(&dir.join("disk/corpus")), tree(&dir.join("corpus")));
    let codes = |name: &PathBuf| name.starts_with("codes");
    assert!(ours == whole.into_iter().filter(|(name, _)| !codes(name)).collect());
    let resumed = json(dir, &[&train[..], &["--resume"]].concat());
    let undisturbed =
        [&["pretrain", "--config", "pocket", "--corpus", "corpus", "--out", "run"][..], &FEW].concat();
    assert_eq!(resumed["model_hash"], json(dir, &undisturbed)["model_hash"]);
    assert_nothing_half_written(&disk.0);
}

/// The same by a limit on the size of a file, which takes no rights.
#[cfg(unix)]
#[test]
fn a_limit_on_the_size_of_files_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    json(dir, &["synth", "--out", "recordings", "--minutes", "0.1", "--piece-seconds", "6"]);
    let wav = paths_below(&dir.join("recordings/greek")).swap_remove(0).display().to_string();
    json(dir, &["cqt", &wav, "--bins", "84", "--out", "cqt.npy"]);
    let before = fs::read(dir.join("cqt.npy")).unwrap();
    // 64 blocks of 512 bytes; without the trap the signal that comes with the limit ends the program.
    let limited = "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\"";
    let arguments = ["cqt", &wav, "--bins", "168", "--out", "cqt.npy"];
    let output = in_shell(dir, limited, &arguments);
    assert_told(&output, "cqt.npy", "raise the limit");
    assert!(fs::read(dir.join("cqt.npy")).unwrap() == before);
    assert_nothing_half_written(dir);
}

#[cfg(unix)]
fn in_shell(dir: &Path, script: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new("sh");
    command.current_dir(dir).args(["-c", script, env!("CARGO_BIN_EXE_culturemert")]).args(arguments);
    command.output().unwrap()
}

#[cfg(unix)]
#[test]
fn modes_follow_the_umask() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    small_corpus(folder.path());
    for (umask, for_files, for_folders) in [("022", 0o644, 0o755), ("077", 0o600, 0o700)] {
        let dir = folder.path().join(umask);
        fs::create_dir(&dir).unwrap();
        let script = format!("umask {umask}; exec \"$0\" \"$@\"");
        let run = |arguments: &[&str]| {
            let output = in_shell(&dir, &script, arguments);
            assert!(output.status.success(), "{arguments:?}: {}", talk(&output));
        };
        run(&["synth", "--out", "recordings", "--minutes", "0.4", "--piece-seconds", "6"]);
        run(&["prepare", "--index", "recordings/index.jsonl", "--out", "corpus"]);
        let codec =
            ["fit-codec", "--corpus", "corpus", "--out", "codec", "--codebooks", "4", "--entries", "64"];
        run(&[&codec[..], &["--max-frames", "4000"]].concat());
        run(&["tokenize", "--codec", "codec", "--corpus", "corpus"]);
        let train = ["pretrain", "--config", "pocket", "--corpus", "../corpus", "--out", "run"];
        run(&[&train[..], &FEW].concat());
        // Twice: what is replaced has the mode of what is new.
        run(&["convert", "run/model", "converted", "--to", "hf"]);
        run(&["convert", "run/model", "converted", "--to", "hf"]);
        run(&["similarity", "--corpus", "corpus", "--out", "similarity.json"]);
        let paths = paths_below(&dir);
        assert!(paths.len() > 40);
        for path in paths {
            let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            let expected = if path.is_dir() { for_folders } else { for_files };
            assert_eq!(mode, expected, "umask {umask}: {} has mode {mode:o}", path.display());
        }
    }
}

#[test]
fn outputs_are_not_written_over_what_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    small_corpus(dir);
    let train = ["pretrain", "--config", "pocket", "--corpus", "corpus", "--set", "held_out.crops=1"];
    let short = ["--set", "stage.0.updates=1", "--set", "stage.1.updates=1"];
    for (out, seed) in [("base", "run.seed=1"), ("model", "run.seed=2")] {
        json(dir, &[&train[..], &short, &["--out", out, "--set", seed]].concat());
    }
    let wav = paths_below(&dir.join("recordings/greek")).swap_remove(0);
    let (bytes, wav) = (fs::read(&wav).unwrap(), wav.display().to_string());
    let probe = ["probe", "--model", "base/model", "--corpus", "corpus", "--tags", "tradition:", "--out"];
    let refused = |arguments: &[&str], part: &str| {
        let output = culturemert(dir, arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", talk(&output));
        assert!(talk(&output).contains(part), "{arguments:?}: {}", talk(&output));
    };
    refused(&["embed", "--model", "base/model", &wav, "--out", &wav], "is the recording itself");
    refused(&["tokenize", "--codec", "codec", &wav, "--out", &wav], "is the recording itself");
    refused(&["cqt", &wav, "--out", &wav], "is the recording itself");
    let file = "base/model/model.safetensors";
    refused(&["convert", file, file, "--to", "hf"], "is the input itself");
    refused(&["convert", "base/model", "base/model", "--to", "fairseq"], "is the input itself");
    refused(&[&probe[..], &["base/model/model.json"]].concat(), "exists and is no probe");
    refused(&[&probe[..], &["x.safetensors"]].concat(), "end it with `.json`");
    assert!(fs::read(&wav).unwrap() == bytes);

    // A model directory may be replaced by what is made of it.
    let merge = ["merge", "--base", "base/model", "--model", "model/model", "--lambda", "0.5", "--out"];
    let merged = json(dir, &[&merge[..], &["merged"]].concat());
    json(dir, &["convert", "merged", "merged", "--to", "hf"]);
    let same = json(dir, &[&merge[..], &["base/model"]].concat());
    assert_eq!(same["content_hash"], merged["content_hash"]);
    let compared = json(dir, &["inspect", "merged", "--against", "base/model"]);
    assert_eq!(compared["n_compared"], compared["n_equal"], "{compared}");
    assert_nothing_half_written(dir);
}
