use sop_orm::prelude::*;

#[derive(SopStore)]
struct Boxed<T> {
    #[sop(key)]
    id: u32,
    value: T,
}

fn main() {}
