use sop_orm::{Vector, prelude::*};

#[derive(SopStore)]
struct Photo {
    #[sop(key)]
    number: u32,
    album: String,
    #[sop(vector(partition = album))]
    seen: Vector<3>,
}

fn search(s: &Session) {
    let _ = s.of::<Photo>().near_seen(&[1.0, 2.0, 3.0]);
}

fn main() {}
