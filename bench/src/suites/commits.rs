//! `commits`: what concurrent sessions get when each of them commits one key, durably.
//!
//! Sessions are threads that wait for each commit before they begin the next. `commit_disjoint`:
//! every commit inserts a key of its own. `commit_hot`: every commit adds one to the same counter,
//! and commits count, not attempts. What is in the table at the end has to agree with the counts.
//!
//! Both run on the disk as it is, and again with every sync made slower.

use crate::{
    Result,
    data::{Data, KEY_LEN, VALUE_LEN},
    engines::{Engine, Peer, Reader as _, Settings, Setup, Work, Writer as _},
    frame::{Common, Recorder, Suite, Unit, seconds},
    measure::{Latencies, Stopwatch, repeat_each},
    probe::sync,
};
use clap::Args;
use std::{fs, path::Path, thread, time::Duration};

const COUNTER: &[u8] = b"counter";

/// Concurrent sessions each commit one key durably
#[derive(Clone, Debug, Args)]
pub(crate) struct Commits {
    #[command(flatten)]
    common: Common<Peer>,

    /// Numbers of concurrent sessions
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 4, 8, 16, 64],
        value_parser = clap::value_parser!(u16).range(1..=250))]
    threads: Vec<u16>,

    /// Entries in the table at the beginning
    #[arg(long, default_value_t = 100_000)]
    items: u64,

    /// Seconds for each number of sessions in each workload
    #[arg(long, default_value = "2", value_parser = seconds)]
    seconds: Duration,

    /// Milliseconds that each sync takes longer on the slow disk
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    slow_sync_ms: u64,
}

impl Suite for Commits {
    const NAME: &'static str = "commits";
    type Peer = Peer;
    const OURS: Peer = Peer::Sop;

    fn common(&self) -> &Common<Peer> {
        &self.common
    }

    fn about(&self) -> String {
        format!(
            "{} entries at the beginning, keys of {KEY_LEN} B, values of {VALUE_LEN} B, {:?} each; \
             slow syncs take {} ms longer than the disk; latencies are those of one session's \
             commits, attempts that failed included",
            self.items, self.seconds, self.slow_sync_ms
        )
    }

    fn settings(peer: &Peer) -> Settings {
        peer.settings()
    }

    fn run(&self, peer: &Peer, folder: &Path, recorder: &Recorder) -> Result<()> {
        let data = Data::new(recorder.seed());
        let setup =
            Setup { cache: self.common.cache_mib << 20, large_values: false, scarce_memory: false };
        self.threads.iter().try_for_each(|&threads| {
            let (items, time) = (self.items, self.seconds);
            let slow_sync = Duration::from_millis(self.slow_sync_ms);
            let (data, folder) = (&data, folder);
            peer.run(&Sessions { data, items, threads, time, slow_sync, setup, folder, recorder })
        })
    }
}

/// One number of sessions on one engine.
struct Sessions<'a> {
    data: &'a Data,
    items: u64,
    threads: u16,
    time: Duration,
    slow_sync: Duration,
    setup: Setup,
    folder: &'a Path,
    recorder: &'a Recorder,
}

/// A disk that commits are measured on.
#[derive(Clone, Copy)]
struct Disk {
    /// How the names of its workloads end.
    suffix: &'static str,
    /// The first of the entries that are inserted on it.
    first: u64,
}

const AS_IT_IS: Disk = Disk { suffix: "", first: 1 << 40 };
const SLOW: Disk = Disk { suffix: "_slow_sync", first: 1 << 41 };

impl Work for Sessions<'_> {
    fn on<E: Engine>(&self) -> Result<()> {
        let folder = self.folder.join(self.threads.to_string());
        fs::create_dir(&folder)?;
        let engine = E::open(&folder, &self.setup)?;
        sync::watch()?;
        engine.load(self.data.entries(0..self.items))?;
        if self.both(&engine, AS_IT_IS)? > 0 {
            sync::set_delay(self.slow_sync);
            self.both(&engine, SLOW)?;
            sync::set_delay(Duration::ZERO);
        } else {
            let why = "not interposable, no sync of this engine was seen";
            self.recorder.skip("commits on a slow disk", why)?;
        }
        drop(engine);
        Ok(fs::remove_dir_all(folder)?)
    }
}

