//! As much of manifests as a log needs of them: numbered files of which the newest counts.

use std::path::{Path, PathBuf};

use super::{MANIFESTS, UNFINISHED};
use crate::{
    ClientDisk, Result,
    codec::{
        Reader,
        write::{put_bytes, put_u64},
    },
    disk::{Access, Disk, failed, whole},
    id::Position,
    log::shared::{Anchor, Floor, Members, Tip},
};

/// The folder of manifests, seen from one machine.
#[derive(Debug)]
pub(super) struct Manifests {
    disk: ClientDisk,
    root: PathBuf,
}

/// What one of them says.
#[derive(Clone, Debug)]
pub(super) struct Checkpoint {
    pub(super) floor: Position,
    pub(super) anchor: Anchor,
    pub(super) batches: Vec<u64>,
}

impl Manifests {
    pub(super) fn new(disk: ClientDisk, root: &Path) -> Self {
        Self { disk, root: root.to_owned() }
    }

    /// The newest one, or the begin of everything.
    pub(super) fn newest(&self) -> Result<Checkpoint> {
        match self.number()? {
            0 => {
                let (floor, anchor) = (Position::ZERO, Anchor::start());
                Ok(Checkpoint { floor, anchor, batches: Vec::new() })
            }
            number => {
                let path = self.root.join(MANIFESTS).join(number.to_string());
                Ok(decode(&whole::read_file(&self.disk, &path, 1 << 20)?))
            }
        }
    }

    /// Makes a checkpoint the newest one.
    pub(super) fn save(&self, checkpoint: &Checkpoint) -> Result<()> {
        let name = (self.number()? + 1).to_string();
        let (from, to) =
            (self.root.join(UNFINISHED).join(&name), self.root.join(MANIFESTS).join(&name));
        let file = self.disk.open(&from, Access::Create).map_err(failed("create", &from))?;
        file.write_all_at(&encode(checkpoint), 0).map_err(failed("write", &from))?;
        file.sync_all().map_err(failed("sync", &from))?;
        self.disk.rename(&from, &to).map_err(failed("rename", &from))?;
        let dir = &self.root.join(MANIFESTS);
        self.disk.sync_dir(dir).map_err(failed("sync", dir))
    }

    fn number(&self) -> Result<u64> {
        let dir = &self.root.join(MANIFESTS);
        self.disk.refresh_dir(dir).map_err(failed("look at", dir))?;
        let entries = self.disk.list(dir).map_err(failed("list", dir))?;
        let numbers = entries.iter().filter_map(|entry| entry.name.to_str()?.parse().ok());
        Ok(numbers.max().unwrap_or(0))
    }
}

impl Floor for Manifests {
    fn read(&self) -> Result<Position> {
        self.newest().map(|newest| newest.floor)
    }
}

fn encode(checkpoint: &Checkpoint) -> Vec<u8> {
    let mut out = Vec::new();
    put_u64(&mut out, checkpoint.floor.0);
    put_u64(&mut out, checkpoint.anchor.tip.position.0);
    put_bytes(&mut out, &checkpoint.anchor.tip.nonce);
    checkpoint.anchor.members.encode(&mut out);
    checkpoint.batches.iter().for_each(|batch| put_u64(&mut out, *batch));
    out
}

fn decode(bytes: &[u8]) -> Checkpoint {
    let mut reader = Reader::new(bytes);
    let floor = Position(reader.u64().unwrap());
    let tip = Tip { position: Position(reader.u64().unwrap()), nonce: reader.array().unwrap() };
    let members = Members::decode(&mut reader).unwrap();
    let mut batches = Vec::new();
    while !reader.is_empty() {
        batches.push(reader.u64().unwrap());
    }
    Checkpoint { floor, anchor: Anchor { tip, members, ..Anchor::start() }, batches }
}
