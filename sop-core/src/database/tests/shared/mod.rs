//! Several processes with one folder open, each on a machine of its own, over one simulated server.

mod blobs;
mod changes;
mod checkpoints;
mod committing;
mod crowd;
mod following;
mod freshness;
mod leftovers;
mod meeting;
mod membership;
mod opening;
mod pins;
mod prepared;
mod resolving;
mod trouble;

use std::{path::Path, sync::Arc, time::Duration};

use crate::{
    Background, ClientDisk, Clock, Commit, Database, Disk, Error, LinkFate, Mode, Options, Result,
    SimulatedDisk, StoreOptions, Survival, Transaction,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

const ROOT: &str = "/db";
const STORE: &str = "s";

/// Random numbers that never repeat, and a time that stands still unless it is told to pass.
#[derive(Debug, Default)]
struct Counting {
    drawn: AtomicU64,
    seconds: AtomicU64,
}

impl Clock for Counting {
    fn now(&self) -> Duration {
        Duration::from_secs(self.seconds.load(Ordering::Relaxed))
    }

    fn random(&self) -> [u8; 16] {
        u128::from(self.drawn.fetch_add(1, Ordering::Relaxed) + 1).to_be_bytes()
    }
}

/// A server, and what the processes on it have in common.
struct Cluster {
    server: SimulatedDisk,
    clock: Arc<Counting>,
}

/// A process that has the folder open, on a machine of its own.
struct Node {
    disk: ClientDisk,
    db: Database,
}

impl Cluster {
    /// An empty server.
    fn new() -> Self {
        Self { server: SimulatedDisk::new(), clock: Arc::default() }
    }

    /// So many processes that have opened a folder, which the first of them has created.
    fn of<const N: usize>() -> (Self, [Node; N]) {
        let cluster = Self::new();
        let nodes = [(); N].map(|()| cluster.open().unwrap());
        (cluster, nodes)
    }

    fn options() -> Options {
        Options::default().mode(Mode::Shared).background(Background::Manual)
    }

    fn open(&self) -> Result<Node> {
        self.open_with(Self::options())
    }

    fn open_with(&self, options: Options) -> Result<Node> {
        let disk = ClientDisk::new(Arc::new(self.server.clone()));
        let builder = Database::builder().options(options).disk(Arc::new(disk.clone()));
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let db = builder.clock(clock).open(ROOT)?;
        Ok(Node { disk, db })
    }

    /// So many times five seconds pass, after each of which these processes do what is due.
    fn pass(&self, times: u64, attentive: &[&Node]) {
        for _ in 0..times {
            self.clock.seconds.fetch_add(5, Ordering::Relaxed);
            for node in attentive {
                while node.db.work().unwrap().is_some() {}
            }
        }
    }

    /// What a power cut of the server leaves.
    fn cut(&self, survival: Survival) -> Self {
        Self { server: self.server.cut_now(survival), clock: Arc::clone(&self.clock) }
    }
}

impl Node {
    /// A transaction that writes one entry, ready to be committed.
    fn writing(&self, key: &str, value: &str) -> Result<Transaction> {
        let transaction = self.db.begin()?;
        transaction.open_store(STORE, &StoreOptions::default())?.upsert(key, value)?;
        Ok(transaction)
    }

    fn write(&self, key: &str, value: &str) -> Result<Commit> {
        self.writing(key, value)?.commit()
    }

    /// All entries, as of now.
    fn entries(&self) -> Result<Vec<(String, String)>> {
        self.db.follow()?;
        let snapshot = self.db.snapshot()?;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let store = match snapshot.store(STORE) {
            Err(Error::StoreNotFound { .. }) => return Ok(Vec::new()),
            other => other?,
        };
        let entries =
            store.iter()?.map(|entry| entry.map(|(key, value)| (text(&key), text(&value))));
        entries.collect()
    }

    fn keys(&self) -> Vec<String> {
        self.entries().unwrap().into_iter().map(|(key, _)| key).collect()
    }

    /// What becomes of this machine's requests to link, from now on: first these, then all are
    /// answered.
    fn links(&self, fates: impl Into<Vec<LinkFate>>) {
        let fates = Mutex::new(fates.into().into_iter());
        self.disk.judge_links(move |_| fates.lock().next().unwrap_or_default());
    }
}

/// How many files a folder of the database holds.
fn files(cluster: &Cluster, folder: &str) -> usize {
    cluster.server.list(&Path::new(ROOT).join(folder)).unwrap().len()
}

/// Lets something happen right before a machine's next request to link to a name that ends so.
fn before_link(node: &Node, suffix: &'static str, happening: impl Fn() + Send + Sync + 'static) {
    let happened = AtomicU64::new(0);
    node.disk.judge_links(move |path| {
        let is_meant = path.to_string_lossy().ends_with(suffix);
        if is_meant && happened.fetch_add(1, Ordering::Relaxed) == 0 {
            happening();
        }
        LinkFate::Answered
    });
}
