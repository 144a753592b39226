//! `compare`: both sides in turns, on the same threads, and what came out.
//!
//! Peer, ours, peer, ours …: a machine that slows down slows both. Each turn is a process of its own with one repetition that is not timed.
//! Where the peer has several ways, a first turn finds the fastest, and that one is compared with.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::machine::Machine;
use crate::ours::Measured;
use crate::page;
use crate::peer::{PeerRun, Peers};
use crate::work::Work;

/// Time this program and what people run instead, side by side, and write `docs/BENCHMARKS.md`.
#[derive(clap::Args)]
#[command(after_help = "Example: cargo xtask compare --peers env/bin/python --only embed,cqt")]
pub(crate) struct Args {
    /// Python with the peers' packages; an environment is made below `target` otherwise.
    #[arg(long, value_name = "PYTHON")]
    peers: Option<PathBuf>,
    /// The script that times the peers.
    #[arg(long, value_name = "FILE")]
    peers_script: Option<PathBuf>,
    /// Rows to run; all by default. Only a full table is written to `docs/BENCHMARKS.md`.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Work>,
    /// Turns of each side.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Threads of each side; all there are by default.
    #[arg(long)]
    threads: Option<usize>,
    /// Print a line of JSON a row.
    #[arg(long)]
    json: bool,
    /// Rows measured before on this machine, a line of JSON each as `--json` prints them: they are taken as they are.
    #[arg(long, value_name = "FILE")]
    with: Option<PathBuf>,
    /// Folder of recordings to decode.
    #[arg(long, env = "CULTUREMERT_AUDIO", default_value = "../shared/audio")]
    audio: PathBuf,
}

/// One row, measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    /// The work.
    pub(crate) work: Work,
    /// Median of our times, seconds.
    pub(crate) ours_s: f64,
    /// Median of the peer's times, seconds.
    pub(crate) peer_s: f64,
    /// Peer's time by ours.
    pub(crate) ratio: f64,
    /// Share of the machine's own float32 product speed, measured in the same processes.
    pub(crate) gemm_share: Option<f64>,
    /// Our most memory, MB (10^6 bytes).
    pub(crate) peak_mb: Option<f64>,
    /// The peer's most memory, MB.
    pub(crate) peer_peak_mb: Option<f64>,
    /// Which of the peer's ways.
    pub(crate) peer: String,
    /// All our times, seconds.
    pub(crate) ours_all_s: Vec<f64>,
    /// All the peer's times, seconds.
    pub(crate) peer_all_s: Vec<f64>,
    /// Median speed of the 2048³ product in our processes, GFLOP/s.
    pub(crate) gemm_gflops: f64,
    /// What shows that the work was done.
    pub(crate) facts: Value,
    /// Versions of the peer's packages.
    pub(crate) versions: Value,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let there = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = args.threads.unwrap_or(there);
    let peers = Peers::new(args.peers.as_deref(), args.peers_script.as_deref(), threads)?;
    let works = if args.only.is_empty() { Work::ALL.to_vec() } else { args.only.clone() };
    let folder = tempfile::Builder::new().prefix("compare-").tempdir_in(target()?)?;
    let audio = recordings(&args.audio);
    let sitting = Sitting { peers, threads, rounds: args.rounds.max(1), folder: folder.path(), audio };
    let before = args.with.as_deref().map(rows_of).transpose()?.unwrap_or_default();
    let (mut rows, mut failed) = (Vec::new(), Vec::new());
    for (at, &work) in works.iter().enumerate() {
        let known = before.iter().rfind(|row| row.work == work).cloned();
        match known.map_or_else(|| sitting.row(work), Ok) {
            Ok(row) => {
                eprintln!(
                    "{}: ours {:.3} s, peer {:.3} s, {:.2}x",
                    work.key(),
                    row.ours_s,
                    row.peer_s,
                    row.ratio
                );
                if args.json {
                    println!("{}", serde_json::to_string(&row)?);
                }
                rows.push(row);
            }
            Err(error) => {
                eprintln!("{}: not measured: {error:#}", work.key());
                failed.push((work, format!("{error:#}")));
            }
        }
        if args.only.is_empty() {
            // The page is true after every row: a sitting that is cut off names what it did not reach.
            let not_reached = works[at + 1..].iter().map(|&work| (work, "not reached".to_owned()));
            let failed: Vec<_> = failed.iter().cloned().chain(not_reached).collect();
            let page = page::write(&Machine::here(threads), &rows, &failed);
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/BENCHMARKS.md");
            files::write_atomic(&path, page.as_bytes())?;
        }
    }
    if args.only.is_empty() {
        eprintln!("table in `docs/BENCHMARKS.md`");
    }
    if rows.is_empty() {
        bail!("no row could be measured");
    }
    Ok(())
}

/// Rows that an earlier call printed.
fn rows_of(file: &Path) -> anyhow::Result<Vec<Row>> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("could not read `{}`", file.display()))?;
    let row = |line: &str| {
        serde_json::from_str(line)
            .with_context(|| format!("`{}` holds a line that is no row", file.display()))
    };
    text.lines().map(row).collect()
}

/// One call of `compare`.
struct Sitting<'a> {
    peers: Peers,
    threads: usize,
    rounds: usize,
    folder: &'a Path,
    audio: Vec<PathBuf>,
}

