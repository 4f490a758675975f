//! Segments that are read by position: what is kept, what is held, and what goes wrong.

use std::{
    io::ErrorKind,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use super::{
    Link, NodeView, Payload, Reading, Record, Segment, SegmentFolder, SegmentSink, Segments,
    Source, Stored, lay_out,
};
use crate::{
    Access, Call, Disk, Error, Fault, FaultyDisk, MemoryDisk, Result,
    id::{Address, SegmentId},
};

/// Bytes of an image in these tests, about.
const LEN: usize = 8_000;

/// Segments on a disk in memory that can be damaged, and that counts what is read of it.
struct Bench {
    disk: MemoryDisk,
    faulty: FaultyDisk,
    reads: Arc<AtomicU64>,
    folder: Arc<SegmentFolder>,
    segments: Segments,
    nodes: Vec<Address>,
}

impl Bench {
    /// So many leaves, read by way of a cache of so many bytes.
    fn new(nodes: u32, cache_bytes: u64) -> Result<Self> {
        let disk = MemoryDisk::default();
        disk.create_dir_all(Path::new("seg")).expect("a disk in memory does not fail");
        let (faulty, reads) = (FaultyDisk::new(Arc::new(disk.clone())), Arc::default());
        let counter: Arc<AtomicU64> = Arc::clone(&reads);
        faulty.faults().judge(move |call, _| {
            counter.fetch_add(u64::from(call == Call::Read), Ordering::Relaxed);
            None
        });
        let reading = Reading::Copied { cache_bytes };
        let home = Arc::new(faulty.clone());
        let folder = SegmentFolder::new(home, "seg".into(), [0; 16], SegmentId(1), reading);
        let folder = Arc::new(folder);
        let mut sink = SegmentSink::new(Arc::clone(&folder));
        let nodes = (0..nodes).map(|number| sink.add(&leaf(number))).collect::<Result<_>>()?;
        let segments: Vec<Arc<Segment>> =
            sink.finish()?.into_iter().map(|(segment, _)| segment).collect();
        for segment in &segments {
            segment.set_doomed(false);
        }
        let segments = Segments::new(segments);
        Ok(Self { disk, faulty, reads, folder, segments, nodes })
    }

    /// How often the disk was read during some work.
    fn reads(&self, work: impl FnOnce() -> Result<()>) -> Result<u64> {
        let before = self.reads.load(Ordering::Relaxed);
        work()?;
        Ok(self.reads.load(Ordering::Relaxed) - before)
    }

    /// Reads a leaf, which must be the right one.
    fn check(&self, number: usize) -> Result<()> {
        let node = Source::new(&self.segments).node(Link::Disk(self.nodes[number]), 0)?;
        assert_eq!(node.view().image(), leaf(u32::try_from(number).expect("few")));
        Ok(())
    }

    fn damage(&self, work: impl FnOnce(&dyn crate::disk::File)) {
        let file = self.disk.open(Path::new("seg/00000001.seg"), Access::Write);
        work(&*file.expect("the segment is there"));
    }
}

/// A leaf with one entry that says which one it is.
fn leaf(number: u32) -> Vec<u8> {
    let key = number.to_be_bytes();
    let filling: Vec<_> =
        (0..4_u8).map(|entry| ([&key[..], &[entry]].concat(), [entry; 1_970])).collect();
    let records: Vec<_> = filling
        .iter()
        .map(|(key, value)| {
            let payload = Payload::Entry { version: 1, value: Stored::Inline(value) };
            Record { prefix: &[], suffix: key, payload }
        })
        .collect();
    lay_out(0, &records, 0)
}

#[test]
fn what_is_kept_is_read_once_and_no_more_than_the_bound_is_kept() -> Result<()> {
    let bench = Bench::new(100, 2 << 20)?;
    let all = || (0..100).try_for_each(|number| bench.check(number));
    assert_eq!(bench.reads(all)?, 100);
    assert_eq!(bench.reads(all)?, 0, "all of it fits");
    let small = Bench::new(100, 200 << 10)?;
    for number in (0..100).chain(0..100) {
        small.check(number)?;
        let weight = small.folder.pages().expect("segments are copied").weight();
        assert!(weight <= 200 << 10, "{weight} bytes are kept");
    }
    Ok(())
}

/// The hot set is met again between steps of the scan, as it is where both happen at once.
#[test]
fn a_scan_of_more_than_the_cache_does_not_throw_out_what_is_hot() -> Result<()> {
    const HOT: usize = 40;
    let bench = Bench::new(2_000, 100 * LEN as u64)?;
    let hot = || (0..HOT).try_for_each(|number| bench.check(number));
    for _ in 0..3 {
        hot()?;
    }
    assert_eq!(bench.reads(hot)?, 0, "the hot set fits");
    let scan = || (HOT..2_000).try_for_each(|number| bench.check(number));
    assert_eq!(bench.reads(scan)?, 2_000 - HOT as u64, "each was read for the first time");
    assert_eq!(bench.reads(hot)?, 0, "and the hot set is still there");
    Ok(())
}

#[test]
fn what_is_held_stays_when_it_leaves_the_cache() -> Result<()> {
    let bench = Bench::new(200, 100 << 10)?;
    let source = Source::new(&bench.segments);
    let held: Vec<_> = (0..200)
        .map(|number: usize| source.node(Link::Disk(bench.nodes[number]), 0))
        .collect::<Result<_>>()?;
    let weight = bench.folder.pages().expect("segments are copied").weight();
    assert!(weight <= 100 << 10);
    for (number, node) in (0..).zip(&held) {
        assert_eq!(node.view().image(), leaf(number));
    }
    Ok(())
}

#[test]
fn threads_read_the_right_bytes_while_pages_come_and_go() -> Result<()> {
    let bench = Bench::new(64, 160 << 10)?;
    let (pages, done) =
        (bench.folder.pages().expect("segments are copied"), AtomicBool::new(false));
    thread::scope(|scope| {
        let readers: Vec<_> = (0..4_usize)
            .map(|reader| {
                let bench = &bench;
                scope.spawn(move || {
                    (0..4_000).try_for_each(|step| bench.check((step * (reader + 3) + reader) % 64))
                })
            })
            .collect();
        let watcher = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                assert!(pages.weight() <= 160 << 10);
                thread::yield_now();
            }
        });
        let outcomes: Vec<_> =
            readers.into_iter().map(|reader| reader.join().expect("no panic")).collect();
        done.store(true, Ordering::Relaxed);
        watcher.join().expect("the bound held");
        outcomes.into_iter().collect()
    })
}

