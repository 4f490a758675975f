//! The library may go by another name, and be re-exported.
pub extern crate sop_orm as storage;

mod outer {
    pub use storage as inner;
}

use outer::inner::{Id, SopEmbed, SopStore};

#[derive(SopStore)]
#[sop(crate = outer::inner)]
struct User {
    #[sop(key(auto = uuid7))]
    id: Id<User>,
    #[sop(index(by_mood))]
    mood: Mood,
}

#[derive(SopEmbed)]
#[sop(crate = crate::outer::inner)]
enum Mood {
    #[sop(tag = 1)]
    Good,
}

fn main() {
    let new = NewUser { mood: Mood::Good };
    drop(new.mood);
}
