//! A machine: what it remembers of the server's folders, what becomes of its requests, and at which
//! calls others take their turn.

use std::{
    fmt,
    io::ErrorKind,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use fastrand::Rng;
use parking_lot::Mutex;
use sop_core::{Call, ClientDisk, Disk, Fault, FaultyDisk, LinkFate};

use super::{Happening, book::Book, plan::Rates, turns::Turn};
use crate::simulation::surroundings::{happens, happens_rarely};

/// A client of the server. Clones are the same one.
#[derive(Clone)]
pub(super) struct Machine {
    client: ClientDisk,
    luck: Arc<Luck>,
}

/// What goes wrong on a machine.
pub(super) struct Luck {
    random: Mutex<Rng>,
    /// What becomes of the next requests, the last one first.
    fates: Mutex<Vec<LinkFate>>,
    rates: Mutex<Rates>,
    mishaps: AtomicU64,
    /// Whether the last call was one after which it is good to be away.
    is_stalled: AtomicBool,
    book: Arc<Book>,
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine").field("client", &self.client).finish_non_exhaustive()
    }
}

impl Machine {
    pub(super) fn new(server: Arc<dyn Disk>, random: Rng, rates: Rates, book: Arc<Book>) -> Self {
        let client = ClientDisk::new(server);
        let luck = Arc::new(Luck {
            random: Mutex::new(random),
            fates: Mutex::default(),
            rates: Mutex::new(rates),
            mishaps: AtomicU64::new(0),
            is_stalled: AtomicBool::new(false),
            book,
        });
        let judge = Arc::clone(&luck);
        client.judge_links(move |_| judge.fate());
        Self { client, luck }
    }

    /// What a process on it is opened on.
    pub(super) fn disk(&self, turn: Arc<Turn>) -> Arc<dyn Disk> {
        let disk = FaultyDisk::new(Arc::new(self.client.clone()));
        let luck = Arc::clone(&self.luck);
        disk.faults().judge(move |call, path| {
            if !turn.pass() {
                return Some(Fault::Ended);
            }
            luck.book.trace.line(format_args!("    {call:?} {}", path.display()));
            if call == Call::Name && luck.stalls() {
                turn.rest_soon();
            }
            luck.fault()
        });
        Arc::new(disk)
    }

    pub(super) fn luck(&self) -> Arc<Luck> {
        Arc::clone(&self.luck)
    }

    /// Lets requests arrive that are late; how many.
    pub(super) fn deliver(&self) -> u64 {
        let late = self.client.deliver() as u64;
        if late > 0 {
            self.luck.book.trace.line(format_args!("  {late} late requests"));
            self.luck.book.happened_often(Happening::LateRequests, late);
        }
        late
    }

    /// Whether its process has just been stalled.
    pub(super) fn take_stalled(&self) -> bool {
        self.luck.is_stalled.swap(false, Ordering::Relaxed)
    }

    /// Counts the answers that it has given from memory and that were wrong.
    pub(super) fn count_stale(&self) {
        let stale = self.client.take_stale_answers();
        self.luck.book.happened_often(Happening::StaleAnswers, stale);
    }

    /// From now on nothing goes wrong.
    pub(super) fn calm(&self) {
        self.luck.fates.lock().clear();
        let mut rates = self.luck.rates.lock();
        (rates.link, rates.fault, rates.stall) = (0, 0, 0);
    }
}

impl Luck {
    /// How many requests and calls have gone wrong.
    pub(super) fn mishaps(&self) -> u64 {
        self.mishaps.load(Ordering::Relaxed)
    }

    /// Whether the process is to be away right after it has named something, which is when others can
    /// see what it has not made durable.
    fn stalls(&self) -> bool {
        let rate = self.rates.lock().stall;
        let stalls = happens(&mut self.random.lock(), rate);
        self.is_stalled.fetch_or(stalls, Ordering::Relaxed);
        stalls
    }

    fn fault(&self) -> Option<Fault> {
        let rate = self.rates.lock().fault;
        let mut random = self.random.lock();
        if !happens_rarely(&mut random, rate) {
            return None;
        }
        self.mishaps.fetch_add(1, Ordering::Relaxed);
        self.book.happened(Happening::FailedCalls);
        let fault = if random.u8(..4) == 0 { Fault::Full } else { Fault::Error(ErrorKind::Other) };
        self.book.trace.line(format_args!("    which goes wrong: {fault:?}"));
        Some(fault)
    }

    fn fate(&self) -> LinkFate {
        use LinkFate::{Answered, Late, Lost, Misreported, Unanswered};
        let rate = self.rates.lock().link;
        let mut fates = self.fates.lock();
        let mut random = self.random.lock();
        if fates.is_empty() && happens(&mut random, rate) {
            *fates = match random.u8(..8) {
                // As often as a process tries.
                0 => vec![Late; 4],
                1 => vec![Lost; 4],
                2 => vec![Lost, Lost, Late],
                _ => vec![[Misreported, Misreported, Unanswered, Lost, Late][random.usize(..5)]],
            };
        }
        let fate = fates.pop().unwrap_or(Answered);
        if fate != Answered {
            match fate {
                Misreported => self.book.happened(Happening::WrongReplies),
                Unanswered => self.book.happened(Happening::LostReplies),
                Lost => self.book.happened(Happening::LostRequests),
                // It counts when it arrives.
                Answered | Late => {}
            }
            self.mishaps.fetch_add(1, Ordering::Relaxed);
            self.book.trace.line(format_args!("    of which becomes: {fate:?}"));
        }
        fate
    }
}
