use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop(key)]
    number: u64,
    name: String,
}

async fn rename(s: &Session) -> Result<()> {
    s.of::<User>().edit_at(7, 1).await?.name = String::new();
    Ok(())
}

fn main() {}
