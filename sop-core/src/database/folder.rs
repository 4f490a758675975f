//! The folder of a database: what is in it, and how it comes into being.
//!
//! `FORMAT` is written last when a database is created, and whole. A folder without it that holds
//! only what creation makes is a creation that was interrupted, and is begun again; a folder
//! without it that holds anything else is not ours and is left alone.

use std::{
    io::ErrorKind::{NotADirectory, NotFound},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::Options;
use crate::{
    codec::{Reader, sealed},
    disk::{self, Disk, LOCK_FILE, Lock, LockKind, mirrored::is_note, whole},
    error::{Error, Result},
    log::{Log, Mark},
    recovery::{FIRST_NUMBER, Site, first_manifest},
    version::{ManifestFolder, manifest, manifest_name},
};

pub(super) const FORMAT_FILE: &str = "FORMAT";
/// What a database has, the last one only if many processes share it.
const FOLDERS: [&str; 5] = ["log", "man", "seg", "tmp", "pin"];

const MAGIC: [u8; 8] = *b"SOPdata\n";
/// Of a database that was never restored, which older code can read.
const FORMAT: u32 = 1;
/// Of one that was restored, and names its incarnation.
const FORMAT_RESTORED: u32 = 2;

/// Who uses a database, as `FORMAT` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Usage {
    /// One process at a time.
    Standalone,
    /// Any number of processes.
    Shared,
}

impl Usage {
    /// The folders of such a database.
    pub(super) fn folders(self) -> &'static [&'static str] {
        match self {
            Self::Standalone => FOLDERS.split_last().map_or(&[], |(_, others)| others),
            Self::Shared => &FOLDERS,
        }
    }

    fn of(number: u8) -> Option<Self> {
        [Self::Standalone, Self::Shared].into_iter().find(|usage| *usage as u8 == number)
    }
}

/// Takes hold of a database's folder, so that no other process uses it.
pub(super) fn lock(
    disk: &Arc<dyn Disk>,
    root: &Path,
    options: &Options,
    kind: LockKind,
) -> Result<Box<dyn Lock>> {
    if options.create {
        whole::create_dir(&**disk, root)?;
    }
    check_contents(disk, root, options.create)?;
    take_lock(disk, root, kind)
}

/// Takes hold of a folder, whatever it holds.
pub(super) fn take_lock(
    disk: &Arc<dyn Disk>,
    root: &Path,
    kind: LockKind,
) -> Result<Box<dyn Lock>> {
    let path = root.join(LOCK_FILE);
    let lock = disk.lock(&path, kind).map_err(disk::failed("lock", &path))?;
    lock.ok_or_else(|| Error::InUse { path: root.to_owned() })
}

/// Refuses folders that are something else, before anything is written to them.
pub(super) fn check_contents(disk: &Arc<dyn Disk>, root: &Path, create: bool) -> Result<()> {
    let not_ours = |reason: String| Error::NotADatabase { path: root.to_owned(), reason };
    let entries = disk.list(root).map_err(|error| match error.kind() {
        NotFound => not_ours("there is no such folder".into()),
        NotADirectory => not_ours("it is a file".into()),
        _ => disk::failed("list", root)(error),
    })?;
    let has = |name: &str| entries.iter().any(|entry| entry.name == name);
    if has(FORMAT_FILE) {
        return Ok(());
    }
    let foreign = entries.iter().find(|entry| {
        let name = entry.name.to_string_lossy();
        !(entry.is_dir && FOLDERS.contains(&name.as_ref())
            || !entry.is_dir && (name == LOCK_FILE || is_note(&name)))
    });
    match foreign {
        Some(entry) => {
            return Err(not_ours(format!(
                "it holds {} and no {FORMAT_FILE} file",
                entry.name.display()
            )));
        }
        None if entries.is_empty() && !create => return Err(not_ours("it is empty".into())),
        None if entries.is_empty() => return Ok(()),
        // Creation begins with the lock, so folders of these names without it are somebody else's.
        None if !has(LOCK_FILE) => {
            return Err(not_ours(format!("it holds folders and no {FORMAT_FILE} file")));
        }
        None => {}
    }
    for entry in entries.iter().filter(|entry| entry.is_dir) {
        check_begun(disk, root, &entry.name.to_string_lossy())?;
    }
    Ok(())
}

