use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(unique(by_slug(tenant, slig)))]
struct Article {
    #[sop(key(auto = uuid7))]
    id: Id<Article>,
    tenant: u32,
    slug: String,
}

fn main() {}
