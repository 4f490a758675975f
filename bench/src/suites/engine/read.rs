//! Reads by one thread, by several, and beside a writer.

use super::{
    Round,
    tally::{Tally, expect},
    write::replace,
};
use crate::{
    Result, data,
    engines::{Engine, Reader},
    frame::Unit,
    measure::{Cost, Stopwatch, repeat},
};
use std::thread;

/// Entries of one range read.
const RANGE: usize = 10;
/// Reads between two looks at the clock.
const READS: u64 = 16;
/// Numbers of threads that read side by side.
const THREADS: [usize; 4] = [4, 8, 16, 32];
/// Threads that read beside a writer.
const READERS: usize = 4;
/// Reads of one state beside a writer; readers are to see what is committed meanwhile.
const VIEW: u64 = 128;
/// Entries of one transaction of the writer beside readers.
const BATCH: u64 = 100;

/// Length, random reads, range reads and full scans of one thread.
pub(super) fn alone(round: &Round<'_>, engine: &impl Engine) -> Result<()> {
    round.operations("len", || repeat(round.time, 1, || length(round, engine)))?;
    random(round, engine, "")
}

/// Random reads, range reads and full scans of one thread; the names of the workloads end alike.
pub(super) fn random(round: &Round<'_>, engine: &impl Engine, suffix: &str) -> Result<()> {
    let mut random = round.random();
    let mut index = || random.u64(..round.items);
    engine.read(|reader| {
        round.operations(&format!("random_read{suffix}"), || {
            repeat(round.time, READS, || read_one(round, reader, index()))
        })?;
        round.operations(&format!("range_read_10{suffix}"), || {
            repeat(round.time, READS, || read_range(round, reader, index()))
        })
    })?;
    let all = Tally::of(0..round.items);
    round.operations(&format!("full_scan{suffix}"), || {
        Ok(repeat(round.time, 1, || expect(engine, &all))? * round.items)
    })
}

/// Random reads of several threads at once.
pub(super) fn side_by_side(round: &Round<'_>, engine: &impl Engine) -> Result<()> {
    THREADS.iter().try_for_each(|&threads| {
        let stopwatch = Stopwatch::start();
        let reads = readers(round, threads, |random| {
            engine.read(|reader| {
                repeat(round.time, READS, || read_one(round, reader, random.u64(..round.items)))
            })
        })?;
        round.rate("random_read", threads, &stopwatch.stop(reads))
    })
}

/// Random reads of some threads, while another one replaces values in durable transactions.
pub(super) fn beside_a_writer(round: &Round<'_>, engine: &impl Engine) -> Result<()> {
    let stopwatch = Stopwatch::start();
    let (reads, commits) = thread::scope(|scope| -> Result<(u64, u64)> {
        let writer = scope.spawn(|| {
            let mut random = round.random();
            repeat(round.time, 1, || replace(round, engine, &mut random, BATCH))
        });
        let reads = readers(round, READERS, |random| {
            let views = repeat(round.time, 1, || view(round, engine, random))?;
            Ok(views * VIEW)
        })?;
        let commits = writer.join().map_err(|_| "the writer panicked")??;
        Ok((reads, commits))
    })?;
    let cost = stopwatch.stop(reads);
    round.rate("read_while_write", READERS, &cost)?;
    let cost = Cost { ops: commits, ..cost };
    round.recorder.rate("write_while_read", READERS, Unit::Commits, &cost)
}

/// Lets threads read side by side, each with random numbers of its own, and adds up their reads.
fn readers(
    round: &Round<'_>,
    threads: usize,
    read: impl Fn(&mut fastrand::Rng) -> Result<u64> + Sync,
) -> Result<u64> {
    let (read, mut seeds) = (&read, round.random());
    thread::scope(|scope| {
        let readers: Vec<_> = (0..threads)
            .map(|_| {
                let mut random = seeds.fork();
                scope.spawn(move || read(&mut random))
            })
            .collect();
        readers.into_iter().try_fold(0, |reads, reader| {
            Ok(reads + reader.join().map_err(|_| "a reader panicked")??)
        })
    })
}

fn view(round: &Round<'_>, engine: &impl Engine, random: &mut fastrand::Rng) -> Result<()> {
    engine.read(|reader| {
        (0..VIEW).try_for_each(|_| read_one(round, reader, random.u64(..round.items)))
    })
}

fn length(round: &Round<'_>, engine: &impl Engine) -> Result<()> {
    let length = engine.read(|reader| reader.len())?;
    if length == round.items { Ok(()) } else { Err(format!("a length of {length}").into()) }
}

fn read_one(round: &Round<'_>, reader: &impl Reader, index: u64) -> Result<()> {
    let mut tag = None;
    reader.get(&round.data.key(index), |value| tag = data::read(value))?;
    if tag == Some(index) { Ok(()) } else { Err(format!("read {tag:?} for {index}").into()) }
}

fn read_range(round: &Round<'_>, reader: &impl Reader, index: u64) -> Result<()> {
    let mut first = None;
    reader.scan(Some(&round.data.key(index)), RANGE, |_, value| {
        let tag = data::read(value);
        first = first.or(tag);
    })?;
    if first == Some(index) {
        Ok(())
    } else {
        Err(format!("a range from {index} began with {first:?}").into())
    }
}
