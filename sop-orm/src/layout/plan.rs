//! Reading plans: where the fields of a struct are found in rows of another layout.

use std::collections::BTreeMap;

use super::conversion::Conversion;

/// How rows of one layout are read as a struct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The version of the struct that reads the rows.
    pub(crate) version: u32,
    /// Number of fields in a row of the layout.
    pub(crate) stored: usize,
    /// For each field of the struct where it comes from.
    pub(crate) sources: Vec<Source>,
    /// What the struct does not know and must not lose.
    pub(crate) carried: Option<Carried>,
}

/// Where a field comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// From the field at this position in the row.
    Read(usize),
    /// From there, but of another type.
    Convert(usize, Conversion),
    /// It is not in the row.
    Default,
}

/// Fields that a newer program has put into a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Carried {
    /// Their positions in the row.
    pub(crate) fields: Vec<usize>,
    /// The layout of rows that have the fields of the struct and then these.
    pub(crate) layout: u32,
}

/// The layouts in which rows of one store may be found, and the one they are written in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layouts {
    /// The layout that is compiled in.
    pub(crate) current: u32,
    /// Number of fields in its rows.
    pub(crate) fields: usize,
    /// The plans for all others.
    pub(crate) others: BTreeMap<u32, Plan>,
}

impl Layouts {
    /// Whether a row of a layout is as this program would write it: with all fields of the struct,
    /// and with those that it would have to carry.
    pub(crate) fn is_settled(&self, layout: u32) -> bool {
        let carried = |plan: &Plan| plan.carried.as_ref().map(|carried| carried.layout);
        layout == self.current || self.others.get(&layout).and_then(carried) == Some(layout)
    }

    /// Whether rows may have fields that the struct does not know and must not lose.
    pub(crate) fn carry_any(&self) -> bool {
        self.others.values().any(|plan| plan.carried.is_some())
    }
}
