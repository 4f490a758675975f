//! Taking what a backup does not have yet.
//!
//! Files are only added; nothing of it counts before [`BackupFolder::complete`].

use std::{collections::BTreeMap, path::PathBuf};

use super::{
    BackupFolder, BackupProgress, BackupReport, Description,
    description::{Content, Run},
    ranges,
    run::{Draft, named_by},
    transfer,
};
use crate::{
    codec::Malformed,
    disk::{self, Access},
    error::{Error, Result},
    id::{Position, SegmentId},
    limit::BATCH_LEN_TARGET,
    log::History,
    node::file_name,
    version::Manifest,
};

/// What is added to a backup, which may be empty.
pub(crate) struct Increment<'a> {
    folder: &'a BackupFolder,
    /// Where the database has its segments.
    source: PathBuf,
    /// What is to belong to the backup, all of which is there but for what is wanted.
    description: Description,
    /// Segments that are still to be taken, with the lengths that they have at least.
    wanted: BTreeMap<SegmentId, u64>,
    report: BackupReport,
    progress: &'a mut dyn FnMut(BackupProgress),
}

/// Where the log of a database is to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    /// Behind this position,
    pub(crate) after: Position,
    /// up to this one.
    pub(crate) upto: Position,
    /// That of the point which is taken as well: segments that batches up to it have named may be gone.
    pub(crate) point: Position,
}

impl<'a> Increment<'a> {
    /// Begins with what the backup has, for the segments of a folder.
    pub(crate) fn new(
        folder: &'a BackupFolder,
        source: PathBuf,
        description: Description,
        progress: &'a mut dyn FnMut(BackupProgress),
    ) -> Self {
        let (wanted, report) = (BTreeMap::new(), BackupReport::default());
        Self { folder, source, description, wanted, report, progress }
    }

    /// Copies batches; whether they were all still there. If not, nothing of this is of any use.
    ///
    /// Behind a batch whose segments are gone there is a gap up to the point.
    pub(crate) fn take_log(&mut self, history: &History, stretch: Stretch) -> Result<bool> {
        let mut draft = Some(Draft::new(self.description.owner, stretch.after));
        let all_there = history.read(stretch.upto, &mut |position, body| {
            if position <= stretch.after {
                return Ok(());
            }
            let is_before = position <= stretch.point;
            if draft.is_none() && is_before {
                return Ok(());
            }
            let named = named_by(body).map_err(|Malformed(reason)| {
                let reason = format!("batch {position} of the log holds {reason}");
                Error::Corrupt { path: self.source.clone(), offset: 0, reason }
            })?;
            for segment in named {
                if !is_before {
                    self.want(segment.id, segment.len);
                } else if !self.take_segment(segment.id, segment.len)? {
                    let before = draft.take();
                    return before
                        .map_or(Ok(()), |draft| self.close(&draft, Position(position.0 - 1)));
                }
            }
            let open =
                draft.get_or_insert_with(|| Draft::new(self.description.owner, stretch.point));
            open.add(position, body);
            self.report.batches += 1;
            if open.len() >= BATCH_LEN_TARGET {
                self.close(open, position)?;
                draft = Some(Draft::new(self.description.owner, position));
            }
            Ok(())
        })?;
        if !all_there {
            return Ok(false);
        }
        let last = draft.unwrap_or_else(|| Draft::new(self.description.owner, stretch.point));
        self.close(&last, stretch.upto).map(|()| true)
    }

    /// Writes a run, unless there is none.
    fn close(&mut self, draft: &Draft, upto: Position) -> Result<()> {
        if draft.after() >= upto {
            return Ok(());
        }
        let bytes = draft.seal(upto);
        let run = Run { after: draft.after(), upto, content: Content::of(&bytes) };
        let path = self.folder.run(&run);
        let disk = self.folder.disk();
        let file = disk.open(&path, Access::Create).map_err(disk::failed("create", &path))?;
        file.write_all_at(&bytes, 0).map_err(disk::failed("write", &path))?;
        file.sync_all().map_err(disk::failed("sync", &path))?;
        self.description.runs.push(run);
        self.report.bytes += run.content.len;
        Ok(())
    }

    /// Adds a point, unless the backup has it, with its segments.
    pub(crate) fn add_point(&mut self, point: Manifest) {
        for segment in &point.segments {
            self.want(segment.id, segment.len);
        }
        let last = self.description.points.last().map_or(0, |last| last.number);
        if point.number > last {
            self.description.points.push(point);
        }
    }

    fn want(&mut self, id: SegmentId, len: u64) {
        if !self.description.segments.contains_key(&id) {
            self.wanted.insert(id, len);
        }
    }

    /// Takes a segment that is still to be taken, if there is one; fails with `SnapshotTooOld` if it
    /// is gone.
    pub(crate) fn take_next(&mut self) -> Result<bool> {
        let Some((id, len)) = self.wanted.pop_first() else { return Ok(false) };
        if self.take_segment(id, len)? { Ok(true) } else { Err(Error::SnapshotTooOld) }
    }

    /// Takes a segment, unless the backup has it; whether the backup has it now.
    fn take_segment(&mut self, id: SegmentId, len: u64) -> Result<bool> {
        if self.description.segments.contains_key(&id) {
            return Ok(true);
        }
        let from = self.source.join(file_name(id));
        let taken = transfer(self.folder.disk(), &from, &self.folder.segment(id))?;
        let Some(taken) = taken else { return Ok(false) };
        if taken.content.len < len {
            let reason = format!("it ends here, and should have {len} bytes");
            return Err(Error::Corrupt { path: from, offset: taken.content.len, reason });
        }
        self.description.segments.insert(id, taken.content);
        let count = if taken.linked {
            &mut self.report.linked_files
        } else {
            &mut self.report.copied_files
        };
        *count += 1;
        self.report.bytes += taken.content.len;
        Ok(true)
    }

    /// Says how far it is: to somebody who may do anything, and so must not be waited for.
    pub(crate) fn tell(&mut self) {
        let runs = self.report.batches.min(1);
        let files = self.report.linked_files + self.report.copied_files + runs;
        let (files_expected, bytes) = (files + self.wanted.len() as u64, self.report.bytes);
        (self.progress)(BackupProgress { files, files_expected, bytes });
    }

    /// Makes the backup complete.
    pub(crate) fn finish(mut self, before: Option<Position>) -> Result<BackupReport> {
        self.description.runs.sort_unstable_by_key(|run| (run.after, run.upto));
        self.folder.complete(&self.description)?;
        let position = self.description.end();
        let leads_on = |before: Position| {
            let held = ranges(&self.description);
            held.iter().any(|range| range.contains(&before.0) && range.contains(&position.0))
        };
        self.report.continues = before.is_some_and(leads_on);
        self.report.position = position.0;
        Ok(self.report)
    }
}
