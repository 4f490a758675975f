//! Changes that need no version.

use std::collections::BTreeMap;

use sop_orm::prelude::*;

use super::{attach, engine, entries, refused};

mod before {
    use std::collections::BTreeMap;

    use sop_orm::prelude::*;

    #[derive(SopEmbed, Clone, Copy, Debug, PartialEq)]
    pub(crate) enum Status {
        #[sop(tag = 0)]
        Draft,
        #[sop(tag = 1)]
        Live,
    }

    #[derive(SopEmbed, Clone, Debug, PartialEq)]
    pub(crate) struct Part {
        pub(crate) name: String,
        pub(crate) weight: f32,
        pub(crate) status: Status,
    }

    #[derive(SopStore, Clone, Debug, PartialEq)]
    #[sop(store = "items")]
    pub(crate) struct Item {
        #[sop(key)]
        pub(crate) number: u32,
        #[sop(index(by_status))]
        pub(crate) status: Status,
        #[sop(index(by_size))]
        pub(crate) size: u8,
        pub(crate) note: String,
        pub(crate) parts: Vec<Part>,
        pub(crate) counts: BTreeMap<String, i16>,
        pub(crate) dropped: u64,
    }
}

mod after {
    use std::collections::BTreeMap;

    use sop_orm::prelude::*;

    #[derive(SopEmbed, Clone, Copy, Debug, PartialEq)]
    pub(crate) enum Status {
        #[sop(tag = 2)]
        Gone,
        #[sop(tag = 0)]
        Draft,
        #[sop(tag = 1)]
        Public,
    }

    #[derive(SopEmbed, Clone, Debug, PartialEq)]
    pub(crate) struct Part {
        pub(crate) supplier: Option<u32>,
        pub(crate) name: String,
        pub(crate) weight: f64,
        pub(crate) status: Status,
    }

    #[derive(SopStore, Clone, Debug, PartialEq)]
    #[sop(store = "items")]
    pub(crate) struct Item {
        #[sop(key)]
        pub(crate) number: u32,
        #[sop(default = 5)]
        pub(crate) level: u8,
        #[sop(index(by_size))]
        pub(crate) size: i64,
        #[sop(index(by_status))]
        pub(crate) status: Status,
        pub(crate) note: Option<String>,
        pub(crate) parts: Vec<Part>,
        #[sop(renamed_from = counts)]
        pub(crate) numbers: BTreeMap<String, Option<i32>>,
    }
}

fn small(number: u32) -> i16 {
    -i16::try_from(number).expect("there are few")
}

fn old(number: u32) -> before::Item {
    let status =
        if number.is_multiple_of(2) { before::Status::Draft } else { before::Status::Live };
    let part = before::Part { name: format!("part {number}"), weight: 0.5, status };
    before::Item {
        number,
        status,
        size: number.to_le_bytes()[0],
        note: format!("note {number}"),
        parts: vec![part; (number % 3) as usize],
        counts: BTreeMap::from([("all".to_owned(), small(number))]),
        dropped: u64::MAX,
    }
}

fn new(number: u32) -> after::Item {
    let status =
        if number.is_multiple_of(2) { after::Status::Draft } else { after::Status::Public };
    let name = format!("part {number}");
    let part = after::Part { supplier: None, name, weight: 0.5, status };
    after::Item {
        number,
        level: 5,
        size: i64::from(number % 256),
        status,
        note: Some(format!("note {number}")),
        parts: vec![part; (number % 3) as usize],
        numbers: BTreeMap::from([("all".to_owned(), Some(small(number).into()))]),
    }
}

const ITEMS: u32 = 3_000;

async fn filled() -> Result<sop_core::Database> {
    let engine = engine()?;
    let db = attach::<before::Item>(&engine).await?;
    let s = db.session();
    s.of::<before::Item>().insert_many((0..ITEMS).map(old)).await?;
    s.commit().await?;
    Ok(engine)
}

#[tokio::test]
async fn old_rows_are_read_as_the_new_struct_with_everything_that_changed_in_it() -> Result<()> {
    let engine = filled().await?;
    let db = attach::<after::Item>(&engine).await?;
    let s = db.session();
    for (item, number) in s.of::<after::Item>().by_key().all().await?.iter().zip(0..) {
        assert_eq!(**item, new(number));
    }
    Ok(())
}

