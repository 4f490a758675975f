use sop_orm::prelude::*;

#[derive(SopStore)]
struct Comment {
    #[sop(key)]
    number: u64,
    #[sop(belongs_to(Comment, on_delete = cascades))]
    answered: u64,
    #[sop(belongs_to_many(Comment, on_delete = cascade))]
    related: Vec<u64>,
    #[sop(belongs_to(Comment, on_update = cascade))]
    first: u64,
    #[sop(belongs_to = Comment)]
    last: u64,
}

fn main() {}
