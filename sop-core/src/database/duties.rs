//! What is left to the background of a database, and which of it is due: one decision, whoever
//! does the work then.

use std::{sync::Arc, time::Duration};

use crate::{
    clock::Clock,
    commit::{Request, Requests},
    sync::{Condvar, Mutex},
};

/// A piece of work that commits leave to the background; see
/// [`Database::work`](crate::Database::work).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Work {
    /// Taking commits that nobody waits for by blocking through the log, as one batch.
    Commits,
    /// Syncing what was promised to be on the disk by some time.
    Sync,
    /// Taking in what other processes have committed to a folder that is shared.
    Follow,
    /// Showing the other processes of a folder that is shared that this one lives, and ending the
    /// membership of those that have shown nothing for long.
    Attend,
    /// Writing a checkpoint, and rewriting what is sparse if that gives space back.
    Checkpoint,
    /// Making a folder anew that had fallen behind its mirror.
    Rebuild,
    /// Comparing mirrored folders, and putting right what is damaged in one of them.
    Scrub,
}

/// Whose work it is. Those who do one role never wait for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Commits, syncs, following, and attending.
    Committer,
    /// Checkpoints.
    Checkpointer,
    /// Keeping mirrored folders the same.
    Keeper,
}

/// How long no checkpoint is tried after one failed: it would most likely fail again at once.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(500);

/// How often members of a shared folder show that they live, and look at the others.
pub(super) const ATTEND_EVERY: Duration = Duration::from_secs(5);

/// What the pipeline asked for and nobody did yet.
#[derive(Debug)]
pub(super) struct Duties {
    wanted: Mutex<Wanted>,
    /// How long after others were followed they are followed again; never if nobody is there.
    follow_every: Option<Duration>,
    /// How long after mirrored folders were compared they are compared again; never if there are none.
    scrub_every: Option<Duration>,
    clock: Arc<dyn Clock>,
    for_committer: Condvar,
    for_checkpointer: Condvar,
    for_keeper: Condvar,
}

#[derive(Debug, Default)]
struct Wanted {
    lead: bool,
    sync_by: Option<Duration>,
    follow_at: Option<Duration>,
    attend_at: Option<Duration>,
    checkpoint: Checkpoint,
    /// No checkpoint begins before.
    checkpoint_from: Duration,
    rebuild: bool,
    scrub_at: Option<Duration>,
    stop: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Checkpoint {
    #[default]
    Idle,
    Wanted,
    /// Commits meanwhile do not ask for what is being done.
    Running,
}

/// What somebody in a role is to do next.
enum Next {
    Do(Work),
    /// Nothing before this time, or before something new is asked for.
    Wait(Option<Duration>),
    Stop,
}

impl Wanted {
    fn take_request(&mut self, request: &Request) {
        match *request {
            Request::Lead => self.lead = true,
            Request::SyncBy(moment) => {
                self.sync_by = Some(self.sync_by.map_or(moment, |before| before.min(moment)));
            }
            Request::Checkpoint if self.checkpoint == Checkpoint::Idle => {
                self.checkpoint = Checkpoint::Wanted;
            }
            Request::Checkpoint => {}
            Request::Follow => self.follow_at = Some(Duration::ZERO),
        }
    }

    fn next(&self, role: Role, now: Duration) -> Next {
        match role {
            Role::Committer if self.lead => Next::Do(Work::Commits),
            Role::Committer => {
                let is_due = |at: Option<Duration>| at.is_some_and(|moment| moment <= now);
                let at = [self.sync_by, self.attend_at, self.follow_at];
                match at.map(is_due) {
                    [is_due, ..] if is_due || self.stop && self.sync_by.is_some() => {
                        Next::Do(Work::Sync)
                    }
                    _ if self.stop => Next::Stop,
                    // News may never end.
                    [_, true, _] => Next::Do(Work::Attend),
                    [_, _, true] => Next::Do(Work::Follow),
                    _ => Next::Wait(at.into_iter().flatten().min()),
                }
            }
            Role::Checkpointer => match self.checkpoint {
                _ if self.stop => Next::Stop,
                Checkpoint::Wanted if self.checkpoint_from <= now => Next::Do(Work::Checkpoint),
                Checkpoint::Wanted => Next::Wait(Some(self.checkpoint_from)),
                Checkpoint::Idle | Checkpoint::Running => Next::Wait(None),
            },
            Role::Keeper if self.stop => Next::Stop,
            Role::Keeper if self.rebuild => Next::Do(Work::Rebuild),
            Role::Keeper => match self.scrub_at {
                Some(moment) if moment <= now => Next::Do(Work::Scrub),
                other => Next::Wait(other),
            },
        }
    }

    fn begin(&mut self, work: Work, duties: &Duties) {
        match work {
            Work::Commits => self.lead = false,
            Work::Sync => self.sync_by = None,
            Work::Follow => self.follow_at = duties.follow_at(),
            Work::Attend => self.attend_at = duties.attend_at(),
            Work::Checkpoint => self.checkpoint = Checkpoint::Running,
            Work::Rebuild => self.rebuild = false,
            Work::Scrub => self.scrub_at = duties.scrub_at(),
        }
    }
}

impl Duties {
    /// Nothing to do yet but to follow and attend others from time to time, if there are any.
    pub(super) fn new(clock: Arc<dyn Clock>, follow_every: Option<Duration>) -> Self {
        let duties = Self {
            wanted: Mutex::default(),
            follow_every,
            scrub_every: None,
            clock,
            for_committer: Condvar::new(),
            for_checkpointer: Condvar::new(),
            for_keeper: Condvar::new(),
        };
        {
            let mut wanted = duties.wanted.lock();
            (wanted.follow_at, wanted.attend_at) = (duties.follow_at(), duties.attend_at());
        }
        duties
    }

