//! What every adapter has to keep, whatever its engine.

use super::*;
use crate::{
    data::{self, Data, LARGE_LEN},
    frame::allocated,
};
use clap::ValueEnum as _;

const SETUP: Setup = Setup { cache: 64 << 20, large_values: false, scarce_memory: false };

struct Promises;

impl Work for Promises {
    fn on<E: Engine>(&self) -> Result<()> {
        reads_see_committed_writes::<E>()?;
        scans_are_in_order_and_end_at_the_limit::<E>()?;
        sorted_entries_are_loaded::<E>()?;
        concurrent_increments_all_count::<E>()?;
        a_compacted_database_is_whole::<E>()?;
        large_values_are_read_as_they_were_written::<E>()
    }
}

#[test]
fn every_engine_keeps_its_promises() {
    for peer in Peer::value_variants() {
        peer.run(&Promises).unwrap();
    }
}

#[test]
fn settings_name_the_version_that_is_linked() {
    assert!(Peer::Redb.settings().name.contains(version("redb")));
    assert!(version("redb").starts_with("4."));
    assert_eq!(version("no such package"), "of unknown version");
}

fn filled<E: Engine>(folder: &Path, data: &Data, count: u64) -> Result<E> {
    let engine = E::open(folder, &SETUP)?;
    engine.write(|writer| {
        data.entries(0..count).try_for_each(|(key, value)| writer.put(&key, &value))
    })?;
    Ok(engine)
}

fn reads_see_committed_writes<E: Engine>() -> Result<()> {
    let (folder, data) = (tempfile::tempdir()?, Data::new(1));
    let mut engine = filled::<E>(folder.path(), &data, 100)?;
    engine.set_durable(false)?;
    engine.write(|writer| {
        writer.remove(&data.key(3))?;
        writer.remove(&data.key(3))?;
        assert!(!writer.get(&data.key(3), |_| ())?);
        writer.put(&data.key(4), &data.value(4, 1))?;
        assert!(writer.get(&data.key(4), |value| assert_eq!(value, data.value(4, 1)))?);
        Ok(())
    })?;
    engine.sync()?;
    engine.set_durable(true)?;
    engine.read(|reader| {
        assert!(!reader.get(&data.key(3), |_| ())?);
        assert!(reader.get(&data.key(4), |value| assert_eq!(value, data.value(4, 1)))?);
        assert!(reader.get(&data.key(5), |value| assert_eq!(value, data.value(5, 0)))?);
        Ok(())
    })
}

fn scans_are_in_order_and_end_at_the_limit<E: Engine>() -> Result<()> {
    let (folder, data) = (tempfile::tempdir()?, Data::new(1));
    let engine = filled::<E>(folder.path(), &data, 1_000)?;
    let mut expected: Vec<(Key, Value)> = data.entries(0..1_000).collect();
    expected.sort_unstable();
    engine.read(|reader| {
        let mut seen = Vec::new();
        reader.scan(None, usize::MAX, |key, value| seen.push((key.to_vec(), value.to_vec())))?;
        assert!(
            seen.iter()
                .map(|(k, v)| (&k[..], &v[..]))
                .eq(expected.iter().map(|(k, v)| (&k[..], &v[..])))
        );
        let mut seen = Vec::new();
        reader.scan(Some(&expected[500].0), 10, |key, _| seen.push(key.to_vec()))?;
        assert!(seen.iter().eq(expected[500..510].iter().map(|(key, _)| &key[..])));
        Ok(())
    })
}

fn sorted_entries_are_loaded<E: Engine>() -> Result<()> {
    let (folder, data) = (tempfile::tempdir()?, Data::new(1));
    let engine = E::open(folder.path(), &SETUP)?;
    engine.load_sorted(data.sorted(1_000))?;
    let mut index = 0;
    engine.read(|reader| {
        reader.scan(None, usize::MAX, |_, value| {
            assert_eq!(data::read(value), Some(index));
            index += 1;
        })
    })?;
    assert_eq!(index, 1_000);
    Ok(())
}

fn concurrent_increments_all_count<E: Engine>() -> Result<()> {
    const THREADS: u8 = 4;
    const INCREMENTS: u8 = 25;
    let folder = tempfile::tempdir()?;
    let engine = E::open(folder.path(), &SETUP)?;
    engine.write(|writer| writer.put(b"counter", &[0]))?;
    let increment = |writer: &mut E::Writer<'_>| {
        let mut count = 0;
        writer.get(b"counter", |value| count = value[0])?;
        writer.put(b"counter", &[count + 1])
    };
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| (0..INCREMENTS).for_each(|_| engine.write(increment).unwrap()));
        }
    });
    let mut count = 0;
    engine.read(|reader| reader.get(b"counter", |value| count = value[0]))?;
    assert_eq!(count, THREADS * INCREMENTS);
    Ok(())
}

fn a_compacted_database_is_whole<E: Engine>() -> Result<()> {
    let (folder, data) = (tempfile::tempdir()?, Data::new(1));
    let engine = filled::<E>(folder.path(), &data, 10_000)?;
    engine.write(|writer| (0..9_000).try_for_each(|index| writer.remove(&data.key(index))))?;
    let path = engine.compact(folder.path())?;
    assert!(allocated(&path)? > 0);
    let engine = E::open(folder.path(), &SETUP)?;
    engine.read(|reader| {
        assert_eq!(reader.len()?, 1_000);
        assert!(!reader.get(&data.key(8_999), |_| ())?);
        assert!(reader.get(&data.key(9_000), |value| assert_eq!(value, data.value(9_000, 0)))?);
        Ok(())
    })
}

fn large_values_are_read_as_they_were_written<E: Engine>() -> Result<()> {
    let (folder, data) = (tempfile::tempdir()?, Data::new(1));
    let engine = E::open(folder.path(), &Setup { large_values: true, ..SETUP })?;
    let mut value = vec![0; LARGE_LEN];
    data.fill(&mut value, 3, 1);
    engine.write(|writer| writer.put(&data.key(3), &value))?;
    engine.read(|reader| {
        assert!(reader.get(&data.key(3), |found| assert!(found == value))?);
        Ok(())
    })
}

#[test]
fn the_readme_tells_what_every_engine_runs_with() {
    let readme = include_str!("../../README.md");
    for peer in Peer::value_variants() {
        let Settings { name, options, durable, relaxed } = peer.settings();
        for words in [options, durable, relaxed] {
            assert!(readme.contains(words), "of {name} the readme does not say: {words}");
        }
    }
}
