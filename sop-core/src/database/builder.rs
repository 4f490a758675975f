//! Opening a database: options are data, the disk and the clock are live parts.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Background, Core, Counters, Database, Engine, Mode, Options, Shared,
    duties::Duties,
    folder::{self, Usage},
    sharing,
    worker::Workers,
};
use crate::{
    checkpoint::Checkpointer,
    clock::{Clock, SystemClock},
    commit::{Others, Parts, Pipeline, Thresholds, Turns},
    coordinate::{Coordination, NoCoordination, Realm},
    disk::{Disk, Lock, LockKind, MemoryDisk, OsDisk},
    error::{Error, Result},
    log::Rim,
    node::Lessor,
    recovery::{self, Recovered, RecoveryReport},
    sync::{Mutex, atomic::AtomicBool},
    version::{ManifestFolder, PinFolder, Published},
};

/// Opens databases with other than the usual options or parts.
///
/// ```
/// use sop_core::{Database, Options};
///
/// let options = Options::default().checkpoint_log_bytes(16 << 20);
/// let db = Database::builder().options(options).in_memory()?;
/// # Ok::<_, sop_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Builder {
    options: Options,
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
    coordination: Arc<dyn Coordination>,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// The usual options, the operating system's disk and clock.
    pub fn new() -> Self {
        let (disk, clock) = (Arc::new(OsDisk), Arc::new(SystemClock::default()));
        let coordination = Arc::new(NoCoordination);
        Self { options: Options::default(), disk, clock, coordination }
    }

    /// Sets the options.
    #[must_use]
    pub fn options(self, options: Options) -> Self {
        Self { options, ..self }
    }

    /// Sets where files are kept.
    #[must_use]
    pub fn disk(self, disk: Arc<dyn Disk>) -> Self {
        Self { disk, ..self }
    }

    /// Sets where time and random numbers come from.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Sets how the processes coordinate that share the folder, with [`Mode::Shared`]: by the folder
    /// alone unless set. It makes them faster, and nothing depends on it.
    #[must_use]
    pub fn coordination(self, coordination: Arc<dyn Coordination>) -> Self {
        Self { coordination, ..self }
    }

    /// Opens a database in memory: no files, gone when the last handle is dropped.
    pub fn in_memory(self) -> Result<Database> {
        self.disk(Arc::new(MemoryDisk::default())).open("memory")
    }

    /// Opens the database in a folder; see [`Database::open`].
    pub fn open(self, path: impl AsRef<Path>) -> Result<Database> {
        self.options.check()?;
        let path = path.as_ref().to_owned();
        if path.as_os_str().is_empty() {
            return Err(Error::Invalid("the path of a database must not be empty".into()));
        }
        match self.options.mode {
            Mode::ReadWrite => self.open_read_write(path),
            Mode::Shared => self.open_shared(path),
            Mode::NoCheck => self.open_no_check(path),
        }
    }

    fn open_read_write(self, path: PathBuf) -> Result<Database> {
        let Self { options, disk, clock, .. } = self;
        let lock = folder::lock(&disk, &path, &options, LockKind::Exclusive)?;
        let (site, created) = folder::site(disk, path.clone(), &options, clock.random())?;
        let manifests = folder::manifests(&site, Usage::Standalone);
        let (recovered, log) = recovery::recover(&site, &manifests, options.log())?;
        let log = Box::new(log);
        let pins = PinFolder::new(Arc::clone(&site.disk), &site.root);
        let opened = Opened { path, created, recovered, log, manifests, pins, lock: Some(lock) };
        opened.start(&options, clock, None)
    }

    fn open_shared(self, path: PathBuf) -> Result<Database> {
        let Self { options, disk, clock, coordination } = self;
        let (site, secret, created) = sharing::site(&disk, &path, &options, &*clock)?;
        let realm = Realm { database: site.database, incarnation: [0; 16], secret };
        let manifests = folder::manifests(&site, Usage::Shared);
        let unfinished = site.root.join("tmp");
        let (recovered, log) = recovery::join(&site, &manifests, Arc::clone(&clock))?;
        let log = Box::new(log);
        let pins = PinFolder::new(Arc::clone(&site.disk), &site.root);
        let keeper = Arc::clone(&manifests);
        recovered.folder.set_keeper(Box::new(move |checkpoint| keeper.keeps(checkpoint)));
        let opened = Opened { path, created, recovered, log, manifests, pins, lock: None };
        let database = opened.start(&options, clock, Some((coordination, realm)))?;
        let pipeline = database.shared.core.pipeline()?;
        let weak = Arc::downgrade(pipeline);
        pipeline.folder().set_lessor(Lessor {
            lease: Box::new(move || {
                weak.upgrade().ok_or(Error::Closed).and_then(|pipeline| pipeline.lease())
            }),
            unfinished,
        });
        pipeline.join()?;
        Ok(database)
    }

    fn open_no_check(self, path: PathBuf) -> Result<Database> {
        let options = self.options.create(false);
        let lock = folder::lock(&self.disk, &path, &options, LockKind::Shared)?;
        let (site, _) = folder::site(self.disk, path.clone(), &options, [0; 16])?;
        let recovered =
            recovery::checkpointed(&site, &folder::manifests(&site, Usage::Standalone))?;
        let core = Core {
            path,
            engine: Engine::NoCheck(Published::new(recovered.version)),
            report: recovered.report,
            closed: AtomicBool::new(false),
            counters: Counters::default(),
            lock: Mutex::new(Some(lock)),
        };
        Ok(Database { shared: Arc::new(Shared { core: Arc::new(core), workers: None }) })
    }
}

