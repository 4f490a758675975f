use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(key(sensor, at))]
struct Reading {
    sensor: u32,
    at: Timestamp,
    value: f64,
}

async fn wrong(s: &Session, at: Timestamp) -> Result<()> {
    s.of::<Reading>().get((at, 7)).await?;
    Ok(())
}

fn main() {}