impl Sessions<'_> {
    /// Runs both workloads, and returns the number of syncs that were seen.
    fn both(&self, engine: &impl Engine, disk: Disk) -> Result<u64> {
        let before = sync::count();
        self.disjoint(engine, disk)?;
        self.hot(engine, disk)?;
        Ok(sync::count() - before)
    }

    fn disjoint(&self, engine: &impl Engine, disk: Disk) -> Result<()> {
        let before = engine.read(|reader| reader.len())?;
        let suffix = disk.suffix;
        let names =
            (format!("commit_disjoint{suffix}"), |part: &str| format!("commit_{part}{suffix}"));
        let commits = self.side_by_side(names, |session, number| {
            let index = disk.first + number * u64::from(self.threads) + u64::from(session);
            engine.write(|writer| writer.put(&self.data.key(index), &self.data.value(index, 0)))
        })?;
        agree(engine.read(|reader| reader.len())? - before, commits)
    }

    fn hot(&self, engine: &impl Engine, disk: Disk) -> Result<()> {
        engine.write(|writer| writer.put(COUNTER, &0_u64.to_le_bytes()))?;
        let suffix = disk.suffix;
        let names =
            (format!("commit_hot{suffix}"), |part: &str| format!("commit_hot_{part}{suffix}"));
        let commits = self.side_by_side(names, |_, _| {
            engine.write(|writer| {
                let mut count = 0;
                writer.get(COUNTER, |value| count = decode(value))?;
                writer.put(COUNTER, &(count + 1).to_le_bytes())
            })
        })?;
        let mut count = 0;
        engine.read(|reader| reader.get(COUNTER, |value| count = decode(value)))?;
        agree(count, commits)
    }

    /// Lets the sessions commit side by side until the time is up, and returns the number of
    /// commits. `commit` is told which session it is and how often it has committed. The names are
    /// those of the rate and, by its quantile, of a latency.
    fn side_by_side(
        &self,
        (rate, latency): (String, impl Fn(&str) -> String),
        commit: impl Fn(u16, u64) -> Result<()> + Sync,
    ) -> Result<u64> {
        let (commit, mut all) = (&commit, Latencies::new()?);
        let stopwatch = Stopwatch::start();
        thread::scope(|scope| {
            let sessions: Vec<_> = (0..self.threads)
                .map(|session| scope.spawn(move || self.session(|number| commit(session, number))))
                .collect();
            sessions.into_iter().try_for_each(|session| {
                all.merge(&session.join().map_err(|_| "a session panicked")??)
            })
        })?;
        let (threads, cost) = (usize::from(self.threads), stopwatch.stop(all.count()));
        // Nobody is there to share a sync with. Where none is seen at all, it cannot be told.
        if threads == 1 && (1..cost.ops).contains(&cost.syncs) {
            return Err(format!("only {} syncs for {} commits", cost.syncs, cost.ops).into());
        }
        self.recorder.rate(&rate, threads, Unit::Commits, &cost)?;
        self.recorder.latencies(latency, threads, &cost, &all)?;
        Ok(cost.ops)
    }

    fn session(&self, commit: impl Fn(u64) -> Result<()>) -> Result<Latencies> {
        let mut number = 0;
        repeat_each(self.time, || {
            commit(number)?;
            number += 1;
            Ok(())
        })
    }
}

fn decode(value: &[u8]) -> u64 {
    value.first_chunk().map_or(u64::MAX, |bytes| u64::from_le_bytes(*bytes))
}

fn agree(found: u64, committed: u64) -> Result<()> {
    if found == committed {
        Ok(())
    } else {
        Err(format!("{found} are in the table, but {committed} were committed").into())
    }
}
