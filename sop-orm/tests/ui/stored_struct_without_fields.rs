use sop_orm::prelude::*;

#[derive(SopStore)]
struct User;

fn main() {}
