use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop(key)]
    number: u32,
}

async fn example(s: &Session) -> Result<bool> {
    s.of::<User>().restore(7).await
}

fn main() {}
