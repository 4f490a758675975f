//! How much memory this process has taken at most.
//!
//! That counts pages of mapped files which are in memory: an engine that maps its files shows more
//! than one that reads them, though the system would take those pages back first.

use crate::Result;
use std::fs;

/// The field of the system's report on a process that tells the most it had.
const PEAK: &str = "VmHWM:";

/// Forgets the peak so far. Where the system does not let us, the peak is that of the process.
pub(crate) fn reset_peak() {
    // Nothing depends on it but how much of the run the figure covers.
    drop(fs::write("/proc/self/clear_refs", "5"));
}

/// The most bytes that were in memory at once since the last reset.
pub(crate) fn peak() -> Result<u64> {
    parse(&fs::read_to_string("/proc/self/status")?, PEAK)
        .ok_or_else(|| "no peak memory is told".into())
}

/// The bytes that are in memory now.
#[cfg(feature = "vectors")]
pub(crate) fn resident() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    parse(&status, "VmRSS:").ok_or_else(|| "no memory is told".into())
}

fn parse(status: &str, name: &str) -> Option<u64> {
    let field = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = field.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_told_in_bytes() {
        assert_eq!(parse("Name:\tx\nVmHWM:\t    1536 kB\nVmRSS:\t 9 kB\n", PEAK), Some(1536 << 10));
        assert_eq!(parse("Name:\tx\n", PEAK), None);
        assert!(peak().unwrap() > 1 << 20);
    }
}