    /// Mirrored folders are to be compared from time to time, and one of them is to be rebuilt now if
    /// `rebuild` says so.
    pub(super) fn mirrored(self, scrub_every: Duration, rebuild: bool) -> Self {
        let duties = Self { scrub_every: Some(scrub_every), ..self };
        {
            let mut wanted = duties.wanted.lock();
            (wanted.scrub_at, wanted.rebuild) = (duties.scrub_at(), rebuild);
        }
        duties
    }

    /// When mirrored folders are to be compared next.
    fn scrub_at(&self) -> Option<Duration> {
        self.scrub_every.and_then(|every| self.clock.now().checked_add(every))
    }

    /// When others are to be followed next.
    fn follow_at(&self) -> Option<Duration> {
        self.follow_every.and_then(|every| self.clock.now().checked_add(every))
    }

    /// When others are to be attended next.
    fn attend_at(&self) -> Option<Duration> {
        self.follow_every.and_then(|_| self.clock.now().checked_add(ATTEND_EVERY))
    }

    /// Takes requests from the pipeline.
    pub(super) fn requests(self: &Arc<Self>) -> Requests {
        let duties = Arc::clone(self);
        Box::new(move |request| {
            duties.wanted.lock().take_request(&request);
            let changed = match request {
                Request::Lead | Request::SyncBy(_) | Request::Follow => &duties.for_committer,
                Request::Checkpoint => &duties.for_checkpointer,
            };
            changed.notify_one();
        })
    }

    /// Blocks until there is something to do; none once there is nothing more and never will be.
    pub(super) fn wait(&self, role: Role) -> Option<Task<'_>> {
        let changed = match role {
            Role::Committer => &self.for_committer,
            Role::Checkpointer => &self.for_checkpointer,
            Role::Keeper => &self.for_keeper,
        };
        let mut wanted = self.wanted.lock();
        loop {
            let now = self.clock.now();
            match wanted.next(role, now) {
                Next::Do(work) => return Some(self.begin(&mut wanted, work)),
                Next::Wait(Some(moment)) => {
                    changed.wait_for(&mut wanted, moment.saturating_sub(now));
                }
                Next::Wait(None) => changed.wait(&mut wanted),
                Next::Stop => return None,
            }
        }
    }

    /// Something that is due, of any role.
    pub(super) fn due(&self) -> Option<Task<'_>> {
        let (mut wanted, now) = (self.wanted.lock(), self.clock.now());
        [Role::Committer, Role::Checkpointer, Role::Keeper].into_iter().find_map(
            |role| match wanted.next(role, now) {
                Next::Do(work) => Some(self.begin(&mut wanted, work)),
                Next::Wait(_) | Next::Stop => None,
            },
        )
    }

    /// How long nothing is due, unless more is asked for; none if nothing is asked for by now.
    pub(super) fn due_in(&self) -> Option<Duration> {
        let (wanted, now) = (self.wanted.lock(), self.clock.now());
        let due_in = |role| match wanted.next(role, now) {
            Next::Do(_) => Some(Duration::ZERO),
            Next::Wait(moment) => moment.map(|moment| moment.saturating_sub(now)),
            Next::Stop => None,
        };
        let roles = [Role::Committer, Role::Checkpointer, Role::Keeper];
        roles.into_iter().filter_map(due_in).min()
    }

    /// From now on only what was promised is done: commits that wait, and syncs, at once.
    pub(super) fn stop(&self) {
        self.wanted.lock().stop = true;
        self.for_committer.notify_all();
        self.for_checkpointer.notify_all();
        self.for_keeper.notify_all();
    }

    /// Whether only what was promised is done.
    fn is_stopping(&self) -> bool {
        self.wanted.lock().stop
    }

    fn begin(&self, wanted: &mut Wanted, work: Work) -> Task<'_> {
        wanted.begin(work, self);
        Task { duties: self, work, succeeded: false }
    }
}

/// Work that somebody has begun. Dropped before it has succeeded, also by a panic, it has failed.
#[derive(Debug)]
pub(super) struct Task<'a> {
    duties: &'a Duties,
    work: Work,
    succeeded: bool,
}

impl Task<'_> {
    pub(super) fn work(&self) -> Work {
        self.work
    }

    /// Whether it is to be given up, as the database is being closed.
    pub(super) fn is_to_stop(&self) -> bool {
        self.duties.is_stopping()
    }

    pub(super) fn succeeded(mut self) {
        self.succeeded = true;
    }
}

impl Drop for Task<'_> {
    fn drop(&mut self) {
        if self.work == Work::Checkpoint {
            let mut wanted = self.duties.wanted.lock();
            wanted.checkpoint = Checkpoint::Idle;
            if !self.succeeded {
                wanted.checkpoint_from = self.duties.clock.now() + PAUSE_AFTER_FAILURE;
            }
        }
    }
}
