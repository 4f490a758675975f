//! How conditions are planned, and what they cost.

use sop_orm::{NearPlan, prelude::*};

use super::{D, Thing, database, keys, numbers, thing};

async fn filled() -> Result<Db> {
    let db = database().await?;
    let (s, rng) = (db.session(), &mut fastrand::Rng::with_seed(5));
    let things = (0..3_000).map(|number| Thing { group: 1, ..thing(number, rng) });
    s.of::<Thing>().insert_many(things.collect::<Vec<_>>()).await?;
    s.commit().await?;
    Ok(db)
}

#[tokio::test]
async fn a_condition_on_a_filter_walks_only_the_codes_that_it_selects() -> Result<()> {
    let (db, query) = (filled().await?, [1.0; D]);
    let s = db.session();
    let things = s.of::<Thing>();
    let near = things.near_angle(1, &query).among(things.by_small().prefix(2));
    let selected = things.by_small().prefix(2).count().await?;
    let plan = near.explain().await?.plan;
    assert_eq!(plan, NearPlan::Selected { index: "near_angle_by_small", codes: selected });
    Ok(())
}

#[tokio::test]
async fn a_condition_that_selects_little_is_gone_through_itself() -> Result<()> {
    let (db, query) = (filled().await?, [1.0; D]);
    let s = db.session();
    let things = s.of::<Thing>();
    let few = || things.by_key().range(..12_u16);
    let near = || things.near_angle(1, &query).among(few());
    assert_eq!(near().explain().await?.plan, NearPlan::LookedUp { selected: 12 });
    assert_eq!(near().k(20).all().await?.len(), 12);
    assert!(near().exact().all().await?.len() == 10);
    Ok(())
}

#[tokio::test]
async fn conditions_on_another_index_are_noted_or_asked_for() -> Result<()> {
    let (db, query) = (filled().await?, [1.0; D]);
    let s = db.session();
    let things = s.of::<Thing>();
    let half = || things.by_key().range(..1_500_u16);
    let near = || things.near_angle(1, &query).among(half()).k(100);
    let plan = near().explain().await?.plan;
    let codes = 3_000;
    let is_one_of_them =
        plan == NearPlan::Codes { codes } || plan == NearPlan::Noted { codes, selected: 1_500 };
    assert!(is_one_of_them, "{plan:?}");
    let hits = near().all().await?;
    assert_eq!(keys(&hits), keys(&near().exact().all().await?));
    assert!(hits.len() == 100 && hits.iter().all(|hit| hit.key < 1_500));
    Ok(())
}

#[tokio::test]
async fn as_many_are_found_as_qualify_however_few_a_filter_accepts() -> Result<()> {
    let db = filled().await?;
    let (s, query) = (db.session(), numbers(&mut fastrand::Rng::with_seed(8)));
    let things = s.of::<Thing>();
    let rare = |thing: &Thing| thing.number % 997 == 3;
    let hits = things.near_angle(1, &query).filter(rare).k(10).all().await?;
    let mut found = keys(&hits);
    found.sort_unstable();
    assert_eq!(found, [3, 1_000, 1_997, 2_994]);
    Ok(())
}

#[tokio::test]
async fn pages_by_cursor_are_the_whole_in_order() -> Result<()> {
    let (db, query) = (filled().await?, [0.5; D]);
    let s = db.session();
    let near = || s.of::<Thing>().near_angle(1, &query).exact();
    let whole = keys(&near().k(500).all().await?);
    let (mut paged, mut cursor) = (Vec::new(), None);
    for _ in 0..5 {
        let near = cursor.as_ref().map_or_else(near, |cursor| near().after(cursor));
        let page = near.k(100).all().await?;
        cursor = page.last().map(sop_orm::Hit::cursor);
        paged.extend(keys(&page));
    }
    assert_eq!(paged, whole);
    let foreign = s.of::<Thing>().near_angle(1, &[0.25; D]).after(&cursor.unwrap());
    assert!(matches!(foreign.all().await, Err(Error::Cursor { .. })));
    Ok(())
}

#[tokio::test]
async fn a_record_is_not_found_by_its_own_vector_when_others_like_it_are_sought() -> Result<()> {
    let db = filled().await?;
    let s = db.session();
    let one = s.of::<Thing>().require(77_u16).await?;
    let hits = s.of::<Thing>().near_angle_of(&one).k(3).all().await?;
    assert!(hits.len() == 3 && !keys(&hits).contains(&77), "{hits:?}");
    let itself = s.of::<Thing>().near_angle(1, &one.angle).first().await?;
    assert_eq!(itself.map(|hit| hit.key), Some(77));
    Ok(())
}
