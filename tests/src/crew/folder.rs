//! The folder that is shared: how it is opened, and what can be seen of it from outside.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sop_core::{Clock, Database, Mode, Options, RedisCoordination, Result, SystemClock};

/// Most slots of the log between two checkpoints, as long as somebody commits.
const CHECKPOINT_SLOTS: u64 = 16;

/// Slots that are kept behind a checkpoint.
const SLOTS_KEPT: u64 = 4;

/// So many of the newest manifests are kept.
const MANIFESTS_KEPT: u64 = 16;

/// The least patience with others that the engine accepts.
const PATIENCE: Duration = Duration::from_secs(20);

/// Opens the folder as one of many, creating it if it is not there, with checkpoints after every few
/// commits and next to no log behind them. By way of a Redis server unless its address is empty.
///
/// # Errors
/// If it cannot be opened.
pub fn open(path: &Path, redis: &str) -> Result<Database> {
    open_hasty(path, redis, 1)
}

/// Does the same for somebody whose clock goes so many times as fast. Whoever is hasty takes others
/// for dead before long.
///
/// # Errors
/// If it cannot be opened.
pub fn open_hasty(path: &Path, redis: &str, haste: u32) -> Result<Database> {
    let options = Options::default()
        .mode(Mode::Shared)
        .checkpoint_dirty_bytes(1 << 20)
        // A slot counts as 64 KiB at least.
        .checkpoint_log_bytes(CHECKPOINT_SLOTS * (64 << 10))
        .shared_slots_kept(SLOTS_KEPT)
        .follow_interval(Duration::from_millis(50) * haste)
        .member_patience(PATIENCE)
        .cache_bytes(1 << 20);
    let clock = Hasty { steady: SystemClock::default(), haste };
    let builder = Database::builder().options(options).clock(Arc::new(clock));
    if redis.is_empty() {
        return builder.open(path);
    }
    builder.coordination(Arc::new(RedisCoordination::new(redis)?)).open(path)
}

/// A clock that goes faster than others.
#[derive(Debug)]
struct Hasty {
    steady: SystemClock,
    haste: u32,
}

impl Clock for Hasty {
    fn now(&self) -> Duration {
        self.steady.now() * self.haste
    }

    fn random(&self) -> [u8; 16] {
        self.steady.random()
    }
}

/// The folder of a shared database, with the names of files as `docs/format.md` has them.
#[derive(Clone, Debug)]
pub struct Folder(pub PathBuf);

impl Folder {
    /// The names in one of its folders.
    ///
    /// # Errors
    /// If that cannot be read.
    pub fn names(&self, folder: &str) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(self.0.join(folder))?;
        let mut names = entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<io::Result<Vec<_>>>()?;
        names.sort();
        Ok(names)
    }

    /// The file in one of its folders that comes last by name: the newest one.
    ///
    /// # Errors
    /// If the folder cannot be read.
    ///
    /// # Panics
    /// If there is none.
    pub fn newest(&self, folder: &str) -> io::Result<PathBuf> {
        let name = self.names(folder)?.pop().expect("the folder is empty");
        Ok(self.0.join(folder).join(name))
    }

    /// Asserts that nothing but what is needed is there once nobody has the folder open, apart from
    /// a few files of each that died.
    ///
    /// # Errors
    /// If it cannot be read.
    ///
    /// # Panics
    /// If there is more.
    pub fn assert_tidy(&self, deaths: usize) -> io::Result<()> {
        self.assert_no_manifest_is_left(deaths)?;
        let slots = self.names("log")?;
        let numbers: Vec<_> = slots.iter().map(|name| number(name)).collect();
        assert!(numbers.is_sorted_by(|one, next| one + 1 == *next), "a slot is missing: {slots:?}");
        // Those of a few checkpoints that were beaten to it may be there as well.
        let most = 8 * (CHECKPOINT_SLOTS + SLOTS_KEPT);
        assert!(slots.len() as u64 <= most, "{} slots are kept", slots.len());
        let unfinished = self.names("tmp")?;
        assert!(unfinished.len() <= 4 * deaths, "{deaths} deaths left {unfinished:?}");
        Ok(())
    }

    /// The newest manifests are kept, and older ones only from the pin of somebody on who has died
    /// and was not missed so far.
    fn assert_no_manifest_is_left(&self, deaths: usize) -> io::Result<()> {
        let (manifests, pins) = (self.names("man")?, self.names("pin")?);
        assert!(pins.len() <= deaths, "{deaths} deaths left {pins:?}");
        let numbers: Vec<u64> = manifests.iter().map(|name| last_number(name)).collect();
        let newest = numbers.iter().max().copied().unwrap_or_default();
        let pinned = pins.iter().map(|name| last_number(name)).min().unwrap_or(newest);
        let oldest_kept = pinned.min((newest + 1).saturating_sub(MANIFESTS_KEPT));
        let old: Vec<_> = numbers.iter().filter(|number| **number < oldest_kept).collect();
        assert!(old.is_empty(), "{old:?} are kept beside {newest}, {pins:?}");
        Ok(())
    }
}

/// The hexadecimal number at the end of a file's name, before the extension.
fn last_number(name: &str) -> u64 {
    let stem = name.split('.').next().unwrap_or_default();
    let digits = stem.rsplit('-').next().unwrap_or_default();
    u64::from_str_radix(digits, 16).expect("manifests and pins are named by numbers")
}

/// The number in the name of a slot.
fn number(name: &str) -> u64 {
    let digits = name.strip_suffix(".slot").expect("the log holds slots and nothing else");
    u64::from_str_radix(digits, 16).expect("slots are named for their positions")
}
