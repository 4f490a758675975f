//! From files to the state they hold: the newest manifest, then the log after it.
//!
//! Recovery applies deltas with the function that commits them. Its cost follows the length of the
//! log since the last checkpoint, never the size of the database.

mod report;
mod sweep;

pub use report::{Cut, RecoveryReport};

use std::sync::Arc;

use crate::{
    clock::Clock,
    disk::{self, Disk},
    error::Result,
    id::{Position, SegmentId, StoreId},
    log::{
        self, Bookmark, Log, LogOptions, Rim,
        shared::{SharedLog, Slots},
    },
    node::{Reading, SegmentFolder},
    tree::Tree,
    version::{Accounts, Manifest, ManifestFloor, ManifestFolder, Replay, Version},
};

/// Where a database's files are.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) root: std::path::PathBuf,
    pub(crate) database: [u8; 16],
    /// Zeros, or random since the database was restored.
    pub(crate) incarnation: [u8; 16],
    /// How its segments are read.
    pub(crate) reading: Reading,
}

/// A state that was read from files.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) version: Version,
    pub(crate) manifest: Manifest,
    pub(crate) accounts: Accounts,
    pub(crate) folder: Arc<SegmentFolder>,
    /// Bytes of it that are in memory only.
    pub(crate) dirty: i64,
    pub(crate) report: RecoveryReport,
}

/// Reads the newest checkpoint and nothing else.
pub(crate) fn checkpointed(site: &Site, manifests: &ManifestFolder) -> Result<Recovered> {
    manifests.newest().and_then(|manifest| restored(site, manifest))
}

/// What a checkpoint holds.
pub(crate) fn restored(site: &Site, manifest: Manifest) -> Result<Recovered> {
    let path = site.root.join("seg");
    let disk = Arc::clone(&site.disk);
    let (database, next) = (site.database, manifest.next_segment);
    let folder = SegmentFolder::new(disk, path, database, next, site.reading);
    let (forest, segments) = manifest.open(&folder)?;
    let position = manifest.position();
    let version = Version::restored(position, manifest.next_store, forest, segments);
    let accounts = Accounts::new(manifest.segments.iter().copied());
    let report = RecoveryReport { checkpoint_position: position.0, ..RecoveryReport::default() };
    let folder = Arc::new(folder);
    Ok(Recovered { version, manifest, accounts, folder, dirty: 0, report })
}

/// How far the state reaches that recovery would find, as far as that can be told without reading any
/// segment. Changes nothing.
pub(crate) fn survey(site: &Site, manifests: &ManifestFolder) -> Result<Position> {
    let mark = manifests.newest()?.mark(manifests.path())?;
    log::survey(Arc::clone(&site.disk), site.root.join("log"), site.database, mark)
}

/// Reads the newest checkpoint and replays the log after it. Removes what neither names.
pub(crate) fn recover(
    site: &Site,
    manifests: &ManifestFolder,
    options: LogOptions,
) -> Result<(Recovered, Log)> {
    // A process that died may have left names that are read here and are not durable yet.
    for folder in [site.root.clone(), site.root.join("man")] {
        site.disk.sync_dir(&folder).map_err(disk::failed("sync", &folder))?;
    }
    let mut recovered = checkpointed(site, manifests)?;
    let path = site.root.join("log");
    let mut replay = Replay::new(&recovered.version, &recovered.folder, &path);
    let (log, read) = Log::recover(
        Arc::clone(&site.disk),
        path.clone(),
        site.database,
        options,
        recovered.manifest.mark(manifests.path())?,
        &mut |position, body| replay.batch(position, body),
    )?;
    let transactions = replay.transactions();
    let (version, mut change) = replay.finish(log.position())?;
    recovered.accounts.note(version.position(), &mut change);
    recovered.dirty = change.dirty;
    recovered.version = version;
    let report = &mut recovered.report;
    report.replayed_batches = read.frames;
    report.replayed_transactions = transactions;
    report.cut = read.cut.map(|cut| Cut { file: cut.file, offset: cut.offset, bytes: cut.bytes });
    report.removed_files = manifests.remove_all_but(recovered.manifest.number)?
        + sweep::sweep(site, recovered.version.segments())?;
    report.log();
    Ok((recovered, log))
}

/// Reads the newest checkpoint of a folder that many processes share, and finds the log behind it;
/// that is left to be followed.
pub(crate) fn join(
    site: &Site,
    manifests: &Arc<ManifestFolder>,
    clock: Arc<dyn Clock>,
) -> Result<(Recovered, SharedLog)> {
    // What is there counts as of now, and has to last.
    for folder in [site.root.clone(), site.root.join("man")] {
        site.disk.refresh_dir(&folder).map_err(disk::failed("look at", &folder))?;
        site.disk.sync_dir(&folder).map_err(disk::failed("sync", &folder))?;
    }
    let recovered = manifests.open_newest(|manifest| restored(site, manifest))?;
    let slots = Slots {
        disk: Arc::clone(&site.disk),
        dir: site.root.join("log"),
        unfinished: site.root.join("tmp"),
        database: site.database,
    };
    let floor = Arc::new(ManifestFloor::new(Arc::clone(manifests)));
    let anchor = recovered.manifest.anchor(manifests.path())?.clone();
    Ok((recovered, SharedLog::new(slots, floor, clock, anchor)))
}

/// The number of a database's first manifest.
pub(crate) const FIRST_NUMBER: u64 = 1;

/// The manifest of a new database, with the begin of its log.
pub(crate) fn first_manifest(log: Bookmark) -> Manifest {
    Manifest {
        number: FIRST_NUMBER,
        log,
        floor: Position::ZERO,
        next_store: StoreId(1),
        next_segment: SegmentId(1),
        trees: vec![(StoreId::CATALOG, Tree::empty(crate::limit::NODE_SIZE_DEFAULT))],
        segments: Vec::new(),
    }
}
