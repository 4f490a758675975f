use sop_orm::prelude::*;

#[derive(SopEmbed)]
#[sop(merge_record = fields)]
enum Status {
    #[sop(tag = 0)]
    Draft,
}

fn main() {}
