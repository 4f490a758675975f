//! Queries on several indexes, joined by `and` and `or`.

use sop_orm::prelude::*;

#[derive(SopStore, Debug, PartialEq)]
#[sop(index(by_city_and_age(city, age desc)))]
struct Person {
    #[sop(key)]
    number: u32,
    #[sop(index(by_city))]
    city: String,
    #[sop(index(by_age))]
    age: u8,
    #[sop(index(by_tag, each))]
    tags: Vec<u8>,
    #[sop(unique(by_badge))]
    badge: Option<u16>,
}

/// Numbers, city, age, tags: small enough to be looked through.
async fn people() -> Result<Db> {
    let db = Db::builder().store::<Person>().ephemeral().await?;
    let s = db.session();
    for number in 0..60_u32 {
        let small = u8::try_from(number).expect("it is small");
        let city = ["Rome", "Oslo", "Bern"][number as usize % 3].to_owned();
        let (age, tags) = (small % 20 + 10, vec![small % 4, small % 5]);
        let badge = (number % 2 == 0).then_some(u16::from(small));
        s.of::<Person>().insert(Person { number, city, age, tags, badge }).await?;
    }
    s.commit().await?;
    Ok(db)
}

/// The numbers of those people for whom `is` holds.
fn expected(is: impl Fn(u32) -> bool) -> Vec<u32> {
    (0..60).filter(|number| is(*number)).collect()
}

fn age(number: u32) -> u32 {
    number % 20 + 10
}

#[tokio::test]
async fn both_sides_of_and_hold() -> Result<()> {
    let db = people().await?;
    let s = db.session();
    let all = s.of::<Person>();
    let adults = all.by_city().prefix("Rome").and(all.by_age().range(18..)).keys().all().await?;
    assert_eq!(adults, expected(|n| n % 3 == 0 && age(n) >= 18));
    let equal = all.by_city().prefix("Rome").and(all.by_age().prefix(13)).keys().all().await?;
    assert_eq!(equal, expected(|n| n % 3 == 0 && age(n) == 13));
    let three = all.by_city().range("C"..).and(all.by_tag().prefix(1)).and(all.by_key().range(9..));
    assert_eq!(three.keys().all().await?, expected(|n| n % 3 < 2 && tag(n, 1) && n >= 9));
    let badge = all.query(person::ByBadge).prefix(6).and(all.by_key()).keys().all().await?;
    assert_eq!(badge, [6]);
    let none = all.query(person::ByBadge).prefix(None).and(all.by_age().prefix(11));
    assert_eq!(none.keys().all().await?, expected(|n| n % 2 == 1 && age(n) == 11));
    Ok(())
}

fn tag(number: u32, tag: u32) -> bool {
    number % 4 == tag || number % 5 == tag
}

#[tokio::test]
async fn either_side_of_or_holds_and_each_record_comes_once() -> Result<()> {
    let db = people().await?;
    let s = db.session();
    let all = s.of::<Person>();
    let either = || all.by_city().prefix("Rome").or(all.by_tag().range(1..3));
    let wanted = expected(|n| n % 3 == 0 || tag(n, 1) || tag(n, 2));
    assert_eq!(either().keys().all().await?, wanted);
    assert_eq!(either().count().await?, wanted.len() as u64);
    let reverse: Vec<u32> = wanted.iter().rev().copied().collect();
    assert_eq!(either().desc().keys().all().await?, reverse);
    assert_eq!(either().last().await?.unwrap().number, reverse[0]);
    assert_eq!(either().skip(3).limit(4).keys().all().await?, wanted[3..7]);
    let nested = all.by_age().prefix(10).or(either().and(all.by_key().range(..7)));
    let wanted = expected(|n| age(n) == 10 || n < 7 && (n % 3 == 0 || tag(n, 1) || tag(n, 2)));
    assert_eq!(nested.keys().all().await?, wanted);
    Ok(())
}

