//! Opening a database: options are data, the disk and the clock are live parts.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Background, Core, Counters, Database, Engine, Mode, Options, Shared,
    duties::Duties,
    folder::{self, Usage},
    mirror::{self, Mirror},
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
    recovery::{self, Recovered, RecoveryReport, Site},
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
    pub(super) options: Options,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) clock: Arc<dyn Clock>,
    coordination: Arc<dyn Coordination>,
    mirroring: Mirroring,
    /// Nobody will have the disk but this database.
    ephemeral: bool,
}

/// What is to be done about a second folder.
#[derive(Clone, Debug, Default)]
enum Mirroring {
    /// A folder that is one of two is not opened.
    #[default]
    None,
    With(PathBuf),
    /// The other one falls behind.
    Without,
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
        Self {
            options: Options::default(),
            disk,
            clock,
            coordination,
            mirroring: Mirroring::None,
            ephemeral: false,
        }
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

    /// Keeps the database in a second folder as well, best on another disk: every commit is durable in
    /// both before it is acknowledged, and either is enough to go on.
    ///
    /// If both folders are empty or not there, a database is created in them; one that exists gets a
    /// mirror. A folder that is lost or damaged, while the database is open or while it is closed, is
    /// told of by an error in the log of the program and by [`Database::mirror`], and nothing else: the
    /// database goes on with the other one. One that has fallen behind is rebuilt, see
    /// [`Database::rebuild_mirror`]; damage that is met in one is put right from the other.
    ///
    /// From then on the database has to be opened with both folders, in either order, though one may
    /// be gone. Files are read instead of mapped, as with a mapped one the failure of a disk ends the
    /// process; see [`Options::cache_bytes`]. A commit costs what it costs on the slower disk.
    ///
    /// [`open`](Self::open) fails with [`Error::Mirror`] if the folders are not mirrors of each
    /// other, or each was used without the other, and with [`Error::Invalid`] if they are one and the
    /// same or one lies in the other, and with [`Mode::Shared`] and [`Mode::NoCheck`].
    #[must_use]
    pub fn mirror(self, path: impl AsRef<Path>) -> Self {
        Self { mirroring: Mirroring::With(path.as_ref().to_owned()), ..self }
    }

    /// Opens one of two mirrored folders without the other one, which falls behind from then on. It
    /// is rebuilt when the database is opened with both again; if that one was used without this one
    /// as well, that fails with [`MirrorProblem::Parted`](crate::MirrorProblem::Parted).
    #[must_use]
    pub fn without_mirror(self) -> Self {
        Self { mirroring: Mirroring::Without, ..self }
    }

    /// Opens a database in memory: no files, gone when the last handle is dropped.
    pub fn in_memory(self) -> Result<Database> {
        let disk = Arc::new(MemoryDisk::default());
        Self { disk, ephemeral: true, ..self }.open("memory")
    }

    /// Opens the database in a folder; see [`Database::open`].
    pub fn open(self, path: impl AsRef<Path>) -> Result<Database> {
        self.options.check()?;
        let path = path.as_ref().to_owned();
        if path.as_os_str().is_empty() {
            return Err(Error::Invalid("the path of a database must not be empty".into()));
        }
        let is_mirrored = matches!(self.mirroring, Mirroring::With(_));
        if is_mirrored && (self.ephemeral || self.options.mode != Mode::ReadWrite) {
            let message = "only a database in a folder that one process reads and writes can be \
                           mirrored; open without `mirror`, or without another mode";
            return Err(Error::Invalid(message.to_owned()));
        }
        match self.options.mode {
            Mode::ReadWrite => self.open_read_write(path),
            Mode::Shared => self.open_shared(path),
            Mode::NoCheck => self.open_no_check(path),
        }
    }

