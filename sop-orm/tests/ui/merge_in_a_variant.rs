use sop_orm::prelude::*;

#[derive(SopEmbed)]
enum Payment {
    #[sop(tag = 0)]
    Card {
        #[sop(merge = add)]
        amount: i64,
    },
    #[sop(tag = 1)]
    Cash(#[sop(debug)] i64),
}

fn main() {}
