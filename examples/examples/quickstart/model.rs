//! What is stored: a plain struct, and what `#[sop(..)]` says about it.

use std::{collections::BTreeSet, fmt, num::TryFromIntError};

use serde::Deserialize;
use sop_orm::prelude::*;

/// A published software package.
///
/// The derive makes a typed store of this struct. Each index becomes a method of that store, so
/// a wrong name or a value of the wrong type does not compile.
#[derive(SopStore)]
#[sop(store = "packages")]
// What is inserted is a `NewPackage`: the fields below without the key and without defaults.
#[sop(new(derive(Deserialize)))]
// Two columns, the second one downwards: the newest packages of a tenant come first.
#[sop(index(by_tenant(tenant, date desc)))]
pub struct Package {
    /// Made when the record is inserted. It cannot be taken for the id of anything else.
    #[sop(key(auto = uuid7))]
    pub id: Id<Package>,

    /// No two packages have the same name: the second one would be refused.
    #[sop(unique(by_name))]
    pub name: String,

    /// The family of names that the package belongs to.
    pub tenant: String,

    #[sop(index(by_date))]
    pub date: Month,

    /// `each` gives the index an entry for every tag.
    #[sop(index(by_tag, each))]
    pub tags: BTreeSet<String>,

    pub text: String,

    /// `None` is a value like any other: it comes first and can be searched for.
    #[sop(index(by_review), default)]
    pub reviewed_at: Option<Timestamp>,

    /// Fields with a default need not be given for a new record.
    #[sop(default)]
    pub downloads: u64,
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.name, self.date, self.text)
    }
}

/// A month of a year. `key` allows it as a column of an index, in the order of its fields.
#[derive(SopEmbed, Deserialize, Clone, Copy)]
#[sop(key)]
#[serde(try_from = "u32")]
pub struct Month {
    pub year: u16,
    pub month: u8,
}

impl TryFrom<u32> for Month {
    type Error = TryFromIntError;

    /// Takes 202405 for May 2024.
    fn try_from(yyyymm: u32) -> Result<Self, TryFromIntError> {
        Ok(Self { year: (yyyymm / 100).try_into()?, month: (yyyymm % 100).try_into()? })
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}
