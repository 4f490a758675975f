//! Numbers with a meaning, each its own type, so that none is taken for another.

use std::fmt;

macro_rules! number {
    ($(#[$doc:meta])* $vis:vis $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis struct $name(pub(crate) $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// A store for as long as it exists, whatever its name becomes. Never used for another store.
    pub StoreId(u32)
}
number! {
    /// The position of a batch in the log: 1 for the first, then one more for each.
    pub(crate) Position(u64)
}
number! {
    /// A state of the trees in memory. Grows with every commit and every checkpoint.
    pub(crate) Generation(u64)
}
number! {
    /// A segment file. Never used for another file.
    pub(crate) SegmentId(u32)
}

impl StoreId {
    /// The store that holds the names of all others.
    pub(crate) const CATALOG: Self = Self(0);
}

impl Position {
    /// Before the first batch.
    pub(crate) const ZERO: Self = Self(0);

    pub(crate) fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl Generation {
    pub(crate) fn next(self) -> Self {
        Self(self.0 + 1)
    }
}
