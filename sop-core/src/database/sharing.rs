//! A folder that many processes share: how it comes into being.
//!
//! Any of them may create it, several at once. Whoever links `FORMAT` first gives the database its
//! identity; the first manifest follows from that, so that it does not matter who writes it. Nothing
//! that is there is ever replaced or removed.

use std::{path::Path, sync::Arc};

use super::{
    Options,
    folder::{self, FORMAT_FILE, Identity, Usage},
    probe::probe,
};
use crate::{
    clock::Clock,
    disk::{self, Disk, LockKind, whole},
    error::{Error, Result},
    log::shared::Anchor,
    recovery::{Site, first_manifest},
};

/// The files of the database in a folder, which is created if need be; the secret of those who
/// share it; and whether it was created.
pub(super) fn site(
    disk: &Arc<dyn Disk>,
    root: &Path,
    options: &Options,
    clock: &dyn Clock,
) -> Result<(Site, [u8; 32], bool)> {
    let author = format!("{:032x}", u128::from_be_bytes(clock.random()));
    let mut created = false;
    let is_there = has_format(disk, root);
    if !is_there {
        let secret = [clock.random(), clock.random()].concat().try_into().ok();
        let identity = Identity::new(clock.random(), secret);
        // Nobody may create a database of another kind meanwhile.
        let begun = folder::lock(disk, root, options, LockKind::Shared)
            .and_then(|_lock| create(disk, root, &author, identity));
        created = match begun {
            // Somebody else was faster, and this is about what was there before.
            Err(_) if has_format(disk, root) => false,
            other => other?,
        };
    }
    let Identity { database, incarnation, secret } =
        folder::read_format(&**disk, root, Usage::Shared)?;
    // Whoever linked it may not have come to make it durable yet, and nothing may outlast it.
    disk.sync_dir(root).map_err(disk::failed("sync", root))?;
    let reading = options.reading();
    let site =
        Site { disk: Arc::clone(disk), root: root.to_owned(), database, incarnation, reading };
    folder::check_folders(&site, Usage::Shared)?;
    if is_there {
        try_out(disk, root, &author)?;
    }
    begin(&site, &author)?;
    Ok((site, secret.unwrap_or_default(), created))
}

/// Whether the folder is a database as of now. If it cannot be looked at, creating it will say why.
fn has_format(disk: &Arc<dyn Disk>, root: &Path) -> bool {
    let found = disk.refresh_dir(root).and_then(|()| disk.list(root));
    found.is_ok_and(|entries| entries.iter().any(|entry| entry.name == FORMAT_FILE))
}

/// Whether the folder can be shared, by files that a creation may leave.
fn try_out(disk: &Arc<dyn Disk>, root: &Path, author: &str) -> Result<()> {
    probe(&**disk, &root.join("tmp"), &format!("{FORMAT_FILE}-{author}"))
}

/// Makes the folder a database, unless somebody else does; whether it was this process.
fn create(disk: &Arc<dyn Disk>, root: &Path, author: &str, identity: Identity) -> Result<bool> {
    // The lock's name tells a creation that was interrupted from folders that are not ours.
    disk.sync_dir(root).map_err(disk::failed("sync", root))?;
    for name in Usage::Shared.folders() {
        let folder = root.join(name);
        disk.create_dir_all(&folder).map_err(disk::failed("create", &folder))?;
    }
    // The folders' names must be as durable as the name that says that they are there.
    disk.sync_dir(root).map_err(disk::failed("sync", root))?;
    try_out(disk, root, author)?;
    let tmp = root.join("tmp").join(format!("{FORMAT_FILE}-{author}"));
    let bytes = identity.encode();
    let created = whole::link_new_file(&**disk, &tmp, &root.join(FORMAT_FILE), &bytes)?;
    folder::sync_parent(disk, root)?;
    Ok(created)
}

/// Writes the first manifest if there is none yet.
fn begin(site: &Site, author: &str) -> Result<()> {
    let manifests = folder::manifests(site, Usage::Shared);
    if manifests.newest_number()? > 0 {
        return Ok(());
    }
    for name in ["log", "seg"] {
        let folder = site.root.join(name);
        let entries = site.disk.refresh_dir(&folder).and_then(|()| site.disk.list(&folder));
        let is_used = !entries.map_err(disk::failed("list", &folder))?.is_empty();
        // Somebody else may have begun by now. If not, this is not the begin.
        if is_used && manifests.newest_number()? == 0 {
            let reason = format!("it has no manifest, but {name} holds files");
            return Err(Error::Corrupt { path: site.root.join("man"), offset: 0, reason });
        }
    }
    match manifests.publish(&first_manifest(Anchor::start().into()), author) {
        // It took so long that others have begun and gone on.
        Err(_) if manifests.newest_number()? > 0 => Ok(()),
        other => other.map(drop),
    }
}
