//! `engine`: what one program gets from an ordered key-value engine, read and write.
//!
//! The writes that run for a fixed time replace values of entries that exist: a fast engine and a
//! slow one then hold the same entries when reads and sizes are measured. Every read is checked.

mod cold;
mod large;
mod load;
mod read;
mod space;
mod stall;
mod tally;
mod write;

use crate::{
    Result,
    data::{Data, KEY_LEN, VALUE_LEN},
    engines::{self, Peer, Settings, Setup, Work},
    frame::{Common, Recorder, Suite, Unit, seconds},
    measure::{Cost, timed},
    probe::{cold::MemoryGroup, memory, sync},
};
use clap::Args;
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// How many times longer than the others the workload runs that waits for rare stalls.
const STALL: u32 = 30;

/// One program reads and writes an ordered key-value table
#[derive(Clone, Debug, Args)]
pub(crate) struct Engine {
    #[command(flatten)]
    common: Common<Peer>,

    /// Entries in the table
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(2..))]
    items: u64,

    /// Seconds for each workload that has no fixed amount of work
    #[arg(long, default_value = "2", value_parser = seconds)]
    seconds: Duration,

    /// Seconds of sustained writing [default: 30 times --seconds]
    #[arg(long, value_parser = seconds)]
    stall_seconds: Option<Duration>,

    /// The folder of a control group with a limit of memory: reads are then measured also in it,
    /// with twice as much data
    #[arg(long)]
    memory_group: Option<PathBuf>,
}

impl Suite for Engine {
    const NAME: &'static str = "engine";
    type Peer = Peer;
    const OURS: Peer = Peer::Sop;

    fn common(&self) -> &Common<Peer> {
        &self.common
    }

    fn about(&self) -> String {
        format!(
            "{} entries, random keys of {KEY_LEN} B, values of {VALUE_LEN} B; loads, removal and \
             sizes are of fixed work, sustained writing runs {:?}, the rest {:?} each",
            self.items,
            self.stall(),
            self.seconds
        )
    }

    fn settings(peer: &Peer) -> Settings {
        peer.settings()
    }

    fn run(&self, peer: &Peer, folder: &Path, recorder: &Recorder) -> Result<()> {
        let group = self.memory_group.as_deref().map(MemoryGroup::at).transpose()?;
        peer.run(&Round {
            data: Data::new(recorder.seed()),
            items: self.items,
            time: self.seconds,
            stall: self.stall(),
            setup: Setup {
                cache: self.common.cache_mib << 20,
                large_values: false,
                scarce_memory: false,
            },
            group,
            folder,
            recorder,
        })
    }
}

impl Engine {
    fn stall(&self) -> Duration {
        self.stall_seconds.unwrap_or(self.seconds * STALL)
    }
}

/// One round on one engine.
struct Round<'a> {
    data: Data,
    items: u64,
    time: Duration,
    stall: Duration,
    setup: Setup,
    group: Option<MemoryGroup>,
    folder: &'a Path,
    recorder: &'a Recorder,
}

impl Work for Round<'_> {
    fn on<E: engines::Engine>(&self) -> Result<()> {
        load::sorted::<E>(self)?;
        let folder = self.scratch("random")?;
        memory::reset_peak();
        let mut engine = E::open(&folder, &self.setup)?;
        sync::watch()?;
        load::bulk(self, &engine)?;
        write::commits(self, &mut engine)?;
        read::alone(self, &engine)?;
        read::side_by_side(self, &engine)?;
        read::beside_a_writer(self, &engine)?;
        space::remove(self, &engine)?;
        space::compact(self, engine, &folder)?;
        self.recorder.bytes("peak_memory", memory::peak()?)?;
        fs::remove_dir_all(folder)?;
        stall::sustained::<E>(self)?;
        large::values::<E>(self)?;
        // Last, for a process does not leave the group that it joins.
        cold::reads::<E>(self)
    }
}

impl Round<'_> {
    /// A new folder for a database.
    fn scratch(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        fs::create_dir(&folder)?;
        Ok(folder)
    }

    /// Measures operations of one thread.
    fn operations(&self, workload: &str, work: impl FnOnce() -> Result<u64>) -> Result<()> {
        self.rate(workload, 1, &timed(work)?)
    }

    fn rate(&self, workload: &str, threads: usize, cost: &Cost) -> Result<()> {
        self.recorder.rate(workload, threads, Unit::Operations, cost)
    }

    fn random(&self) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.recorder.seed())
    }
}
