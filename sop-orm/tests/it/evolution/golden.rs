//! Stored bytes of each kind of layout, kept in `tests/golden` and opened by the code of today.
//!
//! A file has a line for each entry of each store: the store's name, the key and the value in
//! hexadecimal digits, where `*n` repeats the byte before it, which then stands n times. A difference means that databases out there are written otherwise from now
//! on. Where that is meant, run with `SOP_GOLDEN=overwrite` and read the difference.

use std::{collections::BTreeSet, fmt::Write as _, path::PathBuf};

use sop_core::{Database, StoreOptions};
use sop_orm::prelude::*;

use super::{attach, engine, entries};

mod first {
    use sop_orm::prelude::*;

    #[derive(SopEmbed, Clone, Debug, PartialEq)]
    pub(crate) enum Kind {
        #[sop(tag = 0)]
        Plain,
        #[sop(tag = 300)]
        Sized { width: u8 },
    }

    #[derive(SopStore, Clone, Debug, PartialEq)]
    #[sop(store = "things")]
    pub(crate) struct Thing {
        #[sop(key)]
        pub(crate) number: u32,
        #[sop(unique(by_name))]
        pub(crate) name: String,
        pub(crate) kind: Kind,
        pub(crate) sizes: Vec<u16>,
    }
}

mod second {
    use sop_orm::prelude::*;

    pub(crate) use super::first::Kind;

    #[derive(SopStore, Clone, Debug, PartialEq)]
    #[sop(store = "things")]
    pub(crate) struct Thing {
        #[sop(key)]
        pub(crate) number: u32,
        #[sop(unique(by_name))]
        pub(crate) name: String,
        pub(crate) kind: Kind,
        pub(crate) sizes: Vec<u16>,
        #[sop(default)]
        pub(crate) colour: Option<String>,
    }
}

mod third {
    use sop_orm::prelude::*;

    #[derive(SopEmbed, Clone, Debug, PartialEq)]
    pub(crate) enum Kind {
        #[sop(tag = 0)]
        Plain,
        #[sop(tag = 300)]
        Sized { width: i32, height: Option<i32> },
        #[sop(tag = 1)]
        More,
    }

    #[derive(SopStore, Clone, Debug, PartialEq)]
    #[sop(store = "things")]
    pub(crate) struct Thing {
        #[sop(key)]
        pub(crate) number: u32,
        #[sop(unique(by_name))]
        pub(crate) name: String,
        pub(crate) kind: Kind,
        pub(crate) sizes: Vec<Option<u64>>,
        pub(crate) colour: Option<String>,
    }
}

mod versioned {
    use sop_orm::prelude::*;

    #[derive(SopStore, Clone, Debug, PartialEq)]
    #[sop(store = "things", version = 2, from = super::third::Thing)]
    pub(crate) struct Thing {
        #[sop(key)]
        pub(crate) number: u32,
        pub(crate) title: String,
    }

    impl From<super::third::Thing> for Thing {
        fn from(old: super::third::Thing) -> Self {
            Self { number: old.number, title: format!("{} {:?}", old.name, old.colour) }
        }
    }
}

/// What the engine holds, a line for each entry.
fn dump(engine: &Database) -> Result<String> {
    let mut text = String::new();
    let names: BTreeSet<String> =
        engine.snapshot()?.stores()?.into_iter().map(|store| store.name).collect();
    for name in names {
        for (key, value) in entries(engine, &name)? {
            writeln!(text, "{name} {} {}", hex(&key), hex(&value)).expect("text takes all");
        }
    }
    Ok(text)
}

fn hex(bytes: &[u8]) -> String {
    let mut text = "x".to_owned();
    for run in bytes.chunk_by(|one, other| one == other) {
        let digits = format!("{:02x}", run[0]);
        if run.len() > 8 {
            write!(text, "{digits}*{},", run.len()).expect("text takes all");
        } else {
            text.push_str(&digits.repeat(run.len()));
        }
    }
    text
}

fn bytes(hex: &str) -> Vec<u8> {
    let (mut bytes, mut left) = (Vec::new(), &hex[1..]);
    while !left.is_empty() {
        let (digits, rest) = left.split_at(2);
        let (count, rest) = match rest.strip_prefix('*').and_then(|rest| rest.split_once(',')) {
            Some((count, rest)) => (count.parse().expect("a number"), rest),
            None => (1, rest),
        };
        let byte = u8::from_str_radix(digits, 16).expect("digits");
        bytes.extend(std::iter::repeat_n(byte, count));
        left = rest;
    }
    bytes
}

/// An engine that holds what a file says.
fn load(text: &str) -> Result<Database> {
    let engine = engine()?;
    let transaction = engine.begin()?;
    for line in text.lines() {
        let [store, key, value] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line:?} has three words")
        };
        let store = transaction.open_store(store, &StoreOptions::default())?;
        store.upsert(bytes(key), bytes(value))?;
    }
    transaction.commit()?;
    Ok(engine)
}

