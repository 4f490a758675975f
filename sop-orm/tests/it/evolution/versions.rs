//! Changes of what values mean.

use std::collections::BTreeMap;

use sop_core::Database;
use sop_orm::prelude::*;

use super::{attach, engine, entries};

pub(super) mod v1 {
    use sop_orm::prelude::*;

    #[derive(SopStore, Clone, Debug, PartialEq)]
    #[sop(store = "articles")]
    pub(crate) struct Article {
        #[sop(key)]
        pub(crate) number: u32,
        #[sop(unique(by_slug))]
        pub(crate) slug: String,
        #[sop(index(by_price))]
        pub(crate) price: f64,
        #[sop(index(by_tag, each))]
        pub(crate) tags: Vec<String>,
    }
}

pub(super) mod v2 {
    use sop_orm::prelude::*;

    /// The same columns of other values: prices in cents, slugs and tags in capitals.
    #[derive(SopStore, Clone, Debug, PartialEq)]
    #[sop(store = "articles", version = 2, from = super::v1::Article)]
    pub(crate) struct Article {
        #[sop(key)]
        pub(crate) number: u32,
        #[sop(unique(by_slug))]
        pub(crate) slug: String,
        #[sop(index(by_price))]
        pub(crate) price: f64,
        #[sop(index(by_tag, each))]
        pub(crate) tags: Vec<String>,
    }

    impl From<super::v1::Article> for Article {
        fn from(old: super::v1::Article) -> Self {
            let tags = old.tags.iter().map(|tag| tag.to_uppercase()).collect();
            let slug = old.slug.to_uppercase();
            Self { number: old.number, slug, price: old.price * 100.0, tags }
        }
    }
}

pub(super) mod v3 {
    use sop_orm::prelude::*;

    #[derive(SopStore, Clone, Debug, PartialEq)]
    #[sop(store = "articles", version = 3, from = super::v2::Article)]
    pub(crate) struct Article {
        #[sop(key)]
        pub(crate) number: u32,
        #[sop(unique(by_slug))]
        pub(crate) slug: String,
        #[sop(index(by_price))]
        pub(crate) price: i64,
        #[sop(default)]
        pub(crate) note: Option<String>,
    }

    impl From<super::v2::Article> for Article {
        fn from(old: super::v2::Article) -> Self {
            #[expect(clippy::cast_possible_truncation, reason = "these prices are small")]
            let price = old.price as i64;
            Self { number: old.number, slug: old.slug, price, note: old.tags.first().cloned() }
        }
    }
}

/// A version whose conversion forgets the key.
mod lost {
    use sop_orm::prelude::*;

    #[derive(SopStore, Debug)]
    #[sop(store = "articles", version = 2, from = super::v1::Article)]
    pub(crate) struct Article {
        #[sop(key)]
        pub(crate) number: u32,
    }

    impl From<super::v1::Article> for Article {
        fn from(_: super::v1::Article) -> Self {
            Self { number: 0 }
        }
    }
}

pub(super) fn old(number: u32) -> v1::Article {
    let tags = (0..number % 3).map(|tag| format!("tag {tag}")).collect();
    let (slug, price) = (format!("article-{number}"), f64::from(number) + 0.25);
    v1::Article { number, slug, price, tags }
}

pub(super) async fn filled(articles: u32) -> Result<Database> {
    let engine = engine()?;
    let db = attach::<v1::Article>(&engine).await?;
    let s = db.session();
    s.of::<v1::Article>().insert_many((0..articles).map(old)).await?;
    s.commit().await?;
    Ok(engine)
}

/// The store with its indexes is, entry by entry, what a database is that never had another one.
fn same(engine: &Database, fresh: &Database, stores: &[&str]) -> Result<()> {
    for store in stores {
        assert_eq!(entries(engine, store)?, entries(fresh, store)?, "{store}");
    }
    Ok(())
}

const INDEXES: [&str; 3] = ["articles/by_slug", "articles/by_price", "articles/by_tag"];

#[tokio::test]
async fn records_of_an_earlier_version_are_read_through_the_conversion() -> Result<()> {
    let engine = filled(100).await?;
    let db = attach::<v2::Article>(&engine).await?;
    let s = db.session();
    for (article, number) in s.of::<v2::Article>().by_key().all().await?.iter().zip(0..) {
        assert_eq!(**article, v2::Article::from(old(number)));
    }
    let found = s.of::<v2::Article>().by_slug("ARTICLE-7").await?;
    assert_eq!(found.map(|article| article.number), Some(7));
    assert!(s.of::<v2::Article>().by_slug("article-7").await?.is_none());
    assert_eq!(s.of::<v2::Article>().by_tag().prefix("TAG 1").count().await?, 33);
    assert_eq!(s.of::<v2::Article>().by_price().range(9_000.0..).count().await?, 10);
    Ok(())
}