#[tokio::test]
async fn filters_hold_on_top_of_conditions() -> Result<()> {
    let db = people().await?;
    let s = db.session();
    let all = s.of::<Person>();
    let old = all.by_city().prefix("Oslo").filter(|one| one.age > 20);
    let both = old.and(all.by_tag().prefix(0).filter(|one| one.number > 9)).keys().all().await?;
    assert_eq!(both, expected(|n| n % 3 == 1 && age(n) > 20 && tag(n, 0) && n > 9));
    let either = all.by_city().prefix("Oslo").or(all.by_age().prefix(12)).filter(|p| p.age < 15);
    assert_eq!(
        either.count().await?,
        expected(|n| age(n) < 15 && (n % 3 == 1 || age(n) == 12)).len() as u64
    );
    Ok(())
}

#[tokio::test]
async fn what_does_not_fit_into_a_side_is_refused() -> Result<()> {
    let db = people().await?;
    let (s, other) = (db.session(), db.session());
    let all = s.of::<Person>();
    let refused = [
        all.by_city().desc().and(all.by_age()).count().await,
        all.by_city().and(all.by_age().limit(3)).count().await,
        all.by_city().or(all.by_age().skip(3)).count().await,
        all.by_city().filter(|_| true).or(all.by_age()).count().await,
        all.by_city().and(other.of::<Person>().by_age()).count().await,
    ];
    for one in refused {
        assert!(matches!(one, Err(Error::Invalid(_))), "{one:?}");
    }
    Ok(())
}

#[tokio::test]
async fn pages_of_combined_queries_join_whatever_is_written_between() -> Result<()> {
    let db = people().await?;
    let (mut found, mut after, mut turn) = (Vec::new(), None, 0);
    loop {
        let s = db.session();
        let all = s.of::<Person>();
        let query = all.by_city().prefix("Rome").or(all.by_age().range(25..));
        let page = query.page(4, after).await?;
        assert!(page.items.len() <= 4);
        found.extend(page.items.iter().map(|one| one.number));
        // One record behind the cursor comes, the one at the cursor goes.
        let (number, at) = (1000 - turn, *found.last().unwrap());
        let (city, badge) = ("Oslo".to_owned(), None);
        all.insert(Person { number, city, age: 10, tags: Vec::new(), badge }).await?;
        all.delete(at).await?;
        s.commit().await?;
        turn += 1;
        match page.next {
            Some(next) => after = Some(next.to_string().parse().expect("it was a cursor")),
            None => break,
        }
    }
    assert_eq!(found, expected(|n| n % 3 == 0 || age(n) >= 25));
    Ok(())
}

