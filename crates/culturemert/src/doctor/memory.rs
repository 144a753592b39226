//! How much memory there is, as Linux tells; elsewhere nothing is known.

use serde::Serialize;

/// Memory, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Memory {
    /// Of the machine, or what the container may use where that is less.
    pub(crate) total_bytes: u64,
    /// What can be had without swapping; at most the total.
    pub(crate) available_bytes: u64,
}

/// Where a container's limit stands: control groups version 2 and 1.
const LIMITS: [&str; 2] = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];

/// Asks the system. `None` where it does not say.
pub(crate) fn memory() -> Option<Memory> {
    let limit = LIMITS.iter().find_map(|file| std::fs::read_to_string(file).ok());
    parse(&std::fs::read_to_string("/proc/meminfo").ok()?, limit.as_deref())
}

/// `meminfo` in its own format; `limit` a number of bytes, or `max`.
fn parse(meminfo: &str, limit: Option<&str>) -> Option<Memory> {
    let bytes = |key: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        kibibytes.checked_mul(1024)
    };
    let limit = limit.and_then(|limit| limit.trim().parse().ok()).unwrap_or(u64::MAX);
    let (total, available) = (bytes("MemTotal")?, bytes("MemAvailable")?);
    Some(Memory { total_bytes: total.min(limit), available_bytes: available.min(limit) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lesser_of_machine_and_container_counts() {
        let meminfo = "MemTotal:       4096 kB\nMemFree:  1 kB\nMemAvailable:   2048 kB\n";
        let found = |limit| parse(meminfo, limit).map(|memory| (memory.total_bytes, memory.available_bytes));
        assert_eq!(found(None), Some((4 << 20, 2 << 20)));
        assert_eq!(found(Some("max\n")), found(None));
        assert_eq!(found(Some("3145728\n")), Some((3 << 20, 2 << 20)));
        assert_eq!(found(Some("1048576")), Some((1 << 20, 1 << 20)));
        assert_eq!(parse("MemTotal: 1 kB\n", None), None);
    }
}
