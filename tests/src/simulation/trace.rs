//! What happened in a run, line by line: a digest of all of it, and the end of it in words.

use std::{
    collections::VecDeque,
    fmt::{self, Write},
};

use parking_lot::Mutex;

/// How many lines are remembered.
const LINES: usize = 150;

/// Takes lines from everybody who takes part.
#[derive(Debug)]
pub(super) struct Trace(Mutex<Lines>);

#[derive(Debug)]
struct Lines {
    digest: u64,
    last: VecDeque<String>,
}

impl Default for Trace {
    fn default() -> Self {
        Self(Mutex::new(Lines { digest: 0xcbf2_9ce4_8422_2325, last: VecDeque::new() }))
    }
}

impl Trace {
    pub(super) fn line(&self, line: fmt::Arguments<'_>) {
        let mut lines = self.0.lock();
        // The oldest line lends its memory to the newest.
        let full = if lines.last.len() < LINES { None } else { lines.last.pop_front() };
        let mut text = full.unwrap_or_default();
        text.clear();
        text.write_fmt(line).expect("a string takes whatever it is given");
        lines.take(text.as_bytes());
        lines.last.push_back(text);
    }

    /// Adds bytes to the digest that are not worth a line.
    pub(super) fn bytes(&self, bytes: &[u8]) {
        self.0.lock().take(bytes);
    }

    pub(super) fn digest(&self) -> u64 {
        self.0.lock().digest
    }

    pub(super) fn last(&self) -> Vec<String> {
        self.0.lock().last.iter().cloned().collect()
    }
}

impl Lines {
    /// FNV-1a, of which nothing is asked but that different runs differ in it.
    fn take(&mut self, bytes: &[u8]) {
        for byte in bytes.iter().chain(b"\n") {
            self.digest = (self.digest ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
