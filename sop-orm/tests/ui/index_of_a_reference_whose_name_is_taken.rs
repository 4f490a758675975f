use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(index(by_answered(text)))]
struct Comment {
    #[sop(key)]
    number: u64,
    #[sop(belongs_to(Comment))]
    answered: u64,
    text: String,
}

fn main() {}
