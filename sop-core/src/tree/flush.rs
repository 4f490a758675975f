//! Writing those nodes and values of a tree that are in memory only.

use super::Tree;
use crate::{
    error::Result,
    id::Address,
    node::{BlockRef, Link, SegmentSink, Source, relay},
};

/// What a flush wrote, block by block. The blocks learn of it only when it is durable.
pub(crate) type Flushed = Vec<(BlockRef, Address)>;

/// Writes what no segment holds yet; gives the same tree with a root on disk.
pub(crate) fn flush(
    source: Source<'_>,
    tree: &Tree,
    sink: &mut SegmentSink,
    flushed: &mut Flushed,
) -> Result<Tree> {
    let Some((root, level)) = tree.top() else { return Ok(*tree) };
    let root = Flush { source, sink, flushed }.node(root, level)?;
    Ok(Tree { root: Some(Link::Disk(root)), ..*tree })
}

struct Flush<'v, 'a> {
    source: Source<'v>,
    sink: &'a mut SegmentSink,
    flushed: &'a mut Flushed,
}

impl Flush<'_, '_> {
    /// Children go before their parent, whose image holds their addresses.
    fn node(&mut self, link: Link, level: usize) -> Result<Address> {
        let block = match (link, link.address()) {
            (_, Some(address)) | (Link::Disk(address), None) => return Ok(address),
            (Link::Memory(block), None) => block,
        };
        let node = self.source.node(link, level)?;
        let node = node.view();
        let mut addresses = Vec::with_capacity(if level > 0 { node.count() } else { 0 });
        for link in node.links() {
            addresses.push(if level > 0 { self.node(link, level - 1)? } else { self.value(link)? });
        }
        let mut addresses = addresses.into_iter();
        let image = relay(node, |link| addresses.next().map_or(link, Link::Disk));
        let address = self.sink.add(&image)?;
        self.flushed.push((block, address));
        Ok(address)
    }

    fn value(&mut self, link: Link) -> Result<Address> {
        let block = match (link, link.address()) {
            (_, Some(address)) | (Link::Disk(address), None) => return Ok(address),
            (Link::Memory(block), None) => block,
        };
        let address = self.sink.add_value(block.get().bytes())?;
        self.flushed.push((block, address));
        Ok(address)
    }
}
