//! A position in a store, movable both ways, over a snapshot and the transaction's own writes.

mod pass;

pub use pass::Passed;

use std::{cmp::Ordering, fmt, ops::Bound};

use super::{StoreView, Value, draft::Draft, own::Own, place::Place};
use crate::{
    delta::Write,
    error::Result,
    node::NodeView,
    tree::{KeyRange, TreeCursor},
    write_set::WriteSet,
};

/// A position in a store: on an entry, or nowhere.
///
/// A new cursor stands nowhere; [`next`](Self::next) then goes to the first entry and
/// [`prev`](Self::prev) to the last. Each move says whether the cursor now stands on an entry.
/// Moving past either end makes it stand nowhere again.
///
/// The transaction may go on writing while a cursor is alive: moves see what was written, and a
/// cursor whose entry was removed moves on from where that entry was.
///
/// ```
/// # let db = sop_core::Database::builder().in_memory()?;
/// # let tx = db.begin()?;
/// # let store = tx.create_store("s", &Default::default())?;
/// store.add("a", "1")?;
/// store.add("b", "2")?;
/// let mut cursor = store.cursor()?;
/// while cursor.next()? {
///     println!("{:?} is {:?}", cursor.key(), cursor.value());
/// }
/// assert!(cursor.seek("aa")?);
/// assert_eq!(cursor.key(), Some(&b"b"[..]));
/// # Ok::<_, sop_core::Error>(())
/// ```
pub struct Cursor<'t> {
    store: StoreView<'t>,
    /// Entries outside of it are not seen.
    range: KeyRange,
    /// Whether values are looked at, or only keys.
    reads: bool,
    tree: TreeCursor<'t>,
    /// Where the tree's cursor stands, seen from here.
    tree_at: TreeAt,
    place: Place<'t>,
    /// The value of the entry the cursor stands on.
    value: Under<'t>,
    /// The number under which the draft knows of this cursor, if what it passes counts as read.
    tracked: Option<u64>,
    /// Where the moves in one direction began that the draft does not know of yet.
    run: Option<(Vec<u8>, Direction)>,
}

/// The value under a cursor.
enum Under<'t> {
    /// The cursor stands nowhere.
    Nothing,
    /// In the leaf that the place knows of: it is looked at when somebody asks.
    InPlace,
    /// Wherever it is: nobody asks.
    Unread,
    Elsewhere(Value<'t>),
}

impl Under<'_> {
    fn is_entry(&self) -> bool {
        !matches!(self, Self::Nothing)
    }
}

/// Where the cursor in the snapshot's tree stands compared with the cursor over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TreeAt {
    /// Anywhere.
    Elsewhere,
    /// On the entry of the same key.
    Here,
    /// On the first entry of a greater key, or past the end.
    After,
    /// On the last entry of a lesser key, or before the beginning.
    Before,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Forward,
    Backward,
}

use Direction::{Backward, Forward};

impl<'t> Cursor<'t> {
    pub(super) fn new(store: StoreView<'t>, range: KeyRange) -> Result<Self> {
        Self::open(store, range, true)
    }

    /// One that looks at keys only: its entries seem to have no values.
    pub(super) fn of_keys(store: StoreView<'t>, range: KeyRange) -> Result<Self> {
        Self::open(store, range, false)
    }

    fn open(store: StoreView<'t>, range: KeyRange, reads: bool) -> Result<Self> {
        let open = |draft: &mut Draft| {
            draft.check_usable(store.id())?;
            Ok(draft.open_range(store.id(), range.clone()))
        };
        let tracked = store.view().drafted(open).transpose()?.flatten();
        let tree = TreeCursor::new(store.view().source(), store.tree());
        let (place, value, run) = (Place::default(), Under::Nothing, None);
        let tree_at = TreeAt::Elsewhere;
        Ok(Self { store, range, reads, tree, tree_at, place, value, tracked, run })
    }

    /// The key of the entry under the cursor.
    pub fn key(&self) -> Option<&[u8]> {
        self.value.is_entry().then(|| self.place.key())
    }

    /// The value of the entry under the cursor, as it was when the cursor moved there.
    pub fn value(&self) -> Option<&[u8]> {
        match &self.value {
            Under::Nothing | Under::Unread => None,
            Under::InPlace => self.place.value(),
            Under::Elsewhere(value) => Some(value),
        }
    }

    pub(super) fn entry(&self) -> Option<(Vec<u8>, Value<'t>)> {
        let value = match &self.value {
            Under::Nothing | Under::Unread => return None,
            Under::InPlace => Value::snapshot(self.place.pinned_value()?),
            Under::Elsewhere(value) => value.clone(),
        };
        Some((self.place.to_vec(), value))
    }

