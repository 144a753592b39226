//! What machine this is.

use std::fs;

use serde::{Deserialize, Serialize};

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

impl Machine {
    /// Whether the processor multiplies bfloat16 numbers by instructions of its own.
    pub(crate) fn has_bfloat16(&self) -> bool {
        self.extensions.iter().any(|name| name == "avx512_bf16" || name == "amx_bf16")
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
