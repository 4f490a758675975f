use sop_orm::prelude::*;

#[derive(SopEmbed)]
enum Status {
    #[sop(tag = 70000)]
    Draft,
}

fn main() {}