#[tokio::test]
async fn a_cursor_of_other_indexes_is_refused() -> Result<()> {
    let db = people().await?;
    let s = db.session();
    let all = s.of::<Person>();
    let next = all.by_city().or(all.by_age()).page(2, None).await?.next;
    assert!(next.is_some());
    let refused = [
        all.by_city().or(all.by_tag()).page(2, next.clone()).await.err(),
        all.by_key().page(2, next.clone()).await.err(),
        all.by_city().page(2, next.clone()).await.err(),
    ];
    for one in refused {
        assert!(matches!(one, Some(Error::Cursor { store: "person", .. })), "{one:?}");
    }
    assert_eq!(all.by_age().or(all.by_city()).page(2, next).await?.items.len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_combined_query_sees_what_its_session_has_changed() -> Result<()> {
    let db = people().await?;
    let s = db.session();
    let all = s.of::<Person>();
    all.edit(0).await?.city = "Bern".to_owned();
    all.edit(1).await?.city = "Rome".to_owned();
    all.delete(3).await?;
    all.insert(Person {
        number: 99,
        city: "Rome".to_owned(),
        age: 12,
        tags: Vec::new(),
        badge: None,
    })
    .await?;
    let query = || all.by_city().prefix("Rome").and(all.by_age().range(..14));
    assert_eq!(query().keys().all().await?, [1, 21, 42, 99]);
    assert_eq!(query().count().await?, 4);
    assert!(all.by_city().prefix("Rome").and(all.by_key().prefix(1)).exists().await?);
    Ok(())
}

#[tokio::test]
async fn a_record_that_stops_fulfilling_a_combined_query_does_not_come() -> Result<()> {
    let db = people().await?;
    let s = db.session();
    let all = s.of::<Person>();
    let mut rows = all.by_city().prefix("Rome").or(all.by_age().prefix(10)).keys().stream();
    let mut found = Vec::new();
    while let Some(number) = rows.try_next().await? {
        found.push(number);
        if number == 0 {
            all.edit(3).await?.city = "Oslo".to_owned();
            all.delete(6).await?;
            let mut edit = all.edit(9).await?;
            (edit.city, edit.age) = ("Oslo".to_owned(), 10);
        }
    }
    assert_eq!(found, expected(|n| (n % 3 == 0 || age(n) == 10) && n != 3 && n != 6));
    Ok(())
}

#[tokio::test]
async fn an_explanation_tells_what_is_asked_and_what_it_cost() -> Result<()> {
    let db = people().await?;
    let s = db.session();
    let all = s.of::<Person>();
    let query = || all.by_city().prefix("Rome").and(all.by_age().range(18..=20)).limit(2);
    let explained = query().explain().await?.to_string();
    let wanted = "person by primary key, where \
                  by_city[city = \"Rome\"] and by_age[age >= 18, age <= 20], limit 2";
    assert_eq!(explained, wanted);
    let run = query().explain_analyze().await?;
    let stats = run.stats.expect("it was run");
    assert_eq!((stats.returned, stats.rows_read), (2, 2));
    assert!((4..60).contains(&stats.entries_scanned), "{run}");

    let few = all.by_key().range(..3).and(all.by_tag().range(1..));
    let few = few.explain().await?;
    assert_eq!(few.probed, ["by_tag[tags >= 1]"], "so few are read and asked");
    let nested = all.by_city_and_age().prefix(("Oslo", 12)).or(all.by_city().starts_with("B"));
    let nested = nested.and(all.by_key()).explain().await?.conditions;
    let wanted = "(by_city_and_age[city = \"Oslo\", age = 12] or by_city[city begins with \"B\"]) \
                  and primary key[all]";
    assert_eq!(nested, wanted);
    Ok(())
}

#[tokio::test]
async fn conditions_that_do_not_fit_into_a_window_are_walked_again() -> Result<()> {
    #[derive(SopStore, Debug)]
    struct Page {
        #[sop(key)]
        address: String,
        #[sop(index(by_rank))]
        rank: u16,
    }
    // 6 MiB of keys, against the order of the index.
    let db = Db::builder().store::<Page>().ephemeral().await?;
    let s = db.session();
    let address = |number: u16| format!("{number:05}{}", "x".repeat(1_500));
    let new = (0..4_000).map(|number| Page { address: address(number), rank: 4_000 - number });
    s.of::<Page>().insert_many(new).await?;
    s.commit().await?;
    let s = db.session();
    let pages = s.of::<Page>();
    let query = || pages.by_rank().range(1..).or(pages.by_rank().prefix(77));
    assert_eq!(query().count().await?, 4_000);
    let addresses = query().keys().all().await?;
    assert!(addresses.is_sorted() && addresses.len() == 4_000);
    let last = query().desc().keys().skip(3_999).first().await?;
    assert_eq!(last, Some(address(0)));
    let stats = query().keys().explain_analyze().await?.stats.expect("it was run");
    assert!(stats.entries_scanned > 8_000, "walked twice: {stats:?}");
    Ok(())
}

#[tokio::test]
async fn a_query_ends_also_when_all_that_it_found_ahead_is_gone() -> Result<()> {
    let db = Db::builder().store::<Person>().ephemeral().await?;
    let s = db.session();
    let all = s.of::<Person>();
    let person = |number| Person { number, city: "Rome".into(), age: 1, tags: vec![], badge: None };
    all.insert_many((0..400).map(person)).await?;
    let mut rows = all.by_age().range(1..).or(all.by_city().range("A"..)).keys().stream();
    assert_eq!(rows.try_next().await?, Some(0));
    assert_eq!(all.by_key().range(1..).delete().await?, 399);
    assert_eq!(rows.try_next().await?, None);
    Ok(())
}
