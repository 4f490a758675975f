use sop_orm::prelude::*;

#[derive(SopEmbed)]
enum Status {
    #[sop(tag = 1)]
    Draft,
    #[sop(tag = 1)]
    Live,
}

fn main() {}
