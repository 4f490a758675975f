//! Whether a folder is on a file system that processes can share it on, tried out where files are
//! that are not complete yet.
//!
//! What decides is what the file system does. What it says about itself, and about how it is
//! mounted, is told to the operator where it promises trouble.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

use crate::{
    disk::{self, Access, Disk, Mount, whole},
    error::{Error, Result},
};

/// Refuses a folder that cannot be shared, and warns of one that is shared badly. `prefix` begins the
/// names of files that nobody else uses; they are gone afterwards.
///
/// What the file system leaves open, as it does not answer now, is for those who go on to find out.
pub(super) fn probe(disk: &dyn Disk, dir: &Path, prefix: &str) -> Result<()> {
    let unfit = |reason: &str| Error::Unshareable {
        path: dir.parent().unwrap_or(dir).to_owned(),
        reason: reason.to_owned(),
    };
    match try_out(disk, dir, prefix)? {
        Finding::Fit => {}
        Finding::Open => tracing::debug!(path = %dir.display(), "it cannot be tried out now"),
        Finding::Unfit(reason) => return Err(unfit(reason)),
    }
    let mount = disk.mount(dir).map_err(disk::failed("look up the mount of", dir))?;
    for weakness in mount.iter().flat_map(weaknesses) {
        tracing::warn!(path = %dir.display(), "a shared folder {weakness}");
    }
    Ok(())
}

/// How often a file system has to show that it is unfit: a link can be lost and said to be made, and
/// others remove the files of who is stopped for so long that it is taken for dead.
const ATTEMPTS_MAX: usize = 3;

/// What was found out about a file system.
enum Finding {
    Fit,
    /// It does not answer, or somebody has removed the files.
    Open,
    Unfit(&'static str),
}

/// Tries a file system out until it shows that it is fit, by files of other names each time: a
/// request of an earlier attempt may still be on its way.
fn try_out(disk: &dyn Disk, dir: &Path, prefix: &str) -> Result<Finding> {
    let mut found = Ok(Finding::Open);
    for attempt in 0..ATTEMPTS_MAX {
        let files =
            ["one", "other", "both"].map(|name| dir.join(format!("{prefix}-{attempt}-{name}")));
        found = look_at_links(disk, dir, &files);
        for file in &files {
            // One that stays is in nobody's way.
            drop(disk.remove(file));
        }
        if !matches!(found, Ok(Finding::Unfit(_))) {
            break;
        }
    }
    found
}

/// Gives a file a second name, and then tries to give that one to another file.
fn look_at_links(
    disk: &dyn Disk,
    dir: &Path,
    [one, other, both]: &[PathBuf; 3],
) -> Result<Finding> {
    for (file, content) in [(one, b"1"), (other, b"2")] {
        let create = disk.open(file, Access::Create).map_err(disk::failed("create", file))?;
        create.write_all_at(content, 0).map_err(disk::failed("write", file))?;
        create.sync_all().map_err(disk::failed("sync", file))?;
    }
    let look = || {
        disk.refresh_dir(dir).map_err(disk::failed("look at", dir))?;
        whole::read_file(disk, both, 1)
    };
    let linked = disk.link(one, both);
    match (look(), linked) {
        (Ok(content), _) if content == b"1" => {}
        (Ok(_), _) => return Ok(Finding::Unfit("a second name shows another file")),
        (Err(_), Err(error)) if is_refusal(error.kind()) => {
            return Ok(Finding::Unfit("it has no hard links"));
        }
        (Err(error), Ok(())) if is_absence(&error) => {
            return Ok(Finding::Unfit("a second name is not seen"));
        }
        (Err(_), _) => return Ok(Finding::Open),
    }
    if disk.link(other, both).is_ok() {
        tracing::debug!(path = %dir.display(), "links are said to be made that are not");
    }
    match look() {
        Ok(content) if content == b"1" => {}
        Ok(_) => return Ok(Finding::Unfit("a second name replaces another file's")),
        Err(_) => return Ok(Finding::Open),
    }
    match disk.open(both, Access::Read).and_then(|file| file.names()) {
        Ok(None | Some(2)) => {}
        Ok(Some(_)) => return Ok(Finding::Unfit("a second name is a copy, or not counted")),
        Err(_) => return Ok(Finding::Open),
    }
    match disk.list(dir) {
        Ok(entries) if entries.iter().any(|entry| Some(&*entry.name) == both.file_name()) => {
            Ok(Finding::Fit)
        }
        Ok(_) => Ok(Finding::Unfit("a second name is not listed")),
        Err(_) => Ok(Finding::Open),
    }
}

/// Whether a file is not there, as far as the system knows.
fn is_absence(error: &Error) -> bool {
    matches!(error, Error::Io { source, .. } if source.kind() == ErrorKind::NotFound)
}

/// Whether a link fails so because there can be none. That files can be created is known by then.
fn is_refusal(error: ErrorKind) -> bool {
    use ErrorKind::{CrossesDevices, InvalidInput, PermissionDenied, TooManyLinks, Unsupported};
    matches!(error, CrossesDevices | InvalidInput | PermissionDenied | TooManyLinks | Unsupported)
}

/// What is bad about how a shared folder is mounted, and what to do about it.
fn weaknesses(mount: &Mount) -> Vec<&'static str> {
    let kind = mount.file_system.as_str();
    let mut found = Vec::new();
    if kind.starts_with("nfs") {
        let is_old = kind == "nfs" || matches!(mount.value("vers"), Some("3" | "4" | "4.0"));
        let finds_new_names =
            matches!(mount.value("lookupcache"), Some("pos" | "positive" | "none"));
        if is_old && !finds_new_names {
            found.push(
                "is on NFS before 4.1, where new commits can be seen half a minute late; mount it \
                 with `lookupcache=pos`",
            );
        }
        if mount.has("soft") || mount.has("softerr") {
            found.push("is mounted `soft`, so that commits can end as unknown; mount it `hard`");
        }
        if mount.has("nocto") {
            found
                .push("is mounted `nocto`, so that new commits can be seen late; mount it without");
        }
    } else if kind.starts_with("fuse") {
        found.push(
            "is on FUSE, which may remember names that are not there; mount it such that it \
             remembers none",
        );
    } else if matches!(kind, "cifs" | "smb3" | "9p" | "vboxsf") {
        found.push("is on a kind of file system that nobody has tried out");
    }
    found
}

