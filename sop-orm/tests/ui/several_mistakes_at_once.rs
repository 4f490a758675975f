use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(store = "", index(by_nothing(nothing)))]
struct User {
    #[sop(kee)]
    id: Id<User>,
    #[sop(unique(by_email), unknown)]
    email: String,
}

async fn the_rest_is_not_complained_about(s: &Session) -> Result<()> {
    s.of::<User>().by_email("ann@x.io").await?;
    Ok(())
}

fn main() {}
