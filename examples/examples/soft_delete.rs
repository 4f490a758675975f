//! Records that are deleted and can come back: a bin with a way out and a broom.
//!
//! ```sh
//! cargo run --release -p sop-examples --example soft_delete
//! ```
#![expect(clippy::print_stdout, reason = "the example talks to a person")]

use sop_orm::prelude::*;

/// A note of somebody. Notes in the bin are in no index but that of the bin.
#[derive(SopStore, Debug)]
#[sop(store = "notes", index(bin(owner, deleted_at)))]
struct Note {
    #[sop(key(auto = increment))]
    number: u64,
    #[sop(index(by_owner))]
    owner: String,
    #[sop(unique(by_title))]
    title: String,
    #[sop(soft_delete)]
    deleted_at: Option<Timestamp>,
}

fn note(owner: &str, title: &str) -> NewNote {
    NewNote { owner: owner.to_owned(), title: title.to_owned() }
}

/// What somebody has thrown away, the last one first.
async fn bin(s: &Session, owner: &str) -> Result<Vec<String>> {
    let notes = s.of::<Note>().bin().prefix(owner).desc().all().await?;
    Ok(notes.iter().map(|note| note.title.clone()).collect())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let db = Db::builder().store::<Note>().ephemeral().await?;
    let s = db.session();
    let notes = s.of::<Note>();
    let titles = ["milk", "bread", "tea"];
    let all = notes.insert_many(titles.map(|title| note("Ann", title))).await?;
    let milk = all.first().map_or(0, |note| note.number);

    // Deleted notes are not there, neither by key nor for queries and counts.
    notes.delete(milk).await?;
    notes.by_owner().prefix("Ann").filter(|note| note.title == "tea").delete().await?;
    assert!(notes.get(milk).await?.is_none() && notes.by_title("milk").await?.is_none());
    assert_eq!(notes.by_owner().prefix("Ann").count().await?, 1);
    println!("in the bin: {:?}", bin(&s, "Ann").await?);

    // Who asks for them gets them.
    let deleted = notes.with_deleted().require(milk).await?;
    if let Some(at) = deleted.deleted_at {
        println!("{} was deleted at {at}", deleted.title);
    }
    assert_eq!(notes.by_key().with_deleted().count().await?, 3);

    // The title is free meanwhile, so the note may find it taken.
    let other = notes.insert(note("Bob", "milk")).await?;
    if let Err(taken) = notes.restore(milk).await {
        println!("cannot be restored: {taken}");
    }
    notes.purge(other.number).await?;
    assert!(notes.restore(milk).await? && notes.exists(milk).await?);

    // The broom: what was thrown away long ago, here a moment ago, goes for good.
    let long_ago = ("Ann", Some(Timestamp::now()));
    let gone = notes.bin().range(..=long_ago).purge().await?;
    println!("{gone} gone for good");
    assert_eq!((gone, bin(&s, "Ann").await?.len()), (1, 0));
    s.commit().await?;
    Ok(())
}
