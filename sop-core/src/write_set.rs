//! The writes of a transaction in one store, in the order of their keys.
//!
//! Bytes of keys and values are appended to one buffer. Slots of equal size say where each write
//! stands in it and how its key begins, so that most comparisons need no look into the buffer.
//! Slots are kept in *runs*, each short enough to insert into its middle; a list of the first slots
//! leads to the run: a B+tree of two levels. There is no allocation for a single write.

use std::{cmp::Ordering, fmt, mem, ops::Bound};

use crate::{
    codec,
    delta::{NewValue, Write},
    guard::{self, Guard},
    id::Address,
};

/// A run with more slots than this is split.
const RUN_MAX: usize = 512;

/// In place of a value's length: the key was removed.
const REMOVED: u32 = u32::MAX;

/// Whether others may have written the key meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Regard {
    /// They must not: the write is for the entry that the transaction saw, or for its absence.
    #[default]
    Checked,
    /// They may: the write says what the key holds afterwards, whatever it held before.
    Blind,
}

/// The values a transaction gave to keys, and the keys that it removed.
#[derive(Clone, Default)]
pub(crate) struct WriteSet {
    bytes: Vec<u8>,
    /// The first slot of each run.
    firsts: Vec<Slot>,
    /// Ascending; none is empty.
    runs: Vec<Vec<Slot>>,
}

/// Where a write stands: its key and then its value, or where that is placed.
#[derive(Clone, Copy, Debug)]
struct Slot {
    /// The first eight bytes of the key as a number that sorts as they do.
    head: u64,
    at: u32,
    value_len: u32,
    key_len: u16,
    regard: Regard,
    /// Whether the value stands in a segment, and its address here.
    placed: bool,
}

/// What undoing a write takes; see [`WriteSet::undo`].
#[derive(Clone, Debug)]
pub(crate) struct Replaced {
    new: Slot,
    old: Option<Slot>,
}

/// A slot, or where one could be inserted.
#[derive(Clone, Copy, Debug)]
struct Place {
    run: usize,
    index: usize,
}

