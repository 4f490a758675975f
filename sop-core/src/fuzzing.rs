//! The way in for fuzzers: a function for each decoder that is not reached well through a folder.
//!
//! Compiled only with `--cfg fuzzing`. Each function takes any bytes and must neither panic nor
//! hang nor allocate more than there is to decode. Where a checksum stands before a decoder, it is
//! computed here, so that what lies behind it is reached.

use std::{path::Path, sync::Arc};

use crate::{
    clock::SystemClock,
    codec::Reader,
    delta::Delta,
    disk::{Access, Disk, MemoryDisk, failed},
    error::Result,
    id::{Address, Generation, Position, SegmentId},
    limit::NODE_SIZE_MAX,
    log::shared::{Anchor, Floor, Kind, Members, SLOT_HEADER_LEN, SharedLog, SlotHeader, Slots},
    node::{
        Link, NodeEdit, NodeView, Reading, SegmentFolder, SegmentSink, Segments, Source, Stored,
        relay,
    },
    version::Manifest,
};

/// A batch: deltas up to the end, as recovery reads the body of a frame.
pub fn batch(bytes: &[u8]) {
    let mut reader = Reader::new(bytes);
    while !reader.is_empty() {
        let Ok(delta) = Delta::decode(&mut reader) else { return };
        let mut encoded = Vec::new();
        delta.encode(&mut encoded);
        assert_eq!(Delta::decode(&mut Reader::new(&encoded)).as_ref(), Ok(&delta));
    }
}

/// The body of a manifest, in each of its formats.
pub fn manifest(bytes: &[u8]) {
    for format in [1, 2] {
        if let Ok((database, manifest)) = Manifest::decode(format, bytes) {
            let encoded = manifest.encode(database);
            assert_eq!(Manifest::decode(format, &encoded), Ok((database, manifest)));
        }
    }
}

/// Slots of a shared log, which are followed and appended to. Each is a byte for its length, one for
/// its kind, one for its member, one for its sequence, and its body; of an unknown kind it is
/// the bytes of the file as they are.
pub fn slots(bytes: &[u8]) {
    drop(follow(bytes));
}

#[derive(Debug)]
struct NoFloor;

impl Floor for NoFloor {
    fn read(&self) -> Result<Position> {
        Ok(Position::ZERO)
    }
}

fn follow(mut bytes: &[u8]) -> Result<()> {
    let disk = Arc::new(MemoryDisk::default());
    let (dir, unfinished) = (Path::new("log"), Path::new("tmp"));
    for path in [dir, unfinished] {
        disk.create_dir_all(path).map_err(failed("create", path))?;
    }
    let mut position = Position::ZERO;
    while let [len, rest @ ..] = bytes {
        let (slot, rest) = rest.split_at(rest.len().min(usize::from(*len)));
        let path = dir.join(format!("{:016x}.slot", position.0 + 1));
        let file = disk.open(&path, Access::Create).map_err(failed("create", &path))?;
        file.write_all_at(&slot_of(slot, position)?, 0).map_err(failed("write", &path))?;
        (position, bytes) = (position.next(), rest);
    }
    let (dir, unfinished) = (dir.to_owned(), unfinished.to_owned());
    let slots = Slots { disk, dir, unfinished, database: [0; 16] };
    let clock = Arc::new(SystemClock::default());
    let mut log = SharedLog::new(slots, Arc::new(NoFloor), clock, Anchor::start());
    let followed = log.follow(&mut |header, _| {
        assert!(header.position <= position, "there are no slots behind the last one");
        Ok(())
    });
    let members = &log.anchor().members;
    let mut encoded = Vec::new();
    members.encode(&mut encoded);
    assert_eq!(Members::decode(&mut Reader::new(&encoded)).as_ref(), Ok(members));
    followed?;
    log.join().map(drop)
}

