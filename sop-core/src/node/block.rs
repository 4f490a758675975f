//! Images and values in memory.
//!
//! A [`Block`] is a run of bytes that no segment holds yet: the image of a node, or a value kept
//! outside of its leaf. Links point to blocks by plain pointers, so that copying a node for
//! writing is one copy of its bytes, however many children it has; counting references would
//! touch the counter of each child.
//!
//! Who may free a block follows from when it was made. Every state of the trees has a
//! [`Generation`]; a block made in generation *g* and taken out of the tree in generation *h* can
//! be seen by the states from *g* up to *h* - 1 and by no other.
//!
//! - While *g* is being built nobody else sees the block: it is changed in place ([`BlockRef::take`])
//!   or freed at once.
//! - Afterwards it never changes. When it leaves the tree it is handed to the registry of live
//!   states (`version::registry`), which frees it when the last state that sees it is dropped.
//!
//! This is the deadlist scheme of ZFS snapshots, for memory. All `unsafe` code of the trees stands
//! in this file; what it relies on is that links are only followed from a state that is alive.
#![expect(unsafe_code, reason = "links are plain pointers; see above for who may free them")]

use std::{fmt, ptr::NonNull};

#[cfg(shuttle)]
use crate::sync::graveyard;
use crate::{
    id::{Address, Generation},
    sync::OnceLock,
};

/// Bytes in memory, and where a checkpoint put them, if one did.
#[derive(Debug)]
pub(crate) struct Block {
    bytes: Vec<u8>,
    born: Generation,
    address: OnceLock<Address>,
    /// What whoever reads it too late finds, once it was given back.
    #[cfg(mutants)]
    freed: OnceLock<Vec<u8>>,
}

impl Block {
    #[expect(clippy::unnecessary_box_returns, reason = "links point to it, so it must not move")]
    pub(crate) fn new(bytes: Vec<u8>, born: Generation) -> Box<Self> {
        Box::new(Self {
            bytes,
            born,
            address: OnceLock::new(),
            #[cfg(mutants)]
            freed: OnceLock::new(),
        })
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        #[cfg(mutants)]
        if let Some(garbage) = self.freed.get() {
            return garbage;
        }
        &self.bytes
    }

    /// For the one who is building the block's generation.
    pub(crate) fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// The generation it was made in.
    pub(crate) fn born(&self) -> Generation {
        self.born
    }

    /// Memory held, in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.bytes.capacity() as u64
    }

    pub(crate) fn address(&self) -> Option<Address> {
        self.address.get().copied()
    }

    /// Notes where a checkpoint wrote it. Later notes are ignored: the first copy counts.
    pub(crate) fn written(&self, address: Address) {
        self.address.get_or_init(|| address);
    }

    /// The same in another place. This one is left empty, and stays taken for as long as the
    /// schedule explorer runs one schedule: [`BlockRef::get`] finds out who still links to it.
    #[cfg(shuttle)]
    #[expect(clippy::unnecessary_box_returns, reason = "it goes on as it was made")]
    fn moved_out(mut self: Box<Self>) -> Box<Self> {
        let left = Self { bytes: Vec::new(), born: self.born, address: OnceLock::new() };
        let moved = std::mem::replace(&mut *self, left);
        graveyard::bury(self);
        Box::new(moved)
    }

    /// Hands the block over to the tree that will link to it.
    pub(crate) fn into_ref(self: Box<Self>) -> BlockRef {
        let pointer = NonNull::from(Box::leak(self));
        BlockRef { pointer }
    }
}

/// A pointer to a block that a live state of the trees links to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockRef {
    pointer: NonNull<Block>,
}

// SAFETY: a `BlockRef` is a shared pointer to a `Block`, which is `Send + Sync`; the one exclusive
// use, `take`, is made by the only thread that can see the block.
unsafe impl Send for BlockRef {}
// SAFETY: as above.
unsafe impl Sync for BlockRef {}

impl fmt::Debug for BlockRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlockRef({:p})", self.pointer)
    }
}

impl BlockRef {
    /// The block, for as long as the state that the link was found in is alive.
    pub(crate) fn get<'v>(self) -> &'v Block {
        #[cfg(shuttle)]
        assert!(!graveyard::holds(self.pointer.as_ptr()), "a link leads to a freed block");
        // SAFETY: links are only followed from a live state, and the registry frees a block only
        // after every state that sees it is gone. A shared reference is all that exists then.
        unsafe { self.pointer.as_ref() }
    }

    /// Takes the block out of the tree, to be changed or freed.
    ///
    /// Only for the builder of generation `building`, for a block that it made itself, and for the
    /// registry once no live state sees the block. The caller must overwrite or forget every link
    /// to the block.
    pub(crate) fn take(self, building: Generation) -> Option<Box<Block>> {
        (self.get().born == building).then(|| self.free())
    }

    /// Takes the block back for good; see [`Self::take`].
    #[expect(clippy::unnecessary_box_returns, reason = "it goes back as it was made")]
    pub(crate) fn free(self) -> Box<Block> {
        // SAFETY: the pointer came from `Box::leak` in `into_ref`, and by the contract of `take`
        // nobody else sees the block any more.
        let block = unsafe { Box::from_raw(self.pointer.as_ptr()) };
        #[cfg(shuttle)]
        let block = block.moved_out();
        block
    }

    /// Frees the block, for the registry; see [`Self::take`].
    #[cfg(not(mutants))]
    pub(crate) fn give_back(self) {
        drop(self.free());
    }

    /// Lets the block read like memory that was freed and is used by somebody else.
    ///
    /// A registry without its guard gives back what is still seen. Freeing that would leave it to
    /// chance what happens; this way it shows, and is sound.
    #[cfg(mutants)]
    pub(crate) fn give_back(self) {
        let block = self.get();
        block.freed.get_or_init(|| vec![0xdd; block.bytes.len()]);
    }

    /// The pointer as a number, to be kept in an image.
    pub(super) fn to_bits(self) -> u64 {
        self.pointer.as_ptr().expose_provenance() as u64
    }

    /// A number that [`Self::to_bits`] gave.
    pub(super) fn from_bits(bits: u64) -> Self {
        let address = usize::try_from(bits).expect("made from a pointer of this machine");
        let pointer = std::ptr::with_exposed_provenance_mut(address);
        Self { pointer: NonNull::new(pointer).expect("links into memory are never null") }
    }
}
