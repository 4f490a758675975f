use sop_orm::prelude::*;

#[derive(SopStore)]
struct Shop {
    #[sop(key)]
    number: u32,
    #[sop(unique(by_name, when = Self::len))]
    name: String,
}

impl Shop {
    fn len(&self) -> usize {
        self.name.len()
    }
}

fn main() {}
