//! Whether this machine can do the work: what it has, how fast and how right its products are, and what is wrong.

mod memory;
mod problems;

use std::path::{Path, PathBuf};

use serde::Serialize;
use simd::Precision;
use simd::matrix::{instructions, largest_error, quick_product_gflops};

pub(crate) use self::memory::{Memory, memory};

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) version: &'static str,
    /// Architecture and system the program is compiled for.
    pub(crate) target: &'static str,
    /// Optional parts that are compiled in.
    pub(crate) features: Vec<&'static str>,
    /// System, and its kernel where that is known.
    pub(crate) system: String,
    /// Threads that work is shared among.
    pub(crate) threads: usize,
    /// Processors that the system lets this process use.
    pub(crate) processors: usize,
    pub(crate) products: Vec<Products>,
    /// Graphics cards that this build reaches.
    pub(crate) cards: Vec<Card>,
    /// `None` where the system is not asked.
    pub(crate) memory: Option<Memory>,
    pub(crate) folders: Vec<Folder>,
    /// One sentence each, with what to do.
    pub(crate) problems: Vec<String>,
}

/// Matrix products in one precision.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Products {
    pub(crate) precision: String,
    pub(crate) instructions: String,
    /// Of a 1024³ product on all threads, 10⁹ operations a second.
    pub(crate) gflops: f64,
    /// Largest error against a plain loop, relative to what an element adds up; `None` where a product is no number.
    pub(crate) error: Option<f64>,
}

/// A graphics card, or a processor that plays one.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Card {
    /// What `--device` calls it.
    pub(crate) device: String,
    /// What it calls itself.
    pub(crate) name: String,
}

/// A folder that files may go to.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Folder {
    pub(crate) what: &'static str,
    pub(crate) path: PathBuf,
    /// `None` where the system is not asked or does not say.
    pub(crate) free_bytes: Option<u64>,
    pub(crate) is_writable: Option<bool>,
}

/// Looks at everything. Takes a second or two; writes nothing.
pub(crate) fn examine() -> Report {
    let precisions = [Precision::Float32, Precision::Bfloat16, Precision::Float16, Precision::Split];
    let mut folders = vec![folder("temporary files", &std::env::temp_dir())];
    if let Ok(here) = std::env::current_dir() {
        folders.insert(0, folder(CURRENT, &here));
    }
    let mut report = Report {
        version: env!("CARGO_PKG_VERSION"),
        target: env!("CULTUREMERT_TARGET"),
        features: env!("CULTUREMERT_FEATURES").split_whitespace().collect(),
        system: system(),
        threads: rayon::current_num_threads(),
        processors: std::thread::available_parallelism().map_or(1, usize::from),
        products: precisions.into_iter().map(products).collect(),
        cards: mert::device::cards()
            .into_iter()
            .map(|(device, name)| Card { device: device.to_string(), name })
            .collect(),
        memory: memory(),
        folders,
        problems: Vec::new(),
    };
    report.problems = problems::of(&report);
    report
}

/// What the current folder is called in the report.
const CURRENT: &str = "current folder";

fn products(precision: Precision) -> Products {
    let error = largest_error(precision);
    Products {
        precision: precision.to_string(),
        instructions: instructions(precision).to_string(),
        gflops: quick_product_gflops(precision),
        error: error.is_finite().then_some(error),
    }
}

fn folder(what: &'static str, path: &Path) -> Folder {
    let room = files::room(path).ok().flatten();
    Folder {
        what,
        path: path.to_owned(),
        free_bytes: room.map(|room| room.free_bytes),
        is_writable: room.map(|room| room.is_writable),
    }
}

fn system() -> String {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{} {}", std::env::consts::OS, kernel.trim()).trim_end().to_owned()
}

impl Report {
    /// The report for a person, a line a fact.
    pub(crate) fn to_text(&self) -> String {
        let Self { version, target, system, threads, processors, .. } = self;
        let features = if self.features.is_empty() {
            "none: everything runs on the processor".to_owned()
        } else {
            self.features.join(", ")
        };
        let mut lines = vec![
            format!("version      {version}, compiled for {target}"),
            format!("features     {features}"),
            format!("system       {system}"),
            format!("threads      {threads} on {processors} processors"),
        ];
        for Products { precision, instructions, gflops, error } in &self.products {
            let error = error.map_or("not right".to_owned(), |error| format!("right to {error:.0e}"));
            lines.push(format!("{precision:<12} {instructions}, {gflops:.0} GFLOP/s, {error}"));
        }
        lines.extend(
            self.cards
                .iter()
                .map(|Card { device, name }| format!("card         {name}, `--device {device}`")),
        );
        lines.push(match self.memory {
            Some(Memory { total_bytes, available_bytes }) => format!(
                "memory       {:.1} of {:.1} GB available",
                gigabytes(available_bytes),
                gigabytes(total_bytes)
            ),
            None => "memory       not known on this system".into(),
        });
        for Folder { what, path, free_bytes, .. } in &self.folders {
            let free =
                free_bytes.map_or("not known".to_owned(), |bytes| format!("{:.1} GB", gigabytes(bytes)));
            lines.push(format!("disk         {free} free in `{}` ({what})", path.display()));
        }
        lines.push("ffmpeg       not needed: the program decodes recordings itself".into());
        if self.problems.is_empty() {
            lines.push("problems     none".into());
        }
        lines.extend(self.problems.iter().map(|problem| format!("problem      {problem}")));
        lines.join("\n")
    }
}

/// 10⁹ bytes.
fn gigabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e9
}