/// A slot behind one whose nonce is its position.
fn slot_of(bytes: &[u8], before: Position) -> Result<Vec<u8>> {
    let kinds = [Kind::Batch, Kind::Join, Kind::Leave, Kind::Expel];
    let [kind, member, sequence, body @ ..] = bytes else { return Ok(bytes.to_vec()) };
    let Some(kind) = kinds.get(usize::from(*kind)) else { return Ok(bytes.to_vec()) };
    let nonce = |position: Position| u128::from(position.0).to_be_bytes();
    let header = SlotHeader {
        database: [0; 16],
        position: before.next(),
        kind: *kind,
        member: [*member; 16],
        sequence: u64::from(*sequence),
        nonce: nonce(before.next()),
        base: nonce(before),
    };
    let mut slot = vec![0; SLOT_HEADER_LEN];
    slot.extend_from_slice(body);
    header.seal(&mut slot)?;
    Ok(slot)
}

/// The image of a node, which comes by way of a segment, as it does from a file; then everything
/// that is done to a node: it is searched, changed in place, and laid out anew.
pub fn node(bytes: &[u8]) {
    let Ok((segments, root)) = segment_of(bytes) else { return };
    let Ok(image) = segments.node(root) else { return };
    let view = NodeView::new(image.bytes());
    let source = Source::new(&segments);
    look_at(view);
    relay(view, |link| link);
    change(source, Link::Disk(root), view);
}

/// A segment that holds these bytes, and their address.
fn segment_of(bytes: &[u8]) -> Result<(Segments, Address)> {
    let (disk, path) = (Arc::new(MemoryDisk::default()), Path::new("seg"));
    disk.create_dir_all(path).map_err(failed("create", path))?;
    let (first, reading) = (SegmentId(1), Reading::Mapped);
    let folder = Arc::new(SegmentFolder::new(disk, path.into(), [0; 16], first, reading));
    let mut sink = SegmentSink::new(folder);
    let root = sink.add(bytes)?;
    let segments = sink.finish()?.into_iter().map(|(segment, _)| segment).collect();
    Ok((Segments::new(segments), root))
}

fn look_at(view: NodeView<'_>) {
    assert!(view.used() <= view.image().len());
    let keys: Vec<Vec<u8>> = (0..view.count()).map(|index| view.key(index)).collect();
    let keyed = usize::from(!view.is_leaf());
    for (index, key) in keys.iter().enumerate().skip(keyed) {
        if view.is_leaf() {
            assert_eq!(view.search(key), Ok(index), "each key is found in its place");
            view.version(index);
            view.stored(index);
        } else {
            assert_eq!(view.child_index(key), index);
            view.entries(index);
            view.child(index);
        }
    }
    assert!(view.child_index(&[]) < view.count());
    assert!(view.child_index(&[0xff; 9]) < view.count());
}

/// Inserts, replaces and removes in a copy with room, as an editor does.
fn change(source: Source<'_>, link: Link, view: NodeView<'_>) {
    let own = source.own(link, view.level(), NODE_SIZE_MAX, Generation(1));
    let (mut block, _) = own.expect("invariant: the node has just been read");
    let image = block.bytes_mut();
    if !view.is_leaf() {
        NodeEdit::new(image).set_child(view.count() - 1, view.child(0), 1);
        return look_at(NodeView::new(image));
    }
    let version = view.version(0);
    for index in (0..view.count()).rev().step_by(2) {
        let long = vec![b'x'; index];
        if !NodeEdit::new(image).replace(index, version, Stored::Inline(&long)) {
            NodeEdit::new(image).remove(index);
        }
    }
    for index in (0..view.count()).step_by(3) {
        let mut key = view.key(index);
        key.push(0);
        if let Err(at) = NodeView::new(image).search(&key) {
            let _is_full = !NodeEdit::new(image).insert(at, &key, version, Stored::Inline(b"new"));
        }
    }
    if NodeView::new(image).count() > 0 {
        look_at(NodeView::new(image));
        relay(NodeView::new(image), |link| link);
    }
}
