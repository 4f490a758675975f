//! How much this process has written so far.
//!
//! The system tells two numbers. What was handed to calls that write leaves out what is written
//! through maps, which no engine here does. What was made dirty on its way to storage is counted in
//! whole units of the system's cache: where those are larger than a page, a commit of some hundred
//! bytes into a file of a fixed length can count as megabytes, though the disk sees a page.

use std::{fs, ops::Sub};

/// Numbers of bytes since the process began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    /// Handed to calls that write.
    pub(crate) passed: u64,
    /// Made dirty in the system's cache, in its units.
    pub(crate) dirtied: u64,
}

impl Written {
    /// So far, where the system tells.
    pub(crate) fn now() -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/self/io").ok()?)
    }

    fn parse(io: &str) -> Option<Self> {
        let field = |name: &str| {
            let value = io.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))?;
            value.parse().ok()
        };
        Some(Self { passed: field("wchar")?, dirtied: field("write_bytes")? })
    }
}

impl Sub for Written {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            passed: self.passed.saturating_sub(earlier.passed),
            dirtied: self.dirtied.saturating_sub(earlier.dirtied),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_numbers_are_read() {
        let io = "rchar: 1\nwchar: 20\nsyscr: 3\nwrite_bytes: 4096\ncancelled_write_bytes: 5\n";
        assert_eq!(Written::parse(io), Some(Written { passed: 20, dirtied: 4_096 }));
        assert_eq!(Written::parse("rchar: 1\n"), None);
    }
}
