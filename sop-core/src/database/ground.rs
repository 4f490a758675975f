//! The commit pipeline as checkpoints see it.

use std::sync::Arc;

use crate::{
    checkpoint::Ground,
    commit::Pipeline,
    error::Result,
    log::{
        Bookmark,
        shared::{Member, Slots},
    },
    node::SegmentFolder,
    sync::MutexGuard,
    version::{Accounts, Builder, Footing, Version},
};

impl Ground for Pipeline {
    fn newest(&self) -> Arc<Version> {
        self.published().load()
    }

    fn sync(&self) -> Result<(Arc<Version>, Bookmark)> {
        self.sync()
    }

    fn footing(&self) -> Result<Footing> {
        self.adopt_newest()?;
        Ok(self.footing())
    }

    fn set_footing(&self, footing: Footing) {
        self.set_footing(footing);
    }

    fn membership(&self) -> Result<Option<(Member, Slots)>> {
        self.take_part()
    }

    fn rework(&self, work: &mut dyn FnMut(&mut Builder, &Version) -> Result<()>) -> Result<()> {
        self.rework(work)
    }

    fn release_log(&self, upto: &Bookmark) -> Result<()> {
        self.release_log(upto)
    }

    fn accounts(&self) -> MutexGuard<'_, Accounts> {
        self.accounts()
    }

    fn folder(&self) -> &Arc<SegmentFolder> {
        self.folder()
    }
}