/// Whether a folder of a database without `FORMAT` holds no more than creation leaves there.
///
/// Anything else is a database that lost the file, which is never begun again over its data.
fn check_begun(disk: &Arc<dyn Disk>, root: &Path, folder: &str) -> Result<()> {
    let path = root.join(folder);
    let first = manifest_name(FIRST_NUMBER);
    for entry in disk.list(&path).map_err(disk::failed("list", &path))? {
        let name = entry.name.to_string_lossy();
        let is_begun = match folder {
            // The log itself refuses to be created over records.
            "log" => name.ends_with(".log"),
            "man" => name == first,
            "tmp" => name == first || name.starts_with(FORMAT_FILE),
            _ => false,
        };
        if !is_begun || entry.is_dir {
            return Err(missing_format(root, &format!("{folder} holds {name:?}")));
        }
    }
    Ok(())
}

fn missing_format(root: &Path, found: &str) -> Error {
    let reason = format!("the file is missing, but {found}");
    Error::Corrupt { path: root.join(FORMAT_FILE), offset: 0, reason }
}

/// The files of the database in a folder, which is created if need be; whether it was.
pub(super) fn site(
    disk: Arc<dyn Disk>,
    root: PathBuf,
    options: &Options,
    identity: [u8; 16],
) -> Result<(Site, bool)> {
    let reading = options.reading();
    let entries = disk.list(&root).map_err(disk::failed("list", &root))?;
    if entries.iter().any(|entry| entry.name == FORMAT_FILE) {
        let Identity { database, incarnation, .. } = read_format(&*disk, &root, Usage::Standalone)?;
        let site = Site { disk, root, database, incarnation, reading };
        check_folders(&site, Usage::Standalone)?;
        return Ok((site, false));
    }
    let site = Site { disk, root, database: identity, incarnation: [0; 16], reading };
    create(&site, options)?;
    Ok((site, true))
}

/// A missing folder is damage to be named, not something to make anew.
pub(super) fn check_folders(site: &Site, usage: Usage) -> Result<()> {
    for name in usage.folders() {
        let path = site.root.join(name);
        site.disk.list(&path).map_err(|error| match error.kind() {
            NotFound | NotADirectory => {
                let reason = format!("the folder cannot be read: {error}");
                Error::Corrupt { path: path.clone(), offset: 0, reason }
            }
            // What the disk cannot read now it may read the next time.
            _ => disk::failed("list", &path)(error),
        })?;
    }
    Ok(())
}

fn create(site: &Site, options: &Options) -> Result<()> {
    let disk = &site.disk;
    // The lock's name tells a creation that was interrupted from folders that are not ours.
    disk.sync_dir(&site.root).map_err(disk::failed("sync", &site.root))?;
    for name in Usage::Standalone.folders() {
        let folder = site.root.join(name);
        disk.create_dir_all(&folder).map_err(disk::failed("create", &folder))?;
    }
    let log = site.root.join("log");
    Log::create(Arc::clone(disk), log, site.database, options.log()).map_err(
        |error| match error {
            // Records without FORMAT: a database that lost the file, not one that is being made.
            Error::NotADatabase { reason, .. } => missing_format(&site.root, &reason),
            other => other,
        },
    )?;
    // What an interrupted creation left; the log has seen to its own.
    for folder in ["man", "tmp"].map(|name| site.root.join(name)) {
        for entry in disk.list(&folder).map_err(disk::failed("list", &folder))? {
            let path = folder.join(entry.name);
            disk.remove(&path).map_err(disk::failed("remove", &path))?;
        }
    }
    manifests(site, Usage::Standalone).save(&first_manifest(Mark::START.into()))?;
    // The folders' names must be as durable as the name that says that they are there.
    disk.sync_dir(&site.root).map_err(disk::failed("sync", &site.root))?;
    let tmp = site.root.join("tmp").join(FORMAT_FILE);
    let path = site.root.join(FORMAT_FILE);
    let bytes = Identity::new(site.database, None).encode();
    whole::write_new_file(&**disk, &tmp, &path, &bytes)?;
    sync_parent(disk, &site.root)
}

/// What `FORMAT` says.
#[derive(Clone, Copy)]
pub(super) struct Identity {
    pub(super) database: [u8; 16],
    /// Zeros until it is restored: each restoring gives it another one.
    pub(super) incarnation: [u8; 16],
    /// What those who share the folder know and nobody else; none in a folder of one process.
    pub(super) secret: Option<[u8; 32]>,
}

