//! Nodes of a tree and the values too large for them: byte images, in memory and in segments.
//!
//! A node is one byte image. The image is the same in memory and on disk, so a node that a
//! checkpoint wrote is searched straight in the mapped file, without decoding. What a node points
//! to is named by a [`Link`]: sixteen bytes that hold either an [`Address`] in a segment file or,
//! for what no checkpoint has written yet, the place of a [`Block`] in memory.
//!
//! - [`layout`]: the bytes of an image, and the check that makes later reads of it safe.
//! - [`view`]: reading and searching an image.
//! - [`edit`]: changing an image that nobody else can see yet.
//! - [`pack`]: laying out records as new images.
//! - [`block`]: images and values in memory, and who may free them.
//! - [`segment`], [`segment_writer`], [`sink`]: images and values in files; [`mapped`]: files as
//!   memory; [`copied`], [`pages`]: read by position, and kept in a cache; [`streamed`]: read by
//!   position, and not kept; [`home`]: the folder they are in; [`tenure`]: until when they are ours.
//! - [`source`]: from a link to the bytes it names; [`pinned`]: how long those stay.

mod block;
mod copied;
mod edit;
mod home;
mod layout;
mod link;
mod mapped;
mod origin;
mod pack;
mod pages;
mod pinned;
mod segment;
mod segment_writer;
mod segments;
mod sink;
mod source;
mod streamed;
mod tenure;
#[cfg(test)]
mod tests;
mod view;

pub(crate) use block::{Block, BlockRef};
pub(crate) use edit::NodeEdit;
pub(crate) use home::Reading;
pub(crate) use link::Link;
pub(crate) use origin::{Origin, Purpose};
pub(crate) use pack::{
    NODE_OVERHEAD, Payload, Record, Stored, common_prefix, cost, lay_out, relay,
};
pub(crate) use pinned::{Node, Pinned};
pub(crate) use segment::{Segment, file_name};
pub(crate) use segments::Segments;
pub(crate) use sink::{Lease, Lessor, SegmentFolder, SegmentSink};
pub(crate) use source::{Located, Source};
pub(crate) use streamed::LastFile;
pub(crate) use view::NodeView;
