//! How much memory this process may use, the pages of files that it maps included.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Where control groups are mounted, by custom.
const GROUPS: &str = "/sys/fs/cgroup";

/// The least of the machine's memory and the limits of the control groups that the process is in.
/// None where the system does not tell.
pub(crate) fn memory_limit() -> Option<u64> {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| total(&text));
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limits = limit_files(&groups).into_iter();
    let limits = limits.filter_map(|path| fs::read_to_string(path).ok()?.trim().parse().ok());
    limits.chain(machine).min()
}

fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1 << 10)
}

/// The files with the limits of the groups named in `/proc/self/cgroup`, and of those above them:
/// lines of `number:controllers:path`, where the number is 0 in version 2 of control groups.
fn limit_files(groups: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(number), Some(controllers), Some(group)) =
            (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let (root, file) = if number == "0" && controllers.is_empty() {
            (Path::new(GROUPS).to_owned(), "memory.max")
        } else if controllers.split(',').any(|controller| controller == "memory") {
            (Path::new(GROUPS).join("memory"), "memory.limit_in_bytes")
        } else {
            continue;
        };
        // In a container the path may be that outside of it, where there is nothing to be read.
        let group = Path::new(group.trim_start_matches('/'));
        files.extend(group.ancestors().map(|group| root.join(group).join(file)));
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_the_machine_is_told_in_bytes() {
        assert_eq!(total("MemTotal:       24684092 kB\nMemFree: 1 kB\n"), Some(24_684_092 << 10));
        assert_eq!(total("MemFree: 1 kB\n"), None);
        assert_eq!(total("MemTotal: 18446744073709551615 kB\n"), None);
    }

    #[test]
    fn limits_are_those_of_a_group_and_of_the_groups_above_it() {
        let two = limit_files("0::/user.slice/shell.scope\n");
        let expected = ["user.slice/shell.scope/memory.max", "user.slice/memory.max", "memory.max"];
        assert_eq!(two, expected.map(|path| Path::new("/sys/fs/cgroup").join(path)));
        let one = limit_files("7:blkio:/\n4:memory:/bench\nnonsense\n");
        let expected = ["bench/memory.limit_in_bytes", "memory.limit_in_bytes"];
        assert_eq!(one, expected.map(|path| Path::new("/sys/fs/cgroup/memory").join(path)));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_has_memory() {
        assert!(memory_limit().is_some_and(|bytes| bytes > 1 << 20));
    }
}