#[tokio::test]
async fn index_entries_are_those_of_the_new_version_whatever_happens_to_old_records() -> Result<()>
{
    const ARTICLES: u32 = 2_500;
    let engine = filled(ARTICLES).await?;
    let db = attach::<v2::Article>(&engine).await?;
    let s = db.session();
    let articles = s.of::<v2::Article>();
    let mut expected: BTreeMap<u32, v2::Article> =
        (0..ARTICLES).map(|number| (number, old(number).into())).collect();
    for number in 0..ARTICLES {
        match number % 5 {
            0 => {
                let mut edit = articles.edit(number).await?;
                edit.price += 1.0;
                edit.tags.push("NEW".into());
                expected.insert(number, edit.clone());
            }
            1 => {
                articles.delete(number).await?;
                expected.remove(&number);
            }
            2 => {
                let article = v2::Article { price: -1.0, ..old(number).into() };
                expected.insert(number, article.clone());
                articles.upsert(article).await?;
            }
            3 => {
                // The slug that the old record had in the index is free, the new one is not.
                let taken = v2::Article { number: number + 1_000_000, ..old(number).into() };
                let taken = articles.insert(taken).await;
                assert!(matches!(taken, Err(Error::Duplicate(_))), "{taken:?}");
            }
            _ => {}
        }
    }
    s.commit().await?;

    let fresh = super::engine()?;
    let db = attach::<v2::Article>(&fresh).await?;
    let s = db.session();
    s.of::<v2::Article>().insert_many(expected.into_values()).await?;
    s.commit().await?;
    same(&engine, &fresh, &INDEXES)
}

#[tokio::test]
async fn records_go_through_a_chain_of_versions_from_wherever_they_are() -> Result<()> {
    let engine = filled(30).await?;
    let db = attach::<v2::Article>(&engine).await?;
    let s = db.session();
    s.of::<v2::Article>().edit(3).await?.price = 7.0;
    s.commit().await?;
    let db = attach::<v3::Article>(&engine).await?;
    let s = db.session();
    let mut expected: Vec<v3::Article> =
        (0..30).map(|number| v2::Article::from(old(number)).into()).collect();
    expected[3].price = 7;
    let articles = s.of::<v3::Article>().by_key().all().await?;
    assert!(articles.iter().map(AsRef::as_ref).eq(&expected), "{articles:?}");
    assert_eq!(entries(&engine, "articles/by_price")?.len(), 30);

    let directly = filled(30).await?;
    let db = attach::<v3::Article>(&directly).await?;
    assert_eq!(db.session().of::<v3::Article>().require(4).await?.as_ref(), &expected[4]);
    Ok(())
}

#[tokio::test]
async fn a_conversion_that_changes_the_key_is_an_error() -> Result<()> {
    let engine = filled(3).await?;
    let db = attach::<lost::Article>(&engine).await?;
    let s = db.session();
    assert_eq!(s.of::<lost::Article>().require(0).await?.number, 0);
    let changed = s.of::<lost::Article>().get(2).await;
    let Err(Error::Codec { source, .. }) = changed else { panic!("{changed:?}") };
    assert!(source.to_string().contains("from version 1 changes the key"), "{source}");
    Ok(())
}

/// Versions of a store without indexes, where records stay as they are until somebody writes them.
pub(super) mod plain {
    use sop_orm::prelude::*;

    pub(crate) mod v1 {
        use sop_orm::prelude::*;

        #[derive(SopStore)]
        #[sop(store = "readings")]
        pub(crate) struct Reading {
            #[sop(key)]
            pub(crate) number: u32,
            pub(crate) celsius: f32,
        }
    }

    pub(crate) fn reading(number: u16) -> v1::Reading {
        v1::Reading { number: number.into(), celsius: number.into() }
    }

    #[derive(SopStore, Debug, PartialEq)]
    #[sop(store = "readings", version = 2, from = v1::Reading)]
    pub(crate) struct Reading {
        #[sop(key)]
        pub(crate) number: u32,
        pub(crate) kelvin: f64,
    }

    impl From<v1::Reading> for Reading {
        fn from(old: v1::Reading) -> Self {
            Self { number: old.number, kelvin: f64::from(old.celsius) + 273.0 }
        }
    }

    /// The second version when no record of the first is left.
    pub(crate) mod alone {
        use sop_orm::prelude::*;

        #[derive(SopStore, Debug, PartialEq)]
        #[sop(store = "readings", version = 2)]
        pub(crate) struct Reading {
            #[sop(key)]
            pub(crate) number: u32,
            pub(crate) kelvin: f64,
        }
    }
}

#[tokio::test]
async fn a_record_is_upgraded_when_it_is_written_and_not_before() -> Result<()> {
    let engine = engine()?;
    let db = attach::<plain::v1::Reading>(&engine).await?;
    let s = db.session();
    s.of::<plain::v1::Reading>().insert_many((0..3).map(plain::reading)).await?;
    s.commit().await?;
    let before = entries(&engine, "readings")?;
    let db = attach::<plain::Reading>(&engine).await?;
    assert_eq!(entries(&engine, "readings")?, before);
    let s = db.session();
    let readings = s.of::<plain::Reading>();
    // An edit that changes nothing writes nothing.
    drop(readings.edit(0).await?);
    readings.edit(1).await?.kelvin += 1.0;
    s.commit().await?;
    let after = entries(&engine, "readings")?;
    assert_eq!((&after[0], &after[2]), (&before[0], &before[2]));
    assert_ne!(after[1], before[1]);
    let kelvin = db.session().of::<plain::Reading>().require(1).await?.kelvin;
    assert!((kelvin - 275.0).abs() < 1e-9);
    Ok(())
}
