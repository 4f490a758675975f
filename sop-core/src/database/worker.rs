//! Who does the background's work: two threads, or whoever calls [`Database::work`].

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use super::{
    Background, Core, Database, Engine,
    duties::{Duties, Role, Task, Work},
};
use crate::{
    checkpoint::Sparse,
    error::{Error, Result},
    sync::{Mutex, thread},
};

/// The background of an open database, until it is stopped.
#[derive(Debug)]
pub(super) struct Workers {
    background: Background,
    duties: Arc<Duties>,
    threads: Mutex<Vec<thread::JoinHandle<()>>>,
}

impl Workers {
    pub(super) fn start(
        core: &Arc<Core>,
        duties: Arc<Duties>,
        background: Background,
    ) -> Result<Self> {
        let workers = Self { background, duties, threads: Mutex::default() };
        if background == Background::Threads {
            workers.spawn(core, "sop-commit", Role::Committer)?;
            workers.spawn(core, "sop-checkpoint", Role::Checkpointer)?;
            if core.mirror.is_some() {
                workers.spawn(core, "sop-mirror", Role::Keeper)?;
            }
        }
        Ok(workers)
    }

    fn spawn(&self, core: &Arc<Core>, name: &str, role: Role) -> Result<()> {
        let (owner, duties) = (Arc::clone(core), Arc::clone(&self.duties));
        match thread::Builder::new().name(name.to_owned()).spawn(move || owner.serve(&duties, role))
        {
            Ok(thread) => {
                self.threads.lock().push(thread);
                Ok(())
            }
            Err(error) => {
                self.stop(core);
                let (path, source) = (core.path.clone(), Arc::new(error));
                Err(Error::Io { action: "start a thread for", path, source })
            }
        }
    }

    /// Lets the threads finish what they are at, and waits for them. Without threads what is left
    /// of what was promised is done here.
    pub(super) fn stop(&self, core: &Core) {
        self.duties.stop();
        for thread in self.threads.lock().drain(..) {
            // One of them may be the one who drops the last handle; it cannot wait for itself.
            if thread.thread().id() != thread::current().id() && thread.join().is_err() {
                tracing::error!("a background thread panicked, which is a fault in the engine");
            }
        }
        if self.background == Background::Manual {
            core.serve(&self.duties, Role::Committer);
        }
    }
}

impl Core {
    /// Does the work of one role until there will be no more.
    fn serve(&self, duties: &Duties, role: Role) {
        while let Some(task) = duties.wait(role) {
            let work = task.work();
            // A panic poisons the pipeline; the thread stays to tell whoever commits later.
            let done = catch_unwind(AssertUnwindSafe(|| self.perform(task)));
            // A sync that fails poisons the pipeline, which says so and tells everybody who commits.
            match (done, work) {
                (Ok(Err(error)), Work::Checkpoint) => tracing::warn!(
                    %error, "a checkpoint failed; the log keeps what it would have held"
                ),
                (Ok(Err(error)), Work::Rebuild | Work::Scrub) => {
                    tracing::error!(%error, ?work, "mirrored folders could not be kept the same");
                }
                _ => {}
            }
        }
    }

    /// Does a piece of work; whether there was still anything to do.
    fn perform(&self, task: Task<'_>) -> Result<bool> {
        let Engine::ReadWrite { pipeline, .. } = &self.engine else { return Ok(false) };
        let done = match task.work() {
            Work::Commits => pipeline.lead_if_asked(),
            Work::Sync => pipeline.sync().map(|_| true)?,
            Work::Follow => pipeline.follow().map(|()| true)?,
            Work::Attend => pipeline.attend().map(|()| true)?,
            Work::Checkpoint => {
                // Another process may have written one, with most of what is in memory here.
                let is_done = pipeline.is_relieved()?
                    || pipeline.adopt_newest()? && !pipeline.wants_checkpoint();
                if !is_done {
                    self.checkpoint(Some(Sparse::ROUTINE))?;
                }
                true
            }
            Work::Rebuild => self.rebuild_mirror(&mut |_| !task.is_to_stop()).map(|_| true)?,
            Work::Scrub => self.scrub_mirror(&mut |_| !task.is_to_stop()).map(|_| true)?,
        };
        task.succeeded();
        Ok(done)
    }
}

impl Database {
    /// Does one piece of the work that a database opened with [`Background::Manual`] leaves to its
    /// user, and says which; none if nothing is due. To be called until then.
    ///
    /// First come commits that wait to be led, all of them as one batch; then a sync that is due by
    /// the [`Clock`](crate::Clock); then attending and following other processes; then a checkpoint,
    /// if enough was changed for one. A call takes as long as that work does, and may be made from
    /// any thread, also from several at once: a
    /// checkpoint in one does not keep another from leading commits. With
    /// [`Background::Threads`] nothing is ever left.
    ///
    /// Fails if a sync, following, or a checkpoint does. A sync that fails is final as always, see
    /// [`Error::Poisoned`]; nothing is lost by a checkpoint that fails, and another one is due half
    /// a second later at the earliest. How commits end is told to those who wait for them.
    ///
    /// ```
    /// use std::{pin::pin, task::{Context, Poll, Waker}};
    /// use sop_core::{Background, Database, Options, Work};
    ///
    /// let options = Options::default().background(Background::Manual);
    /// let db = Database::builder().options(options).in_memory()?;
    /// let tx = db.begin()?;
    /// tx.create_store("pets", &Default::default())?.add("rex", "dog")?;
    ///
    /// let mut commit = pin!(tx.commit_async());
    /// let mut context = Context::from_waker(Waker::noop());
    /// assert!(commit.as_mut().poll(&mut context).is_pending());
    /// assert_eq!(db.work()?, Some(Work::Commits));
    /// assert!(matches!(commit.as_mut().poll(&mut context), Poll::Ready(Ok(_))));
    /// assert_eq!(db.work()?, None);
    /// # Ok::<_, sop_core::Error>(())
    /// ```
    pub fn work(&self) -> Result<Option<Work>> {
        self.shared.core.check_open()?;
        let Some(duties) = self.manual_duties() else { return Ok(None) };
        while let Some(task) = duties.due() {
            let work = task.work();
            // What was asked for may have been done by a commit that waited for itself.
            if self.shared.core.perform(task)? {
                return Ok(Some(work));
            }
        }
        Ok(None)
    }

    /// How long nothing is due for [`work`](Self::work), unless somebody commits meanwhile; none if
    /// nothing is to come by itself. For an event loop that wants to know how long it may sleep.
    pub fn work_due_in(&self) -> Option<Duration> {
        self.manual_duties().and_then(Duties::due_in)
    }

    fn manual_duties(&self) -> Option<&Duties> {
        let workers = self.shared.workers.as_ref()?;
        (workers.background == Background::Manual).then_some(&*workers.duties)
    }
}
