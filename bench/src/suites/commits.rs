//! `commits`: what concurrent sessions get when each of them commits one key, durably.
//!
//! Sessions are threads that wait for each commit before they begin the next. `commit_disjoint`:
//! every commit inserts a key of its own. `commit_hot`: every commit adds one to the same counter,
//! and commits count, not attempts. What is in the table at the end has to agree with the counts.

use super::{Common, Suite};
use crate::{
    Result,
    data::{Data, KEY_LEN, VALUE_LEN},
    engines::{Engine, Peer, Reader as _, Work, Writer as _},
    measure::{Latencies, Stopwatch, repeat_each},
    record::Recorder,
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
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16],
        value_parser = clap::value_parser!(u16).range(1..=1_000))]
    threads: Vec<u16>,

    /// Entries in the table at the beginning
    #[arg(long, default_value_t = 100_000)]
    items: u64,

    /// Seconds for each number of sessions in each workload
    #[arg(long, default_value = "2", value_parser = super::seconds)]
    seconds: Duration,
}

impl Suite for Commits {
    const NAME: &'static str = "commits";
    type Peer = Peer;

    fn common(&self) -> &Common<Peer> {
        &self.common
    }

    fn about(&self) -> String {
        format!(
            "{} entries at the beginning, keys {KEY_LEN} B, values {VALUE_LEN} B, {:?} each; \
             latencies are those of one session's commits, attempts that failed included",
            self.items, self.seconds
        )
    }

    fn settings(peer: &Peer) -> String {
        peer.settings()
    }

    fn run(&self, peer: &Peer, folder: &Path, recorder: &Recorder) -> Result<()> {
        let data = Data::new(recorder.seed());
        self.threads.iter().try_for_each(|&threads| {
            let (items, time) = (self.items, self.seconds);
            peer.run(&Cell { data: &data, items, threads, time, folder, recorder })
        })
    }
}

/// One number of sessions on one engine.
struct Cell<'a> {
    data: &'a Data,
    items: u64,
    threads: u16,
    time: Duration,
    folder: &'a Path,
    recorder: &'a Recorder,
}

impl Work for Cell<'_> {
    fn on<E: Engine>(&self) -> Result<()> {
        let folder = self.folder.join(self.threads.to_string());
        fs::create_dir(&folder)?;
        let engine = E::create(&folder)?;
        engine.write(|writer| {
            self.data.entries(0..self.items).try_for_each(|(key, value)| writer.put(&key, &value))
        })?;
        self.disjoint(&engine)?;
        self.hot(&engine)?;
        drop(engine);
        Ok(fs::remove_dir_all(folder)?)
    }
}

impl Cell<'_> {
    fn disjoint(&self, engine: &impl Engine) -> Result<()> {
        let commits = self.side_by_side("commit_disjoint", |session, number| {
            let index = self.items + number * u64::from(self.threads) + u64::from(session);
            engine.write(|writer| writer.put(&self.data.key(index), &self.data.value(index, 0)))
        })?;
        let mut entries = 0;
        engine.read(|reader| reader.scan(None, usize::MAX, |_, _| entries += 1))?;
        agree(entries, self.items + commits)
    }

    fn hot(&self, engine: &impl Engine) -> Result<()> {
        engine.write(|writer| writer.put(COUNTER, &0_u64.to_le_bytes()))?;
        let commits = self.side_by_side("commit_hot", |_, _| {
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
    /// commits. `commit` is told which session it is and how often it has committed.
    fn side_by_side(
        &self,
        workload: &str,
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
        let cost = stopwatch.stop(all.count());
        self.recorder.commits(workload, usize::from(self.threads), &cost, &all)?;
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
