//! Passing many entries at once.

use std::{borrow::Cow, fmt, ops::ControlFlow};

use super::{Cursor, Under, written};
use crate::{
    error::Error,
    node::{Node, NodeView, Stored},
};

/// Entries that a cursor passes at once, one at least: some that lie behind each other in a leaf.
#[derive(Clone, Copy)]
pub struct Passed<'c>(Entries<'c>);

#[derive(Clone, Copy)]
enum Entries<'c> {
    InLeaf { leaf: NodeView<'c>, first: usize, end: usize },
    One { key: &'c [u8], value: &'c [u8] },
}

impl<'c> Passed<'c> {
    /// How many entries there are.
    #[expect(clippy::len_without_is_empty, reason = "there is one at least")]
    #[inline]
    pub fn len(&self) -> usize {
        match self.0 {
            Entries::InLeaf { first, end, .. } => end - first,
            Entries::One { .. } => 1,
        }
    }

    /// The values, in the order of their keys.
    #[inline]
    pub fn values(&self) -> impl Iterator<Item = &'c [u8]> + Clone + use<'c> {
        let passed = *self;
        (0..self.len()).map(move |at| passed.value(at))
    }

    #[inline]
    fn value(&self, at: usize) -> &'c [u8] {
        match self.0 {
            Entries::InLeaf { leaf, first, .. } => match leaf.stored(first + at) {
                Stored::Inline(value) => value,
                Stored::Outside(_) => &[],
            },
            Entries::One { value, .. } => value,
        }
    }

    /// The key of one of the entries, counted from 0; none if there are not so many. It is put
    /// together from two parts, which costs a copy of it.
    pub fn key(&self, at: usize) -> Option<Cow<'c, [u8]>> {
        match self.0 {
            _ if at >= self.len() => None,
            Entries::InLeaf { leaf, first, .. } => Some(Cow::Owned(leaf.key(first + at))),
            Entries::One { key, .. } => Some(Cow::Borrowed(key)),
        }
    }
}

impl fmt::Debug for Passed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = (0..self.len()).filter_map(|at| self.key(at));
        f.debug_list().entries(keys).finish()
    }
}

impl<'t> Cursor<'t> {
    /// Moves on as [`next`](Self::next) does, again and again, and shows what it passes to `visit`,
    /// until that breaks off or there are no more entries. Says whether it broke off; then the cursor
    /// stands on the last entry that was shown, and otherwise nowhere.
    ///
    /// Takes a fraction of the time of as many moves, since a leaf is looked at as a whole. What
    /// `visit` itself writes may be seen or not.
    ///
    /// # Errors
    /// Those of [`next`](Self::next), and whatever `visit` fails with.
    ///
    /// ```
    /// # use std::ops::ControlFlow;
    /// # let db = sop_core::Database::builder().in_memory()?;
    /// # let tx = db.begin()?;
    /// # let store = tx.create_store("s", &Default::default())?;
    /// store.add("a", "1")?;
    /// store.add("b", "2")?;
    /// let mut sum = 0;
    /// _ = store.cursor()?.pass(|entries| {
    ///     sum += entries.values().map(|value| usize::from(value[0] - b'0')).sum::<usize>();
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
            let flow = if let Some((leaf, first, end)) = self.rest_of_leaf() {
                // What is passed counts as read also if `visit` fails.
                self.tree.set_index(end - 1);
                self.place.set_entry(&leaf, end - 1);
                visit(Passed(Entries::InLeaf { leaf: leaf.view(), first, end }))?
            } else {
                let (key, value) = (self.key(), self.value());
                let (key, value) = (key.unwrap_or_default(), value.unwrap_or_default());
                visit(Passed(Entries::One { key, value }))?
            };
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The leaf, and the entries of it from the cursor's on that are in the range, if they are all
    /// there is up to there: nothing of the transaction's own, and no value outside of the leaf.
    fn rest_of_leaf(&self) -> Option<(Node<'t>, usize, usize)> {
        let Under::InPlace = self.value else { return None };
        let own = self.store.view().drafted(|draft| written(draft, self.store).is_some());
        let (node, first) = self.tree.leaf().filter(|_| own != Some(true))?;
        let leaf = node.view();
        let end = match &self.range.end {
            _ if leaf.outside() > 0 => return None,
            Some(end) if leaf.compare(leaf.count() - 1, end).is_ge() => {
                leaf.search(end).unwrap_or_else(|above| above)
            }
            _ => leaf.count(),
        };
        Some((node.clone(), first, end))
    }
}
