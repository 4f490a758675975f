use sop_orm::prelude::*;

struct Plain;

#[derive(SopEmbed)]
struct Pair<T> {
    one: T,
    two: T,
}

#[derive(SopStore)]
struct Guest {
    #[sop(key)]
    id: u64,
    pair: Pair<Plain>,
}

fn main() {}
