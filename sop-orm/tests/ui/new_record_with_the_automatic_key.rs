use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop(key(auto = increment))]
    number: u64,
    #[sop(unique(by_email))]
    email: String,
    #[sop(index(by_age))]
    age: u8,
}

async fn wrong(s: &Session) -> Result<()> {
    let new = NewUser { number: 1, email: String::new(), age: 0 };
    s.of::<User>().insert(new).await?;
    Ok(())
}

fn main() {}
