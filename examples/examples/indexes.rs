//! Every kind of index, and adding one to records that exist while the program goes on.
//!
//! ```sh
//! cargo run --release -p sop-examples --example indexes
//! ```
//!
//! The first half of the program is the version of last year, the second half that of today, which
//! has more indexes on the same store. It opens the same folder and works at once.
#![expect(clippy::print_stdout, reason = "the example talks to a person")]

use std::path::Path;

use sop_orm::{IndexState, prelude::*};

mod last_year {
    use sop_orm::prelude::*;

    #[derive(SopStore)]
    #[sop(store = "members")]
    pub(crate) struct Member {
        #[sop(key(auto = increment))]
        pub(crate) number: u64,
        pub(crate) name: String,
        pub(crate) login: String,
        #[sop(default = true)]
        pub(crate) active: bool,
        pub(crate) home: Option<super::Address>,
        pub(crate) topics: Vec<String>,
    }
}

#[derive(SopEmbed, Clone)]
struct Address {
    city: String,
    zip: u32,
}

#[derive(SopStore)]
#[sop(store = "members")]
// A column that a function computes. Its type is what queries are given.
#[sop(index(by_lower_name(lower_name: String = Self::lower_name)))]
// A column inside of a field; an Option, because the address is one. Cities from A to Z, the
// largest zip code first.
#[sop(index(by_city(city: Option<String> = home.city, zip: Option<u32> = home.zip desc)))]
// An entry for each topic, but only of members that are active.
#[sop(index(by_topic(topic: String = Self::lower_topics each, number desc), when = Self::is_active))]
struct Member {
    #[sop(key(auto = increment))]
    number: u64,
    name: String,
    // Two members may have one login if only one of them is active.
    #[sop(unique(by_login, when = Self::is_active))]
    login: String,
    #[sop(default = true)]
    active: bool,
    home: Option<Address>,
    topics: Vec<String>,
}

/// Functions of the record alone. When the code of one changes, `version = 1` behind the columns
/// of its index has that made anew.
impl Member {
    fn lower_name(&self) -> String {
        self.name.to_lowercase()
    }

    fn lower_topics(&self) -> Vec<String> {
        self.topics.iter().map(|topic| topic.to_lowercase()).collect()
    }

    fn is_active(&self) -> bool {
        self.active
    }
}

const MEMBERS: u32 = 30_000;

async fn write_last_year(folder: &Path) -> Result<()> {
    use last_year::{Member, NewMember};
    let cities = ["Ulm", "Bern", "Graz"];
    let topics = ["Rust", "rust", "Trees", "Logs"];
    let member = |number: u32| {
        let home = Address { city: cities[number as usize % 3].to_owned(), zip: number % 100 };
        NewMember {
            name: format!("Member {number}"),
            login: format!("login{number}"),
            home: (!number.is_multiple_of(5)).then_some(home),
            topics: vec![topics[number as usize % 4].to_owned()],
        }
    };
    let db = Db::builder().store::<Member>().open(folder).await?;
    let session = db.session();
    session.of::<Member>().insert_many((0..MEMBERS).map(member)).await?;
    session.commit().await?;
    db.close().await
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    write_last_year(folder.path()).await?;

    // Small stores have their new indexes when this returns. This one is filled in the background.
    let db = Db::builder().store::<Member>().open(folder.path()).await?;

    // Sessions go on, and what they write is in the new indexes already.
    let session = db.session();
    session.of::<Member>().edit(1).await?.name = "Ada Lovelace".into();
    session.commit().await?;
    for index in db.index_progress() {
        let state = if matches!(index.state, IndexState::Ready) { "ready" } else { "building" };
        println!("{}: {state}, {} of {} records", index.index, index.done, index.total);
    }
    if let Err(error) =
        db.session().of::<Member>().by_lower_name().prefix("ada lovelace").all().await
    {
        println!("too early: {error}");
    }

    db.indexes_ready().await?;
    let session = db.session();
    let members = session.of::<Member>();
    let ada = members.by_lower_name().starts_with("ada").first().await?;
    println!("found {:?}", ada.map(|member| member.name.clone()));
    println!("in Ulm: {}", members.by_city().prefix("Ulm").count().await?);
    println!("in Ulm, zip from 90: {}", members.by_city().range(("Ulm", 90)..).count().await?);
    println!("without an address: {}", members.by_city().prefix(None).count().await?);
    println!("about rust: {}", members.by_topic().prefix("rust").count().await?);

    // Who is not active is in no partial index, so the login is free for somebody else.
    members.edit(7).await?.active = false;
    let (login, home) = ("login6".to_owned(), None);
    let new = NewMember { name: "Bob".to_owned(), login, home, topics: Vec::new() };
    println!("the seventh has {:?}", members.require(7).await?.login);
    let bob = members.insert(new).await?;
    println!("and now it belongs to number {}", bob.number);
    session.commit().await?;

    // Entries and records can be compared at any time.
    let report = db.check_indexes().await?;
    println!("{} entries, sound: {}", report.entries, report.is_sound());
    Ok(())
}
