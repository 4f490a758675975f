use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(on_delete_race = edit_wins)]
struct Article {
    #[sop(key)]
    number: u32,
}

fn main() {}
