//! Laying out the files of a database from a backup, as of one position.
//!
//! The trees of a point, with the batches behind it, are written as a checkpoint of that position. So a
//! restored database has no log but the begin of one, and what was written after the position is
//! nowhere in it.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    BackupFolder, BackupProgress, Description, RestoreReport, choose, description::Run,
    folder::check, ranges, run::named_by, transfer, transfer::Transferred,
};
use crate::{
    checkpoint::{Stored, store},
    codec::Malformed,
    disk,
    error::{Error, Result},
    id::{Position, SegmentId},
    limit::NUMBER_END,
    log::{
        Bookmark, Log, LogOptions, Mark,
        shared::{Anchor, Members, Tip},
    },
    node::{Lease, Lessor, file_name},
    recovery::{Recovered, Site, restored},
    tree,
    version::{Manifest, ManifestFolder, Replay, Version},
};

/// What a database is to be when it is restored.
#[derive(Debug)]
pub(crate) struct Life<'a> {
    /// Where; its folders are there, with nothing in them.
    pub(crate) site: &'a Site,
    pub(crate) manifests: &'a ManifestFolder,
    pub(crate) position: Position,
    pub(crate) log: LogOptions,
}

/// Writes everything but what says that the folder is a database, durably.
///
/// Fails with `PositionNotHeld`, and with `Corrupt` if something does not match its checksum.
pub(crate) fn lay(
    folder: &BackupFolder,
    description: &Description,
    life: &Life<'_>,
    progress: &mut dyn FnMut(BackupProgress),
) -> Result<RestoreReport> {
    let Life { site, position, .. } = *life;
    let held = || Error::PositionNotHeld { position: position.0, held: ranges(description) };
    let point = choose(description, position).ok_or_else(held)?;
    let wanted: BTreeSet<_> = point.segments.iter().map(|segment| segment.id).collect();
    let report = RestoreReport { position: position.0, ..RestoreReport::default() };
    let taken = BTreeSet::new();
    let mut taking = Taking { folder, description, site, wanted, taken, report, progress };
    while let Some(id) = taking.wanted.pop_first() {
        taking.take(id)?;
    }
    let mut state = restored(site, point.clone())?;
    taking.replay(&mut state, position)?;
    let written = write(&state, life);
    state.version.discard();
    let manifest = written?;
    let named: BTreeSet<_> = manifest.segments.iter().map(|segment| segment.id).collect();
    let Taking { taken, report, .. } = taking;
    let seg = site.root.join("seg");
    for id in taken.difference(&named) {
        let path = seg.join(file_name(*id));
        site.disk.remove(&path).map_err(disk::failed("remove", &path))?;
    }
    site.disk.sync_dir(&seg).map_err(disk::failed("sync", &seg))?;
    Ok(report)
}

/// Taking segments out of a backup.
struct Taking<'a> {
    folder: &'a BackupFolder,
    description: &'a Description,
    site: &'a Site,
    /// Segments that are known to be needed.
    wanted: BTreeSet<SegmentId>,
    taken: BTreeSet<SegmentId>,
    report: RestoreReport,
    progress: &'a mut dyn FnMut(BackupProgress),
}

