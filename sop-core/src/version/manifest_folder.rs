//! Manifests as files: each written whole, under a name that was never used before.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::Manifest;
use crate::{
    codec::sealed,
    disk::{self, Disk, whole},
    error::{Error, Result},
    guard::{self, Guard},
    limit::KEPT_MANIFESTS,
    sync::atomic::{AtomicU64, Ordering},
};

const MAGIC: [u8; 8] = *b"SOPmani\n";

/// A manifest longer than this is not one.
const LEN_MAX: usize = 256 << 20;

/// The folder of a database's manifests.
#[derive(Debug)]
pub(crate) struct ManifestFolder {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    /// Where files are before they are complete.
    unfinished: PathBuf,
    database: [u8; 16],
    /// The format of them all.
    format: u32,
    /// The highest number that was seen.
    seen: AtomicU64,
    /// How many manifests were about to be linked.
    attempts: AtomicU64,
}

impl ManifestFolder {
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        path: PathBuf,
        unfinished: PathBuf,
        database: [u8; 16],
        format: u32,
    ) -> Self {
        let (seen, attempts) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { disk, path, unfinished, database, format, seen, attempts }
    }

    /// Makes a manifest durable if no other process has taken its number; whether it has. `author` is
    /// a name that nobody else uses. If it fails, the manifest may be there all the same.
    pub(crate) fn publish(&self, manifest: &Manifest, author: &str) -> Result<bool> {
        let name = manifest_name(manifest.number);
        let bytes = self.seal(manifest);
        // A name is used once: who links it late must not link something else.
        let attempt = self.attempts.fetch_add(1, Ordering::Relaxed);
        let from = self.unfinished.join(format!("{author}-{attempt}-{name}"));
        let to = self.path.join(&name);
        whole::link_new_file(&*self.disk, &from, &to, &bytes)
    }

    fn seal(&self, manifest: &Manifest) -> Vec<u8> {
        sealed::seal(MAGIC, manifest.format(), &manifest.encode(self.database))
    }

    /// Makes a manifest durable. If it fails, the ones before are as they were.
    pub(crate) fn save(&self, manifest: &Manifest) -> Result<()> {
        let name = manifest_name(manifest.number);
        let bytes = self.seal(manifest);
        let (from, to) = (self.unfinished.join(&name), self.path.join(&name));
        whole::write_new_file(&*self.disk, &from, &to, &bytes)
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The number of the newest manifest, whoever wrote it, as of this call or later; 0 if there is
    /// none.
    pub(crate) fn newest_number(&self) -> Result<u64> {
        let newest = self.numbers_now()?.into_iter().max().unwrap_or(0);
        self.seen.fetch_max(newest, Ordering::Relaxed);
        Ok(newest)
    }

    /// Whether the files that a manifest names are kept without anybody asking for it. If nobody can
    /// tell now, whether they were when somebody could.
    pub(crate) fn keeps(&self, number: u64) -> bool {
        let newest = self.newest_number().unwrap_or_else(|_| self.newest_seen());
        number >= oldest_kept(newest)
    }

    /// What [`newest_number`](Self::newest_number) gave last.
    pub(crate) fn newest_seen(&self) -> u64 {
        self.seen.load(Ordering::Relaxed)
    }

    /// The newest manifest, whoever wrote it, as of this call or later.
    pub(crate) fn newest_now(&self) -> Result<Manifest> {
        self.open_newest(Ok)
    }

    /// What is made of the newest manifest, whoever wrote it. What it names is there for as long as
    /// it is among the kept ones; if it is not any more, the same is made of a newer one.
    pub(crate) fn open_newest<T>(&self, mut open: impl FnMut(Manifest) -> Result<T>) -> Result<T> {
        loop {
            let number = self.newest_number()?;
            match self.newest().and_then(&mut open) {
                // So much has happened meanwhile that it is gone.
                Err(_) if self.newest_number()? > number => {}
                other => return other,
            }
        }
    }

    /// The newest manifest. An older one is no substitute for it if it is damaged: what only the
    /// newest names would be missing.
    pub(crate) fn newest(&self) -> Result<Manifest> {
        let numbers = self.numbers()?.into_iter();
        let newest =
            if guard::stands(Guard::NewestManifest) { numbers.max() } else { numbers.min() };
        let Some(newest) = newest else {
            let reason = "it has no manifest".to_owned();
            return Err(Error::Corrupt { path: self.path.clone(), offset: 0, reason });
        };
        self.read(newest)
    }

    pub(crate) fn read(&self, number: u64) -> Result<Manifest> {
        let path = self.path.join(manifest_name(number));
        let bytes = whole::read_file(&*self.disk, &path, LEN_MAX)?;
        let corrupt =
            |offset, reason: String| Error::Corrupt { path: path.clone(), offset, reason };
        let (format, body) = sealed::unseal(MAGIC, &bytes)
            .map_err(|error| corrupt(error.offset(), error.to_string()))?;
        if format != self.format {
            return Err(Error::UnsupportedFormat { path, found: format, supported: self.format });
        }
        let (database, manifest) =
            Manifest::decode(format, body).map_err(|error| corrupt(0, error.to_string()))?;
        if database != self.database || manifest.number != number {
            return Err(corrupt(
                0,
                "it belongs elsewhere, or to another database than FORMAT says".into(),
            ));
        }
        Ok(manifest)
    }

    /// Removes all manifests but one; gives the number of files removed.
    pub(crate) fn remove_all_but(&self, kept: u64) -> Result<u64> {
        let mut removed = 0;
        for number in self.numbers()?.into_iter().filter(|number| *number != kept) {
            let path = self.path.join(manifest_name(number));
            self.disk.remove(&path).map_err(disk::failed("remove", &path))?;
            removed += 1;
        }
        Ok(removed)
    }

    /// Removes one manifest, if nobody else has.
    pub(crate) fn remove(&self, number: u64) -> Result<()> {
        let path = self.path.join(manifest_name(number));
        match self.disk.remove(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(disk::failed("remove", &path)(error))
            }
            _ => Ok(()),
        }
    }

    /// Whether a manifest of this number is there, as far as can be told.
    pub(crate) fn may_have(&self, number: u64) -> bool {
        self.numbers().map_or(true, |numbers| numbers.contains(&number))
    }

    /// The numbers of all manifests, in any order, as of this call or later.
    pub(crate) fn numbers_now(&self) -> Result<Vec<u64>> {
        if guard::stands(Guard::FreshFloor) {
            self.disk.refresh_dir(&self.path).map_err(disk::failed("look at", &self.path))?;
        }
        self.numbers()
    }

    /// The numbers of all manifests, in any order.
    pub(crate) fn numbers(&self) -> Result<Vec<u64>> {
        let entries = self.disk.list(&self.path).map_err(disk::failed("list", &self.path))?;
        Ok(entries.iter().filter_map(|entry| number(entry.name.to_str()?)).collect())
    }
}

/// The oldest manifest that is kept when the newest one has this number, pins set aside.
pub(crate) fn oldest_kept(newest: u64) -> u64 {
    (newest + 1).saturating_sub(KEPT_MANIFESTS)
}

/// The name of a manifest's file.
pub(crate) fn manifest_name(number: u64) -> String {
    format!("{number:016x}.man")
}

/// The number of the manifest with this file name, if it is the name of one.
fn number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".man").filter(|digits| digits.len() == 16)?;
    u64::from_str_radix(digits, 16).ok()
}
