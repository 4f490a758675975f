//! Bytes that stay where they are for as long as somebody holds them.
//!
//! What is in a mapped segment or in a block stays for as long as the state that it was reached
//! from; a page that was read into memory stays only as long as it is held. [`Pinned`] is both. In
//! the first case it is no more than a slice: reading costs nothing more, and dropping it one look.
#![expect(unsafe_code, reason = "bytes and what keeps them travel together; see `Pinned::bytes`")]

use std::{
    fmt,
    marker::PhantomData,
    ptr::{self, NonNull},
    sync::Arc,
};

use super::view::NodeView;

/// Bytes, lent for `'v` or kept by this.
#[derive(Clone)]
pub(crate) struct Pinned<'v> {
    bytes: NonNull<[u8]>,
    /// What keeps the bytes, unless somebody else does for all of `'v`.
    page: Option<Arc<[u8]>>,
    lent: PhantomData<&'v [u8]>,
}

// SAFETY: it is a shared slice of bytes, and perhaps an `Arc` of some, both of which are `Send`.
unsafe impl Send for Pinned<'_> {}
// SAFETY: as above; both are `Sync`.
unsafe impl Sync for Pinned<'_> {}

impl fmt::Debug for Pinned<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.page.is_some() { "kept" } else { "lent" };
        write!(f, "Pinned({} bytes, {how})", self.bytes.len())
    }
}

impl<'v> Pinned<'v> {
    /// Bytes that somebody else keeps.
    #[inline]
    pub(crate) fn lent(bytes: &'v [u8]) -> Self {
        Self { bytes: NonNull::from(bytes), page: None, lent: PhantomData }
    }

    /// Bytes that this keeps, together with its clones and whoever else has the page.
    pub(crate) fn kept(page: Arc<[u8]>) -> Self {
        Self { bytes: NonNull::from(&*page), page: Some(page), lent: PhantomData }
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the bytes were borrowed for `'v`, which `self` does not outlive, or belong to
        // `page`, which is never replaced and whose bytes nobody changes and no move of `self`
        // moves. What is given is borrowed from `self`, so it does not outlive the page.
        unsafe { self.bytes.as_ref() }
    }

    /// A part of the bytes, which stays as they do.
    #[inline]
    pub(crate) fn part(&self, part: &[u8]) -> Self {
        let (all, within) = (self.bytes().as_ptr_range(), part.as_ptr_range());
        assert!(all.start <= within.start && within.end <= all.end, "a part of something else");
        Self { bytes: NonNull::from(part), page: self.page.clone(), lent: PhantomData }
    }

    /// Whether both are the same bytes in the same place.
    #[inline]
    pub(crate) fn is_at(&self, other: &Self) -> bool {
        ptr::eq(self.bytes.as_ptr(), other.bytes.as_ptr())
    }
}

/// The image of a node: made in memory, or accepted by `layout::verify`.
#[derive(Clone, Debug)]
pub(crate) struct Node<'v> {
    image: Pinned<'v>,
}

impl<'v> Node<'v> {
    #[inline]
    pub(crate) fn new(image: Pinned<'v>) -> Self {
        Self { image }
    }

    /// The node for reading.
    #[inline]
    pub(crate) fn view(&self) -> NodeView<'_> {
        NodeView::new(self.image.bytes())
    }

    /// A part of the image that a view of it gave.
    #[inline]
    pub(crate) fn part(&self, part: &[u8]) -> Pinned<'v> {
        self.image.part(part)
    }

    /// Whether both are the same image in the same place.
    #[inline]
    pub(crate) fn is_at(&self, other: &Self) -> bool {
        self.image.is_at(&other.image)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_keeps_the_page_that_it_is_of() {
        let page: Arc<[u8]> = Arc::from(&b"a page"[..]);
        let whole = Pinned::kept(Arc::clone(&page));
        let part = whole.part(&page[2..]);
        drop(whole);
        assert_eq!(Arc::strong_count(&page), 2, "one is held here, one by the part");
        let copy = part.clone();
        drop((page, part));
        assert_eq!(copy.bytes(), b"page");
    }

    #[test]
    fn what_is_lent_outlives_whoever_pinned_it() {
        let text = b"lent".to_vec();
        let part = Pinned::lent(&text).part(&text[1..3]);
        assert!(part.is_at(&part.clone()) && !part.is_at(&Pinned::lent(&text)));
        assert_eq!(part.bytes(), b"en");
    }

    #[test]
    #[should_panic = "a part of something else"]
    fn equal_bytes_elsewhere_are_no_part() {
        let elsewhere = b"some".to_vec();
        Pinned::lent(b"some").part(&elsewhere);
    }
}
