//! The threads behind a database: one leads commits that nobody waits for by blocking and syncs
//! what was promised to be synced, the other writes checkpoints.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use super::{Core, Engine};
use crate::{
    checkpoint::Sparse,
    clock::Clock,
    commit::{Pipeline, Request, Requests},
    error::{Error, Result},
    sync::{Condvar, Mutex, thread},
};

/// What the pipeline asked for and nobody did yet.
#[derive(Debug, Default)]
pub(super) struct Signals {
    wanted: Mutex<Wanted>,
    for_committer: Condvar,
    for_checkpointer: Condvar,
}

#[derive(Debug, Default)]
struct Wanted {
    lead: bool,
    sync_by: Option<Duration>,
    checkpoint: bool,
    stop: bool,
}

impl Signals {
    /// Takes requests from the pipeline.
    pub(super) fn requests(self: &Arc<Self>) -> Requests {
        let signals = Arc::clone(self);
        Box::new(move |request| signals.take(&request))
    }

    fn take(&self, request: &Request) {
        let mut wanted = self.wanted.lock();
        match *request {
            Request::Lead => {
                wanted.lead = true;
                self.for_committer.notify_one();
            }
            Request::SyncBy(moment) => {
                if wanted.sync_by.is_none_or(|before| moment < before) {
                    wanted.sync_by = Some(moment);
                    self.for_committer.notify_one();
                }
            }
            Request::Checkpoint => {
                if !wanted.checkpoint {
                    wanted.checkpoint = true;
                    self.for_checkpointer.notify_one();
                }
            }
        }
    }
}

/// The threads, until they are stopped.
#[derive(Debug)]
pub(super) struct Workers {
    signals: Arc<Signals>,
    threads: Mutex<Vec<thread::JoinHandle<()>>>,
}

impl Workers {
    pub(super) fn start(
        core: &Arc<Core>,
        signals: Arc<Signals>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let workers = Self { signals, threads: Mutex::default() };
        let (owner, signals) = (Arc::clone(core), Arc::clone(&workers.signals));
        workers.spawn(core, "sop-commit", move || commit(&owner, &signals, &*clock))?;
        let (owner, signals) = (Arc::clone(core), Arc::clone(&workers.signals));
        workers.spawn(core, "sop-checkpoint", move || checkpoint(&owner, &signals))?;
        Ok(workers)
    }

    fn spawn(&self, core: &Core, name: &str, work: impl FnOnce() + Send + 'static) -> Result<()> {
        match thread::Builder::new().name(name.to_owned()).spawn(work) {
            Ok(thread) => {
                self.threads.lock().push(thread);
                Ok(())
            }
            Err(error) => {
                self.stop();
                let (path, source) = (core.path.clone(), Arc::new(error));
                Err(Error::Io { action: "start a thread for", path, source })
            }
        }
    }

    /// Lets the threads finish what they are at, and waits for them.
    pub(super) fn stop(&self) {
        self.signals.wanted.lock().stop = true;
        self.signals.for_committer.notify_all();
        self.signals.for_checkpointer.notify_all();
        for thread in self.threads.lock().drain(..) {
            // One of them may be the one who drops the last handle; it cannot wait for itself.
            if thread.thread().id() != thread::current().id() && thread.join().is_err() {
                tracing::error!("a background thread panicked, which is a fault in the engine");
            }
        }
    }
}

/// What the committing thread is to do next.
enum Task {
    Lead,
    Sync,
    Stop,
}

fn commit(core: &Core, signals: &Signals, clock: &dyn Clock) {
    let Engine::ReadWrite { pipeline, .. } = &core.engine else { return };
    loop {
        match next_task(signals, clock) {
            // A panic poisons the pipeline; the thread stays to tell whoever commits later.
            Task::Lead => _ = catch_unwind(AssertUnwindSafe(|| pipeline.lead())),
            Task::Sync => sync(pipeline),
            Task::Stop => return,
        }
    }
}

fn next_task(signals: &Signals, clock: &dyn Clock) -> Task {
    let mut wanted = signals.wanted.lock();
    loop {
        if std::mem::take(&mut wanted.lead) {
            return Task::Lead;
        }
        let now = clock.now();
        match wanted.sync_by {
            Some(moment) if moment <= now || wanted.stop => {
                wanted.sync_by = None;
                return Task::Sync;
            }
            _ if wanted.stop => return Task::Stop,
            Some(moment) => {
                signals.for_committer.wait_for(&mut wanted, moment.saturating_sub(now));
            }
            None => signals.for_committer.wait(&mut wanted),
        }
    }
}

fn sync(pipeline: &Pipeline) {
    // A failure poisons the pipeline, which says so and tells everybody who commits.
    drop(pipeline.sync());
}

/// How long no checkpoint is tried after one failed.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(500);

fn checkpoint(core: &Core, signals: &Signals) {
    loop {
        {
            let mut wanted = signals.wanted.lock();
            while !wanted.checkpoint && !wanted.stop {
                signals.for_checkpointer.wait(&mut wanted);
            }
            if wanted.stop {
                return;
            }
        }
        let failed = match catch_unwind(AssertUnwindSafe(|| core.checkpoint(Some(Sparse::ROUTINE))))
        {
            Ok(Ok(())) => false,
            Ok(Err(error)) => {
                tracing::warn!(%error, "a checkpoint failed; the log keeps what it would have held");
                true
            }
            Err(_) => true,
        };
        let mut wanted = signals.wanted.lock();
        if failed && !wanted.stop {
            // What failed just now would most likely fail again at once.
            signals.for_checkpointer.wait_for(&mut wanted, PAUSE_AFTER_FAILURE);
        }
        // Cleared afterwards, so that commits meanwhile do not ask for what is being done.
        wanted.checkpoint = false;
    }
}
