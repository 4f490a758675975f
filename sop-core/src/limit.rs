//! Every bound of the engine, and the relations between bounds that the code relies on.

/// Longest key, in bytes.
pub const KEY_LEN_MAX: usize = 4_096;

/// Longest value, in bytes. Longer ones belong into a blob.
pub const VALUE_LEN_MAX: usize = 64 << 20;

/// Most bytes of keys and values that one transaction may write.
pub const TRANSACTION_LEN_MAX: u64 = 2 << 30;

/// Longest name of a store, in bytes.
pub const STORE_NAME_LEN_MAX: usize = 255;

/// Smallest node size a store can be created with, in bytes.
pub const NODE_SIZE_MIN: usize = 1 << 10;

/// Largest node size a store can be created with, in bytes.
pub const NODE_SIZE_MAX: usize = 32 << 10;

/// Node size of a store whose options do not say otherwise, in bytes.
///
/// With hints and four-byte heads a search costs the same at 4, 8 and 16 KiB, and at 8 KiB the
/// inner levels are half as many as at 4.
pub const NODE_SIZE_DEFAULT: usize = 8 << 10;

/// Most levels of a tree: more than any number of entries needs, with two records to a node.
pub(crate) const HEIGHT_MAX: usize = 64;

/// Nodes have at least this many records where there are as many, however large they are.
pub(crate) const NODE_RECORDS_MIN: usize = 2;

/// Longest image of a node: offsets inside a node are 16 bits wide.
pub(crate) const NODE_IMAGE_MAX: usize = (1 << 16) - 8;

/// A value longer than this part of the node size is kept outside of the node.
pub(crate) const INLINE_VALUE_DIVISOR: usize = 4;

/// Where nodes and values begin in a segment: multiples of this, in bytes.
pub(crate) const SEGMENT_ALIGN: usize = 256;

/// A segment file is closed and the next one begun at this length, in bytes.
pub(crate) const SEGMENT_LEN_TARGET: u64 = 64 << 20;

/// Numbers of stores and segments are below this: what is above stands for stores that a
/// transaction has made and that have no number yet.
pub(crate) const NUMBER_END: u32 = 1 << 31;

/// Numbers of manifests and log positions that are read from files are not above this, so that
/// counting on from them cannot overflow.
pub(crate) const COUNT_MAX: u64 = 1 << 62;

/// Most numbers between the oldest and the newest live segment; older ones are rewritten before.
pub(crate) const SEGMENT_SPREAD_MAX: u32 = 1 << 20;

/// Keys that one transaction tracks one by one in one store; more are tracked as one range.
pub(crate) const POINT_READS_MAX: usize = 1 << 16;

/// Longest name of a prepared transaction, in bytes.
pub const PREPARED_NAME_LEN_MAX: usize = 200;

/// Most transactions that can be prepared at a time.
pub const PREPARED_MAX: u64 = 4_096;

/// Most bytes of what a prepared transaction is going to do and rests on.
pub const PREPARED_LEN_MAX: usize = VALUE_LEN_MAX;

/// What was decided about a global transaction with participants that are not databases of ours is
/// kept for at least so many positions of the log.
pub const DECISIONS_KEPT: u64 = 1 << 20;

/// A transaction that writes more than this to an empty store commits by reference, in bytes.
pub(crate) const BY_REFERENCE_LEN_MIN: u64 = 4 << 20;

/// Longest name of a blob, in bytes.
pub const BLOB_NAME_LEN_MAX: usize = 1_024;

/// Longest metadata of a blob, in bytes.
pub const BLOB_METADATA_LEN_MAX: usize = 64 << 10;

/// Shortest chunks that blobs can be cut into, in bytes. What is shorter is not worth a place of its
/// own in a segment.
pub const BLOB_CHUNK_LEN_MIN: usize = 4 << 10;

/// Longest chunks that blobs can be cut into, in bytes.
pub const BLOB_CHUNK_LEN_MAX: usize = 16 << 20;

/// How long chunks are unless somebody wants it otherwise, in bytes.
pub const BLOB_CHUNK_LEN_DEFAULT: usize = 1 << 20;

/// Most chunks of a blob.
pub const BLOB_CHUNKS_MAX: u64 = 1 << 32;

/// A leader stops adding waiting transactions to its batch at this length, in bytes.
pub(crate) const BATCH_LEN_TARGET: usize = 16 << 20;

/// A slot of more bytes than this is not carried along with its announcement: others read its file.
pub const CARRIED_LEN_MAX: usize = 64 << 10;

/// Opening a slot takes as long as reading so many bytes of a log's file, at least.
pub(crate) const SLOT_COST: u64 = 64 << 10;

/// Live bytes that one round of rewriting sparse segments copies into memory.
pub(crate) const REWRITE_BYTES_MAX: u64 = 32 << 20;

/// Manifests of a shared folder that are kept, the newest ones, with everything that they name.
pub(crate) const KEPT_MANIFESTS: u64 = 16;

/// So many of the newest manifests of a shared folder are kept if somebody pins the oldest of them. Few
/// enough for one answer of a file system to list them all, so that whoever stays away with a pin
/// costs a bounded space.
pub(crate) const PINNED_MANIFESTS: u64 = 256;

/// How far the floor of a shared log stays behind its checkpoint unless somebody wants it otherwise,
/// in slots, so that who is a little slow need not begin anew.
pub(crate) const SLOTS_KEPT_DEFAULT: u64 = 256;

/// Nodes that are copied at a time while commits wait.
pub(crate) const REWRITE_KEYS_MAX: usize = 64;

// The largest record is a key, an inline value and their bookkeeping. A node of the least number
// of records, and one that is full and takes one more, must both fit an image.
const RECORD_LEN_MAX: usize = KEY_LEN_MAX + NODE_SIZE_MAX / INLINE_VALUE_DIVISOR + 64;
const _: () = assert!(2 * NODE_RECORDS_MIN * RECORD_LEN_MAX < NODE_IMAGE_MAX);
const _: () = assert!(NODE_SIZE_MAX + RECORD_LEN_MAX < NODE_IMAGE_MAX);
// Each byte of a name may take two in a key; behind it come an end, a tag and a number.
const _: () = assert!(2 * BLOB_NAME_LEN_MAX + 2 + 1 + 4 <= KEY_LEN_MAX);
const _: () = assert!(BLOB_CHUNK_LEN_MAX <= VALUE_LEN_MAX);
const _: () = assert!(NODE_SIZE_MIN <= NODE_SIZE_DEFAULT && NODE_SIZE_DEFAULT <= NODE_SIZE_MAX);