impl WriteSet {
    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Bytes of all keys and values written, those that were replaced since included.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The write to a key.
    pub(crate) fn get(&self, key: &[u8]) -> Option<Write<'_>> {
        self.search(key).ok().map(|place| self.write(self.runs[place.run][place.index]))
    }

    /// Gives a key a value, or notes its removal. A key that was checked before stays so.
    ///
    /// All that was ever written must not exceed 4 GiB, nor a key 64 KiB.
    pub(crate) fn insert(&mut self, Write { key, value }: Write<'_>, regard: Regard) {
        match self.search(key) {
            Ok(place) => self.replace(place, Write { key, value }, regard),
            Err(place) => {
                let slot = self.append(key, value, regard);
                self.insert_slot(place, slot);
            }
        }
    }

    /// Does the same and touches nothing that was written before, so that it can be undone.
    pub(crate) fn insert_undoably(
        &mut self,
        Write { key, value }: Write<'_>,
        regard: Regard,
    ) -> Replaced {
        let place = self.search(key);
        let mut new = self.append(key, value, regard);
        let old = match place {
            Ok(place) => {
                new.regard = stricter(self.runs[place.run][place.index].regard, regard);
                Some(self.exchange(place, new))
            }
            Err(place) => {
                self.insert_slot(place, new);
                None
            }
        };
        Replaced { new, old }
    }

    /// Undoes a write; gives the key if it was checked and is not any more. All later writes must
    /// have been undone before.
    pub(crate) fn undo(&mut self, Replaced { new, old }: &Replaced) -> Option<Vec<u8>> {
        let key = self.write(*new).key.to_vec();
        let place = self.search(&key).expect("invariant: later writes were undone before");
        if let Some(old) = old {
            self.exchange(place, *old);
        } else {
            self.remove_slot(place);
        }
        self.bytes.truncate(new.at as usize);
        let is_checked = |slot: &Slot| slot.regard == Regard::Checked;
        (is_checked(new) && !old.as_ref().is_some_and(is_checked)).then_some(key)
    }

    /// Forgets the write to a key.
    pub(crate) fn remove(&mut self, key: &[u8]) {
        if let Ok(place) = self.search(key) {
            self.remove_slot(place);
        }
    }

    /// All writes, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Write<'_>> {
        self.runs.iter().flatten().map(|slot| self.write(*slot))
    }

    /// The writes that others' writes matter to, ascending.
    pub(crate) fn checked(&self) -> impl Iterator<Item = Write<'_>> {
        let checked = self.runs.iter().flatten().filter(|slot| slot.regard == Regard::Checked);
        checked.map(|slot| self.write(*slot))
    }

    /// The writes from `start` on, ascending, and before `end` if there is one.
    pub(crate) fn range<'a>(
        &'a self,
        start: &[u8],
        end: Option<&'a [u8]>,
    ) -> impl Iterator<Item = Write<'a>> {
        let from = self.place(start, false);
        let first = self.runs.get(from.run).map_or(&[][..], |run| &run[from.index..]);
        let later = self.runs.iter().skip(from.run + 1).flatten();
        let writes = first.iter().chain(later).map(|slot| self.write(*slot));
        writes.take_while(move |write| end.is_none_or(|end| write.key < end))
    }

    /// The first write at a key, or after it.
    pub(crate) fn next(&self, from: Bound<&[u8]>) -> Option<Write<'_>> {
        let mut place = match from {
            Bound::Unbounded => Place { run: 0, index: 0 },
            Bound::Included(key) => self.place(key, false),
            Bound::Excluded(key) => self.place(key, true),
        };
        if self.runs.get(place.run)?.len() == place.index {
            place = Place { run: place.run + 1, index: 0 };
        }
        self.runs.get(place.run).map(|run| self.write(run[place.index]))
    }

    /// The last write at a key, or before it.
    pub(crate) fn prev(&self, from: Bound<&[u8]>) -> Option<Write<'_>> {
        let after = match from {
            Bound::Unbounded => Place { run: self.runs.len(), index: 0 },
            Bound::Included(key) => self.place(key, true),
            Bound::Excluded(key) => self.place(key, false),
        };
        let slot = match after.index.checked_sub(1) {
            Some(index) => self.runs[after.run][index],
            None => *self.runs.get(after.run.checked_sub(1)?)?.last()?,
        };
        Some(self.write(slot))
    }

    /// Where the writes from a key on begin, or those behind it.
    fn place(&self, key: &[u8], behind: bool) -> Place {
        match self.search(key) {
            Ok(found) => Place { index: found.index + usize::from(behind), ..found },
            Err(place) => place,
        }
    }

    /// Where a key stands, or where it belongs: in the last run that does not begin after it.
    fn search(&self, key: &[u8]) -> Result<Place, Place> {
        let head = head(key);
        let starts_up_to = |first: &Slot| self.order(first, head, key) != Ordering::Greater;
        let run = self.firsts.partition_point(starts_up_to).saturating_sub(1);
        let slots = self.runs.get(run).map_or(&[][..], Vec::as_slice);
        match slots.last() {
            // Keys often come in ascending order.
            Some(last) if self.order(last, head, key) == Ordering::Less => {
                Err(Place { run, index: slots.len() })
            }
            _ => slots
                .binary_search_by(|slot| self.order(slot, head, key))
                .map(|index| Place { run, index })
                .map_err(|index| Place { run, index }),
        }
    }

    fn order(&self, slot: &Slot, head: u64, key: &[u8]) -> Ordering {
        slot.head.cmp(&head).then_with(|| self.split(*slot).0.cmp(key))
    }

    /// The key, and all that stands behind it.
    fn split(&self, slot: Slot) -> (&[u8], &[u8]) {
        self.bytes[slot.at as usize..].split_at(usize::from(slot.key_len))
    }

    fn write(&self, slot: Slot) -> Write<'_> {
        let (key, rest) = self.split(slot);
        let value = match slot.value_len {
            REMOVED => None,
            _ if slot.placed => {
                rest.first_chunk().copied().map(Address::decode).map(NewValue::Placed)
            }
            len => Some(NewValue::Bytes(&rest[..len as usize])),
        };
        Write { key, value }
    }

    fn append(&mut self, key: &[u8], value: Option<NewValue<'_>>, regard: Regard) -> Slot {
        let at = u32::try_from(self.bytes.len()).expect("a transaction writes less than 4 GiB");
        self.bytes.extend_from_slice(key);
        with_bytes(value, |bytes| self.bytes.extend_from_slice(bytes));
        let key_len = u16::try_from(key.len()).expect("keys are at most KEY_LEN_MAX bytes long");
        let (value_len, placed) = stored_len(value);
        Slot { head: head(key), at, value_len, key_len, regard, placed }
    }

    /// Takes the room of the value before, if the new one fits there.
    fn replace(&mut self, place: Place, Write { key, value }: Write<'_>, regard: Regard) {
        let old = self.runs[place.run][place.index];
        let regard = stricter(old.regard, regard);
        let (value_len, placed) = stored_len(value);
        let room = if old.value_len == REMOVED { 0 } else { old.value_len };
        let slot = if value_len == REMOVED || value_len <= room {
            let start = old.at as usize + usize::from(old.key_len);
            with_bytes(value, |bytes| {
                self.bytes[start..start + bytes.len()].copy_from_slice(bytes);
            });
            Slot { value_len, regard, placed, ..old }
        } else {
            self.append(key, value, regard)
        };
        self.exchange(place, slot);
    }

    /// Puts a slot of the same key in the place of another.
    fn exchange(&mut self, place: Place, slot: Slot) -> Slot {
        let old = mem::replace(&mut self.runs[place.run][place.index], slot);
        self.note_first(place.run);
        old
    }

    fn remove_slot(&mut self, Place { run, index }: Place) {
        self.runs[run].remove(index);
        if self.runs[run].is_empty() {
            self.runs.remove(run);
            self.firsts.remove(run);
        } else {
            self.note_first(run);
        }
    }

    fn insert_slot(&mut self, place: Place, slot: Slot) {
        let Place { run, index } = place;
        let is_last = run + 1 == self.runs.len();
        match self.runs.get_mut(run) {
            None => {
                self.firsts.push(slot);
                self.runs.push(vec![slot]);
            }
            Some(slots) if slots.len() < RUN_MAX => {
                slots.insert(index, slot);
                self.note_first(run);
            }
            Some(slots) => {
                // What is appended at the end fills runs; elsewhere halves leave room.
                let is_append = index == RUN_MAX && is_last;
                let half = if is_append { RUN_MAX } else { RUN_MAX / 2 };
                let mut second = Vec::with_capacity(RUN_MAX);
                second.extend(slots.drain(half..));
                let (slots, index) = if index > half || is_append {
                    (&mut second, index - half)
                } else {
                    (slots, index)
                };
                slots.insert(index, slot);
                self.firsts.insert(run + 1, second[0]);
                self.runs.insert(run + 1, second);
                self.note_first(run);
            }
        }
    }

    fn note_first(&mut self, run: usize) {
        self.firsts[run] = self.runs[run][0];
    }
}

