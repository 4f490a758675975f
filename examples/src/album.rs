//! What the examples of vectors in the documentation of `sop_orm` are about: photographs, and what
//! is seen on them.

use sop_orm::{Vector, prelude::*};

use crate::shop::run;

/// A photograph.
#[derive(SopStore, Clone, Debug, PartialEq)]
#[sop(store = "photos")]
pub struct Photo {
    /// Which one it is.
    #[sop(key)]
    pub number: u32,
    /// Where it is kept.
    pub album: String,
    /// When it was taken.
    #[sop(index(by_year))]
    pub year: u32,
    /// How much of a boat, a bridge and a dog there is, as a model for pictures would tell.
    #[sop(vector(metric = cosine, partition = album, filter = by_year))]
    pub seen: Vector<3>,
}

/// Nothing but a boat.
pub const BOAT: [f32; 3] = [1.0, 0.0, 0.0];

/// A photograph of the album `Rome`.
pub fn photo(number: u32, year: u32, seen: [f32; 3]) -> Photo {
    Photo { number, album: "Rome".to_owned(), year, seen: seen.into() }
}

/// An album in memory: 1 shows a boat, 2 a boat before a bridge, 3 a bridge, 4 a dog.
pub async fn album() -> Result<Db> {
    let db = Db::builder().store::<Photo>().ephemeral().await?;
    let s = db.session();
    let photos = [
        photo(1, 2001, [0.9, 0.0, 0.1]),
        photo(2, 2002, [0.7, 0.7, 0.0]),
        photo(3, 2003, [0.1, 0.9, 0.0]),
        photo(4, 2004, [0.0, 0.1, 1.0]),
    ];
    s.of::<Photo>().insert_many(photos).await?;
    s.commit().await?;
    Ok(db)
}

/// Runs an example on an album of its own, with a session.
///
/// # Panics
///
/// If the example fails.
pub fn example(body: impl AsyncFnOnce(Db, Session) -> Result<()>) {
    run(async {
        let db = album().await?;
        let session = db.session();
        body(db, session).await
    });
}
