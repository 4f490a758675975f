//! Fields and types may be named like words of the language.
use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(unique(by_type(r#type, r#fn)), has_many(r#in = r#type::ByElse))]
pub struct Type {
    #[sop(key)]
    pub r#struct: u32,
    pub r#type: String,
    pub r#fn: u8,
    #[sop(belongs_to(Type))]
    pub r#else: u32,
    #[sop(index(r#match))]
    pub r#loop: bool,
}

async fn all(s: &Session) -> Result<usize> {
    let types = s.of::<Type>();
    types.by_type("x", 1).await?;
    types.r#in(1).first().await?;
    Ok(types.r#match().prefix(true).all().await?.len())
}

fn main() {
    let _ = (all, r#type::ByType);
}
