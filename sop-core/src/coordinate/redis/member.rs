//! A member's end: calls that change what it wants, and two threads that talk with the server.

use std::{sync::Arc, task::Waker, time::Duration};

use super::{
    dial::{Dialer, Line},
    keys::ticket,
    news::{self, Entry},
    questions::{self, Questions},
    seal::{Announcement, Sealer},
    standing::{Next, Standing, Told},
};
use crate::{
    clock::Clock,
    coordinate::{Coordinator, Health, Joining, Trouble, Turn},
    limit::CARRIED_LEN_MAX,
    sync::{Condvar, Mutex, thread},
};

/// How long one question for news stays open at the server, and so about how long leaving takes.
const LISTEN: Duration = Duration::from_millis(200);

/// How long leaving waits for the threads; they end by themselves when their last call returns.
const LEAVE_MAX: Duration = Duration::from_secs(1);

/// One member's connection with the others by way of a server.
#[derive(Debug)]
pub(super) struct RedisMember {
    shared: Arc<Shared>,
    threads: Mutex<Vec<thread::JoinHandle<()>>>,
}

/// What the calls and the threads share.
#[derive(Debug)]
struct Shared {
    standing: Mutex<Standing>,
    /// Something is wanted, or the circuit has changed.
    changed: Condvar,
    dialer: Arc<Dialer>,
    questions: Questions,
    sealer: Sealer,
    clock: Arc<dyn Clock>,
    waker: Waker,
}

impl RedisMember {
    /// Joins. If threads cannot be had nobody is ever reached, which is said by the circuit.
    pub(super) fn join(dialer: Arc<Dialer>, questions: Questions, joining: Joining) -> Self {
        let Joining { realm, member, clock, waker } = joining;
        let standing = Mutex::new(Standing::new(clock.now(), member, questions.hold));
        let (sealer, changed) = (Sealer::new(&realm), Condvar::new());
        let shared = Shared { standing, changed, dialer, questions, sealer, clock, waker };
        let member = Self { shared: Arc::new(shared), threads: Mutex::default() };
        member.start("sop-redis", Shared::ask_what_is_wanted);
        member.start("sop-redis-news", Shared::listen_for_news);
        member
    }

    fn start(&self, name: &str, run: impl FnOnce(&Shared) + Send + 'static) {
        let shared = Arc::clone(&self.shared);
        self.shared.standing.lock().threads += 1;
        let run = move || {
            run(&shared);
            shared.standing.lock().threads -= 1;
            shared.changed.notify_all();
        };
        match thread::Builder::new().name(name.to_owned()).spawn(run) {
            Ok(thread) => self.threads.lock().push(thread),
            Err(error) => {
                let mut standing = self.shared.standing.lock();
                standing.threads -= 1;
                standing.is_closing = true;
                drop(standing);
                let reason = format!("no thread could be started: {error}");
                self.shared.failed(&Trouble::Unusable(reason));
            }
        }
    }

    /// Changes what is wanted, and lets the threads see.
    fn change<T>(&self, change: impl FnOnce(&mut Standing, Duration) -> T) -> T {
        let now = self.shared.clock.now();
        let result = change(&mut self.shared.standing.lock(), now);
        self.shared.changed.notify_all();
        result
    }
}

impl Coordinator for RedisMember {
    fn turn(&self) -> Turn {
        self.change(Standing::turn)
    }

    fn end_turn(&self) {
        self.change(|standing, _| standing.end_turn());
    }

    fn announce(&self, position: u64, slot: Option<&[u8]>) {
        let slot = slot.filter(|slot| slot.len() <= CARRIED_LEN_MAX).map(<[u8]>::to_vec);
        self.change(|standing, _| standing.announce(Told { position, slot }));
    }

    fn newest(&self) -> Option<u64> {
        self.shared.standing.lock().newest
    }

    fn take_carried(&self, position: u64) -> Option<Arc<[u8]>> {
        self.shared.standing.lock().take_carried(position)
    }

    fn waiting(&self) -> u32 {
        self.shared.standing.lock().waiting
    }

    fn silence(&self, member: [u8; 16]) -> Option<Duration> {
        let now = self.shared.clock.now();
        self.shared.standing.lock().presence.silence(now, member)
    }

    fn health(&self) -> Health {
        self.shared.standing.lock().health()
    }
}

impl Drop for RedisMember {
    fn drop(&mut self) {
        self.change(|standing, _| standing.is_closing = true);
        let end = self.shared.clock.now().saturating_add(LEAVE_MAX);
        let mut standing = self.shared.standing.lock();
        while standing.threads > 0 {
            let left = end.saturating_sub(self.shared.clock.now());
            if left.is_zero() {
                tracing::debug!("a member left before the Redis server answered");
                return;
            }
            self.shared.changed.wait_for(&mut standing, left);
        }
        drop(standing);
        for thread in self.threads.lock().drain(..) {
            if thread.join().is_err() {
                tracing::error!(
                    "a thread panicked that coordinates, which is a fault in the engine"
                );
            }
        }
    }
}

