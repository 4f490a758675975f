//! Collections that two sessions changed.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    hash::{BuildHasher, Hash},
};

/// A collection of which each item is there or not: `merge = union`.
///
/// ```
/// use std::collections::BTreeSet;
///
/// use sop_orm::MergeSet;
///
/// let base = BTreeSet::from(["read", "write"]);
/// let ours = BTreeSet::from(["read", "write", "share"]); // we added one
/// let theirs = BTreeSet::from(["read"]); // they removed one
/// assert_eq!(MergeSet::merge_set(&base, &ours, theirs), BTreeSet::from(["read", "share"]));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be merged with `union`",
    label = "not a set",
    note = "`merge = union` takes BTreeSet, HashSet and Vec"
)]
pub trait MergeSet: Sized {
    /// What theirs has and we did not remove, and what we added.
    fn merge_set(base: &Self, ours: &Self, theirs: Self) -> Self;
}

impl<T: Ord + Clone> MergeSet for BTreeSet<T> {
    fn merge_set(base: &Self, ours: &Self, mut theirs: Self) -> Self {
        theirs.retain(|item| ours.contains(item) || !base.contains(item));
        theirs.extend(ours.difference(base).cloned());
        theirs
    }
}

impl<T: Eq + Hash + Clone, S: BuildHasher> MergeSet for HashSet<T, S> {
    fn merge_set(base: &Self, ours: &Self, mut theirs: Self) -> Self {
        theirs.retain(|item| ours.contains(item) || !base.contains(item));
        theirs.extend(ours.difference(base).cloned());
        theirs
    }
}

/// Theirs in their order, then what we added in ours. An item counts as there however often it is.
impl<T: PartialEq + Clone> MergeSet for Vec<T> {
    fn merge_set(base: &Self, ours: &Self, mut theirs: Self) -> Self {
        theirs.retain(|item| ours.contains(item) || !base.contains(item));
        for item in ours.iter().filter(|item| !base.contains(item)) {
            if !theirs.contains(item) {
                theirs.push(item.clone());
            }
        }
        theirs
    }
}

/// A collection of values by key: `merge = map`.
///
/// ```
/// use std::collections::BTreeMap;
///
/// use sop_orm::MergeMap;
///
/// let base = BTreeMap::from([("colour", "red"), ("size", "L")]);
/// let ours = BTreeMap::from([("colour", "blue"), ("size", "L")]);
/// let theirs = BTreeMap::from([("colour", "red"), ("size", "M")]);
/// let merged = BTreeMap::from([("colour", "blue"), ("size", "M")]);
/// assert_eq!(MergeMap::merge_map(&base, &ours, theirs), Some(merged));
///
/// let theirs = BTreeMap::from([("colour", "green"), ("size", "L")]);
/// assert_eq!(MergeMap::merge_map(&base, &ours, theirs), None, "two colours for one");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be merged with `map`",
    label = "not a map",
    note = "`merge = map` takes BTreeMap and HashMap"
)]
pub trait MergeMap: Sized {
    /// For each key the side that changed it; none if both did, and not alike.
    fn merge_map(base: &Self, ours: &Self, theirs: Self) -> Option<Self>;
}

macro_rules! map {
    ($map:ident, $($bound:ident),+; $($hasher:ident)?) => {
        impl<K: $($bound +)+ Clone, V: PartialEq + Clone $(, $hasher: BuildHasher)?> MergeMap
            for $map<K, V $(, $hasher)?>
        {
            fn merge_map(base: &Self, ours: &Self, mut theirs: Self) -> Option<Self> {
                let removed = base.keys().filter(|key| !ours.contains_key(*key));
                let changes = removed.map(|key| (key, None));
                let changes = changes.chain(ours.iter().map(|(key, value)| (key, Some(value))));
                for (key, value) in changes {
                    let (was, is) = (base.get(key), theirs.get(key));
                    if value == was || value == is {
                        continue;
                    }
                    if is != was {
                        return None;
                    }
                    match value {
                        Some(value) => _ = theirs.insert(key.clone(), value.clone()),
                        None => _ = theirs.remove(key),
                    }
                }
                Some(theirs)
            }
        }
    };
}

map!(BTreeMap, Ord;);
map!(HashMap, Eq, Hash; S);

/// Something that grows at its end: `merge = append`.
///
/// ```
/// use sop_orm::MergeAppend;
///
/// let (base, ours) = ("created".to_owned(), "created; paid".to_owned());
/// let merged = String::merge_append(&base, &ours, "created; shipped".to_owned());
/// assert_eq!(merged.as_deref(), Some("created; shipped; paid"));
///
/// let changed = "Created".to_owned();
/// assert_eq!(String::merge_append(&base, &changed, base.clone()), None, "not only appended");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be merged with `append`",
    label = "not a list or text",
    note = "`merge = append` takes Vec and String"
)]
pub trait MergeAppend: Sized {
    /// Theirs, and then what we appended to base; none if we did something else to it.
    fn merge_append(base: &Self, ours: &Self, theirs: Self) -> Option<Self>;
}

impl<T: PartialEq + Clone> MergeAppend for Vec<T> {
    fn merge_append(base: &Self, ours: &Self, mut theirs: Self) -> Option<Self> {
        theirs.extend_from_slice(ours.strip_prefix(base.as_slice())?);
        Some(theirs)
    }
}

impl MergeAppend for String {
    fn merge_append(base: &Self, ours: &Self, mut theirs: Self) -> Option<Self> {
        theirs.push_str(ours.strip_prefix(base.as_str())?);
        Some(theirs)
    }
}
