//! What is worth knowing of the machine that figures were taken on.

use crate::{Result, measure::Stopwatch};
use std::{fs, io::Write, path::Path, thread, time::Duration};

/// Bytes of one append of [`flush_time`].
const APPEND: usize = 4_096;
const APPENDS: usize = 101;
/// `f_type` of a file system that keeps its files in memory only.
const TMPFS: i128 = 0x0102_1994;

/// The machine and the disk under a folder, in one line.
pub(crate) fn describe(folder: &Path) -> Result<String> {
    let processors = thread::available_parallelism()?;
    let flush = flush_time(folder)?.as_micros();
    let warning =
        if is_in_memory(folder)? { "; in memory only, nothing is durable there" } else { "" };
    Ok(format!(
        "{processors} processors, load {}, disk under {}: 4 KiB append and fdatasync {flush} us{warning}",
        load(),
        folder.parent().unwrap_or(folder).display()
    ))
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
        let stopwatch = Stopwatch::start();
        file.write_all(&[1; APPEND])?;
        file.sync_data()?;
        times.push(stopwatch.stop(1).wall);
    }
    times.sort_unstable();
    Ok(times[APPENDS / 2])
}

fn is_in_memory(folder: &Path) -> Result<bool> {
    Ok(i128::from(rustix::fs::statfs(folder)?.f_type) == TMPFS)
}
