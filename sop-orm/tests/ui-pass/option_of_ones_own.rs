//! A column may be of a type that is named `Option` and is another one.

use sop_orm::prelude::*;

mod own {
    #[derive(sop_orm::SopEmbed)]
    #[sop(key)]
    pub struct Option<T> {
        pub value: T,
        pub sure: bool,
    }
}

#[derive(SopStore)]
struct Person {
    #[sop(key)]
    number: u32,
    #[sop(index(by_age))]
    age: own::Option<u8>,
}

async fn of_age(s: &Session, age: own::Option<u8>) -> Result<u64> {
    s.of::<Person>().by_age().range(age..).count().await
}

fn main() {
    let _ = of_age;
}