#[tokio::test]
async fn indexes_hold_the_new_values_of_old_rows_before_and_after_these_change() -> Result<()> {
    let engine = filled().await?;
    let db = attach::<after::Item>(&engine).await?;
    let s = db.session();
    let items = s.of::<after::Item>();
    assert_eq!(items.by_size().prefix(200).count().await?, 11);
    assert_eq!(items.by_status().prefix(after::Status::Public).count().await?, 1_500);
    for number in (0..ITEMS).step_by(2) {
        let mut edit = items.edit(number).await?;
        (edit.size, edit.status) = (1 << 40, after::Status::Gone);
    }
    s.commit().await?;
    assert_eq!(entries(&engine, "items/by_size")?.len(), ITEMS as usize);
    assert_eq!(entries(&engine, "items/by_status")?.len(), ITEMS as usize);
    let s = db.session();
    let items = s.of::<after::Item>();
    assert_eq!(items.by_size().prefix(1 << 40).count().await?, 1_500);
    assert_eq!(items.by_status().prefix(after::Status::Draft).count().await?, 0);
    for item in items.by_status().prefix(after::Status::Gone).all().await? {
        assert_eq!((item.size, item.number % 2), (1 << 40, 0));
    }
    Ok(())
}

#[tokio::test]
async fn an_index_of_an_enum_stays_as_it_is_when_a_variant_comes() -> Result<()> {
    let engine = filled().await?;
    let id = |name: &str| Ok::<_, Error>(engine.snapshot()?.store(name)?.id());
    let (by_status, by_size) = (id("items/by_status")?, id("items/by_size")?);
    attach::<after::Item>(&engine).await?;
    assert_eq!(id("items/by_status")?, by_status, "tags are sorted as before");
    assert_ne!(id("items/by_size")?, by_size, "an i64 is sorted otherwise than a u8");
    Ok(())
}

#[tokio::test]
async fn the_older_program_is_refused_where_it_could_not_read_what_the_newer_one_writes()
-> Result<()> {
    let engine = filled().await?;
    attach::<after::Item>(&engine).await?;
    let text = refused::<before::Item>(&engine).await;
    assert!(text.contains("this struct is older than the records"), "{text}");
    assert!(text.contains("- size: i64") && text.contains("+ size: u8"), "{text}");
    Ok(())
}

/// A default that is another one each time.
mod dated {
    use std::sync::atomic::{AtomicI64, Ordering};

    use sop_orm::prelude::*;

    static NEXT: AtomicI64 = AtomicI64::new(0);

    fn next() -> i64 {
        NEXT.fetch_add(1, Ordering::Relaxed)
    }

    #[derive(SopStore, Clone, Debug)]
    #[sop(store = "items")]
    pub(crate) struct Item {
        #[sop(key)]
        pub(crate) number: u32,
        #[sop(default = next(), index(by_mark))]
        pub(crate) mark: i64,
    }
}

#[tokio::test]
async fn an_index_of_a_default_that_is_never_the_same_still_has_one_entry_for_each_record()
-> Result<()> {
    let engine = filled().await?;
    let db = attach::<dated::Item>(&engine).await?;
    let s = db.session();
    let items = s.of::<dated::Item>();
    for number in 0..ITEMS {
        let mark = items.require(number).await?.mark;
        assert_eq!(items.require(number).await?.mark, mark);
        items.edit(number).await?.mark = 1_000_000;
    }
    s.commit().await?;
    assert_eq!(entries(&engine, "items/by_mark")?.len(), ITEMS as usize);
    assert_eq!(db.session().of::<dated::Item>().by_mark().prefix(1_000_000).count().await?, 3_000);
    Ok(())
}

#[tokio::test]
async fn damaged_rows_of_an_old_layout_are_errors_never_panics() -> Result<()> {
    let engine = filled().await?;
    let row = entries(&engine, "items")?.remove(2).1;
    attach::<after::Item>(&engine).await?;
    for position in 0..row.len() {
        for byte in [0, 1, 0x7F, 0x80, 0xFB, 0xFD, 0xFF] {
            let mut bad = row.clone();
            bad[position] = byte;
            let transaction = engine.begin()?;
            transaction.store("items")?.upsert(2_u32.to_be_bytes(), bad)?;
            transaction.commit()?;
            let db = attach::<after::Item>(&engine).await?;
            let read = db.session().of::<after::Item>().get(2).await;
            assert!(matches!(read, Ok(Some(_)) | Err(Error::Codec { .. })), "{position}: {byte}");
        }
    }
    Ok(())
}
