//! How a folder is mounted, as Linux tells it. No files here.

use std::{
    ffi::OsString,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
};

/// What a folder is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The kind of file system: "ext4", "nfs4".
    pub file_system: String,
    /// What it was mounted with: "hard", "vers=4.2".
    pub options: Vec<String>,
}

impl Mount {
    /// Whether it was mounted with an option.
    pub fn has(&self, option: &str) -> bool {
        self.options.iter().any(|given| given == option)
    }

    /// The value of an option, if it was given one.
    pub fn value(&self, option: &str) -> Option<&str> {
        self.options.iter().find_map(|given| given.strip_prefix(option)?.strip_prefix('='))
    }
}

/// What a path, without symbolic links, is on, by the lines of `/proc/self/mountinfo`.
///
/// Each is `id parent device root place options tags.. - kind source options`, where a place that
/// was mounted over comes before what is over it.
pub(super) fn of(path: &Path, mountinfo: &str) -> Option<Mount> {
    let mounts = mountinfo.lines().filter_map(place_and_mount);
    let above = mounts.filter(|(place, _)| path.starts_with(place));
    above.max_by_key(|(place, _)| place.components().count()).map(|(_, mount)| mount)
}

fn place_and_mount(line: &str) -> Option<(PathBuf, Mount)> {
    let (before, behind) = line.split_once(" - ")?;
    let mut before = before.split(' ').skip(4);
    let (place, of_place) = (before.next()?, before.next()?);
    let mut behind = behind.split(' ');
    let (file_system, _source) = (behind.next()?.to_owned(), behind.next()?);
    let options = of_place.split(',').chain(behind.next().unwrap_or("").split(','));
    let options = options.filter(|option| !option.is_empty()).map(str::to_owned).collect();
    Some((unescape(place), Mount { file_system, options }))
}

/// Undoes the writing of spaces and the like as `\040`.
fn unescape(text: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        let digits = others.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        if let Some(byte) = escaped.filter(|_| *first == b'\\') {
            bytes.push(byte);
            rest = &others[3..];
        } else {
            bytes.push(*first);
            rest = others;
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTINFO: &str = "\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
30 22 0:41 / /mnt/shared rw,noatime shared:9 - nfs4 server:/export rw,vers=4.2,hard,proto=tcp
31 22 0:42 / /mnt/shared\\040folder rw - nfs server:/old rw,vers=3,soft,lookupcache=pos
32 30 0:43 / /mnt/shared/deep rw - fuse.sshfs host: rw,user_id=0
33 30 0:44 / /mnt/shared/deep rw - tmpfs none rw
nonsense
34 22 0:45 / /short - 
";

    fn on(path: &str) -> Option<Mount> {
        of(Path::new(path), MOUNTINFO)
    }

    #[test]
    fn a_folder_is_on_what_is_mounted_closest_above_it_and_last() {
        for (path, file_system) in [
            ("/", "ext4"),
            ("/mnt", "ext4"),
            ("/mnt/shared", "nfs4"),
            ("/mnt/shared/shop", "nfs4"),
            ("/mnt/sharedness", "ext4"),
            ("/mnt/shared folder/shop", "nfs"),
            ("/mnt/shared/deep/shop", "tmpfs"),
        ] {
            assert_eq!(on(path).unwrap().file_system, file_system, "{path}");
        }
        assert_eq!(of(Path::new("/"), ""), None);
    }

    #[test]
    fn options_are_those_of_the_place_and_of_the_file_system() {
        let mount = on("/mnt/shared folder").unwrap();
        assert!(mount.has("soft") && mount.has("rw") && !mount.has("hard"));
        assert_eq!(mount.value("vers"), Some("3"));
        assert_eq!(mount.value("lookupcache"), Some("pos"));
        assert_eq!(mount.value("soft"), None);
        assert!(on("/mnt/shared").unwrap().has("noatime"));
    }

    #[test]
    fn escapes_that_are_none_stay_as_they_are() {
        assert_eq!(unescape("/a\\134b\\9c\\"), Path::new("/a\\b\\9c\\"));
        assert_eq!(unescape("/\\777"), Path::new("/\\777"));
    }
}
