//! What is left in a folder when all have gone, and whether anybody has a reason to keep it.
//!
//! Which segments manifests name is read from their bytes; see `docs/format.md`.

use std::collections::BTreeSet;

use sop_core::{Access, Disk};

use super::world::World;
use crate::simulation::{disk::FOLDER, world::Outcome};

/// Manifests that are kept, at most.
pub(super) const MANIFESTS_MAX: usize = 16;

/// Bytes of a file, from front to back.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn skip(&mut self, len: usize) -> Outcome {
        self.0 = self.0.get(len..).ok_or("it ends too early")?;
        Ok(())
    }

    fn number<const LEN: usize>(&mut self) -> Outcome<u64> {
        let bytes: [u8; LEN] = *self.0.first_chunk().ok_or("it ends too early")?;
        self.skip(LEN)?;
        Ok(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn varint(&mut self) -> Outcome<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.number::<1>()?;
            number |= (byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err("a number without an end".into())
    }
}

/// The numbers of the segments that a manifest names.
fn named_by(manifest: &[u8]) -> Outcome<BTreeSet<u64>> {
    const ENVELOPE: usize = 28;
    let mut bytes = Bytes(manifest);
    // Identity, number, position, nonce, floor.
    bytes.skip(ENVELOPE + 16 + 8 + 8 + 16 + 8)?;
    for _ in 0..bytes.varint()? {
        // A member, and the gaps in its count.
        bytes.skip(16 + 8 + 8)?;
        for _ in 0..bytes.varint()? {
            bytes.skip(8 + 8)?;
        }
    }
    bytes.skip(4 + 4)?;
    for _ in 0..bytes.varint()? {
        // A tree, and its root if it has levels.
        bytes.skip(4 + 4 + 8 + 8)?;
        let root = if bytes.number::<1>()? > 0 { 16 } else { 0 };
        bytes.skip(root)?;
    }
    let mut segments = BTreeSet::new();
    for _ in 0..bytes.varint()? {
        segments.insert(bytes.number::<4>()?);
        bytes.skip(8 + 8 + 1)?;
    }
    if bytes.0.is_empty() { Ok(segments) } else { Err("it goes on behind its end".into()) }
}

impl World {
    fn names(&self, folder: &str) -> Outcome<Vec<String>> {
        let path = std::path::Path::new(FOLDER).join(folder);
        let entries = self.server.list(&path).map_err(|error| error.to_string())?;
        Ok(entries.iter().map(|entry| entry.name.to_string_lossy().into_owned()).collect())
    }

    fn read(&self, folder: &str, name: &str) -> Outcome<Vec<u8>> {
        let path = std::path::Path::new(FOLDER).join(folder).join(name);
        let read = self.server.open(&path, Access::Read).and_then(|file| {
            let mut bytes = vec![0; usize::try_from(file.len()?).unwrap_or(usize::MAX)];
            file.read_exact_at(&mut bytes, 0)?;
            Ok(bytes)
        });
        read.map_err(|error| format!("{name}: {error}"))
    }

    /// No file is there that nobody has a reason to keep.
    pub(super) fn look_at_files(&self) -> Outcome {
        let manifests = self.names("man")?;
        if manifests.len() > MANIFESTS_MAX {
            return Err(format!("all of {manifests:?} are left"));
        }
        if let Some(name) = self.names("tmp")?.first() {
            return Err(format!("{name} is still there, and nobody is"));
        }
        let mut named = BTreeSet::new();
        for name in &manifests {
            let segments = named_by(&self.read("man", name)?);
            named.extend(segments.map_err(|error| format!("{name}: {error}"))?);
        }
        for name in self.names("seg")? {
            let number = name.get(..8).and_then(|digits| u64::from_str_radix(digits, 16).ok());
            if number.is_none_or(|number| !named.contains(&number)) {
                return Err(format!("no manifest names {name}, and it is still there"));
            }
        }
        Ok(())
    }
}