/// Compares what is in the engine with the file, and hands out an engine made of the file.
fn golden(name: &str, engine: &Database) -> Result<Database> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}.txt"));
    let written = dump(engine)?;
    if std::env::var("SOP_GOLDEN").as_deref() == Ok("overwrite") {
        std::fs::write(&path, &written).expect("the folder is there");
    }
    let kept = std::fs::read_to_string(&path).expect("the file is in the repository");
    assert_eq!(written, kept, "{name}: see the top of this module");
    load(&kept)
}

fn thing(number: u32, name: &str, kind: first::Kind) -> first::Thing {
    first::Thing { number, name: name.to_owned(), kind, sizes: vec![1, 300] }
}

/// What the first program has written: rows with narrow offsets, and one with wide ones.
async fn first_things() -> Result<Database> {
    let engine = engine()?;
    let db = attach::<first::Thing>(&engine).await?;
    let s = db.session();
    let things = s.of::<first::Thing>();
    things.insert(thing(1, "one", first::Kind::Plain)).await?;
    things.insert(thing(2, "two", first::Kind::Sized { width: 7 })).await?;
    let wide = first::Thing { sizes: vec![1; 1 << 16], ..thing(3, "three", first::Kind::Plain) };
    things.insert(wide).await?;
    s.commit().await?;
    Ok(engine)
}

/// The second program has coloured two things, and the first one has renamed one of these.
async fn mixed_things() -> Result<Database> {
    let engine = engine()?;
    let db = attach::<first::Thing>(&engine).await?;
    let s = db.session();
    for number in 1..=3 {
        let name = format!("thing {number}");
        let kind = first::Kind::Sized { width: 200 };
        s.of::<first::Thing>().insert(thing(number, &name, kind)).await?;
    }
    s.commit().await?;
    let db = attach::<second::Thing>(&engine).await?;
    let s = db.session();
    for number in 1..=2 {
        s.of::<second::Thing>().edit(number).await?.colour = Some("red".into());
    }
    s.commit().await?;
    let db = attach::<first::Thing>(&engine).await?;
    let s = db.session();
    s.of::<first::Thing>().edit(2).await?.name = "other".into();
    s.commit().await?;
    Ok(engine)
}

#[tokio::test]
async fn rows_of_the_first_program_are_written_and_read_as_ever() -> Result<()> {
    let engine = golden("first", &first_things().await?)?;
    let db = attach::<first::Thing>(&engine).await?;
    let s = db.session();
    let two = s.of::<first::Thing>().by_name("two").await?.expect("it is there");
    assert_eq!(*two, thing(2, "two", first::Kind::Sized { width: 7 }));
    assert_eq!(s.of::<first::Thing>().require(3).await?.sizes.len(), 1 << 16);
    Ok(())
}

#[tokio::test]
async fn rows_of_the_first_program_are_converted_as_ever() -> Result<()> {
    let engine = golden("first", &first_things().await?)?;
    let db = attach::<third::Thing>(&engine).await?;
    let s = db.session();
    let two = s.of::<third::Thing>().by_name("two").await?.expect("it is there");
    assert_eq!(two.kind, third::Kind::Sized { width: 7, height: None });
    assert_eq!(two.sizes, [Some(1), Some(300)]);
    assert_eq!(s.of::<third::Thing>().require(3).await?.sizes, vec![Some(1); 1 << 16]);
    Ok(())
}

#[tokio::test]
async fn rows_of_two_programs_in_turn_are_read_as_ever() -> Result<()> {
    let engine = golden("mixed", &mixed_things().await?)?;
    let db = attach::<third::Thing>(&engine).await?;
    let s = db.session();
    let things = s.of::<third::Thing>().by_key().all().await?;
    let shown: Vec<_> =
        things.iter().map(|one| (one.name.as_str(), one.colour.as_deref())).collect();
    assert_eq!(shown, [("thing 1", Some("red")), ("other", Some("red")), ("thing 3", None)]);
    Ok(())
}

#[tokio::test]
async fn rows_of_two_versions_are_read_as_ever() -> Result<()> {
    let engine = mixed_things().await?;
    attach::<third::Thing>(&engine).await?;
    let db = attach::<versioned::Thing>(&engine).await?;
    let s = db.session();
    s.of::<versioned::Thing>().edit(3).await?.title = "new".into();
    s.commit().await?;
    let engine = golden("versions", &engine)?;
    let db = attach::<versioned::Thing>(&engine).await?;
    let s = db.session();
    let things = s.of::<versioned::Thing>().by_key().all().await?;
    let titles: Vec<_> = things.iter().map(|one| one.title.as_str()).collect();
    assert_eq!(titles, ["thing 1 Some(\"red\")", "other Some(\"red\")", "new"]);
    Ok(())
}
