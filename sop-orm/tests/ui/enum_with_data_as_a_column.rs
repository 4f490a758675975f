use sop_orm::prelude::*;

#[derive(SopEmbed)]
enum Place {
    #[sop(tag = 0)]
    Table(u32),
}

#[derive(SopStore)]
struct Guest {
    #[sop(key)]
    id: u64,
    #[sop(index(by_place))]
    place: Place,
}

fn main() {}