impl Shared {
    /// The thread that asks.
    fn ask_what_is_wanted(&self) {
        let mut line = Line::new(Arc::clone(&self.dialer));
        loop {
            let next = {
                let mut standing = self.standing.lock();
                let next = standing.next(self.clock.now());
                if let Next::Wait(wait) = next {
                    self.changed.wait_for(&mut standing, wait);
                    continue;
                }
                next
            };
            if next == Next::End {
                return;
            }
            match self.ask(&mut line, next) {
                Ok(()) => self.succeeded(),
                Err(trouble) => {
                    line = Line::new(Arc::clone(&self.dialer));
                    self.failed(&trouble);
                }
            }
        }
    }

    fn ask(&self, line: &mut Line, next: Next) -> Result<(), Trouble> {
        let mut ask = |question| line.ask(&question, Duration::ZERO);
        match next {
            Next::Ask { round } => {
                let ticket = ticket(self.questions.member, round);
                let answer = questions::asked(&ask(self.questions.ask(&ticket))?)?;
                if self.standing.lock().asked(self.clock.now(), round, answer) {
                    self.waker.wake_by_ref();
                }
            }
            Next::Pass { round, told } => {
                let ticket = ticket(self.questions.member, round);
                let told = told.as_ref().map(|Told { position, slot }| Announcement {
                    member: self.questions.member,
                    position: *position,
                    slot: slot.as_deref(),
                });
                let sealed = told.as_ref().map(|told| (told, self.sealer.seal(told)));
                let waiting = questions::count(&ask(self.questions.pass(&ticket, sealed))?)?;
                self.standing.lock().waiting = waiting;
            }
            Next::Beat => {
                let members = questions::members(ask(self.questions.beat())?)?;
                self.standing.lock().beaten(self.clock.now(), members);
            }
            Next::Wait(_) | Next::End => {}
        }
        Ok(())
    }

    /// The thread that listens, whenever the other one has found that the server works.
    fn listen_for_news(&self) {
        loop {
            {
                let mut standing = self.standing.lock();
                while !standing.circuit.is_closed() && !standing.is_closing {
                    self.changed.wait(&mut standing);
                }
                if standing.is_closing {
                    return;
                }
            }
            if let Err(trouble) = self.listen() {
                self.failed(&trouble);
            }
        }
    }

    /// Listens until the member leaves or the circuit opens.
    fn listen(&self) -> Result<(), Trouble> {
        let mut line = Line::new(Arc::clone(&self.dialer));
        let question = self.questions.newest_news();
        let mut entries = news::entries(line.ask(&question, Duration::ZERO)?)?;
        entries.reverse();
        let mut last = b"0-0".to_vec();
        let mut is_warned = false;
        loop {
            is_warned |= self.hear(&entries, is_warned);
            if let Some(entry) = entries.pop() {
                last = entry.id;
            }
            if !self.is_listening() {
                return Ok(());
            }
            entries =
                news::entries_read(line.ask(&self.questions.next_news(&last, LISTEN), LISTEN)?)?;
        }
    }

    fn is_listening(&self) -> bool {
        let standing = self.standing.lock();
        standing.circuit.is_closed() && !standing.is_closing
    }

    /// Takes in what was told. Whether somebody was warned of forgery, which happens once.
    fn hear(&self, entries: &[Entry], is_warned: bool) -> bool {
        let (mut is_new, mut is_forged) = (false, false);
        for entry in entries {
            let news = entry.read(&self.sealer);
            is_forged |= news.is_forged;
            is_new |= self.standing.lock().hear(self.clock.now(), &news);
        }
        if is_new {
            self.waker.wake_by_ref();
        }
        if is_forged && !is_warned {
            tracing::warn!(
                server = %self.dialer.address,
                "an announcement was not made by a member, and was ignored"
            );
        }
        is_forged
    }

    fn succeeded(&self) {
        if self.standing.lock().succeeded(self.clock.now()) {
            tracing::info!(server = %self.dialer.address, "members coordinate by Redis");
            self.changed.notify_all();
            self.waker.wake_by_ref();
        }
    }

    fn failed(&self, trouble: &Trouble) {
        let random = self.clock.random();
        let random = u32::from_le_bytes([random[0], random[1], random[2], random[3]]);
        if self.standing.lock().failed(self.clock.now(), random, trouble.clone()) {
            tracing::warn!(
                server = %self.dialer.address, %trouble,
                "members do not coordinate by Redis for now, which is slower"
            );
            self.waker.wake_by_ref();
        }
        self.changed.notify_all();
    }
}
