//! Putting right what differs between two copies in use, but for files that never change.

use std::{io, path::Path};

use super::{
    pair::Pair,
    rebuild::{STEP, files, is_immutable, same},
};
use crate::{
    disk::{Access, failed},
    error::Result,
};

/// Makes two copies that have everything the same, while nothing changes: if they differ, the one
/// that `further` names is right; if it names none, the one that has all files of the other. A copy
/// that cannot be made right in place is lost.
///
/// What files that never change hold is left to whoever can tell what is right.
pub(crate) fn align(pair: &Pair, further: &dyn Fn() -> Result<Option<usize>>) -> Result<()> {
    let _gate = pair.gate.write();
    if pair.lost().is_some() {
        return Ok(());
    }
    let disk = &**pair.disk();
    let [one, other] = [0, 1].map(|side| files(disk, pair.root(side)));
    let (one, other) = (one?, other?);
    let mut differing = Vec::new();
    for (name, len) in one.iter().filter(|(name, _)| !is_immutable(name)) {
        let places = [0, 1].map(|side| pair.root(side).join(name));
        if other.get(name) == Some(len) && !same(disk, &places[0], &places[1], *len)? {
            differing.push((name, *len));
        }
    }
    if one == other && differing.is_empty() {
        return Ok(());
    }
    let has_all = one.iter().all(|(name, len)| other.get(name) == Some(len));
    let leader = further()?.unwrap_or(usize::from(has_all && one != other));
    let lose = |error: &io::Error| {
        let lost = pair.root(1 - leader);
        pair.lose(1 - leader, error).map_err(failed("mirror", lost))
    };
    if one != other {
        return lose(&io::Error::other("it has not the files that the other folder has"));
    }
    for (name, len) in differing {
        let reason =
            io::Error::new(io::ErrorKind::InvalidData, "it differed from the other folder");
        overwrite(pair, leader, name, len, &reason)?;
    }
    Ok(())
}

/// Writes what a file of one copy holds over that of the other one, which may be in use.
fn overwrite(pair: &Pair, from: usize, name: &Path, len: u64, reason: &io::Error) -> Result<()> {
    let source = pair.root(from).join(name);
    let file = pair.disk().open(&source, Access::Read).map_err(failed("open", &source))?;
    let (mut offset, mut bytes) = (0, vec![0; STEP]);
    while offset < len {
        let step = usize::try_from(len - offset).unwrap_or(STEP).min(STEP);
        file.read_exact_at(&mut bytes[..step], offset).map_err(failed("read", &source))?;
        let target = pair.root(0).join(name);
        let repaired = pair.repair(1 - from, &target, offset, &bytes[..step], reason);
        repaired.map_err(failed("mirror", &source))?;
        offset += step as u64;
    }
    Ok(())
}