impl Sitting<'_> {
    fn row(&self, work: Work) -> anyhow::Result<Row> {
        let folder = self.folder.join(work.key());
        std::fs::create_dir_all(&folder)?;
        self.ours(work, &folder, &["--set-up"])?;
        let way = self.fastest_way(work)?;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            theirs.push(match &way {
                Some((arguments, variant)) => self.peer(arguments, variant, 1)?,
                None => self.full_step(&folder)?,
            });
            ours.push(self.measured(work, &folder)?);
        }
        std::fs::remove_dir_all(&folder)?;
        Ok(summary(work, &ours, &theirs))
    }

    /// The peer's arguments and the variant among its answers that was fastest; none where we are our own peer.
    fn fastest_way(&self, work: Work) -> anyhow::Result<Option<(Vec<String>, String)>> {
        let has_bfloat16 = Machine::here(self.threads).has_bfloat16();
        let Some(arguments) = work.peer_arguments(has_bfloat16) else { return Ok(None) };
        let mut arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
        if work == Work::Decode {
            arguments.push("--audio".into());
            arguments.extend(self.audio.iter().map(|file| file.display().to_string()));
        }
        let mut best: Option<(f64, Vec<String>, String)> = None;
        let mut ways = vec![arguments.clone()];
        if work.compiles() {
            ways.push(arguments.into_iter().chain(["--compile".to_owned()]).collect());
        }
        let (mut tried, single) = (Ok(()), ways.len() == 1);
        for way in ways {
            let words: Vec<&str> = way.iter().map(String::as_str).collect();
            let runs = match self.peers.run(&words, &[], 1) {
                Ok(runs) => runs,
                // Compilation does not work everywhere; then the eager form is the peer.
                Err(error) => {
                    tried = Err(error);
                    continue;
                }
            };
            if let [only] = &runs[..]
                && single
            {
                return Ok(Some((way, only.variant.clone())));
            }
            for run in runs {
                let seconds = median(&run.seconds);
                if best.as_ref().is_none_or(|(before, ..)| seconds < *before) {
                    best = Some((seconds, way.clone(), run.variant));
                }
            }
        }
        match best {
            Some((_, way, variant)) => Ok(Some((way, variant))),
            None => tried.and_then(|()| bail!("the peer printed nothing")),
        }
    }

    fn peer(&self, arguments: &[String], variant: &str, repeat: usize) -> anyhow::Result<PeerRun> {
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let runs = self.peers.run(&words, &[], repeat)?;
        runs.into_iter().find(|run| run.variant == variant).context("the peer has changed its ways")
    }

    /// Our own full step in the place of a peer.
    fn full_step(&self, folder: &Path) -> anyhow::Result<PeerRun> {
        let measured = self.measured(Work::Train, folder)?;
        Ok(PeerRun {
            variant: "our full step".into(),
            seconds: measured.seconds,
            peak_bytes: measured.peak_bytes,
            versions: Value::Null,
        })
    }

    fn measured(&self, work: Work, folder: &Path) -> anyhow::Result<Measured> {
        let text = self.ours(work, folder, &["--repeat", "1"])?;
        Ok(serde_json::from_str(&text)?)
    }

    /// This program's half, in a process of its own.
    fn ours(&self, work: Work, folder: &Path, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = Command::new(env::current_exe()?);
        command.args(["ours", work.key(), "--folder"]).arg(folder).args(arguments);
        command.env("RAYON_NUM_THREADS", self.threads.to_string());
        if work == Work::Decode {
            command.arg("--audio").args(&self.audio);
        }
        let output = command.output()?;
        if !output.status.success() {
            bail!("our half failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8(output.stdout)?)
    }
}

fn summary(work: Work, ours: &[Measured], theirs: &[PeerRun]) -> Row {
    let ours_all: Vec<f64> = ours.iter().flat_map(|one| one.seconds.iter().copied()).collect();
    let peer_all: Vec<f64> = theirs.iter().flat_map(|one| one.seconds.iter().copied()).collect();
    let (ours_s, peer_s) = (median(&ours_all), median(&peer_all));
    let gemm: Vec<f64> = ours.iter().flat_map(|one| one.gemm_gflops).collect();
    let gemm_gflops = median(&gemm);
    let megabytes = |bytes: Option<u64>| bytes.map(|bytes| bytes as f64 / 1e6);
    Row {
        work,
        ours_s,
        peer_s,
        ratio: peer_s / ours_s,
        gemm_share: ours[0].gflop.map(|gflop| gflop / ours_s / gemm_gflops),
        peak_mb: megabytes(ours.iter().filter_map(|one| one.peak_bytes).max()),
        peer_peak_mb: megabytes(theirs.iter().filter_map(|one| one.peak_bytes).max()),
        peer: theirs[0].variant.clone(),
        ours_all_s: ours_all,
        peer_all_s: peer_all,
        gemm_gflops,
        facts: ours[0].facts.clone(),
        versions: theirs[0].versions.clone(),
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}

/// The recordings both sides can read, in the order of their names.
fn recordings(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let extension = path.extension().map(|extension| extension.to_string_lossy().into_owned());
            if path.is_dir() {
                folders.push(path);
            } else if extension.is_some_and(|one| ["mp3", "flac", "ogg", "wav"].contains(&one.as_str())) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The folder of build products, on a disk with room.
fn target() -> anyhow::Result<PathBuf> {
    let executable = env::current_exe()?;
    let parent = executable.parent().context("the program lies in a folder")?;
    Ok(parent.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_middles() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < 1e-12);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-12);
    }
}
