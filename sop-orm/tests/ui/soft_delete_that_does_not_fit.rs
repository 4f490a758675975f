use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop(key, soft_delete)]
    number: Option<Timestamp>,
    #[sop(soft_delete, default)]
    nick: Option<Timestamp>,
    #[sop(soft_delete, merge = last_writer)]
    deleted_at: Option<Timestamp>,
}

fn main() {}
