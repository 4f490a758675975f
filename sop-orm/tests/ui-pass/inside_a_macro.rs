//! The derives work in the output of a macro, with names from both sides.
use sop_orm::prelude::*;

macro_rules! store {
    ($name:ident, $key:ident: $key_type:ty, $($field:ident: $type:ty),*) => {
        #[derive(SopStore)]
        #[sop(index(by_all($($field),*)))]
        pub struct $name {
            #[sop(key)]
            pub $key: $key_type,
            $(pub $field: $type,)*
            #[sop(index(by_extra))]
            pub extra: String,
        }

        #[derive(SopEmbed)]
        pub enum Inner {
            #[sop(tag = 0)]
            Only($key_type),
        }
    };
}

store!(Thing, id: u32, one: u8, two: Option<String>);

async fn all(s: &Session) -> Result<usize> {
    Ok(s.of::<Thing>().by_all().prefix((1, "x")).all().await?.len())
}

fn main() {
    let _ = all;
}
