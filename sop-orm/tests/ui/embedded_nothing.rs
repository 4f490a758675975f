use sop_orm::prelude::*;

#[derive(SopEmbed)]
struct Nothing;

fn main() {}
