//! Counts what engines ask to be synced, and lets it take longer: a slow disk for everybody alike.
//!
//! The functions in [`hooks`] have the names of the C library's, so the linker gives them to every
//! engine that is part of this program, and to shared libraries too. They make the system call
//! that was asked for, count it and then wait. Waiting threads sleep, side by side if several files
//! are synced at once, as a disk with a queue would let them.
//!
//! A write to a file that was opened with `O_DSYNC` is a sync too. Which files are is looked up by
//! [`watch`], not at each write: that would cost every engine a system call.
//!
//! An engine that makes its system calls without the C library would pass the hooks by. Who measures
//! has to see to it that something was counted.

use rustix::thread::{NanosleepRelativeResult, nanosleep};
use std::{
    fs, io,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

static SYNCS: AtomicU64 = AtomicU64::new(0);
static DELAY_NS: AtomicU64 = AtomicU64::new(0);
/// One bit for each file descriptor: whether it writes through. Higher ones are not watched.
static WRITE_THROUGH: [AtomicU64; 64] = [const { AtomicU64::new(0) }; 64];

/// `O_DSYNC`, which is part of `O_SYNC` too.
const DSYNC: u64 = libc::O_DSYNC as u64;

/// Number of syncs so far.
pub(crate) fn count() -> u64 {
    SYNCS.load(Ordering::Relaxed)
}

/// How much longer each sync takes from now on.
pub(crate) fn set_delay(delay: Duration) {
    let nanos = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
    DELAY_NS.store(nanos, Ordering::Relaxed);
}

/// How much longer each sync takes now.
pub(crate) fn delay() -> Duration {
    Duration::from_nanos(DELAY_NS.load(Ordering::Relaxed))
}

/// Looks up which of the files that are open now write through: those writes are counted and
/// delayed from here on.
pub(crate) fn watch() -> io::Result<()> {
    let mut words = [0_u64; WRITE_THROUGH.len()];
    for entry in fs::read_dir("/proc/self/fdinfo")? {
        let entry = entry?;
        let Some(fd) = entry.file_name().to_str().and_then(|name| name.parse::<usize>().ok())
        else {
            continue;
        };
        // The descriptor that lists the folder is gone again by now.
        let info = fs::read_to_string(entry.path()).unwrap_or_default();
        if let (Some(word), true) = (words.get_mut(fd / 64), writes_through(&info)) {
            *word |= 1 << (fd % 64);
        }
    }
    for (shared, word) in WRITE_THROUGH.iter().zip(words) {
        shared.store(word, Ordering::Relaxed);
    }
    Ok(())
}

fn writes_through(info: &str) -> bool {
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| u64::from_str_radix(flags.trim(), 8).ok());
    flags.is_some_and(|flags| flags & DSYNC != 0)
}

fn is_watched(fd: i32) -> bool {
    let Ok(fd) = usize::try_from(fd) else { return false };
    let word = WRITE_THROUGH.get(fd / 64).map_or(0, |word| word.load(Ordering::Relaxed));
    word >> (fd % 64) & 1 == 1
}

/// Counts a sync that was just done, and waits.
fn synced() {
    SYNCS.fetch_add(1, Ordering::Relaxed);
    let delay = Duration::from_nanos(DELAY_NS.load(Ordering::Relaxed));
    let mut left = rustix::time::Timespec::try_from(delay).unwrap_or_default();
    while delay > Duration::ZERO
        && let NanosleepRelativeResult::Interrupted(rest) = nanosleep(&left)
    {
        left = rest;
    }
}

/// Stands in for the C library. Neither counting nor sleeping touches `errno`, so that what the
/// system call left there is what the caller finds.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
#[expect(unsafe_code, reason = "the names and calls of the C library")]
#[expect(clippy::cast_possible_truncation, reason = "these calls return an int, -1 or 0")]
mod hooks {
    use super::{is_watched, synced};
    use libc::{c_int, c_long, c_uint, c_void, off_t, size_t, ssize_t};

    const WAITS: c_uint = libc::SYNC_FILE_RANGE_WAIT_BEFORE | libc::SYNC_FILE_RANGE_WAIT_AFTER;

    // SAFETY of the names: each function takes and returns what POSIX says of its namesake.
    #[unsafe(no_mangle)]
    extern "C" fn fsync(fd: c_int) -> c_int {
        // SAFETY: the call takes a number only.
        let outcome = unsafe { libc::syscall(libc::SYS_fsync, fd) };
        synced();
        outcome as c_int
    }

    #[unsafe(no_mangle)]
    extern "C" fn fdatasync(fd: c_int) -> c_int {
        // SAFETY: the call takes a number only.
        let outcome = unsafe { libc::syscall(libc::SYS_fdatasync, fd) };
        synced();
        outcome as c_int
    }

    #[unsafe(no_mangle)]
    extern "C" fn msync(address: *mut c_void, length: size_t, flags: c_int) -> c_int {
        // SAFETY: the kernel checks the address range, and only reads what is mapped there.
        let outcome = unsafe { libc::syscall(libc::SYS_msync, address, length, flags) };
        if flags & libc::MS_SYNC != 0 {
            synced();
        }
        outcome as c_int
    }

    #[unsafe(no_mangle)]
    extern "C" fn sync_file_range(fd: c_int, start: off_t, length: off_t, flags: c_uint) -> c_int {
        // SAFETY: the call takes numbers only.
        let outcome = unsafe { libc::syscall(libc::SYS_sync_file_range, fd, start, length, flags) };
        // Without waiting it only begins to write.
        if flags & WAITS != 0 {
            synced();
        }
        outcome as c_int
    }

    #[unsafe(no_mangle)]
    extern "C" fn pwrite(fd: c_int, bytes: *const c_void, length: size_t, at: off_t) -> ssize_t {
        write_at(fd, bytes, length, at) as ssize_t
    }

    #[unsafe(no_mangle)]
    extern "C" fn pwrite64(fd: c_int, bytes: *const c_void, length: size_t, at: off_t) -> ssize_t {
        write_at(fd, bytes, length, at) as ssize_t
    }

    fn write_at(fd: c_int, bytes: *const c_void, length: size_t, at: off_t) -> c_long {
        // SAFETY: the caller promises that so many bytes can be read, as it would to `pwrite`.
        let outcome = unsafe { libc::syscall(libc::SYS_pwrite64, fd, bytes, length, at) };
        if is_watched(fd) {
            synced();
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};

    #[test]
    fn syncs_of_the_standard_library_are_counted() {
        let file = tempfile::tempfile().unwrap();
        for sync in [fs::File::sync_all, fs::File::sync_data] {
            let before = count();
            sync(&file).unwrap();
            assert!(count() > before);
        }
    }

    #[test]
    fn writes_through_are_counted_once_they_are_watched() {
        let folder = tempfile::tempdir().unwrap();
        let mut options = fs::OpenOptions::new();
        options.create(true).write(true).custom_flags(libc::O_DSYNC);
        let file = options.open(folder.path().join("file")).unwrap();
        watch().unwrap();
        let before = count();
        file.write_all_at(b"through", 0).unwrap();
        assert!(count() > before);
    }

    #[test]
    fn only_flags_of_a_file_that_writes_through_say_so() {
        assert!(writes_through("pos:\t0\nflags:\t02110001\nmnt_id:\t29\n"));
        assert!(!writes_through("pos:\t0\nflags:\t02100001\nmnt_id:\t29\n"));
        assert!(!writes_through("nothing to see"));
    }
}
