//! The commit pipeline as checkpoints see it.

use std::sync::Arc;

use crate::{
    checkpoint::Ground,
    commit::Pipeline,
    error::Result,
    log::Bookmark,
    node::SegmentFolder,
    sync::MutexGuard,
    version::{Accounts, Builder, Version},
};

impl Ground for Pipeline {
    fn newest(&self) -> Arc<Version> {
        self.published().load()
    }

    fn sync(&self) -> Result<(Arc<Version>, Bookmark)> {
        self.sync()
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
