//! Several members over one simulated server, with what can go wrong between them.

mod appending;
mod behind;
mod carrying;
mod crowd;
mod loss;
mod manifests;
mod members;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Appended, Carrier, Fate, Followed, Kind, Rim, SLOT_HEADER_LEN, SharedLog, Slots,
    slots::slot_name,
};
use crate::{
    ClientDisk, Error, LinkFate, Result, SimulatedDisk, Survival,
    clock::Clock,
    disk::Disk,
    id::Position,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};
use manifests::{Checkpoint, Manifests};

const DATABASE: [u8; 16] = *b"0123456789abcdef";
/// The folder of the database on simulated disks, and folders in it.
const ROOT: &str = "/db";
const LOG: &str = "log";
const UNFINISHED: &str = "tmp";
const MANIFESTS: &str = "man";

/// Numbers that never repeat, for nonces and members.
#[derive(Debug, Default)]
struct Counting(AtomicU64);

impl Clock for Counting {
    fn now(&self) -> std::time::Duration {
        std::time::Duration::ZERO
    }

    fn random(&self) -> [u8; 16] {
        u128::from(self.0.fetch_add(1, Ordering::Relaxed) + 1).to_be_bytes()
    }
}

/// A server with the folders of a database, all of it durable.
fn server() -> SimulatedDisk {
    let server = SimulatedDisk::new();
    make_folders(&server, Path::new(ROOT));
    server.cut_now(Survival::Everything)
}

fn make_folders(disk: &dyn Disk, root: &Path) {
    for dir in [LOG, UNFINISHED, MANIFESTS] {
        disk.create_dir_all(&root.join(dir)).unwrap();
    }
}

/// A process that has the folder open: what it makes of the log are the batches, in order.
struct Node {
    disk: ClientDisk,
    manifests: Arc<Manifests>,
    log: SharedLog,
    batches: Vec<u64>,
    /// What was applied and may not be durable.
    ahead: Vec<u64>,
}

/// Opens the folder on a server, on a machine of its own.
fn open(server: &SimulatedDisk, clock: &Arc<Counting>) -> Node {
    open_at(Arc::new(server.clone()), Path::new(ROOT), clock)
}

/// Opens a folder by the newest checkpoint, and joins.
fn open_at(server: Arc<dyn Disk>, root: &Path, clock: &Arc<Counting>) -> Node {
    let disk = ClientDisk::new(server);
    let manifests = Arc::new(Manifests::new(disk.clone(), root));
    let Checkpoint { anchor, batches, .. } = manifests.newest().unwrap();
    let slots = Slots {
        disk: Arc::new(disk.clone()),
        dir: root.join(LOG),
        unfinished: root.join(UNFINISHED),
        database: DATABASE,
    };
    let (floor, clock) = (Arc::clone(&manifests), Arc::clone(clock));
    let log = SharedLog::new(slots, floor, clock, anchor);
    let mut node = Node { disk, manifests, log, batches, ahead: Vec::new() };
    while position(node.log.join()).is_none() {
        if node.follow().unwrap() == Followed::Behind {
            node.begin_anew();
        }
    }
    node
}

/// Opens a new folder so many times, by which as many slots are taken, and everybody knows.
fn open_all<const N: usize>(server: &SimulatedDisk) -> [Node; N] {
    let clock = Arc::default();
    let mut nodes = [(); N].map(|()| open(server, &clock));
    for node in &mut nodes {
        node.follow().unwrap();
    }
    nodes
}

impl Node {
    fn follow(&mut self) -> Result<Followed> {
        let followed = self.read_ahead();
        self.log.make_durable()?;
        self.batches.append(&mut self.ahead);
        followed
    }

    /// Follows, and leaves it to the next slot to make durable what there is.
    fn read_ahead(&mut self) -> Result<Followed> {
        let ahead = &mut self.ahead;
        self.log.follow(&mut |header, body| {
            if header.kind == Kind::Batch {
                ahead.push(u64::from_le_bytes(body.try_into().expect("eight bytes")));
            }
            Ok(())
        })
    }

    /// Appends a batch to what is applied.
    fn append(&mut self, batch: u64) -> Result<Appended> {
        let mut record = vec![0; SLOT_HEADER_LEN];
        record.extend_from_slice(&batch.to_le_bytes());
        let appended = self.log.append(&mut record)?;
        self.note(batch, &appended);
        Ok(appended)
    }

    /// Tries once more to find out what became of a batch.
    fn settle(&mut self, batch: u64) -> Result<Appended> {
        let appended = self.log.settle(&mut |_, _| Ok(()))?;
        self.note(batch, &appended);
        Ok(appended)
    }

    fn note(&mut self, batch: u64, appended: &Appended) {
        if matches!(appended, Appended::At(_)) {
            self.batches.append(&mut self.ahead);
            self.batches.push(batch);
        }
    }

    /// Goes on from the newest checkpoint.
    fn begin_anew(&mut self) -> Option<Fate> {
        let checkpoint = self.manifests.newest().unwrap();
        self.batches = checkpoint.batches;
        self.ahead.clear();
        self.log.begin_anew(checkpoint.anchor).unwrap()
    }

    /// Writes a checkpoint of what is applied, with a floor below it, without removing anything.
    fn checkpoint(&self, floor: u64) {
        let (anchor, batches) = (self.log.anchor().clone(), self.batches.clone());
        self.manifests.save(&Checkpoint { floor: Position(floor), anchor, batches }).unwrap();
    }

    /// Files that are on their way to be slots.
    fn unfinished(&self) -> usize {
        let dir = &self.log.slots().unfinished;
        self.disk.refresh_dir(dir).unwrap();
        self.disk.list(dir).unwrap().len()
    }

    /// Removes the slots below the floor of the newest checkpoint.
    fn collect(&self) -> u64 {
        let floor = self.manifests.newest().unwrap().floor;
        self.log.slots().remove_up_to(floor).unwrap()
    }

    /// What becomes of this machine's requests to link, from now on: first these, then all are
    /// answered.
    fn links(&self, fates: Vec<LinkFate>) {
        let fates = Mutex::new(fates.into_iter());
        self.disk.judge_links(move |_| fates.lock().next().unwrap_or_default());
    }
}

fn slot_path(position: u64) -> PathBuf {
    Path::new(ROOT).join(LOG).join(slot_name(Position(position)))
}

/// From now on the folder of slots cannot be synced, until the server's faults are cleared.
fn fail_syncs_of_names(server: &SimulatedDisk) {
    let failure = crate::Fault::Error(std::io::ErrorKind::Other);
    server.faults().judge(move |call, path| {
        (call == crate::Call::Sync && path == Path::new(ROOT).join(LOG)).then_some(failure)
    });
}

/// The position that a batch got, if it got one.
fn position(appended: Result<Appended>) -> Option<u64> {
    match appended.unwrap() {
        Appended::At(position) => Some(position.0),
        _ => None,
    }
}
