//! The entries of a range of keys, from both ends.

use super::{Cursor, StoreView, Value};
use crate::{error::Result, tree::KeyRange};

/// An iterator over the entries of a range, ascending; `rev()` makes it descending.
///
/// Copies each key; a [`Cursor`] copies nothing. In a serializable transaction what was passed,
/// and nothing else, counts as read. After an error the iterator ends.
#[derive(Debug)]
pub struct Range<'t> {
    store: StoreView<'t>,
    bounds: KeyRange,
    front: Cursor<'t>,
    /// Made when it is first needed.
    back: Option<Cursor<'t>>,
    done: bool,
}

impl<'t> Range<'t> {
    pub(super) fn new(store: StoreView<'t>, range: KeyRange) -> Result<Self> {
        let front = Cursor::new(store, range.clone())?;
        let done = range.is_empty();
        Ok(Self { store, bounds: range, front, back: None, done })
    }

    fn step(&mut self) -> Result<Option<(Vec<u8>, Value<'t>)>> {
        let found = self.front.next()?;
        let back = self.back.as_ref().and_then(Cursor::key);
        let met = back.is_some() && self.front.key() >= back;
        Ok(if found && !met { self.front.entry() } else { None })
    }

    fn step_back(&mut self) -> Result<Option<(Vec<u8>, Value<'t>)>> {
        let back = match &mut self.back {
            Some(back) => back,
            none => none.insert(Cursor::new(self.store, self.bounds.clone())?),
        };
        let found = back.prev()?;
        let front = self.front.key();
        let met = front.is_some() && back.key() <= front;
        Ok(if found && !met { back.entry() } else { None })
    }

    fn ended(
        &mut self,
        step: Result<Option<(Vec<u8>, Value<'t>)>>,
    ) -> Option<Result<(Vec<u8>, Value<'t>)>> {
        self.done = !matches!(step, Ok(Some(_)));
        step.transpose()
    }
}

impl<'t> Iterator for Range<'t> {
    type Item = Result<(Vec<u8>, Value<'t>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let step = self.step();
        self.ended(step)
    }
}

impl DoubleEndedIterator for Range<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let step = self.step_back();
        self.ended(step)
    }
}

impl std::iter::FusedIterator for Range<'_> {}
