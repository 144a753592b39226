//! What machine this is, and how fast it is just now.

use std::fs;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use simd::matrix::{Target, Threads, View, multiply};

/// Side of the square product that everything is measured against.
const SIDE: usize = 2048;
/// Products tried; the fastest counts.
const TRIES: usize = 5;

/// A description for the head of the table.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// Model name of the processor.
    pub(crate) processor: String,
    /// Vector and tile extensions that matter here.
    pub(crate) extensions: Vec<String>,
    /// Threads both sides use.
    pub(crate) threads: usize,
    /// Memory, bytes.
    pub(crate) memory_bytes: u64,
    /// Kernel.
    pub(crate) system: String,
}

impl Machine {
    pub(crate) fn here(threads: usize) -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let field = |name: &str| {
            let line = cpuinfo.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned())
        };
        let flags = field("flags").unwrap_or_default();
        let known = ["avx2", "avx512f", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16"];
        let extensions = known.into_iter().filter(|flag| flags.split(' ').any(|has| has == *flag));
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            processor: field("model name").unwrap_or_else(|| std::env::consts::ARCH.into()),
            extensions: extensions.map(str::to_owned).collect(),
            threads,
            memory_bytes: memory_field("/proc/meminfo", "MemTotal:").unwrap_or(0),
            system: format!("{} {}", std::env::consts::OS, kernel.trim()),
        }
    }
}

/// Most memory this process has held, bytes; mapped pages of files included, as the peers count it.
pub(crate) fn peak_memory() -> Option<u64> {
    memory_field("/proc/self/status", "VmHWM:")
}

/// A field in kB of a file of `/proc`, in bytes.
fn memory_field(file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}

/// Speed of a float32 product of 2048³ on all threads, GFLOP/s.
pub(crate) fn gemm_gflops() -> f64 {
    let left: Vec<f32> = (0..SIDE * SIDE).map(|i| (i % 7) as f32 - 3.0).collect();
    let right: Vec<f32> = (0..SIDE * SIDE).map(|i| (i % 5) as f32 - 2.0).collect();
    let mut out = vec![0.0; SIDE * SIDE];
    let mut best = f64::INFINITY;
    for _ in 0..=TRIES {
        let begun = Instant::now();
        let (left, right) = (View::dense(&left, SIDE, SIDE), View::dense(&right, SIDE, SIDE));
        multiply(Target::new(&mut out, SIDE), false, 1.0, left, right, Threads::All);
        best = best.min(begun.elapsed().as_secs_f64());
    }
    2.0 * (SIDE * SIDE * SIDE) as f64 / best / 1e9
}
