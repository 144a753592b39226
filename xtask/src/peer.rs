//! What people run instead: the script that times it, in an environment of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};
use serde_json::Value;

/// Where the script lies beside a checkout.
const SCRIPT: &str = "../shared/tools/peers/peers.py";

/// The script and the interpreter that runs it.
pub(crate) struct Peers {
    python: PathBuf,
    script: PathBuf,
    threads: usize,
}

/// One variant of a work, once or several times.
#[derive(Clone, Debug)]
pub(crate) struct PeerRun {
    /// Which of the peer's ways.
    pub(crate) variant: String,
    /// Seconds of each repetition.
    pub(crate) seconds: Vec<f64>,
    /// Most memory, bytes.
    pub(crate) peak_bytes: Option<u64>,
    /// Versions of what was timed.
    pub(crate) versions: Value,
}

impl Peers {
    /// Finds the script, and makes the environment it states where none is given.
    pub(crate) fn new(python: Option<&Path>, script: Option<&Path>, threads: usize) -> anyhow::Result<Self> {
        let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(SCRIPT);
        let script = script.map_or(beside, Path::to_path_buf);
        ensure!(
            script.is_file(),
            "`{}` is not there; name the peers' script with `--peers-script`",
            script.display()
        );
        let python = match python {
            Some(python) => python.to_path_buf(),
            None => environment(&script.with_file_name("requirements.txt"))?,
        };
        Ok(Self { python, script, threads })
    }

    /// Runs a work; one [`PeerRun`] for each of its variants.
    pub(crate) fn run(
        &self,
        arguments: &[&str],
        more: &[String],
        repeat: usize,
    ) -> anyhow::Result<Vec<PeerRun>> {
        let mut command = Command::new(&self.python);
        command.arg(&self.script).args(arguments).args(more);
        command.args(["--json", "--threads", &self.threads.to_string(), "--repeat", &repeat.to_string()]);
        let output =
            command.output().with_context(|| format!("could not start `{}`", self.python.display()))?;
        if !output.status.success() {
            let talk = String::from_utf8_lossy(&output.stderr);
            bail!("the peer of {arguments:?} failed: {}", talk.lines().last().unwrap_or("it says nothing"));
        }
        let text = String::from_utf8(output.stdout).context("the peer did not print text")?;
        text.lines().map(parse).collect()
    }
}

fn parse(line: &str) -> anyhow::Result<PeerRun> {
    let found: Value = serde_json::from_str(line).context("the peer did not print JSON")?;
    let seconds = found["seconds_all"].as_array().context("the peer states no times")?;
    Ok(PeerRun {
        variant: found["variant"].as_str().unwrap_or_default().to_owned(),
        seconds: seconds.iter().filter_map(Value::as_f64).collect(),
        peak_bytes: found["peak_rss_mb"].as_f64().map(|mb| (mb * 1e6) as u64),
        versions: found["versions"].clone(),
    })
}

/// A virtual environment with the stated packages, made once below `target`.
fn environment(requirements: &Path) -> anyhow::Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peers");
    let python = folder.join("bin/python");
    let complete = folder.join("complete");
    let wanted = fs::read_to_string(requirements)
        .with_context(|| format!("could not read `{}`", requirements.display()))?;
    if fs::read_to_string(&complete).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    eprintln!("installing the peers' packages into `{}`; this takes minutes", folder.display());
    succeed(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    succeed(Command::new(&python).args(["-m", "pip", "install", "--quiet", "-r"]).arg(requirements))?;
    fs::write(&complete, wanted).with_context(|| format!("could not write `{}`", complete.display()))?;
    Ok(python)
}

fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("could not start {command:?}"))?;
    ensure!(status.success(), "{command:?} failed with {status}");
    Ok(())
}
