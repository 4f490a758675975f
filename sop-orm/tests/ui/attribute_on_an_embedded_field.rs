use sop_orm::prelude::*;

#[derive(SopEmbed)]
struct Place {
    #[sop(default)]
    latitude: f64,
}

fn main() {}