    /// Moves to the first entry.
    pub fn first(&mut self) -> Result<bool> {
        self.start_at(None);
        self.go(Forward, true)
    }

    /// Moves to the last entry.
    pub fn last(&mut self) -> Result<bool> {
        match self.range.end.clone() {
            Some(end) => {
                self.start_at(Some(&end));
                self.go(Backward, false)
            }
            None => self.go_to_end(),
        }
    }

    /// Moves to the first entry at or after `key`.
    pub fn seek(&mut self, key: impl AsRef<[u8]>) -> Result<bool> {
        self.start_at(Some(key.as_ref()).filter(|key| *key > self.range.start.as_slice()));
        self.go(Forward, true)
    }

    /// Moves to the last entry at or before `key`.
    pub fn seek_back(&mut self, key: impl AsRef<[u8]>) -> Result<bool> {
        match &self.range.end {
            Some(end) if key.as_ref() >= end.as_slice() => self.last(),
            _ => {
                self.start_at(Some(key.as_ref()));
                self.go(Backward, true)
            }
        }
    }

    /// Moves to the next entry; to the first one if the cursor stands nowhere.
    #[expect(clippy::should_implement_trait, reason = "an iterator could not lend its entries")]
    pub fn next(&mut self) -> Result<bool> {
        if !self.value.is_entry() {
            return self.first();
        }
        self.go(Forward, false)
    }

    /// Moves to the entry before; to the last one if the cursor stands nowhere.
    pub fn prev(&mut self) -> Result<bool> {
        if !self.value.is_entry() {
            return self.last();
        }
        self.go(Backward, false)
    }

    /// Puts the cursor at a key, whether there is an entry or not, or at the start of its range.
    fn start_at(&mut self, key: Option<&[u8]>) {
        self.end_run(self.value.is_entry());
        self.value = Under::Nothing;
        self.place.set(key.unwrap_or(&self.range.start));
        self.tree_at = TreeAt::Elsewhere;
    }

    /// Moves to the last entry, from beyond every key that there could be.
    fn go_to_end(&mut self) -> Result<bool> {
        self.end_run(self.value.is_entry());
        self.value = Under::Nothing;
        self.tree_at = TreeAt::Elsewhere;
        self.tree.last()?;
        let greatest = |draft: &mut Draft| {
            let writes = written(draft, self.store)?;
            nearest(writes, Bound::Unbounded, Backward).map(|write| write.key.to_vec())
        };
        let own = self.store.view().drafted(greatest).flatten();
        let last = self.tree.entry().map(|(leaf, index)| leaf.key(index));
        let found = match own.max(last) {
            Some(greatest) => {
                self.start_at(Some(&greatest));
                self.go(Backward, true)?
            }
            None => false,
        };
        let start = if found { self.place.to_vec() } else { Vec::new() };
        self.read(KeyRange { start, end: None });
        Ok(found)
    }

    /// Moves on from the place, or to it if `or_here` and there is an entry.
    fn go(&mut self, direction: Direction, mut or_here: bool) -> Result<bool> {
        self.begin_run(direction);
        loop {
            self.move_tree(direction, or_here)?;
            let found = match self.own_step(direction, or_here)? {
                Some(found) => found,
                None => self.settle_on_tree()?,
            };
            if found == Step::Removed {
                or_here = false;
                continue;
            }
            let inside = found == Step::Entry && self.is_inside(direction);
            if !inside {
                self.value = Under::Nothing;
                self.end_run(false);
            }
            return Ok(inside);
        }
    }

    /// Brings the tree's cursor to the nearest entry in the direction.
    fn move_tree(&mut self, direction: Direction, or_here: bool) -> Result<()> {
        // Until the move has succeeded the tree's cursor may stand anywhere.
        let before = std::mem::replace(&mut self.tree_at, TreeAt::Elsewhere);
        let (after, moved) = match direction {
            Forward => (TreeAt::After, before == TreeAt::After),
            Backward => (TreeAt::Before, before == TreeAt::Before),
        };
        match (before, direction) {
            _ if moved => {}
            (TreeAt::Here, Forward) => _ = self.tree.next()?,
            (TreeAt::Here, Backward) => _ = self.tree.prev()?,
            (_, Forward) => {
                let found = self.tree.seek(self.place.key())?;
                if found && !or_here && self.tree_is_here() {
                    self.tree.next()?;
                }
            }
            (_, Backward) => _ = self.tree.seek_back(self.place.key(), or_here)?,
        }
        self.tree_at = after;
        Ok(())
    }

    /// Whether the entry arrived at is in the range; the other end cannot have been passed.
    fn is_inside(&self, direction: Direction) -> bool {
        let Self { range, place, .. } = self;
        match direction {
            Forward => range.end.as_ref().is_none_or(|end| place.compare(end).is_lt()),
            Backward => range.start.is_empty() || place.compare(&range.start).is_ge(),
        }
    }

