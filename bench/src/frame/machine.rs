//! What is worth knowing of the machine that figures were taken on.

use crate::{
    Result,
    measure::{as_f64, now},
};
use std::{fs, io::Write, path::Path, thread, time::Duration};

/// Bytes of one append of [`flush_time`].
const APPEND: usize = 4_096;
const APPENDS: usize = 101;
/// `f_type` of a file system that keeps its files in memory only.
const TMPFS: i128 = 0x0102_1994;

/// The machine, its system and the disk under a folder, as items of a Markdown list.
pub(super) fn describe(folder: &Path) -> Result<String> {
    let processors = thread::available_parallelism()?;
    let system = rustix::system::uname();
    let flush = flush_time(folder)?.as_micros();
    let warning =
        if is_in_memory(folder)? { "; in memory only, nothing is durable there" } else { "" };
    Ok(format!(
        "- {processors} processors ({}), {} of memory, {} {}, load {} at the beginning\n\
         - disk: 4 KiB append and fdatasync {flush} us{warning}\n",
        field("/proc/cpuinfo", "model name")
            .unwrap_or_else(|| system.machine().to_string_lossy().into_owned()),
        field("/proc/meminfo", "MemTotal").unwrap_or_else(|| "an unknown amount".to_owned()),
        system.sysname().to_string_lossy(),
        system.release().to_string_lossy(),
        load(),
    ))
}

/// The first field of a name in a file of the system.
fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let (_, value) = text.lines().find(|line| line.starts_with(name))?.split_once(':')?;
    Some(value.trim().to_owned())
}

/// Processes that wanted to run during the last minute, or nothing where the system does not tell.
pub(crate) fn load() -> String {
    let loads = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    loads.split(' ').next().unwrap_or_default().to_owned()
}

/// The median time of appending 4 KiB to a file and flushing it.
fn flush_time(folder: &Path) -> Result<Duration> {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(folder.join("flush"))?;
    let mut times = Vec::with_capacity(APPENDS);
    for _ in 0..APPENDS {
        let begun = now();
        file.write_all(&[1; APPEND])?;
        file.sync_data()?;
        times.push(now().saturating_sub(begun));
    }
    times.sort_unstable();
    Ok(times[APPENDS / 2])
}

fn is_in_memory(folder: &Path) -> Result<bool> {
    Ok(i128::from(rustix::fs::statfs(folder)?.f_type) == TMPFS)
}

/// How the machine's processors were used up to some moment, in ticks of a hundredth of a second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// Of all processors, used or not.
    all: u64,
    /// Used by programs, this one included, or taken by the machine's host.
    busy: u64,
    /// Used by this program and those that it started, as far as it has seen their end.
    own: u64,
}

impl Usage {
    /// As it is now, where the system tells.
    pub(crate) fn now() -> Option<Self> {
        Self::parse(
            &fs::read_to_string("/proc/stat").ok()?,
            &fs::read_to_string("/proc/self/stat").ok()?,
        )
    }

    /// What part (0 to 1) of the processors others have used since.
    ///
    /// The kernel's own time is left out: much of it is work that this program gave it to do.
    pub(crate) fn others_since(&self, earlier: &Self) -> f64 {
        let all = self.all.saturating_sub(earlier.all).max(1);
        let busy = self.busy.saturating_sub(earlier.busy);
        let own = self.own.saturating_sub(earlier.own);
        as_f64(busy.saturating_sub(own)) / as_f64(all)
    }

    fn parse(machine: &str, process: &str) -> Option<Self> {
        let ticks = machine.lines().next()?.strip_prefix("cpu ")?.split_ascii_whitespace();
        let ticks: Vec<u64> = ticks.map_while(|field| field.parse().ok()).collect();
        let [user, nice, _, _, _, _, _, steal, ..] = ticks[..] else { return None };
        // The name of the program, in parentheses, may hold blanks; user time is the twelfth
        // field behind it, and that of its children the fourteenth.
        let mut times = process.rsplit_once(')')?.1.split_ascii_whitespace().skip(11).step_by(2);
        let mut time = || times.next()?.parse::<u64>().ok();
        let own = time()? + time()?;
        Some(Self { all: ticks.iter().take(8).sum(), busy: user + nice + steal, own })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_others_is_what_programs_used_without_our_own() {
        let process =
            |user| format!("7 (a name) of) S 1 7 7 0 -1 4194304 1 0 0 0 {user} 99 3 0 20");
        let before = Usage::parse("cpu  100 10 50 800 5 0 5 30 9 9\ncpu0 1", &process(40)).unwrap();
        let after = Usage::parse("cpu  150 15 70 900 5 0 5 55 9 9\ncpu0 1", &process(60)).unwrap();
        assert!((after.others_since(&before) - 60.0 / 200.0).abs() < 1e-9);
        assert!(Usage::parse("cpu  100 10", &process(40)).is_none());
    }
}
