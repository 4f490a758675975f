//! Structs change between two openings.

use std::{
    path::Path,
    pin::pin,
    task::{Context, Poll, Waker},
};

use futures_util::future::join_all;
use sop_core::{Background, Database};
use sop_orm::{Entity, IndexBuilding, Options, prelude::*};

/// The struct as it was.
mod before {
    use sop_orm::prelude::*;

    #[derive(SopStore, Debug, PartialEq)]
    #[sop(store = "people")]
    pub(crate) struct Person {
        #[sop(key)]
        pub(crate) number: u32,
        #[sop(index(by_name))]
        pub(crate) name: String,
        pub(crate) age: u8,
    }
}

/// Declares another version of the struct, in a module of its own.
macro_rules! version {
    ($module:ident, $($body:tt)*) => {
        mod $module {
            use sop_orm::prelude::*;

            #[derive(SopStore, Debug, PartialEq)]
            #[sop(store = "people")]
            pub(crate) struct Person {
                #[sop(key)]
                pub(crate) number: u32,
                $($body)*
            }
        }
    };
}

version!(added, pub mail: Option<String>, pub name: String, #[sop(default = 7)] pub level: u64,);
version!(required, pub name: String, pub age: u8, pub level: u64,);
version!(retyped, pub name: String, pub age: i8,);
version!(renamed, #[sop(renamed_from = name, index(by_title))] pub title: String, pub age: u8,);
version!(looks_renamed, #[sop(default)] pub title: String, pub age: u8,);
version!(indexed, pub name: String, #[sop(index(by_age, desc))] pub age: u8,);
version!(reindexed, #[sop(unique(by_name))] pub name: String, pub age: u8,);

mod other_key {
    use sop_orm::prelude::*;

    #[derive(SopStore, Debug)]
    #[sop(store = "people")]
    pub(crate) struct Person {
        #[sop(key)]
        pub(crate) number: String,
        pub(crate) name: String,
        pub(crate) age: u8,
    }
}

async fn open<E: Entity>(path: &Path) -> Result<Db> {
    Db::builder().store::<E>().open(path).await
}

/// A database with some people in the first form.
async fn people(path: &Path, count: u32) -> Result<()> {
    let db = open::<before::Person>(path).await?;
    let s = db.session();
    s.of::<before::Person>().insert_many((0..count).map(person)).await?;
    s.commit().await?;
    Ok(())
}

fn person(number: u32) -> before::Person {
    before::Person { number, name: format!("name {number}"), age: (number % 100) as u8 }
}

async fn problems<E: Entity>(path: &Path) -> String {
    match open::<E>(path).await {
        Err(error @ Error::Schema(_)) => error.to_string(),
        Err(other) => panic!("expected a schema error, got {other}"),
        Ok(_) => panic!("expected a schema error"),
    }
}

#[tokio::test]
async fn added_fields_have_their_defaults_and_dropped_ones_are_gone() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    people(folder.path(), 3).await?;
    let db = open::<added::Person>(folder.path()).await?;
    let s = db.session();
    let old = s.of::<added::Person>().require(1).await?;
    assert_eq!((old.mail.as_ref(), old.name.as_str(), old.level), (None, "name 1", 7));
    s.of::<added::Person>().edit(1).await?.level = 8;
    s.commit().await?;
    drop((s, db));

    let db = open::<added::Person>(folder.path()).await?;
    let s = db.session();
    let levels: Vec<u64> =
        s.of::<added::Person>().by_key().all().await?.iter().map(|person| person.level).collect();
    assert_eq!(levels, [7, 8, 7]);
    Ok(())
}

#[tokio::test]
async fn a_renamed_field_keeps_its_values() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    people(folder.path(), 3).await?;
    let db = open::<renamed::Person>(folder.path()).await?;
    let s = db.session();
    let found = s.of::<renamed::Person>().by_title().prefix("name 2").first().await?.unwrap();
    assert_eq!(found.number, 2);
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_the_difference() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    people(folder.path(), 3).await?;
    let path = folder.path();
    let text = problems::<required::Person>(path).await;
    assert!(text.contains("+ level: u64") && text.contains("#[sop(default)]"), "{text}");
    let text = problems::<retyped::Person>(path).await;
    assert!(text.contains("- age: u8") && text.contains("+ age: i8"), "{text}");
    let text = problems::<looks_renamed::Person>(path).await;
    assert!(text.contains("#[sop(renamed_from = name)]"), "{text}");
    let text = problems::<other_key::Person>(path).await;
    assert!(text.contains("- key (number: u32)"), "{text}");
    // Nothing has changed.
    let db = open::<before::Person>(path).await?;
    assert_eq!(db.session().of::<before::Person>().by_key().count().await?, 3);
    Ok(())
}

#[tokio::test]
async fn a_new_index_finds_old_records_and_a_removed_one_is_dropped() -> Result<()> {
    const PEOPLE: u32 = 5_000;
    let folder = tempfile::tempdir().unwrap();
    people(folder.path(), PEOPLE).await?;
    let db = open::<indexed::Person>(folder.path()).await?;
    let s = db.session();
    let people = s.of::<indexed::Person>();
    assert_eq!(people.by_age().count().await?, u64::from(PEOPLE));
    assert_eq!(people.by_age().prefix(42).count().await?, u64::from(PEOPLE / 100));
    assert_eq!(people.by_age().first().await?.unwrap().age, 99);
    drop((s, db));

    // The index by name was dropped, so it is filled anew.
    let db = open::<before::Person>(folder.path()).await?;
    let s = db.session();
    let people = s.of::<before::Person>();
    assert_eq!(people.by_name().count().await?, u64::from(PEOPLE));
    assert_eq!(people.by_name().prefix("name 4999").first().await?.unwrap().number, 4999);
    Ok(())
}

#[tokio::test]
async fn an_index_that_changes_its_kind_is_made_anew() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    people(folder.path(), 10).await?;
    let db = open::<reindexed::Person>(folder.path()).await?;
    let s = db.session();
    let found = s.of::<reindexed::Person>().by_name("name 7").await?.unwrap();
    assert_eq!(found.number, 7);
    Ok(())
}

#[tokio::test]
async fn two_types_cannot_claim_one_store() {
    let result = Db::builder().store::<before::Person>().store::<added::Person>().ephemeral().await;
    let Err(Error::Schema(error)) = result else { panic!("expected a schema error") };
    assert_eq!(error.store, "people");
}

#[tokio::test]
async fn registering_a_type_twice_is_no_mistake() -> Result<()> {
    let db = Db::builder().store::<before::Person>().store::<before::Person>().ephemeral().await?;
    assert_eq!(db.session().of::<before::Person>().by_key().count().await?, 0);
    Ok(())
}

#[test]
fn all_who_open_a_new_database_at_the_same_time_succeed() -> Result<()> {
    let options = Options::default().background(Background::Manual);
    let engine = Database::builder().options(options).in_memory()?;
    let open = |_| {
        let builder = Db::builder().store::<before::Person>();
        builder.index_building(IndexBuilding::ByHand).attach(engine.clone())
    };
    let mut opening = pin!(join_all((0..3).map(open)));
    let mut context = Context::from_waker(Waker::noop());
    // All begin before any of them commits.
    let opened = loop {
        match opening.as_mut().poll(&mut context) {
            Poll::Ready(opened) => break opened,
            Poll::Pending => _ = engine.work()?,
        }
    };
    opened.into_iter().collect::<Result<Vec<_>>>().map(drop)
}
