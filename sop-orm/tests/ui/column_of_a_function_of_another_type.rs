use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(index(by_len(len: u32 = Self::len)))]
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

fn main() {}