    fn tree_is_here(&self) -> bool {
        let is_here = |(leaf, index): (NodeView<'_>, usize)| leaf.compare(index, self.place.key());
        self.tree.entry().map(is_here) == Some(Ordering::Equal)
    }

    /// Stands on the nearest of the transaction's own writes in the direction, unless the tree's
    /// entry is nearer; of two with the same key the write counts.
    fn own_step(&mut self, direction: Direction, or_here: bool) -> Result<Option<Step>> {
        let Self { store, reads, tree, tree_at, place, value, .. } = self;
        let own = |draft: &mut Draft| {
            // Without any, nobody needs the key.
            let writes = written(draft, *store)?;
            let write = nearest(writes, bound(place.key(), or_here), direction)?;
            let order = tree.entry().map(|(leaf, index)| leaf.compare(index, write.key));
            match (order, direction) {
                (Some(Ordering::Less), Forward) | (Some(Ordering::Greater), Backward) => {
                    return None;
                }
                (Some(Ordering::Equal), _) => *tree_at = TreeAt::Here,
                _ => {}
            }
            place.set(write.key);
            Some(write.value.map(|value| reads.then(|| Own::of(value))))
        };
        let Some(own) = store.view().drafted(own).flatten() else { return Ok(None) };
        // If its value cannot be read the cursor stands nowhere.
        *value = Under::Nothing;
        let Some(own) = own else { return Ok(Some(Step::Removed)) };
        *value = match own {
            Some(own) => Under::Elsewhere(own.read(store)?),
            None => Under::Unread,
        };
        Ok(Some(Step::Entry))
    }

    /// Stands where the tree's cursor stands.
    fn settle_on_tree(&mut self) -> Result<Step> {
        let Some((leaf, index)) = self.tree.leaf() else { return Ok(Step::End) };
        self.value = if !self.reads {
            Under::Unread
        } else if let Some(value) = self.tree.outside_value()? {
            Under::Elsewhere(Value::snapshot(value))
        } else {
            Under::InPlace
        };
        self.place.set_entry(leaf, index);
        self.tree_at = TreeAt::Here;
        Ok(Step::Entry)
    }

    /// Everything from here on in one direction will count as read.
    fn begin_run(&mut self, direction: Direction) {
        if self.tracked.is_none() || self.run.as_ref().is_some_and(|(_, at)| *at == direction) {
            return;
        }
        self.end_run(true);
        self.run = Some((self.place.to_vec(), direction));
    }

    /// Tells the draft what was passed: up to the cursor's key, or beyond every key.
    fn end_run(&mut self, at_key: bool) {
        let Some((start, direction)) = self.run.take() else { return };
        let key = &self.place.to_vec();
        self.read(match (direction, at_key) {
            (Forward, true) => KeyRange::new::<&Vec<u8>>(&(&start..=key)),
            (Forward, false) => KeyRange { start, end: None },
            (Backward, true) => KeyRange::new::<&Vec<u8>>(&(key..=&start)),
            (Backward, false) => KeyRange::new::<&Vec<u8>>(&(..=&start)),
        });
    }

    fn read(&self, passed: KeyRange) {
        if self.tracked.is_some() {
            let passed = passed.within(&self.range);
            self.store.view().drafted(|draft| draft.read_range(self.store.id(), passed));
        }
    }
}

/// The transaction's own writes to a store, if there are any.
fn written<'d>(draft: &'d Draft, store: StoreView<'_>) -> Option<&'d WriteSet> {
    draft.stores.get(store.id()).map(|own| &own.writes).filter(|writes| !writes.is_empty())
}

/// The nearest of the transaction's own writes in a direction.
fn nearest<'d>(
    writes: &'d WriteSet,
    from: Bound<&[u8]>,
    direction: Direction,
) -> Option<Write<'d>> {
    match direction {
        Forward => writes.next(from),
        Backward => writes.prev(from),
    }
}

/// What a step met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Entry,
    /// A key that the transaction removed.
    Removed,
    End,
}

fn bound(key: &[u8], or_here: bool) -> Bound<&[u8]> {
    if or_here { Bound::Included(key) } else { Bound::Excluded(key) }
}

impl Drop for Cursor<'_> {
    fn drop(&mut self) {
        self.end_run(self.value.is_entry());
        if let Some(number) = self.tracked {
            let store = self.store.id();
            self.store.view().drafted(|draft| draft.close_range(store, number));
        }
    }
}

impl fmt::Debug for Cursor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cursor").field("key", &self.key()).finish_non_exhaustive()
    }
}
