//! The way in for fuzzers: a function for each decoder that is not reached well through a folder.
//!
//! Compiled only with `--cfg fuzzing`. Each function takes any bytes and must neither panic nor
//! hang nor allocate more than there is to decode. Where a checksum stands before a decoder, it is
//! computed here, so that what lies behind it is reached.

use std::{path::Path, sync::Arc};

use crate::{
    codec::Reader,
    delta::Delta,
    disk::{Disk, MemoryDisk, failed},
    error::Result,
    id::{Address, Generation, SegmentId},
    limit::NODE_SIZE_MAX,
    node::{Link, NodeEdit, NodeView, SegmentFolder, SegmentSink, Segments, Source, Stored, relay},
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

/// The body of a manifest.
pub fn manifest(bytes: &[u8]) {
    if let Ok((database, manifest)) = Manifest::decode(bytes) {
        let encoded = manifest.encode(database);
        assert_eq!(Manifest::decode(&encoded), Ok((database, manifest)));
    }
}

/// The image of a node, which comes by way of a segment, as it does from a file; then everything
/// that is done to a node: it is searched, changed in place, and laid out anew.
pub fn node(bytes: &[u8]) {
    let Ok((segments, root)) = segment_of(bytes) else { return };
    let Ok(image) = segments.node(root) else { return };
    let view = NodeView::new(image);
    let source = Source::new(&segments);
    look_at(view);
    relay(view, |link| link);
    change(source, Link::Disk(root), view);
}

/// A segment that holds these bytes, and their address.
fn segment_of(bytes: &[u8]) -> Result<(Segments, Address)> {
    let (disk, path) = (Arc::new(MemoryDisk::default()), Path::new("seg"));
    disk.create_dir_all(path).map_err(failed("create", path))?;
    let folder = Arc::new(SegmentFolder::new(disk, path.into(), [0; 16], SegmentId(1)));
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
