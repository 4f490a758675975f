//! Manifests as files: each written whole, under a name that was never used before.

use std::{path::PathBuf, sync::Arc};

use super::Manifest;
use crate::{
    codec::sealed,
    disk::{self, Disk, whole},
    error::{Error, Result},
    guard::{self, Guard},
};

const MAGIC: [u8; 8] = *b"SOPmani\n";
const FORMAT: u32 = 1;

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
}

impl ManifestFolder {
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        path: PathBuf,
        unfinished: PathBuf,
        database: [u8; 16],
    ) -> Self {
        Self { disk, path, unfinished, database }
    }

    /// Makes a manifest durable. If it fails, the ones before are as they were.
    pub(crate) fn save(&self, manifest: &Manifest) -> Result<()> {
        let name = manifest_name(manifest.number);
        let bytes = sealed::seal(MAGIC, FORMAT, &manifest.encode(self.database));
        let (from, to) = (self.unfinished.join(&name), self.path.join(&name));
        whole::write_new_file(&*self.disk, &from, &to, &bytes)
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

    fn read(&self, number: u64) -> Result<Manifest> {
        let path = self.path.join(manifest_name(number));
        let bytes = whole::read_file(&*self.disk, &path, LEN_MAX)?;
        let corrupt =
            |offset, reason: String| Error::Corrupt { path: path.clone(), offset, reason };
        let (format, body) = sealed::unseal(MAGIC, &bytes)
            .map_err(|error| corrupt(error.offset(), error.to_string()))?;
        if format != FORMAT {
            return Err(Error::UnsupportedFormat { path, found: format, supported: FORMAT });
        }
        let (database, manifest) =
            Manifest::decode(body).map_err(|error| corrupt(0, error.to_string()))?;
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

    /// Whether a manifest of this number is there, as far as can be told.
    pub(crate) fn may_have(&self, number: u64) -> bool {
        self.numbers().map_or(true, |numbers| numbers.contains(&number))
    }

    fn numbers(&self) -> Result<Vec<u64>> {
        let entries = self.disk.list(&self.path).map_err(disk::failed("list", &self.path))?;
        Ok(entries.iter().filter_map(|entry| number(entry.name.to_str()?)).collect())
    }
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