#[cfg(test)]
mod tests {
    use std::{io, ops::RangeInclusive, sync::Arc};

    use super::*;
    use crate::sync::atomic::{AtomicU64, Ordering};
    use crate::{
        Call, ClientDisk, Entry, Fault, FaultyDisk, File, LinkFate, Lock, LockKind, MemoryDisk,
        OsDisk,
    };

    /// Makes second names as some file systems do.
    #[derive(Debug)]
    struct Odd {
        inner: MemoryDisk,
        kind: Kind,
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Kind {
        Refuses(ErrorKind),
        Replaces,
        DoesNothing,
        CountsOne,
    }

    #[derive(Debug)]
    struct Counted(Arc<dyn File>);

    impl File for Counted {
        fn len(&self) -> io::Result<u64> {
            self.0.len()
        }

        fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
            self.0.read_at(buf, offset)
        }

        fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize> {
            self.0.write_at(buf, offset)
        }

        fn set_len(&self, len: u64) -> io::Result<()> {
            self.0.set_len(len)
        }

        fn sync_data(&self) -> io::Result<()> {
            self.0.sync_data()
        }

        fn sync_all(&self) -> io::Result<()> {
            self.0.sync_all()
        }

        fn map(&self, len: u64) -> io::Result<crate::Mapping> {
            self.0.map(len)
        }

        fn names(&self) -> io::Result<Option<u64>> {
            Ok(Some(1))
        }
    }

    impl Disk for Odd {
        fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
            self.inner.create_dir_all(dir)
        }

        fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
            let file = self.inner.open(path, access)?;
            Ok(if self.kind == Kind::CountsOne { Arc::new(Counted(file)) } else { file })
        }

        fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
            self.inner.rename(from, to)
        }

        fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
            match self.kind {
                Kind::Refuses(kind) => Err(kind.into()),
                Kind::Replaces => {
                    drop(self.inner.remove(to));
                    self.inner.link(from, to)
                }
                Kind::DoesNothing => Ok(()),
                Kind::CountsOne => self.inner.link(from, to),
            }
        }

        fn remove(&self, path: &Path) -> io::Result<()> {
            self.inner.remove(path)
        }

        fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
            self.inner.list(dir)
        }

        fn sync_dir(&self, dir: &Path) -> io::Result<()> {
            self.inner.sync_dir(dir)
        }

        fn lock(&self, path: &Path, kind: LockKind) -> io::Result<Option<Box<dyn Lock>>> {
            self.inner.lock(path, kind)
        }
    }

    const DIR: &str = "/db/tmp";

    fn probed(disk: &dyn Disk) -> Result<()> {
        disk.create_dir_all(Path::new(DIR)).unwrap();
        let outcome = probe(disk, Path::new(DIR), "FORMAT-x");
        assert_eq!(disk.list(Path::new(DIR)).unwrap(), [], "nothing is left");
        outcome
    }

    #[test]
    fn a_disk_that_links_can_be_shared() {
        probed(&MemoryDisk::default()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        probe(&OsDisk, folder.path(), "x").unwrap();
        assert_eq!(OsDisk.list(folder.path()).unwrap(), []);
    }

    #[test]
    fn a_disk_that_does_not_link_as_it_should_is_refused() {
        for (kind, reason) in [
            (Kind::Refuses(ErrorKind::Unsupported), "it has no hard links"),
            (Kind::Refuses(ErrorKind::PermissionDenied), "it has no hard links"),
            (Kind::Replaces, "a second name replaces another file's"),
            (Kind::DoesNothing, "a second name is not seen"),
            (Kind::CountsOne, "a second name is a copy, or not counted"),
        ] {
            let error = probed(&Odd { inner: MemoryDisk::default(), kind }).unwrap_err();
            assert!(
                matches!(&error, Error::Unshareable { path, reason: found }
                    if path == Path::new("/db") && found == reason),
                "{kind:?}: {error}"
            );
        }
    }

    #[test]
    fn a_database_is_not_created_where_it_cannot_be_shared() {
        let kind = Kind::Refuses(ErrorKind::Unsupported);
        let disk: Arc<dyn Disk> = Arc::new(Odd { inner: MemoryDisk::default(), kind });
        let open = |mode| {
            let options = crate::Options::default().mode(mode);
            crate::Database::builder().options(options).disk(Arc::clone(&disk)).open("/db")
        };
        let error = open(crate::Mode::Shared).unwrap_err();
        assert!(matches!(error, Error::Unshareable { .. }), "{error}");
        open(crate::Mode::ReadWrite).unwrap();
    }

    #[test]
    fn what_a_disk_says_about_links_is_not_believed_and_silence_proves_nothing() {
        for fate in [LinkFate::Misreported, LinkFate::Unanswered, LinkFate::Lost, LinkFate::Late] {
            let disk = ClientDisk::new(Arc::new(MemoryDisk::default()));
            disk.judge_links(move |_| fate);
            probed(&disk).unwrap();
        }
    }

    #[test]
    fn a_second_name_that_cannot_be_read_now_proves_nothing() {
        for times in [1, u64::MAX] {
            let disk = FaultyDisk::new(Arc::new(MemoryDisk::default()));
            let failed = AtomicU64::new(0);
            disk.faults().judge(move |call, path| {
                let is_read = call == Call::Read && path.ends_with("x-0-both");
                let fails = is_read && failed.fetch_add(1, Ordering::Relaxed) < times;
                fails.then_some(Fault::Error(ErrorKind::Other))
            });
            disk.create_dir_all(Path::new(DIR)).unwrap();
            probe(&disk, Path::new(DIR), "x").unwrap();
        }
    }

    /// A disk whose files somebody else removes before some of its calls, by their numbers.
    fn cleared_before(calls: RangeInclusive<u64>) -> FaultyDisk {
        let server = MemoryDisk::default();
        let disk = FaultyDisk::new(Arc::new(server.clone()));
        disk.create_dir_all(Path::new(DIR)).unwrap();
        let clear = move || {
            for file in server.list(Path::new(DIR)).unwrap() {
                server.remove(&Path::new(DIR).join(file.name)).unwrap();
            }
        };
        let call = AtomicU64::new(0);
        disk.faults().judge(move |_, _| {
            let is_meant = calls.contains(&call.fetch_add(1, Ordering::Relaxed));
            is_meant.then(&clear);
            None
        });
        disk
    }

    #[test]
    fn files_that_others_remove_in_the_middle_prove_nothing() {
        for first in 0..20 {
            for last in [first, u64::MAX] {
                probe(&cleared_before(first..=last), Path::new(DIR), "x").unwrap();
            }
        }
    }

    #[test]
    fn a_disk_that_is_full_is_said_to_be() {
        let disk = FaultyDisk::new(Arc::new(MemoryDisk::default()));
        disk.create_dir_all(Path::new(DIR)).unwrap();
        disk.faults().from(0, Fault::Full);
        let error = probe(&disk, Path::new(DIR), "x").unwrap_err();
        assert!(matches!(error, Error::DiskFull { .. }), "{error}");
    }

    fn weak(file_system: &str, options: &str) -> usize {
        let options = options.split(',').map(str::to_owned).collect();
        weaknesses(&Mount { file_system: file_system.to_owned(), options }).len()
    }

    #[test]
    fn what_is_weak_is_known_by_how_it_is_mounted() {
        for (file_system, options, count) in [
            ("ext4", "rw", 0),
            ("nfs4", "rw,vers=4.2,hard", 0),
            ("nfs4", "rw,vers=4.1,soft", 1),
            ("nfs4", "rw,vers=4.0,hard", 1),
            ("nfs4", "rw,vers=4.0,hard,lookupcache=pos", 0),
            ("nfs", "rw,vers=3,softerr,nocto", 3),
            ("nfs", "rw,vers=3,hard,lookupcache=positive", 0),
            ("nfs", "rw,vers=3,hard,lookupcache=all", 1),
            ("fuse.sshfs", "rw", 1),
            ("cifs", "rw,soft", 1),
        ] {
            assert_eq!(weak(file_system, options), count, "{file_system} {options}");
        }
    }
}
