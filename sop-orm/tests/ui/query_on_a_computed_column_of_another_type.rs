use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(index(by_len(len: u64 = Self::len)))]
struct Shop {
    #[sop(key)]
    number: u32,
    name: String,
}

impl Shop {
    fn len(&self) -> u64 {
        self.name.len() as u64
    }
}

async fn wrong(s: &Session) -> Result<u64> {
    s.of::<Shop>().by_len().prefix("three").count().await
}

fn main() {}
