use sop_orm::prelude::*;

#[derive(SopStore)]
struct User<'a> {
    #[sop(key)]
    name: &'a str,
}

fn main() {}
