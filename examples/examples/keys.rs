//! Keys that are made when a record is inserted, each for what it is good for.
//!
//! ```sh
//! cargo run --release -p sop-examples --example keys
//! ```
#![expect(clippy::print_stdout, reason = "the example talks to a person")]

use sop_orm::{Ulid, prelude::*};

/// A UUID that knows what it is a key of: an `Id<Author>` is not an `Id<Letter>`.
#[derive(SopStore)]
struct Author {
    #[sop(key(auto = uuid7))]
    id: Id<Author>,
    name: String,
}

/// A ULID: as unique, and short enough as text to be read out and to stand in a link.
#[derive(SopStore)]
struct Letter {
    #[sop(key(auto = ulid))]
    id: Ulid,
    #[sop(belongs_to, index(by_author))]
    author: Id<Author>,
    text: String,
}

/// A number that counts up, for people.
#[derive(SopStore)]
struct Invoice {
    #[sop(key(auto = increment))]
    number: u64,
    letter: Ulid,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let builder = Db::builder().store::<Author>().store::<Letter>().store::<Invoice>();
    let db = builder.ephemeral().await?;
    let s = db.session();
    let author = s.of::<Author>().insert(NewAuthor { name: "Ann".to_owned() }).await?.id;
    let mut letters = Vec::new();
    for text in ["Dear Bob", "Dear Bob again", "Where are you?"] {
        let new = NewLetter { author, text: text.to_owned() };
        letters.push(s.of::<Letter>().insert(new).await?.id);
    }
    let invoice = s.of::<Invoice>().insert(NewInvoice { letter: letters[0] }).await?.number;
    s.commit().await?;

    let s = db.session();
    let name = &s.of::<Author>().require(author).await?.name;
    println!("author {author} is {name}, and is owed by invoice {invoice}:");
    // The order of the keys is the order in which they were made.
    for letter in s.of::<Letter>().by_key().all().await? {
        println!("  letter {} says {:?}", letter.id, letter.text);
    }
    // What came after one that somebody remembers, given as text in either case.
    let seen: Ulid = letters[1].to_string().to_lowercase().parse().expect("it was one before");
    let since = s.of::<Letter>().by_key().range(seen..).count().await? - 1;
    println!("{since} came after {seen}");
    let billed = s.of::<Letter>().require(s.of::<Invoice>().require(invoice).await?.letter).await?;
    println!("invoice {invoice} is for {:?}", billed.text);
    Ok(())
}
