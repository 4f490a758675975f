//! Blobs: content of any length, cut into chunks that are entries of an ordinary store.
//!
//! To the engine below, a store of blobs is one like any other. Each blob has a header, which is
//! never changed as long as it exists, metadata, and its chunks: 0, 1, 2, .. without a gap, all of
//! the same length but the last, which may be shorter. How long it is follows from the last one.
//!
//! So two transactions that write different chunks of one blob write different keys, and merge. What
//! holds the chunks together is kept by what each write requires when it commits:
//!
//! - the header unchanged: the blob was not deleted, nor made anew;
//! - for a chunk that is new, the one before it unchanged: nobody has cut it off;
//! - for a cut, everything behind it unchanged: nobody has appended anything.
//!
//! Chunks go to a segment while the transaction runs, if there are many of them, and are read back
//! by position, so that a blob of any length takes the memory of a few chunks.
//!
//! - [`key`], [`header`]: the entries.
//! - [`store`]: all blobs of a store; [`view`]: reading one; [`edit`]: changing one.
//! - [`reader`], [`writer`]: content as a stream.

mod edit;
mod header;
mod key;
mod options;
mod reader;
mod store;
mod view;
mod writer;

pub use edit::Blob;
pub use options::BlobOptions;
pub use reader::BlobReader;
pub use store::{BlobNames, BlobStore, BlobStoreView};
pub use view::BlobView;
pub use writer::BlobWriter;
