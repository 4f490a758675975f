//! From files to the state they hold: the newest manifest, then the log after it.
//!
//! Recovery applies deltas with the function that commits them. Its cost follows the length of the
//! log since the last checkpoint, never the size of the database.

mod report;
mod sweep;

pub use report::{Cut, RecoveryReport};

use std::{path::Path, sync::Arc};

use crate::{
    codec::Reader,
    delta::Delta,
    disk::{self, Disk},
    error::{Error, Result},
    id::{Position, StoreId},
    log::{Log, LogOptions},
    node::{Reading, SegmentFolder, Segments},
    tree::Tree,
    version::{Accounts, Builder, Forest, Manifest, ManifestFolder, Version},
};

/// Where a database's files are.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) root: std::path::PathBuf,
    pub(crate) database: [u8; 16],
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
    let manifest = manifests.newest()?;
    let path = site.root.join("seg");
    let disk = Arc::clone(&site.disk);
    let (database, next) = (site.database, manifest.next_segment);
    let folder = SegmentFolder::new(disk, path, database, next, site.reading);
    let segments = manifest.segments.iter();
    let segments =
        segments.map(|segment| folder.open(segment.id, segment.len)).collect::<Result<_>>()?;
    let forest: Forest = manifest.trees.iter().copied().collect();
    if forest.get(StoreId::CATALOG).is_none() {
        let reason = "its manifest names no catalog".into();
        return Err(Error::Corrupt { path: site.root.join("man"), offset: 0, reason });
    }
    let position = manifest.position();
    let segments = Segments::new(segments);
    segments.fit_into(disk::memory_limit());
    let version = Version::restored(position, manifest.next_store, forest, segments);
    let accounts = Accounts::new(manifest.segments.iter().copied());
    let report = RecoveryReport { checkpoint_position: position.0, ..RecoveryReport::default() };
    let folder = Arc::new(folder);
    Ok(Recovered { version, manifest, accounts, folder, dirty: 0, report })
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
    let mut replay = Replay {
        builder: Builder::new(&recovered.version, recovered.version.position()),
        folder: &recovered.folder,
        path: &path,
        transactions: 0,
    };
    let (log, read) = Log::recover(
        Arc::clone(&site.disk),
        path.clone(),
        site.database,
        options,
        recovered.manifest.log,
        &mut |position, body| replay.batch(position, body),
    )?;
    let Replay { mut builder, transactions, .. } = replay;
    builder.advance(log.position());
    let (version, mut change) = builder.finish();
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

struct Replay<'a> {
    builder: Builder,
    folder: &'a SegmentFolder,
    path: &'a Path,
    transactions: u64,
}

impl Replay<'_> {
    fn batch(&mut self, position: Position, body: &[u8]) -> Result<()> {
        self.builder.advance(position);
        let mut reader = Reader::new(body);
        while !reader.is_empty() {
            let delta = Delta::decode(&mut reader).map_err(|error| {
                let reason = format!("batch {position} holds {error}");
                Error::Corrupt { path: self.path.to_owned(), offset: 0, reason }
            })?;
            self.builder.apply(&delta, self.folder)?;
            self.transactions += 1;
        }
        Ok(())
    }
}

/// The manifest of a new database.
pub(crate) fn first_manifest() -> Manifest {
    Manifest {
        number: 1,
        log: crate::log::Mark::START,
        next_store: StoreId(1),
        next_segment: crate::id::SegmentId(1),
        trees: vec![(StoreId::CATALOG, Tree::empty(crate::limit::NODE_SIZE_DEFAULT))],
        segments: Vec::new(),
    }
}
