//! `engine`: what one session gets from an ordered key-value engine, read and write.
//!
//! The writes that run for a fixed time replace values of entries that exist: a fast engine and a
//! slow one then hold the same entries when reads and sizes are measured. Every read is checked.

use super::{Common, Suite};
use crate::{
    Result,
    data::{self, Data, KEY_LEN, VALUE_LEN},
    engines::{self, Peer, Reader as _, Work, Writer as _},
    measure::{repeat, timed},
    record::{Recorder, Unit},
};
use clap::Args;
use std::{fs, path::Path, time::Duration};

/// Entries of one transaction of the workload `batch_1000`.
const BATCH: u64 = 1_000;
/// Entries of one range read.
const RANGE: usize = 10;
/// Reads between two looks at the clock.
const READS: u64 = 16;

/// One session reads and writes an ordered key-value table
#[derive(Clone, Debug, Args)]
pub(crate) struct Engine {
    #[command(flatten)]
    common: Common<Peer>,

    /// Entries in the table
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(2..))]
    items: u64,

    /// Seconds for each workload that has no fixed amount of work
    #[arg(long, default_value = "2", value_parser = super::seconds)]
    seconds: Duration,
}

impl Suite for Engine {
    const NAME: &'static str = "engine";
    type Peer = Peer;

    fn common(&self) -> &Common<Peer> {
        &self.common
    }

    fn about(&self) -> String {
        format!(
            "{} entries, keys {KEY_LEN} B, values {VALUE_LEN} B; loads, remove and sizes are of \
             fixed work, the rest runs {:?} each; one session",
            self.items, self.seconds
        )
    }

    fn settings(peer: &Peer) -> String {
        peer.settings()
    }

    fn run(&self, peer: &Peer, folder: &Path, recorder: &Recorder) -> Result<()> {
        let data = Data::new(recorder.seed());
        let (items, time) = (self.items, self.seconds);
        peer.run(&Round { data, items, time, folder, recorder })
    }
}

/// One round on one engine.
struct Round<'a> {
    data: Data,
    items: u64,
    time: Duration,
    folder: &'a Path,
    recorder: &'a Recorder,
}

impl Work for Round<'_> {
    fn on<E: engines::Engine>(&self) -> Result<()> {
        self.sorted_load::<E>()?;
        let folder = self.folder.join("random");
        fs::create_dir(&folder)?;
        let mut engine = E::create(&folder)?;
        self.bulk_load(&engine)?;
        self.commits(&mut engine)?;
        self.reads(&engine)?;
        self.remove(&engine)?;
        self.recorder.size("size_before", &folder)?;
        let compacted = engine.compact(&folder)?;
        self.recorder.size("size_after", &compacted)
    }
}

