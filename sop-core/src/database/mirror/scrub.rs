//! Comparing two mirrored folders, and putting right what is damaged in one of them.

use crate::{
    database::Core,
    disk::mirrored::{MirrorProgress, Pair, align},
    error::Result,
    id::Address,
    node::{Link, Segments},
    tree::{Named, each_link},
};

use super::{Handle, open::survey};

/// What was found by [`Database::scrub_mirror`](crate::Database::scrub_mirror).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScrubReport {
    /// Bytes of nodes and values that were compared.
    pub bytes: u64,
    /// Damaged places that were put right from the other folder.
    pub mended: u64,
    /// What is damaged in both folders, in words; empty if all is well.
    pub problems: Vec<String>,
    /// Whether all of it was compared: the database was not closed meanwhile, and both folders were
    /// and are whole.
    pub complete: bool,
}

impl Core {
    /// Reads all that is in segments before a lost folder is made anew from what remains: what is
    /// damaged there may still be right in the lost one. Whether all of it was read.
    pub(super) fn check_survivor(
        &self,
        mirror: &Handle,
        goes_on: &mut dyn FnMut(MirrorProgress) -> bool,
    ) -> Result<bool> {
        // Nothing of the folder is made anew yet.
        let mut not_begun = |so_far| {
            let not_begun = MirrorProgress { done: 0, ..so_far };
            mirror.pair.set_progress(Some(not_begun));
            goes_on(not_begun)
        };
        let mut scrubbing = Scrubbing::new(self, mirror, &mut not_begun)?;
        scrubbing.needs_both = false;
        let outcome = scrubbing.run(self);
        let Scrubbing { report, stopped, .. } = scrubbing;
        mirror.pair.set_progress(None);
        for problem in &report.problems {
            tracing::error!(problem, "damage is copied to a mirror");
        }
        outcome.map(|()| !stopped)
    }

    pub(super) fn scrub(
        &self,
        mirror: &Handle,
        goes_on: &mut dyn FnMut(MirrorProgress) -> bool,
    ) -> Result<ScrubReport> {
        let mended = || mirror.pair.status().mended;
        let before = mended();
        let mut scrubbing = Scrubbing::new(self, mirror, goes_on)?;
        scrubbing.run(self)?;
        let Scrubbing { mut report, stopped, .. } = scrubbing;
        if !stopped {
            self.scrub_files(&mirror.pair)?;
        }
        report.mended = mended() - before;
        report.complete = !stopped && mirror.pair.lost().is_none();
        Ok(report)
    }

    /// Compares everything but segments, while nothing changes. The folder is right whose log goes
    /// further, as at opening.
    fn scrub_files(&self, pair: &Pair) -> Result<()> {
        align(pair, &|| {
            let survey = |side| survey(pair.disk(), pair.root(side), self.site.reading);
            Ok(match [0, 1].map(survey) {
                [Ok(one), Ok(other)] if one == other => None,
                [Ok(one), Ok(other)] => Some(usize::from(other > one)),
                [Ok(_), Err(_)] => Some(0),
                [Err(_), Ok(_)] => Some(1),
                [Err(error), Err(_)] => return Err(error),
            })
        })
    }
}

struct Scrubbing<'a> {
    pair: &'a Pair,
    progress: MirrorProgress,
    goes_on: &'a mut dyn FnMut(MirrorProgress) -> bool,
    report: ScrubReport,
    /// Whether it ends when a folder is lost.
    needs_both: bool,
    stopped: bool,
}

impl<'a> Scrubbing<'a> {
    fn new(
        core: &Core,
        mirror: &'a Handle,
        goes_on: &'a mut dyn FnMut(MirrorProgress) -> bool,
    ) -> Result<Self> {
        let total = core.load()?.segments().iter().map(|segment| segment.len()).sum();
        Ok(Self {
            pair: &mirror.pair,
            progress: MirrorProgress { done: 0, total },
            goes_on,
            report: ScrubReport::default(),
            needs_both: true,
            stopped: false,
        })
    }

    /// Compares every node and value of the newest state, which stay where they are meanwhile.
    fn run(&mut self, core: &Core) -> Result<()> {
        // What recovery would read besides, that newer commits have replaced, it would read no more.
        core.checkpoint(None)?;
        let version = core.load()?;
        for segment in version.segments().iter() {
            let problem = segment.scrub_header().err().map(|error| error.to_string());
            self.report.problems.extend(problem);
        }
        for (_, tree) in version.forest().iter() {
            each_link(version.source(), tree, &mut |link, named| {
                Ok(self.compare(version.segments(), link, named))
            })?;
        }
        Ok(())
    }

    /// Compares what a link names in both folders; whether what is below it is to be looked at.
    fn compare(&mut self, segments: &Segments, link: Link, named: Named) -> bool {
        if self.stopped || self.needs_both && self.pair.lost().is_some() {
            self.stopped = true;
            return false;
        }
        let Link::Disk(address) = link else { return named == Named::Node };
        let compared = match named {
            Named::Node => segments.scrub_node(address),
            Named::Value => segments.scrub_value(address),
        };
        self.count(address);
        match compared {
            Ok(()) => named == Named::Node,
            Err(error) => {
                self.report.problems.push(error.to_string());
                false
            }
        }
    }

    fn count(&mut self, address: Address) {
        self.report.bytes += u64::from(address.len);
        self.progress.done = (self.progress.done + address.footprint()).min(self.progress.total);
        self.stopped |= !(self.goes_on)(self.progress);
    }
}
