use sop_orm::prelude::*;

#[derive(SopEmbed)]
enum Never {}

fn main() {}
