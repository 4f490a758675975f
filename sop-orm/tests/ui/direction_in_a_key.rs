use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(key(sensor, at desc))]
struct Reading {
    sensor: u32,
    at: Timestamp,
}

fn main() {}
