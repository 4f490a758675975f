use sop_orm::prelude::*;

#[derive(SopEmbed)]
struct Name<'a> {
    text: &'a str,
}

fn main() {}
