//! What the examples of blob fields in the documentation of `sop_orm` are about: films.

use sop_orm::{Blob, prelude::*};

use crate::shop::run;

/// A film.
#[derive(SopStore, Clone, Debug, PartialEq)]
#[sop(store = "films")]
pub struct Film {
    /// Which one it is.
    #[sop(key)]
    pub number: u32,
    /// What it is called.
    pub title: String,
    /// What is said in it.
    #[sop(blob(chunk_len = 4_096))]
    pub script: Blob,
    /// What is seen.
    #[sop(blob)]
    pub media: Blob,
}

/// What is said in the first film.
pub const SCRIPT: &[u8] = b"Here's looking at you, kid.";

/// Films in memory: 1 is Casablanca, with what is said there, and 2 another one, without.
pub async fn films() -> Result<Db> {
    let db = Db::builder().store::<Film>().ephemeral().await?;
    let s = db.session();
    let titles = ["Casablanca", "Metropolis"];
    let new = (1..).zip(titles).map(|(number, title)| NewFilm { number, title: title.to_owned() });
    s.of::<Film>().insert_many(new).await?;
    s.of::<Film>().script(1).write_at(0, SCRIPT).await?;
    s.commit().await?;
    Ok(db)
}

/// Runs an example on films of its own, with a session.
///
/// # Panics
///
/// If the example fails.
pub fn example(body: impl AsyncFnOnce(Db, Session) -> Result<()>) {
    run(async {
        let db = films().await?;
        let session = db.session();
        body(db, session).await
    });
}