impl Round<'_> {
    fn sorted_load<E: engines::Engine>(&self) -> Result<()> {
        let folder = self.folder.join("sorted");
        fs::create_dir(&folder)?;
        let engine = E::create(&folder)?;
        self.operations("sorted_load", || {
            engine.load_sorted(self.data.sorted(self.items))?;
            Ok(self.items)
        })?;
        expect(&engine, &Tally::of(0..self.items))?;
        drop(engine);
        Ok(fs::remove_dir_all(folder)?)
    }

    fn bulk_load(&self, engine: &impl engines::Engine) -> Result<()> {
        self.operations("bulk_load", || {
            engine.write(|writer| {
                self.data
                    .entries(0..self.items)
                    .try_for_each(|(key, value)| writer.put(&key, &value))
            })?;
            Ok(self.items)
        })?;
        expect(engine, &Tally::of(0..self.items))
    }

    fn commits(&self, engine: &mut impl engines::Engine) -> Result<()> {
        let mut random = self.random();
        let cost = timed(|| repeat(self.time, 1, || self.replace(engine, &mut random, 1)))?;
        self.recorder.rate("commit_1", 1, Unit::Commits, &cost)?;
        self.operations("batch_1000", || {
            Ok(repeat(self.time, 1, || self.replace(engine, &mut random, BATCH))? * BATCH)
        })?;
        engine.set_durable(false)?;
        let cost = timed(|| {
            let commits = repeat(self.time, 1, || self.replace(engine, &mut random, 1))?;
            engine.sync()?;
            Ok(commits)
        })?;
        self.recorder.rate("commit_1_nosync", 1, Unit::Commits, &cost)?;
        engine.set_durable(true)
    }

    /// Replaces the values of random entries in one transaction.
    fn replace(
        &self,
        engine: &impl engines::Engine,
        random: &mut fastrand::Rng,
        count: u64,
    ) -> Result<()> {
        engine.write(|writer| {
            (0..count).try_for_each(|_| {
                let index = random.u64(..self.items);
                writer.put(&self.data.key(index), &self.data.value(index, random.u64(1..)))
            })
        })
    }

    fn reads(&self, engine: &impl engines::Engine) -> Result<()> {
        let mut random = self.random();
        let mut index = || random.u64(..self.items);
        engine.read(|reader| {
            self.operations("random_read", || {
                repeat(self.time, READS, || self.read_one(reader, index()))
            })?;
            self.operations("range_read_10", || {
                repeat(self.time, READS, || self.read_range(reader, index()))
            })
        })?;
        let all = Tally::of(0..self.items);
        self.operations("full_scan", || {
            Ok(repeat(self.time, 1, || expect(engine, &all))? * self.items)
        })
    }

    fn read_one(&self, reader: &impl engines::Reader, index: u64) -> Result<()> {
        let mut tag = None;
        reader.get(&self.data.key(index), |value| tag = data::read(value))?;
        if tag == Some(index) { Ok(()) } else { Err(format!("read {tag:?} for {index}").into()) }
    }

    fn read_range(&self, reader: &impl engines::Reader, index: u64) -> Result<()> {
        let mut first = None;
        reader.scan(Some(&self.data.key(index)), RANGE, |_, value| {
            let tag = data::read(value);
            first = first.or(tag);
        })?;
        if first == Some(index) {
            Ok(())
        } else {
            Err(format!("a range from {index} began with {first:?}").into())
        }
    }

    /// Removes every second entry in one transaction.
    fn remove(&self, engine: &impl engines::Engine) -> Result<()> {
        let odd = || (0..self.items).skip(1).step_by(2);
        self.operations("remove", || {
            let mut removed = 0;
            engine.write(|writer| {
                removed = 0;
                for index in odd() {
                    removed += u64::from(writer.remove(&self.data.key(index))?);
                }
                Ok(())
            })?;
            Ok(removed)
        })?;
        expect(engine, &Tally::of((0..self.items).step_by(2)))
    }

    fn operations(&self, workload: &str, work: impl FnOnce() -> Result<u64>) -> Result<()> {
        self.recorder.rate(workload, 1, Unit::Operations, &timed(work)?)
    }

    fn random(&self) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.recorder.seed())
    }
}

/// Scans everything, and fails unless exactly these entries are there.
fn expect(engine: &impl engines::Engine, expected: &Tally) -> Result<()> {
    let mut found = Tally::default();
    engine.read(|reader| reader.scan(None, usize::MAX, |_, value| found.add(data::read(value))))?;
    if found == *expected { Ok(()) } else { Err(format!("{found:?}, not {expected:?}").into()) }
}

/// A fingerprint of a set of entries, whatever their order.
#[derive(Debug, Default, PartialEq)]
struct Tally {
    count: u64,
    sum: u64,
    squares: u64,
    strangers: u64,
}

impl Tally {
    fn of(tags: impl Iterator<Item = u64>) -> Self {
        let mut tally = Self::default();
        tags.for_each(|tag| tally.add(Some(tag)));
        tally
    }

    fn add(&mut self, tag: Option<u64>) {
        self.count += 1;
        match tag {
            Some(tag) => {
                self.sum = self.sum.wrapping_add(tag);
                self.squares = self.squares.wrapping_add(tag.wrapping_mul(tag));
            }
            None => self.strangers += 1,
        }
    }
}