/// A database whose files were read, and that does nothing yet.
struct Opened {
    path: PathBuf,
    created: bool,
    recovered: Recovered,
    log: Box<dyn Rim>,
    manifests: Arc<ManifestFolder>,
    pins: PinFolder,
    lock: Option<Box<dyn Lock>>,
}

impl Opened {
    fn start(
        self,
        options: &Options,
        clock: Arc<dyn Clock>,
        others: Option<(Arc<dyn Coordination>, Realm)>,
    ) -> Result<Database> {
        let Self { path, created, recovered, mut log, manifests, pins, lock } = self;
        let follow_every = others.as_ref().map(|_| options.follow_interval);
        let duties = Arc::new(Duties::new(Arc::clone(&clock), follow_every));
        let (kept, own) = (options.shared_slots_kept, pins.clone());
        let checkpointer = Checkpointer::new(Arc::clone(&manifests), own, kept);
        let shared = others.zip(log.shared()).map(|((coordination, realm), log)| {
            let turns = Turns::new(coordination, realm, Arc::clone(&clock), duties.requests());
            let turns = Arc::new(turns);
            log.hand_on_by(turns.clone());
            Others::new((manifests, pins), log.lookout(), turns, options.member_patience)
        });
        let parts = Parts {
            version: recovered.version,
            log,
            footing: recovered.manifest.footing(),
            shared,
            accounts: recovered.accounts,
            dirty: recovered.dirty,
            folder: recovered.folder,
            clock,
            thresholds: Thresholds {
                dirty_bytes: options.checkpoint_dirty_bytes,
                log_bytes: options.checkpoint_log_bytes,
                // Who commits may be the only one who could write the checkpoint.
                throttle: options.background == Background::Threads,
            },
            requests: duties.requests(),
        };
        let engine = Engine::ReadWrite {
            pipeline: Arc::new(Pipeline::new(parts)),
            checkpointer: Mutex::new(checkpointer),
        };
        let report = RecoveryReport { created, ..recovered.report };
        let core = Arc::new(Core {
            path,
            engine,
            report,
            closed: AtomicBool::new(false),
            counters: Counters::default(),
            lock: Mutex::new(lock),
        });
        let workers = Workers::start(&core, duties, options.background)?;
        Ok(Database { shared: Arc::new(Shared { core, workers: Some(workers) }) })
    }
}
