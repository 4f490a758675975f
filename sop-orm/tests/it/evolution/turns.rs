//! Two generations of a program on one database, in turn.

use sop_orm::prelude::*;

use super::{attach, engine, refused};

mod old {
    use sop_orm::prelude::*;

    #[derive(SopStore, Clone, Debug, PartialEq)]
    #[sop(store = "people")]
    pub(crate) struct Person {
        #[sop(key)]
        pub(crate) number: u32,
        #[sop(index(by_name))]
        pub(crate) name: String,
        #[sop(default)]
        pub(crate) nick: Option<String>,
    }
}

/// The older program, with hooks that change what is written.
mod hooked {
    use sop_orm::{Hooks, Invalid, Scope, prelude::*};

    #[derive(SopStore, Clone, Debug, PartialEq)]
    #[sop(store = "people", hooks)]
    pub(crate) struct Person {
        #[sop(key)]
        pub(crate) number: u32,
        #[sop(index(by_name))]
        pub(crate) name: String,
        #[sop(default)]
        pub(crate) nick: Option<String>,
    }

    impl Hooks for Person {
        fn before_update(&mut self, _: &Self) -> Result<(), Invalid> {
            self.name.make_ascii_uppercase();
            Ok(())
        }

        fn after_update(&self, _: &Self, scope: &mut Scope<'_>) -> Result<()> {
            if self.number == 1 {
                scope.update(3, |other: &mut Self| other.name.clone_from(&self.name))?;
            }
            Ok(())
        }
    }
}

mod new {
    use sop_orm::prelude::*;

    #[derive(SopEmbed, Clone, Debug, PartialEq)]
    pub(crate) struct Address {
        pub(crate) street: String,
        pub(crate) number: u32,
    }

    /// Has two fields more, the old ones in another order, and one of them not any more.
    #[derive(SopStore, Clone, Debug, PartialEq)]
    #[sop(store = "people")]
    pub(crate) struct Person {
        #[sop(key)]
        pub(crate) number: u32,
        #[sop(default)]
        pub(crate) addresses: Vec<Address>,
        pub(crate) name: String,
        #[sop(default, index(by_score))]
        pub(crate) score: i64,
    }
}

fn address(number: u32) -> new::Address {
    new::Address { street: "Elm Street".into(), number }
}

#[tokio::test]
async fn what_an_older_program_writes_keeps_what_it_does_not_know() -> Result<()> {
    let engine = engine()?;
    let db = attach::<old::Person>(&engine).await?;
    let s = db.session();
    for (number, name) in [(1, "Ann"), (2, "Bob"), (3, "Cid"), (4, "Dan")] {
        let nick = Some(format!("nick of {name}"));
        let person = old::Person { number, name: name.into(), nick };
        s.of::<old::Person>().insert(person).await?;
    }
    s.commit().await?;

    let db = attach::<new::Person>(&engine).await?;
    let s = db.session();
    for number in 1..=3 {
        let mut person = s.of::<new::Person>().edit(number).await?;
        person.addresses.push(address(number));
        person.score = 10 * i64::from(number);
    }
    s.commit().await?;

    // The older program edits one, replaces another, edits one twice, and adds one.
    let db = attach::<old::Person>(&engine).await?;
    let s = db.session();
    let people = s.of::<old::Person>();
    let known = people.by_key().all().await?;
    assert!(known.iter().all(|one| one.nick.is_none()), "the newer program has dropped it");
    people.edit(1).await?.name = "Anna".into();
    let nick = Some("bobby".to_owned());
    people.upsert(old::Person { number: 2, name: "Robert".into(), nick }).await?;
    people.edit(3).await?.name = "C".into();
    s.commit().await?;
    let s = db.session();
    s.of::<old::Person>().edit(3).await?.name = "Cyd".into();
    s.of::<old::Person>().insert(old::Person { number: 5, name: "Eve".into(), nick: None }).await?;
    s.commit().await?;
    assert_eq!(db.session().of::<old::Person>().by_name().prefix("Cyd").count().await?, 1);

    let db = attach::<new::Person>(&engine).await?;
    let s = db.session();
    let people = s.of::<new::Person>().by_key().all().await?;
    let shown: Vec<_> = people.iter().map(|one| (one.name.as_str(), one.score)).collect();
    assert_eq!(shown, [("Anna", 10), ("Robert", 20), ("Cyd", 30), ("Dan", 0), ("Eve", 0)]);
    assert!(people[..3].iter().zip(1..).all(|(one, number)| one.addresses == [address(number)]));
    assert_eq!(s.of::<new::Person>().by_score().range(1..).count().await?, 3);
    s.of::<new::Person>().edit(2).await?.score = 21;
    s.commit().await?;

    // What the newer program has written after the older one is the older one's again.
    let db = attach::<old::Person>(&engine).await?;
    let s = db.session();
    assert_eq!(s.of::<old::Person>().require(2).await?.name, "Robert");
    s.of::<old::Person>().edit(2).await?.name = "Rob".into();
    s.commit().await?;
    let db = attach::<new::Person>(&engine).await?;
    let rob = db.session().of::<new::Person>().require(2).await?;
    assert_eq!((rob.name.as_str(), rob.score, rob.addresses.len()), ("Rob", 21, 1));
    Ok(())
}

