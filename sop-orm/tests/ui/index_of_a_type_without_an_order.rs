use sop_orm::prelude::*;

#[derive(SopEmbed)]
struct Place {
    latitude: f64,
    longitude: f64,
}

#[derive(SopStore)]
struct Article {
    #[sop(key)]
    number: u32,
    #[sop(index(by_place))]
    place: Place,
}

fn main() {}
