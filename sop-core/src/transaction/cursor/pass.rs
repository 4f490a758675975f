//! Passing many entries at once.

use std::{borrow::Cow, fmt, ops::ControlFlow};

use super::{Cursor, Under, written};
use crate::{
    error::Error,
    node::{NodeView, Stored},
};

/// An entry that a cursor passes.
#[derive(Clone, Copy)]
pub struct Passed<'c>(Entry<'c>);

#[derive(Clone, Copy)]
enum Entry<'c> {
    InLeaf(NodeView<'c>, usize),
    Elsewhere { key: &'c [u8], value: &'c [u8] },
}

impl<'c> Passed<'c> {
    /// The value.
    #[inline]
    pub fn value(&self) -> &'c [u8] {
        match self.0 {
            Entry::InLeaf(leaf, index) => match leaf.stored(index) {
                Stored::Inline(value) => value,
                Stored::Outside(_) => &[],
            },
            Entry::Elsewhere { value, .. } => value,
        }
    }

    /// The key. It is put together from two parts, which costs a copy of it.
    pub fn key(&self) -> Cow<'c, [u8]> {
        match self.0 {
            Entry::InLeaf(leaf, index) => Cow::Owned(leaf.key(index)),
            Entry::Elsewhere { key, .. } => Cow::Borrowed(key),
        }
    }
}

impl fmt::Debug for Passed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passed").field("key", &self.key()).finish_non_exhaustive()
    }
}

impl Cursor<'_> {
    /// Moves on as [`next`](Self::next) does, again and again, and shows each entry to `visit`, until
    /// that breaks off or there are no more. Says whether it broke off; then the cursor stands on the
    /// entry it did so at, and otherwise nowhere.
    ///
    /// Takes a fraction of the time of as many moves, since a leaf is looked at as a whole. What
    /// `visit` itself writes may be seen or not.
    ///
    /// # Errors
    /// Those of [`next`](Self::next), and whatever `visit` fails with; the cursor then stands on the
    /// entry it failed at.
    ///
    /// ```
    /// # use std::ops::ControlFlow;
    /// # let db = sop_core::Database::builder().in_memory()?;
    /// # let tx = db.begin()?;
    /// # let store = tx.create_store("s", &Default::default())?;
    /// store.add("a", "1")?;
    /// store.add("b", "2")?;
    /// let mut sum = 0;
    /// _ = store.cursor()?.pass(|entry| {
    ///     sum += usize::from(entry.value()[0] - b'0');
    ///     Ok::<_, sop_core::Error>(ControlFlow::Continue(()))
    /// })?;
    /// assert_eq!(sum, 3);
    /// # Ok::<_, sop_core::Error>(())
    /// ```
    pub fn pass<E: From<Error>>(
        &mut self,
        mut visit: impl FnMut(Passed<'_>) -> Result<ControlFlow<()>, E>,
    ) -> Result<ControlFlow<()>, E> {
        while self.next()? {
            let flow = if let Some(end) = self.rest_of_leaf() {
                self.pass_leaf(end, &mut visit)?
            } else {
                let (key, value) = (self.key(), self.value());
                let (key, value) = (key.unwrap_or_default(), value.unwrap_or_default());
                visit(Passed(Entry::Elsewhere { key, value }))?
            };
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Where the entries of the leaf end that are in the range, if they are all there is from the
    /// cursor to there: nothing of the transaction's own, and no value outside of the leaf.
    fn rest_of_leaf(&self) -> Option<usize> {
        let Under::InPlace = self.value else { return None };
        let has_own = self.store.view().drafted(|draft| written(draft, self.store).is_some());
        let (leaf, _) = self.tree.entry().filter(|(leaf, _)| leaf.outside() == 0)?;
        let last = leaf.count() - 1;
        let end = match &self.range.end {
            Some(end) if leaf.compare(last, end).is_ge() => {
                leaf.search(end).unwrap_or_else(|above| above)
            }
            _ => leaf.count(),
        };
        (has_own != Some(true)).then_some(end)
    }

    /// Passes the entries from the cursor's to the one before `end`, and stands on the last of them.
    fn pass_leaf<E>(
        &mut self,
        end: usize,
        visit: &mut impl FnMut(Passed<'_>) -> Result<ControlFlow<()>, E>,
    ) -> Result<ControlFlow<()>, E> {
        let Some((leaf, first)) = self.tree.leaf() else { return Ok(ControlFlow::Continue(())) };
        let leaf = leaf.clone();
        // What is passed counts as read also if `visit` panics in the middle.
        self.tree.set_index(end - 1);
        self.place.set_entry(&leaf, end - 1);
        for index in first..end {
            let outcome = visit(Passed(Entry::InLeaf(leaf.view(), index)));
            if !matches!(outcome, Ok(ControlFlow::Continue(()))) {
                self.tree.set_index(index);
                self.place.set_entry(&leaf, index);
                return outcome;
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}