impl Identity {
    /// That of a database that is created.
    pub(super) fn new(database: [u8; 16], secret: Option<[u8; 32]>) -> Self {
        Self { database, incarnation: [0; 16], secret }
    }

    fn usage(&self) -> Usage {
        if self.secret.is_some() { Usage::Shared } else { Usage::Standalone }
    }

    /// What `FORMAT` holds.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut body = self.database.to_vec();
        body.push(self.usage() as u8);
        body.extend(self.secret.iter().flatten());
        if self.incarnation == [0; 16] {
            return sealed::seal(MAGIC, FORMAT, &body);
        }
        body.extend(self.incarnation);
        sealed::seal(MAGIC, FORMAT_RESTORED, &body)
    }

    /// What the body of a `FORMAT` file says, if it is a kind that this version knows.
    fn decode(format: u32, body: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let (database, usage) = (reader.array().ok()?, reader.u8().ok()?);
        let secret = match Usage::of(usage)? {
            Usage::Standalone => None,
            Usage::Shared => Some(reader.array().ok()?),
        };
        let is_restored = format == FORMAT_RESTORED;
        let incarnation = if is_restored { reader.array().ok()? } else { [0; 16] };
        reader.finish().ok()?;
        Some(Self { database, incarnation, secret })
    }
}

/// Makes the name of a folder durable.
pub(super) fn sync_parent(disk: &Arc<dyn Disk>, root: &Path) -> Result<()> {
    match root.parent() {
        Some(parent) => disk.sync_dir(parent).map_err(disk::failed("sync", parent)),
        None => Ok(()),
    }
}

/// Which database is in a folder. Fails with `WrongMode` if others use it than `wanted`.
pub(super) fn read_format(disk: &dyn Disk, root: &Path, wanted: Usage) -> Result<Identity> {
    const LEN_MAX: usize = 4096;
    let path = root.join(FORMAT_FILE);
    let corrupt = |offset, reason: String| Error::Corrupt { path: path.clone(), offset, reason };
    let bytes = whole::read_file(disk, &path, LEN_MAX)?;
    let (format, body) = sealed::unseal(MAGIC, &bytes)
        .map_err(|error| corrupt(error.offset(), error.to_string()))?;
    if ![FORMAT, FORMAT_RESTORED].contains(&format) {
        return Err(Error::UnsupportedFormat { path, found: format, supported: FORMAT_RESTORED });
    }
    match Identity::decode(format, body) {
        Some(identity) if identity.usage() == wanted => Ok(identity),
        Some(identity) => {
            Err(Error::WrongMode { path: root.to_owned(), shared: identity.secret.is_some() })
        }
        None => {
            Err(corrupt(0, "it describes a kind of database that this version cannot open".into()))
        }
    }
}

/// Where the manifests of a database are.
pub(super) fn manifests(site: &Site, usage: Usage) -> Arc<ManifestFolder> {
    let format = match usage {
        Usage::Standalone => manifest::STANDALONE,
        Usage::Shared => manifest::SHARED,
    };
    let (man, tmp) = (site.root.join("man"), site.root.join("tmp"));
    Arc::new(ManifestFolder::new(Arc::clone(&site.disk), man, tmp, site.database, format))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(identity: Identity) -> (u32, Identity) {
        let bytes = identity.encode();
        let (format, body) = sealed::unseal(MAGIC, &bytes).unwrap();
        (format, Identity::decode(format, body).unwrap())
    }

    #[test]
    fn only_a_restored_database_has_an_incarnation_and_a_format_of_its_own() {
        for secret in [None, Some([3; 32])] {
            let (format, first) = decoded(Identity::new([1; 16], secret));
            assert_eq!((format, first.incarnation, first.secret), (FORMAT, [0; 16], secret));
            let restored = Identity { incarnation: [2; 16], ..first };
            let (format, second) = decoded(restored);
            assert_eq!((format, second.incarnation, second.secret), (2, [2; 16], secret));
            assert_eq!(second.database, first.database);
            assert!(Identity::decode(FORMAT, &[&[1; 16][..], &[0], &[2; 16]].concat()).is_none());
        }
    }
}
