//! Blob fields: content beside records.

mod conflicts;
mod history;
mod life;
mod power;
mod schemas;
mod streams;

use sop_orm::{Blob, Id, prelude::*};

/// Length of the chunks of `Film::script`.
const CHUNK: usize = 4_096;

#[derive(SopStore, Clone, Debug, PartialEq)]
#[sop(store = "films")]
struct Film {
    #[sop(key)]
    number: u32,
    title: String,
    #[sop(blob(chunk_len = 4_096))]
    script: Blob,
    #[sop(blob)]
    media: Blob,
}

/// A film's poster, which goes with it.
#[derive(SopStore, Clone, Debug, PartialEq)]
struct Poster {
    #[sop(key(auto = uuid7))]
    id: Id<Poster>,
    #[sop(index(by_film), belongs_to(Film, on_delete = cascade))]
    film: u32,
    #[sop(blob)]
    picture: Blob,
}

fn new(number: u32) -> NewFilm {
    NewFilm { number, title: format!("Film {number}") }
}

fn builder() -> sop_orm::DbBuilder {
    Db::builder().store::<Film>().store::<Poster>()
}

/// A database in memory with films 1 and 2, of which 1 has a script of so many bytes.
async fn with_script(len: usize) -> Result<Db> {
    let db = builder().ephemeral().await?;
    let s = db.session();
    s.of::<Film>().insert_many([new(1), new(2)]).await?;
    s.of::<Film>().script(1).write_at(0, &content(0, len)).await?;
    s.commit().await?;
    Ok(db)
}

/// Bytes that differ by their place and by who wrote them.
fn content(seed: u8, len: usize) -> Vec<u8> {
    (0..251).cycle().take(len).map(|at: u8| at.wrapping_add(seed)).collect()
}

async fn script(db: &Db, number: u32) -> Result<Vec<u8>> {
    let s = db.session();
    let script = s.of::<Film>().script(number);
    let all = script.read(..).await?;
    assert_eq!(all.len() as u64, script.len().await?);
    Ok(all)
}