impl Taking<'_> {
    fn take(&mut self, id: SegmentId) -> Result<()> {
        if !self.taken.insert(id) {
            return Ok(());
        }
        let from = self.folder.segment(id);
        let missing = || {
            let reason = "a batch names the file, and the backup does not have it".to_owned();
            Error::Corrupt { path: from.clone(), offset: 0, reason }
        };
        let expected = *self.description.segments.get(&id).ok_or_else(missing)?;
        let to = self.site.root.join("seg").join(file_name(id));
        let taken = transfer(&*self.site.disk, &from, &to)?.ok_or_else(missing)?;
        check(&from, taken.content, expected)?;
        self.advance(taken);
        Ok(())
    }

    fn advance(&mut self, Transferred { content, linked }: Transferred) {
        let report = &mut self.report;
        let count = if linked { &mut report.linked_files } else { &mut report.copied_files };
        *count += 1;
        report.bytes += content.len;
        let files = report.linked_files + report.copied_files;
        let (files_expected, bytes) = (files + self.wanted.len() as u64, report.bytes);
        (self.progress)(BackupProgress { files, files_expected, bytes });
    }

    /// Applies the batches behind a state, up to a position to which runs lead.
    fn replay(&mut self, state: &mut Recovered, position: Position) -> Result<()> {
        let segments = Arc::clone(&state.folder);
        let path = self.site.root.join("log");
        let mut replay = Replay::new(&state.version, &segments, &path);
        let mut applied = state.version.position();
        let description = self.description;
        for run in &description.runs {
            if run.upto > applied && run.after < position {
                self.apply(&mut replay, run, (&mut applied, position))?;
            }
        }
        let (version, mut change) = replay.finish(position)?;
        state.accounts.note(position, &mut change);
        state.version = version;
        Ok(())
    }

    fn apply(
        &mut self,
        replay: &mut Replay<'_>,
        run: &Run,
        (applied, upto): (&mut Position, Position),
    ) -> Result<()> {
        let (folder, owner) = (self.folder, self.description.owner);
        folder.read_run(owner, run, &mut |position, body| {
            if position <= *applied || position > upto {
                return Ok(());
            }
            let named = named_by(body).map_err(|Malformed(reason)| {
                let (path, reason) = (folder.run(run), format!("batch {position} holds {reason}"));
                Error::Corrupt { path, offset: 0, reason }
            })?;
            named.iter().try_for_each(|segment| self.take(segment.id))?;
            *applied = position;
            self.report.batches += 1;
            replay.batch(position, body)
        })
    }
}

/// Writes a state as the first checkpoint of its folder, and the begin of a log behind it.
fn write(state: &Recovered, life: &Life<'_>) -> Result<Manifest> {
    let number = state.manifest.number + 1;
    check_trees(&state.version, life)?;
    let is_shared = matches!(state.manifest.log, Bookmark::Slots(_));
    let mut next_segment = state.folder.next_id().max(state.manifest.next_segment);
    if is_shared {
        state.folder.set_lessor(lessor(life.site, next_segment));
    }
    let stored = store(&state.folder, &state.version, number)?;
    let mut table = state.accounts.at(life.position);
    table.extend(stored.table());
    let Stored { trees, segments, .. } = stored;
    for (segment, _) in &segments {
        next_segment = next_segment.max(SegmentId(segment.id().0 + 1));
    }
    let log = begin(life, is_shared.then_some(next_segment))?;
    let floor = if is_shared { life.position } else { Position::ZERO };
    let manifest = Manifest {
        number,
        log,
        floor,
        next_store: state.version.next_store(),
        next_segment,
        trees,
        segments: table.into_values().filter(|segment| segment.live > 0).collect(),
    };
    life.manifests.save(&manifest)?;
    for (segment, _) in segments {
        segment.set_doomed(false);
    }
    Ok(manifest)
}

/// Numbers for segments that nobody has named, in the name of somebody who is no member.
fn lessor(site: &Site, next: SegmentId) -> Lessor {
    let lease = Lease { numbers: next.0..NUMBER_END, author: site.incarnation };
    Lessor { lease: Box::new(move || Ok(lease.clone())), unfinished: site.root.join("tmp") }
}

/// Reads all of a state, so that damage is found which was there before the backup was.
fn check_trees(version: &Version, life: &Life<'_>) -> Result<()> {
    for (store, tree) in version.forest().iter() {
        let checked = tree::check(version.source(), tree, version.position().0);
        if let Some(problem) = checked.problems.first() {
            let (path, reason) = (life.site.root.clone(), format!("store {store}: {problem}"));
            return Err(Error::Corrupt { path, offset: 0, reason });
        }
    }
    Ok(())
}

/// The begin of the log, whose members are all yet to come; a shared one has no file for it.
fn begin(life: &Life<'_>, shared_next: Option<SegmentId>) -> Result<Bookmark> {
    let Life { site, position, log, .. } = *life;
    let Some(next_segment) = shared_next else {
        let dir = site.root.join("log");
        Log::create_after(Arc::clone(&site.disk), dir, site.database, (position, log))?;
        return Ok(Mark::first(position).into());
    };
    // No slot of another life follows this.
    let tip = Tip { position, nonce: site.incarnation };
    Ok(Anchor { tip, members: Members::default(), next_segment }.into())
}