#[test]
fn a_large_value_is_read_and_not_kept() -> Result<()> {
    let bench = Bench::new(20, 100 << 10)?;
    let mut sink = SegmentSink::new(Arc::clone(&bench.folder));
    let value = vec![7; 90 << 10];
    let address = sink.add_value(&value)?;
    let segments = sink.finish()?.into_iter().map(|(segment, _)| segment);
    let segments = Segments::new(segments.chain(bench.segments.iter().cloned()).collect());
    bench.check(0)?;
    for _ in 0..2 {
        let found = bench.reads(|| {
            let found = segments.value(address)?;
            assert_eq!(found.bytes(), value);
            Ok(())
        })?;
        assert_eq!(found, 1);
    }
    assert_eq!(bench.reads(|| bench.check(0))?, 0, "it displaced nothing");
    Ok(())
}

#[test]
fn a_file_that_is_cut_short_is_named_as_damaged() -> Result<()> {
    let bench = Bench::new(8, 0)?;
    bench.check(7)?;
    let end = bench.nodes[7].start() + 100;
    bench.damage(|file| file.set_len(end).expect("it is cut"));
    let error = bench.check(7).expect_err("the end is gone");
    let at = bench.nodes[7].start();
    assert!(
        matches!(&error, Error::Corrupt { path, offset, .. }
        if path == Path::new("seg/00000001.seg") && *offset == at),
        "{error}"
    );
    bench.check(6)
}

