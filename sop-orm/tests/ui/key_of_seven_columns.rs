use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(key(a, b, c, d, e, f, g))]
struct Cell {
    a: u8,
    b: u8,
    c: u8,
    d: u8,
    e: u8,
    f: u8,
    g: u8,
}

fn main() {}