    fn open_read_write(self, path: PathBuf) -> Result<Database> {
        let Self { options, disk, clock, mirroring, ephemeral, .. } = self;
        let (options, disk, mirror, lock) = match mirroring {
            Mirroring::With(mirror) => {
                let options = options.unmapped(true);
                let mirror = mirror::open(&disk, &[path.clone(), mirror], &options, &*clock)?;
                let lock = mirror.lock();
                (options, Arc::clone(&mirror.disk), Some(mirror), lock)
            }
            alone => {
                let lock = folder::lock(&disk, &path, &options, LockKind::Exclusive)?;
                let is_allowed = matches!(alone, Mirroring::Without);
                mirror::check_alone(&*disk, &path, is_allowed, true)?;
                (options, disk, None, lock)
            }
        };
        let (site, created) = folder::site(disk, path.clone(), &options, clock.random())?;
        let manifests = folder::manifests(&site, Usage::Standalone);
        let (recovered, log) = recovery::recover(&site, &manifests, options.log())?;
        let log = Box::new(log);
        let pins = PinFolder::new(Arc::clone(&site.disk), &site.root);
        let opened = Opened {
            path,
            site,
            ephemeral,
            created,
            recovered,
            log,
            manifests,
            pins,
            lock: Some(lock),
            mirror,
        };
        opened.start(&options, clock, None)
    }

    fn open_shared(self, path: PathBuf) -> Result<Database> {
        let Self { options, disk, clock, coordination, ephemeral, .. } = self;
        let (site, secret, created) = sharing::site(&disk, &path, &options, &*clock)?;
        let realm = Realm { database: site.database, incarnation: site.incarnation, secret };
        let manifests = folder::manifests(&site, Usage::Shared);
        let unfinished = site.root.join("tmp");
        let (recovered, log) = recovery::join(&site, &manifests, Arc::clone(&clock))?;
        let log = Box::new(log);
        let pins = PinFolder::new(Arc::clone(&site.disk), &site.root);
        let keeper = Arc::clone(&manifests);
        recovered.folder.set_keeper(Box::new(move |checkpoint| keeper.keeps(checkpoint)));
        let opened = Opened {
            path,
            site,
            ephemeral,
            created,
            recovered,
            log,
            manifests,
            pins,
            lock: None,
            mirror: None,
        };
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
        mirror::check_alone(&*self.disk, &path, true, false)?;
        let (site, _) = folder::site(self.disk, path.clone(), &options, [0; 16])?;
        let recovered =
            recovery::checkpointed(&site, &folder::manifests(&site, Usage::Standalone))?;
        let core = Core {
            path,
            site,
            ephemeral: self.ephemeral,
            engine: Engine::NoCheck(Published::new(recovered.version)),
            report: recovered.report,
            closed: AtomicBool::new(false),
            counters: Counters::default(),
            ended: Mutex::default(),
            mirror: None,
            lock: Mutex::new(Some(lock)),
        };
        Ok(Database { shared: Arc::new(Shared { core: Arc::new(core), workers: None }) })
    }
}

/// A database whose files were read, and that does nothing yet.
struct Opened {
    path: PathBuf,
    site: Site,
    ephemeral: bool,
    created: bool,
    recovered: Recovered,
    log: Box<dyn Rim>,
    manifests: Arc<ManifestFolder>,
    pins: PinFolder,
    lock: Option<Box<dyn Lock>>,
    mirror: Option<Mirror>,
}

impl Opened {
    fn start(
        self,
        options: &Options,
        clock: Arc<dyn Clock>,
        others: Option<(Arc<dyn Coordination>, Realm)>,
    ) -> Result<Database> {
        let Self { path, site, ephemeral, created, recovered, mut log, manifests, .. } = self;
        let Self { pins, lock, mirror, .. } = self;
        let follow_every = others.as_ref().map(|_| options.follow_interval);
        let mut duties = Duties::new(Arc::clone(&clock), follow_every);
        if let Some(mirror) = &mirror {
            duties = duties.mirrored(options.scrub_interval, mirror.is_to_be_rebuilt);
        }
        let duties = Arc::new(duties);
        if options.direct_blobs {
            recovered.folder.set_direct();
        }
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
            site,
            ephemeral,
            engine,
            report,
            closed: AtomicBool::new(false),
            counters: Counters::default(),
            ended: Mutex::default(),
            mirror: mirror.map(|mirror| mirror::Handle::new(mirror.pair)),
            lock: Mutex::new(lock),
        });
        let workers = Workers::start(&core, duties, options.background)?;
        Ok(Database { shared: Arc::new(Shared { core, workers: Some(workers) }) })
    }
}