impl fmt::Debug for WriteSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// A write that was checked stays so, whatever is written to its key afterwards: what it rests on
/// may have decided that.
fn stricter(old: Regard, new: Regard) -> Regard {
    match (old, new) {
        (Regard::Blind, Regard::Blind) => Regard::Blind,
        (Regard::Checked, new) if !guard::stands(Guard::CheckedStays) => new,
        _ => Regard::Checked,
    }
}

/// How many bytes stand for a value, and whether they are its address.
fn stored_len(value: Option<NewValue<'_>>) -> (u32, bool) {
    let len = |len: usize| u32::try_from(len).expect("values are at most 64 MiB long");
    match value {
        None => (REMOVED, false),
        Some(NewValue::Bytes(bytes)) => (len(bytes.len()), false),
        Some(NewValue::Placed(_)) => (len(Address::LEN), true),
    }
}

/// The bytes that stand for a value.
fn with_bytes<T>(value: Option<NewValue<'_>>, act: impl FnOnce(&[u8]) -> T) -> T {
    match value {
        None => act(&[]),
        Some(NewValue::Bytes(bytes)) => act(bytes),
        Some(NewValue::Placed(address)) => act(&address.encode()),
    }
}

/// The first eight bytes of a key, filled up with zeros, as a number that sorts as they do.
fn head(key: &[u8]) -> u64 {
    u64::from_be_bytes(codec::head(key))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    type Model = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

    impl WriteSet {
        fn is_checked(&self, key: &[u8]) -> bool {
            let slot = self.search(key).map(|place| self.runs[place.run][place.index]);
            slot.is_ok_and(|slot| slot.regard == Regard::Checked)
        }
    }

    fn as_write<'a>((key, value): (&'a Vec<u8>, &'a Option<Vec<u8>>)) -> Write<'a> {
        Write { key, value: value.as_deref().map(new_value) }
    }

    /// What is as long as an address is one.
    fn new_value(bytes: &[u8]) -> NewValue<'_> {
        match bytes.try_into() {
            Ok(address) => NewValue::Placed(Address::decode(address)),
            Err(_) => NewValue::Bytes(bytes),
        }
    }

    /// Short keys of few letters, so that they meet; zeros, so that heads are equal where keys are
    /// not.
    fn keys() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            proptest::collection::vec(0_u8..3, 0..4),
            proptest::collection::vec(0_u8..2, 7..12),
            any::<u16>().prop_map(|number| number.to_be_bytes().to_vec()),
        ]
    }

    fn regards() -> impl Strategy<Value = Regard> {
        prop_oneof![Just(Regard::Checked), Just(Regard::Blind)]
    }

    fn values() -> impl Strategy<Value = Option<Vec<u8>>> {
        let lens = prop_oneof![0..6_usize, Just(Address::LEN), Just(20_usize)];
        let bytes = lens.prop_flat_map(|len| proptest::collection::vec(any::<u8>(), len));
        proptest::option::of(bytes)
    }

    proptest! {
        #[test]
        fn a_write_set_is_an_ordered_map(
            writes in proptest::collection::vec((keys(), values(), regards()), 0..2_000),
            forgotten in proptest::collection::vec(keys(), 0..200),
            asked in proptest::collection::vec(keys(), 20),
        ) {
            let (mut set, mut model) = (WriteSet::default(), Model::new());
            let mut checked = BTreeSet::new();
            for (key, value, regard) in writes {
                set.insert(as_write((&key, &value)), regard);
                if regard == Regard::Checked {
                    checked.insert(key.clone());
                }
                model.insert(key, value);
            }
            for key in &forgotten {
                set.remove(key);
                model.remove(key);
                checked.remove(key);
            }
            prop_assert!(set.iter().eq(model.iter().map(as_write)));
            prop_assert!(set.checked().map(|write| write.key).eq(checked.iter()));
            for key in &asked {
                prop_assert_eq!(set.get(key), model.get_key_value(key).map(as_write));
                for bound in [Bound::Included(&key[..]), Bound::Excluded(&key[..])] {
                    let next = model.range::<[u8], _>((bound, Bound::Unbounded)).next();
                    prop_assert_eq!(set.next(bound), next.map(as_write));
                    let prev = model.range::<[u8], _>((Bound::Unbounded, bound)).next_back();
                    prop_assert_eq!(set.prev(bound), prev.map(as_write));
                }
            }
            let [a, b] = [&asked[0], &asked[1]];
            let (start, end) = (a.min(b), a.max(b));
            let expected = model.range::<Vec<u8>, _>(start..end).map(as_write);
            prop_assert!(set.range(start, Some(end)).eq(expected));
            let expected = model.range::<Vec<u8>, _>(start..).map(as_write);
            prop_assert!(set.range(start, None).eq(expected));
            prop_assert_eq!(set.next(Bound::Unbounded), model.iter().next().map(as_write));
            prop_assert_eq!(set.prev(Bound::Unbounded), model.iter().next_back().map(as_write));
        }
    }

    proptest! {
        #[test]
        fn undone_writes_leave_no_trace(
            kept in proptest::collection::vec((keys(), values(), regards()), 0..1_000),
            undone in proptest::collection::vec((keys(), values(), regards()), 0..1_500),
        ) {
            let (mut set, mut model) = (WriteSet::default(), Model::new());
            for (key, value, regard) in kept {
                set.insert(as_write((&key, &value)), regard);
                model.insert(key, value);
            }
            let bytes = set.bytes();
            let checked = |set: &WriteSet| -> BTreeSet<Vec<u8>> {
                set.checked().map(|write| write.key.to_vec()).collect()
            };
            let were_checked = checked(&set);
            let mut journal = Vec::new();
            for (key, value, regard) in &undone {
                let is_checked = set.is_checked(key) || *regard == Regard::Checked;
                let write = as_write((key, value));
                journal.push(set.insert_undoably(write, *regard));
                prop_assert_eq!(set.is_checked(key), is_checked);
            }
            for ((key, ..), replaced) in undone.iter().zip(&journal).rev() {
                let was_checked = set.is_checked(key);
                let unchecked = set.undo(replaced);
                prop_assert_eq!(unchecked.is_some(), was_checked && !set.is_checked(key));
            }
            prop_assert_eq!(checked(&set), were_checked);
            prop_assert!(set.iter().eq(model.iter().map(as_write)));
            prop_assert_eq!(set.bytes(), bytes);
            prop_assert!(set.runs.iter().all(|run| !run.is_empty()));
            prop_assert_eq!(set.firsts.len(), set.runs.len());
        }
    }

    #[test]
    fn runs_split_and_fill_in_any_order_of_keys() {
        let numbers = 0..4 * RUN_MAX as u64;
        let scattered = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let orders: [Vec<u64>; 3] = [
            numbers.clone().collect(),
            numbers.clone().rev().collect(),
            numbers.map(scattered).collect(),
        ];
        for order in orders {
            let mut set = WriteSet::default();
            for number in &order {
                set.insert(Write { key: &number.to_be_bytes(), value: None }, Regard::Checked);
            }
            let mut sorted = order;
            sorted.sort_unstable();
            assert!(
                set.iter()
                    .map(|write| write.key.to_vec())
                    .eq(sorted.iter().map(|n| n.to_be_bytes()))
            );
            assert!(set.runs.iter().all(|run| !run.is_empty() && run.len() <= RUN_MAX));
        }
    }

    #[test]
    fn what_is_forgotten_write_by_write_is_forgotten_as_a_whole() {
        let mut set = WriteSet::default();
        let keys: Vec<_> = (0..2 * RUN_MAX as u64).map(u64::to_be_bytes).collect();
        for key in &keys {
            set.insert(Write { key, value: None }, Regard::Checked);
        }
        for key in &keys {
            set.remove(key);
        }
        assert!(set.is_empty());
        set.insert(Write { key: b"again", value: None }, Regard::Checked);
        assert_eq!(set.iter().count(), 1);
    }

    #[test]
    fn a_value_that_fits_takes_the_room_of_the_one_before() {
        let mut set = WriteSet::default();
        for value in ["long", "tiny", "", "long"] {
            let value = Some(NewValue::Bytes(value.as_bytes()));
            set.insert(Write { key: b"k", value }, Regard::Checked);
            assert_eq!(set.get(b"k").and_then(|write| write.value), value);
        }
        assert_eq!(set.bytes(), 10, "only what does not fit is appended");
    }
}
