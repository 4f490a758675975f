//! Pages and the cursors between them.

use sop_orm::{CodecError, prelude::*};

use crate::model::*;

async fn orders(db: &Db, totals: impl Iterator<Item = i32>) -> Result<()> {
    let s = db.session();
    s.of::<Order>().insert_many(totals.map(|total| NewOrder { reference: None, total })).await?;
    s.commit().await?;
    Ok(())
}

/// Every page of a query.
async fn pages(db: &Db, size: u64, reverse: bool) -> Result<Vec<Vec<i32>>> {
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let s = db.session();
        let query = s.of::<Order>().by_total();
        let query = if reverse { query.desc() } else { query };
        let page = query.range(2..).page(size, after).await?;
        pages.push(page.items.iter().map(|order| order.total).collect());
        match page.next {
            // Between two pages a cursor may leave the program.
            Some(next) => after = Some(next.to_string().parse().expect("it was a cursor")),
            None => return Ok(pages),
        }
    }
}

#[tokio::test]
async fn pages_join_without_gap_or_overlap_in_both_directions() -> Result<()> {
    let db = database().await?;
    orders(&db, [1, 5, 5, 5, 3, 2, 8].into_iter()).await?;
    assert_eq!(pages(&db, 2, false).await?, [vec![2, 3], vec![5, 5], vec![5, 8]]);
    assert_eq!(pages(&db, 4, false).await?, [vec![2, 3, 5, 5], vec![5, 8]]);
    assert_eq!(pages(&db, 6, false).await?, [vec![2, 3, 5, 5, 5, 8]]);
    assert_eq!(pages(&db, 5, true).await?, [vec![8, 5, 5, 5, 3], vec![2]]);
    Ok(())
}

#[tokio::test]
async fn a_cursor_stays_good_when_its_record_goes() -> Result<()> {
    let db = database().await?;
    orders(&db, 0..10).await?;
    let s = db.session();
    let orders = s.of::<Order>();
    let page = orders.by_total().page(3, None).await?;
    orders.delete(page.items[2].number).await?;
    orders.insert(NewOrder { reference: None, total: 2 }).await?;
    let next = orders.by_total().page(3, page.next).await?;
    let totals: Vec<i32> = next.items.iter().map(|order| order.total).collect();
    assert_eq!(totals, [2, 3, 4], "what came in behind the cursor is on the next page");
    Ok(())
}

#[tokio::test]
async fn pages_with_a_filter_are_full() -> Result<()> {
    let db = database().await?;
    orders(&db, 0..1000).await?;
    let s = db.session();
    let even = || s.of::<Order>().by_total().filter(|order| order.total % 100 == 0);
    let first = even().page(7, None).await?;
    assert_eq!(first.items.len(), 7);
    let second = even().page(7, first.next).await?;
    assert_eq!((second.items.len(), second.next), (3, None));
    Ok(())
}

#[tokio::test]
async fn the_primary_key_and_unique_indexes_are_paged_too() -> Result<()> {
    let db = database().await?;
    orders(&db, 0..5).await?;
    let s = db.session();
    let page = s.of::<Order>().by_key().page(4, None).await?;
    assert_eq!(s.of::<Order>().by_key().page(4, page.next).await?.items.len(), 1);
    let page = s.of::<Order>().query(order::ByReference).page(4, None).await?;
    let rest = s.of::<Order>().query(order::ByReference).page(4, page.next).await?;
    assert_eq!(rest.items.len(), 1, "records with None are found one by one");
    Ok(())
}

#[tokio::test]
async fn a_cursor_of_another_index_is_refused() -> Result<()> {
    let db = database().await?;
    orders(&db, 0..5).await?;
    let s = db.session();
    let next = s.of::<Order>().by_total().page(2, None).await?.next;
    let other = s.of::<Order>().by_key().page(2, next.clone()).await;
    assert!(matches!(other, Err(Error::Cursor { store: "order", .. })));
    let other = s.of::<Reading>().by_value().page(2, next).await;
    assert!(matches!(other, Err(Error::Cursor { index: "by_value", .. })));
    Ok(())
}

#[test]
fn text_that_is_no_cursor_is_refused() {
    assert_eq!("".parse::<Cursor>(), Err(CodecError::UnexpectedEnd));
    assert_eq!("0011".parse::<Cursor>(), Err(CodecError::UnexpectedEnd));
    assert_eq!("001".parse::<Cursor>(), Err(CodecError::UnexpectedEnd));
    assert!(matches!("zz".repeat(9).parse::<Cursor>(), Err(CodecError::Malformed { .. })));
    assert!(matches!(
        "\u{e9}\u{e9}".repeat(9).parse::<Cursor>(),
        Err(CodecError::Malformed { .. })
    ));
}

#[tokio::test]
async fn a_damaged_cursor_is_refused_wherever_the_damage_is() -> Result<()> {
    let db = database().await?;
    orders(&db, 0..5).await?;
    let s = db.session();
    let next = s.of::<Order>().by_total().page(1, None).await?.next.unwrap().to_string();
    assert!(next.parse::<Cursor>().is_ok());
    for at in 0..next.len() {
        assert!(next[..at].parse::<Cursor>().is_err(), "cut at {at}");
        for digit in "0123456789abcdef".chars().filter(|digit| !next[at..].starts_with(*digit)) {
            let damaged = format!("{}{digit}{}", &next[..at], &next[at + 1..]);
            assert!(damaged.parse::<Cursor>().is_err(), "{damaged}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_cursor_finds_only_what_the_query_selects() -> Result<()> {
    let db = database().await?;
    orders(&db, 0..5).await?;
    let s = db.session();
    let next = s.of::<Order>().by_total().page(1, None).await?.next;
    let page = s.of::<Order>().by_total().range(3..).page(9, next).await?;
    assert_eq!(page.items.len(), 2);
    Ok(())
}
