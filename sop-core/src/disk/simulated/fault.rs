//! What is to go wrong, as data: decided before each call that a disk gets.

use std::{
    collections::BTreeMap,
    error, fmt,
    io::{self, ErrorKind},
    path::Path,
    sync::Arc,
};

use crate::sync::Mutex;

/// What a disk is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// Creating a folder, or a file.
    Create,
    /// Opening a file that exists.
    Open,
    /// Looking up a file's length, or what is in a folder.
    Look,
    /// Reading, or mapping.
    Read,
    /// Writing, or changing a file's length.
    Write,
    /// Making a file's content or a folder's names durable.
    Sync,
    /// Renaming, linking, or removing.
    Name,
    /// Locking.
    Lock,
}

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// It fails with such an error, and does nothing. A file's sync that fails has made nothing
    /// durable, nor will a later one what this one was to.
    Error(ErrorKind),
    /// It fails with `StorageFull` if it takes space: creates a file, a folder or a second name,
    /// or makes a file longer. Other calls are spared.
    Full,
    /// A read or a write is interrupted, and has done nothing. Other calls are spared, and so is
    /// each that follows an interrupted one.
    Interrupted,
    /// A read or a write stops half way. Other calls are spared, and those of one byte.
    Short,
    /// The process has ended: the call fails without ever reaching the disk. Unlike after a sync
    /// that failed, a later one can still save what there is to save.
    Ended,
}

/// What goes wrong on a disk, to be changed while the disk is in use. Clones are the same one.
///
/// Every call that the disk gets has a number, from 0 on, whether it fails or not; so has each of
/// the shorter reads and writes that a read or a write of all bytes consists of.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<State>>);

/// Decides about a call.
type Judge = dyn Fn(Call, &Path) -> Option<Fault> + Send + Sync;

#[derive(Default)]
struct State {
    calls: u64,
    once: BTreeMap<u64, Fault>,
    from: Option<(u64, Fault)>,
    judge: Option<Arc<Judge>>,
    /// Bytes by which files may still grow; no bound if there is none.
    room: Option<u64>,
    interrupted: bool,
}

/// A call, as far as it matters for what goes wrong with it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt<'p> {
    pub(super) call: Call,
    pub(super) path: &'p Path,
    /// Whether it needs space that was free so far.
    pub(super) takes_space: bool,
    /// Bytes to be read or written; 0 for all other calls.
    pub(super) len: usize,
}

impl Faults {
    /// How many calls the disk has had.
    pub fn calls(&self) -> u64 {
        self.0.lock().calls
    }

    /// The call with this number goes wrong; others that were to go wrong still do.
    pub fn once(&self, number: u64, fault: Fault) {
        self.0.lock().once.insert(number, fault);
    }

    /// All calls from this number on go wrong. Replaces what was said so before.
    pub fn from(&self, number: u64, fault: Fault) {
        self.0.lock().from = Some((number, fault));
    }

    /// Asks `judge` about every call that does not go wrong otherwise.
    pub fn judge(&self, judge: impl Fn(Call, &Path) -> Option<Fault> + Send + Sync + 'static) {
        self.0.lock().judge = Some(Arc::new(judge));
    }

    /// From now on nothing goes wrong, but for a lack of room.
    pub fn clear(&self) {
        let mut state = self.0.lock();
        (state.once, state.from, state.judge) = (BTreeMap::new(), None, None);
    }

    /// Files may grow by so many bytes more. A write that needs more does what fits and fails with
    /// `StorageFull`; what becomes shorter or is removed gives its bytes back. `None` for no bound.
    pub fn set_room(&self, bytes: Option<u64>) {
        self.0.lock().room = bytes;
    }

    /// Files may grow by so many bytes more than before, if there is a bound at all.
    pub fn add_room(&self, bytes: u64) {
        let mut state = self.0.lock();
        state.room = state.room.map(|room| room.saturating_add(bytes));
    }

    /// The bytes by which files may still grow, if there is a bound.
    pub fn room(&self) -> Option<u64> {
        self.0.lock().room
    }

    /// Takes as much of the room as is left, up to `wanted`, and says how much that is.
    pub(super) fn take_room(&self, wanted: u64) -> u64 {
        let mut state = self.0.lock();
        let taken = state.room.unwrap_or(wanted).min(wanted);
        state.room = state.room.map(|room| room - taken);
        taken
    }

    /// Counts a call, and fails it if it is to fail; otherwise says how many of its bytes it is to
    /// read or write.
    pub(super) fn attempt(&self, attempt: Attempt<'_>) -> io::Result<usize> {
        let mut state = self.0.lock();
        let number = state.calls;
        state.calls += 1;
        let forever = state.from.filter(|(from, _)| number >= *from).map(|(_, fault)| fault);
        let mut fault = state.once.remove(&number).or(forever);
        if let (None, Some(judge)) = (fault, state.judge.clone()) {
            // Not locked, as the judge may want to look at the room.
            drop(state);
            fault = judge(attempt.call, attempt.path);
            state = self.0.lock();
        }
        let was_interrupted = std::mem::take(&mut state.interrupted);
        match fault {
            Some(Fault::Error(kind)) => Err(io::Error::new(kind, "a planned failure")),
            Some(Fault::Ended) => Err(io::Error::other(Ended)),
            Some(Fault::Full) if attempt.takes_space => Err(ErrorKind::StorageFull.into()),
            Some(Fault::Interrupted) if attempt.len > 0 && !was_interrupted => {
                state.interrupted = true;
                Err(ErrorKind::Interrupted.into())
            }
            Some(Fault::Short) if attempt.len > 1 => Ok(attempt.len / 2),
            _ => Ok(attempt.len),
        }
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.lock();
        f.debug_struct("Faults")
            .field("calls", &state.calls)
            .field("once", &state.once)
            .field("from", &state.from)
            .field("room", &state.room)
            .finish_non_exhaustive()
    }
}

/// Why a call never reached the disk.
#[derive(Debug)]
struct Ended;

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the process has ended")
    }
}

impl error::Error for Ended {}

/// Whether a call that failed reached the disk.
pub(super) fn reached_the_disk(error: &io::Error) -> bool {
    error.get_ref().is_none_or(|inner| !inner.is::<Ended>())
}
