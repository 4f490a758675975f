//! Stands in for SOP's vector fields until the typed layer has them: it is not there.

use super::{Absent, Item, Layout, NOT_MEASURED, Scope, Vectors};
use crate::{
    Result,
    engines::{Settings, version},
};
use std::{convert::Infallible, path::Path};

/// Nothing, which cannot be opened.
#[derive(Debug)]
pub(crate) struct Sop(Infallible);

impl Vectors for Sop {
    type Prepared = ();

    const EFFORTS: &'static [u32] = &[];
    const IS_DURABLE: bool = true;

    fn settings() -> Settings {
        Settings {
            name: format!("sop-orm {}", version("sop-orm")),
            options: "default options, serializable, a session for each operation; two structs, \
                      one with `partition = tenant`, both with `filter = by_date`; `recall(..)` is \
                      raised",
            durable: "`Durability::Immediate`: one append to the log and one fdatasync for all \
                      commits that wait together",
            relaxed: NOT_MEASURED,
        }
    }

    fn effort(_: u32) -> String {
        String::new()
    }

    fn open(_: &Path, _: Layout, _: u64) -> Result<Self, Absent> {
        Err(Absent::Missing("the typed layer has no vector fields yet"))
    }

    fn build(&self, _: &[Item<'_>]) -> Result<()> {
        match self.0 {}
    }

    fn prepare(&self, _: &Scope) -> Result<()> {
        match self.0 {}
    }

    fn search(&self, (): &(), _: &[f32], _: u32) -> Result<Vec<u32>> {
        match self.0 {}
    }

    fn insert(&self, _: &[Item<'_>]) -> Result<()> {
        match self.0 {}
    }

    fn remove(&self, _: &[u32]) -> Result<bool> {
        match self.0 {}
    }

    fn len(&self) -> Result<usize> {
        match self.0 {}
    }
}
