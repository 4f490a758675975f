use sop_orm::prelude::*;

#[derive(SopEmbed)]
enum Status {
    Draft,
    Live,
}

fn main() {}
