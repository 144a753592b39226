//! How much memory the process holds and has held, as Linux tells in `/proc/self/status`; elsewhere nothing is known.

/// Resident memory of this process, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Now.
    pub current: u64,
    /// Most so far.
    pub peak: u64,
}

/// Asks the system. `None` where it does not say.
pub fn memory() -> Option<Memory> {
    parse(&std::fs::read_to_string("/proc/self/status").ok()?)
}

fn parse(status: &str) -> Option<Memory> {
    let bytes = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        kibibytes.checked_mul(1024)
    };
    Some(Memory { current: bytes("VmRSS")?, peak: bytes("VmHWM")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_the_system_are_read() {
        let status = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(parse(status), Some(Memory { current: 1 << 20, peak: 1 << 21 }));
        assert_eq!(parse("VmRSS:\t 1 kB\n"), None);
    }

    #[test]
    fn touching_memory_raises_the_peak() {
        let Some(before) = memory() else { return };
        let touched = vec![1u8; 64 << 20];
        let after = memory().unwrap();
        assert!(touched.iter().step_by(4096).all(|&byte| byte == 1));
        assert!(after.peak >= before.current + (60 << 20), "{before:?} {after:?}");
    }
}
