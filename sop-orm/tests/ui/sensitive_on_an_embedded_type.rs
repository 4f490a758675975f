use sop_orm::prelude::*;

#[derive(SopEmbed)]
#[sop(sensitive)]
struct Login {
    name: String,
}

#[derive(SopEmbed)]
enum Payment {
    #[sop(tag = 0, sensitive)]
    Cash,
}

fn main() {}
