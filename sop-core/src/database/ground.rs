//! The commit pipeline as checkpoints see it.

use std::sync::Arc;

use crate::{
    checkpoint::Ground,
    commit::Pipeline,
    error::Result,
    log::Mark,
    node::SegmentFolder,
    sync::MutexGuard,
    version::{Accounts, Builder, Version},
};

impl Ground for Pipeline {
    fn newest(&self) -> Arc<Version> {
        self.published().load()
    }

    fn sync(&self) -> Result<(Arc<Version>, Mark)> {
        self.sync()
    }

    fn rework(&self, work: &mut dyn FnMut(&mut Builder, &Version) -> Result<()>) -> Result<()> {
        self.rework(work)
    }

    fn release_log(&self, mark: Mark) -> Result<()> {
        self.release_log(mark)
    }

    fn accounts(&self) -> MutexGuard<'_, Accounts> {
        self.accounts()
    }

    fn folder(&self) -> &Arc<SegmentFolder> {
        self.folder()
    }
}
