//! The whole database against ordered maps, at random, with its own books audited at each step.
//!
//! A seed says everything about a run, but for how threads take turns where there are several.

mod accounts;
mod backup;
mod beside;
mod blobs;
mod crash;
mod creation;
mod cursor;
mod merging;
mod mirror;
mod prepared;
mod restart;
mod shared;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Database, Options, Snapshot};
use crate::random::{Random, for_seeds};
use crate::{
    Disk, Error, Range, Result, Store, StoreOptions, Transaction,
    id::SegmentId,
    node::{Link, Source, Stored, file_name},
};

/// What a store is compared with.
type Entries = BTreeMap<Vec<u8>, Vec<u8>>;

/// What a database is compared with: its stores, by what [`name`] makes their names of.
type Model = BTreeMap<usize, Entries>;

fn name(store: usize) -> String {
    format!("s{store}")
}

/// Small log files, so that they are changed often; no checkpoint but those that are asked for.
fn open(disk: &Arc<impl Disk + 'static>) -> Result<Database> {
    let disk = Arc::clone(disk) as Arc<dyn Disk>;
    Database::builder().options(Options::default().log_file_bytes(64 << 10)).disk(disk).open("/db")
}

impl Random {
    /// One of about so many keys: most are short, some share a long prefix, a few are odd.
    fn key(&mut self, space: usize) -> Vec<u8> {
        let number = self.below(space);
        match self.below(60) {
            0 => Vec::new(),
            1 => [vec![b'p'; 900], format!("{number:05}").into_bytes()].concat(),
            2 => vec![0; number % 7],
            3..20 => format!("common/prefix/of/some/length/{number:05}").into_bytes(),
            _ => format!("{number:x}").into_bytes(),
        }
    }

    /// All of one byte: empty, short, about as long as a leaf of 1024 bytes takes, or longer.
    fn value(&mut self) -> Vec<u8> {
        let len = match self.below(20) {
            0 => 3_000,
            1 => 256,
            2 => 257,
            3 => 0,
            short => short * 7,
        };
        vec![u8::try_from(self.below(256)).unwrap(); len]
    }

    fn entries(&mut self, count: usize, space: usize) -> Entries {
        (0..count).map(|_| (self.key(space), self.value())).collect()
    }
}

/// Removes a key, which is there or not, or gives it another value, placed or not; in the map as in
/// the store.
fn change(
    random: &mut Random,
    store: Store<'_>,
    entries: &mut Entries,
    key: Vec<u8>,
) -> Result<()> {
    if random.once_in(3) {
        assert_eq!(store.remove(&key)?, entries.remove(&key).is_some());
        return Ok(());
    }
    let value = random.value();
    put(random, store, &key, &value)?;
    entries.insert(key, value);
    Ok(())
}

/// Gives a key a value, which is placed now and then, also if it is not long.
fn put(random: &mut Random, store: Store<'_>, key: &[u8], value: &[u8]) -> Result<()> {
    if random.once_in(6) { store.upsert_placed(key, value) } else { store.upsert(key, value) }
}

/// Begins a transaction that may place values.
fn begin(db: &Database) -> Result<Transaction> {
    let tx = db.begin()?;
    tx.allow_placing()?;
    Ok(tx)
}

/// Whether a state holds the stores of the model and no others, and in them the same entries.
fn equals(snapshot: &Snapshot, model: &Model) -> Result<bool> {
    if snapshot.stores()?.len() != model.len() {
        return Ok(false);
    }
    for (store, expected) in model {
        let store = match snapshot.store(&name(*store)) {
            Ok(store) => store,
            Err(Error::StoreNotFound { .. }) => return Ok(false),
            Err(error) => return Err(error),
        };
        if store.len()? != expected.len() as u64 || !same(store.iter()?, expected)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn same(found: Range<'_>, expected: &Entries) -> Result<bool> {
    let mut expected = expected.iter();
    for entry in found {
        let (key, value) = entry?;
        let is_next = |(a, b): (&Vec<u8>, &Vec<u8>)| *a == key && b[..] == *value;
        if !expected.next().is_some_and(is_next) {
            return Ok(false);
        }
    }
    Ok(expected.next().is_none())
}

/// What the newest state really takes, found by walking all of it.
#[derive(Debug, Default, PartialEq)]
struct Books {
    /// Bytes in segments.
    live: BTreeMap<SegmentId, u64>,
    /// Bytes in memory only.
    dirty: u64,
}

impl Books {
    fn node(&mut self, source: Source<'_>, link: Link, level: usize) -> Result<()> {
        self.link(link);
        let node = source.node(link, level)?;
        let node = node.view();
        for index in 0..node.count() {
            if level > 0 {
                self.node(source, node.child(index), level - 1)?;
            } else if let Stored::Outside(value) = node.stored(index) {
                self.link(value);
            }
        }
        Ok(())
    }

    fn link(&mut self, link: Link) {
        match link {
            Link::Disk(address) => {
                *self.live.entry(address.segment).or_default() += address.footprint();
            }
            Link::Memory(block) => self.dirty += block.get().size(),
        }
    }
}

/// That the database is sound, and that what it keeps account of, change by change, is what there
/// is. Nothing may go on meanwhile.
#[track_caller]
fn audit(db: &Database) -> Result<()> {
    assert_eq!(db.check()?.problems, Vec::<String>::new());
    let version = db.shared.core.load()?;
    let mut found = Books::default();
    for (_, tree) in version.forest().iter() {
        if let Some((root, level)) = tree.top() {
            found.node(version.source(), root, level)?;
        }
    }
    let pipeline = db.shared.core.pipeline()?;
    let segments = pipeline.accounts().now().into_values();
    let live = segments.filter(|segment| segment.live > 0);
    let live = live.map(|segment| (segment.id, segment.live)).collect();
    assert_eq!(Books { live, dirty: pipeline.dirty().0 }, found, "said, and found");
    Ok(())
}

/// That there are no files but those that the newest state reads, as far as the disk tells. Nobody
/// must hold an older state.
#[track_caller]
fn assert_no_leftovers(db: &Database, disk: &dyn Disk) -> Result<()> {
    let version = db.shared.core.load()?;
    let read: BTreeSet<_> = version.segments().iter().map(|it| file_name(it.id())).collect();
    for (folder, expected) in [("seg", read), ("tmp", BTreeSet::new())] {
        let Ok(entries) = disk.list(&Path::new("/db").join(folder)) else { continue };
        let found = entries.into_iter().map(|entry| entry.name.to_string_lossy().into_owned());
        assert_eq!(found.collect::<BTreeSet<_>>(), expected, "files, and what is read");
    }
    Ok(())
}

/// What stores are created with, for nodes of this many bytes.
fn nodes_of(bytes: usize) -> StoreOptions {
    StoreOptions::default().node_size(bytes)
}