#[tokio::test]
async fn what_hooks_of_an_older_program_write_keeps_what_it_does_not_know() -> Result<()> {
    let engine = engine()?;
    drop(attach::<hooked::Person>(&engine).await?);
    let db = attach::<new::Person>(&engine).await?;
    let s = db.session();
    for number in 1..=3 {
        let (addresses, score) = (vec![address(number)], 10 * i64::from(number));
        let person = new::Person { number, addresses, name: "Ann".into(), score };
        s.of::<new::Person>().insert(person).await?;
    }
    s.commit().await?;

    let db = attach::<hooked::Person>(&engine).await?;
    let s = db.session();
    let people = s.of::<hooked::Person>();
    people.edit(1).await?.name = "Anna".into();
    people.upsert(hooked::Person { number: 2, name: "Bob".into(), nick: None }).await?;
    s.commit().await?;

    let db = attach::<new::Person>(&engine).await?;
    let people = db.session().of::<new::Person>().by_key().all().await?;
    let shown: Vec<_> = people.iter().map(|one| (one.name.as_str(), one.score)).collect();
    assert_eq!(shown, [("ANNA", 10), ("BOB", 20), ("ANNA", 30)]);
    assert!(people.iter().zip(1..).all(|(one, number)| one.addresses == [address(number)]));
    Ok(())
}

#[tokio::test]
async fn taking_turns_adds_layouts_only_once() -> Result<()> {
    let engine = engine()?;
    let mut lengths = Vec::new();
    for _ in 0..4 {
        attach::<old::Person>(&engine).await?;
        attach::<new::Person>(&engine).await?;
        lengths.push(super::entries(&engine, "sop.schema")?.remove(0).1.len());
    }
    assert_eq!(lengths[1..], [lengths[1]; 3]);
    Ok(())
}

/// The old struct, whose records are merged field by field.
mod old_merging {
    use sop_orm::prelude::*;

    #[derive(SopStore, Clone, Debug, PartialEq)]
    #[sop(store = "people", merge_record = fields)]
    pub(crate) struct Person {
        #[sop(key)]
        pub(crate) number: u32,
        #[sop(index(by_name))]
        pub(crate) name: String,
        #[sop(default)]
        pub(crate) nick: Option<String>,
    }
}

#[tokio::test]
async fn records_that_an_older_program_merges_keep_what_it_does_not_know() -> Result<()> {
    let engine = engine()?;
    attach::<old::Person>(&engine).await?;
    let db = attach::<new::Person>(&engine).await?;
    let s = db.session();
    let (name, addresses) = ("Ann".to_owned(), vec![address(7)]);
    s.of::<new::Person>().insert(new::Person { number: 1, addresses, name, score: 5 }).await?;
    s.commit().await?;

    let db = attach::<old_merging::Person>(&engine).await?;
    let (one, other) = (db.session(), db.session());
    one.of::<old_merging::Person>().edit(1).await?.name = "Anna".into();
    other.of::<old_merging::Person>().edit(1).await?.nick = Some("a".into());
    one.commit().await?;
    assert_eq!(other.commit().await?.merges.len(), 1);
    let ann = db.session().of::<old_merging::Person>().require(1).await?;
    assert_eq!((ann.name.as_str(), ann.nick.as_deref()), ("Anna", Some("a")));

    let db = attach::<new::Person>(&engine).await?;
    let ann = db.session().of::<new::Person>().require(1).await?;
    assert_eq!((ann.name.as_str(), ann.score, &ann.addresses[..]), ("Anna", 5, &[address(7)][..]));
    Ok(())
}

/// A struct of the second version, and a program that knows only the first.
mod second {
    use sop_orm::prelude::*;

    #[derive(SopStore)]
    #[sop(store = "people", version = 2)]
    pub(crate) struct Person {
        #[sop(key)]
        pub(crate) number: u32,
        pub(crate) name: String,
    }
}

#[tokio::test]
async fn a_program_of_an_earlier_version_is_refused() -> Result<()> {
    let engine = engine()?;
    attach::<second::Person>(&engine).await?;
    let text = refused::<old::Person>(&engine).await;
    assert!(text.contains("there are records of version 2, and Person has version 1"), "{text}");
    Ok(())
}

#[tokio::test]
async fn a_version_that_nothing_reads_is_refused_with_the_attribute_to_add() -> Result<()> {
    let engine = engine()?;
    attach::<old::Person>(&engine).await?;
    let text = refused::<second::Person>(&engine).await;
    assert!(text.contains("#[sop(version = 2, from = v1::Person)]"), "{text}");
    Ok(())
}
