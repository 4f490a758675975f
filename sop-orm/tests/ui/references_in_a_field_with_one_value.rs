use sop_orm::prelude::*;

#[derive(SopStore)]
struct Tag {
    #[sop(key(auto = uuid7))]
    id: Id<Tag>,
}

#[derive(SopStore)]
struct Article {
    #[sop(key)]
    number: u64,
    #[sop(belongs_to_many(on_delete = remove))]
    tags: Id<Tag>,
}

fn main() {}