#[test]
fn damage_is_found_when_a_page_is_read_in_and_not_kept() -> Result<()> {
    let bench = Bench::new(3, 1 << 20)?;
    let (place, original) = (bench.nodes[1].start() + 700, leaf(1)[700]);
    bench.damage(|file| file.write_all_at(&[!original], place).expect("it is written"));
    for _ in 0..2 {
        let error = bench.check(1).expect_err("a byte is wrong");
        assert!(error.to_string().contains("a wrong checksum"), "{error}");
    }
    bench.damage(|file| file.write_all_at(&[original], place).expect("it is written"));
    bench.check(1)
}

#[test]
fn a_file_that_was_taken_away_is_said_to_be_gone() -> Result<()> {
    let bench = Bench::new(3, 1 << 20)?;
    bench.check(0)?;
    bench.faulty.faults().judge(|call, _| match call {
        Call::Read => Some(Fault::Error(ErrorKind::StaleNetworkFileHandle)),
        _ => None,
    });
    let gone = |error: &Error| matches!(error, Error::SegmentGone { path } if path.ends_with("00000001.seg"));
    assert!(
        bench.check(1).is_err_and(|error| gone(&error)),
        "the handle is stale, and so is a new one"
    );
    bench.check(0)?;
    bench.disk.remove(Path::new("seg/00000001.seg")).expect("it is there");
    assert!(bench.check(1).is_err_and(|error| gone(&error)), "no new handle can be had");
    bench.check(0)
}

#[test]
fn a_handle_that_went_stale_is_replaced() -> Result<()> {
    let bench = Bench::new(3, 1 << 20)?;
    bench.check(0)?;
    let stale = AtomicBool::new(true);
    bench.faulty.faults().judge(move |call, _| {
        let fails = call == Call::Read && stale.swap(false, Ordering::Relaxed);
        fails.then_some(Fault::Error(ErrorKind::StaleNetworkFileHandle))
    });
    bench.check(1)
}

#[test]
fn an_error_of_the_disk_is_told_and_the_next_reader_tries_again() -> Result<()> {
    let bench = Bench::new(3, 1 << 20)?;
    let fails = AtomicBool::new(true);
    bench.faulty.faults().judge(move |call, _| {
        let fails = call == Call::Read && fails.swap(false, Ordering::Relaxed);
        fails.then_some(Fault::Error(ErrorKind::TimedOut))
    });
    let error = bench.check(1).expect_err("the disk failed once");
    assert!(matches!(error, Error::Io { action: "read", .. }), "{error}");
    bench.check(1)
}

#[test]
fn addresses_that_lie_are_refused_before_memory_is_taken() -> Result<()> {
    let bench = Bench::new(3, 1 << 20)?;
    bench.check(0)?;
    let right = bench.nodes[0];
    let beyond = Address { offset: u32::MAX, ..right };
    let huge = Address { len: u32::MAX, ..right };
    let shorter = Address { len: right.len - 1, ..right };
    let other = Address { checksum: !right.checksum, ..right };
    for address in [beyond, huge, shorter, other] {
        assert!(matches!(bench.segments.node(address), Err(Error::Corrupt { .. })), "{address:?}");
        assert!(matches!(bench.segments.value(address), Err(Error::Corrupt { .. })));
    }
    // A value may look like a node; as a node it is verified on its own.
    assert_eq!(bench.segments.value(right)?.bytes(), leaf(0));
    assert_eq!(NodeView::new(bench.segments.node(right)?.bytes()).count(), 4);
    Ok(())
}

#[test]
fn a_segment_that_nobody_reads_any_more_is_closed_and_removed() -> Result<()> {
    let Bench { disk, folder, segments, nodes, .. } = Bench::new(3, 1 << 20)?;
    segments.node(nodes[0])?;
    for segment in segments.iter() {
        segment.set_doomed(true);
    }
    assert!(folder.pages().expect("segments are copied").holds_open(SegmentId(1)));
    drop(segments);
    assert!(!folder.pages().expect("segments are copied").holds_open(SegmentId(1)));
    assert_eq!(disk.list(Path::new("seg")).expect("a folder").len(), 0);
    Ok(())
}
