use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    email: String,
}

async fn the_rest_is_not_complained_about(s: &Session) -> Result<()> {
    let user = s.of::<User>().insert(NewUser { email: String::new() }).await?;
    s.of::<User>().get(7).await?;
    s.of::<User>().delete(&user.email).await?;
    Ok(())
}

fn main() {}
