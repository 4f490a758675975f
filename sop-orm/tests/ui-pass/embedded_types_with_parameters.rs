//! Embedded types may have parameters, with bounds, defaults and a `where` clause.
#![deny(warnings)]

use std::{collections::BTreeMap, fmt::Debug, marker::PhantomData};

use sop_orm::{SopEmbed, prelude::*};

/// A value and where it is from.
#[derive(SopEmbed, Clone, Debug, PartialEq)]
pub struct Traced<T: Clone + Debug, S = String>
where
    S: PartialEq,
{
    pub value: T,
    pub source: Option<S>,
}

#[derive(SopEmbed)]
#[sop(key)]
pub struct Pair<A, B>(pub A, pub B);

#[derive(SopEmbed)]
pub struct Grid<T, const N: usize> {
    pub cells: [T; N],
}

#[derive(SopEmbed)]
pub enum Tree<T> {
    #[sop(tag = 0)]
    Leaf(T),
    #[sop(tag = 1)]
    Branch { left: Vec<T>, right: BTreeMap<String, T> },
}

#[derive(SopStore)]
pub struct Sheet {
    #[sop(key)]
    pub at: Pair<u8, u16>,
    #[sop(index(by_best, desc))]
    pub best: Option<Pair<i32, String>>,
    pub grid: Grid<f32, 4>,
    pub last: Traced<i64>,
    pub tree: Tree<Traced<u8, u8>>,
}

/// Bounds are met where the types are used, and nowhere else.
pub fn later<T: Clone + Debug>(_: PhantomData<Traced<T, u8>>) {}

async fn best(s: &Session) -> Result<u64> {
    s.of::<Sheet>().get(Pair(1, 2)).await?;
    s.of::<Sheet>().by_best().prefix(Pair(1, "x".to_owned())).count().await
}

fn main() {
    let _ = (best, later::<String>);
}
