//! Random queries on random records, beside a naive evaluation.
//!
//! Seeds are counted up from `SOP_TEST_SEED`, or from 0; one that fails is named.

use std::{env, ops::Bound};

use fastrand::Rng;
use sop_orm::{Combined, Output, prelude::*};

#[derive(SopStore, Clone, Debug, PartialEq)]
#[sop(index(by_both(small, other desc)))]
struct Thing {
    #[sop(key)]
    number: u16,
    #[sop(index(by_small))]
    small: u8,
    #[sop(index(by_other, desc))]
    other: Option<u8>,
    #[sop(index(by_item, each))]
    items: Vec<u8>,
    #[sop(unique(by_mark))]
    mark: Option<u16>,
}

fn thing(number: u16, rng: &mut Rng) -> Thing {
    Thing {
        number,
        small: rng.u8(..4),
        other: rng.bool().then(|| rng.u8(..6)),
        items: (0..rng.usize(..4)).map(|_| rng.u8(..5)).collect(),
        mark: rng.bool().then_some(number),
    }
}

type Range<T> = (Bound<T>, Bound<T>);

/// What a query selects, as data.
#[derive(Clone, Debug)]
enum Tree {
    Key(Range<u16>),
    Small(u8),
    SmallRange(Range<u8>),
    Other(Option<u8>),
    OtherRange(Range<u8>),
    Both(u8, Option<u8>),
    BothRange(u8, Range<u8>),
    Item(u8),
    ItemRange(Range<u8>),
    Mark(Range<u16>),
    And(Box<Tree>, Box<Tree>),
    Or(Box<Tree>, Box<Tree>),
}

fn bound<T>(value: T, rng: &mut Rng) -> Bound<T> {
    match rng.u8(..3) {
        0 => Bound::Included(value),
        1 => Bound::Excluded(value),
        _ => Bound::Unbounded,
    }
}

fn range(rng: &mut Rng) -> Range<u8> {
    (bound(rng.u8(..6), rng), bound(rng.u8(..6), rng))
}

fn long_range(rng: &mut Rng) -> Range<u16> {
    (bound(rng.u16(..200), rng), bound(rng.u16(..200), rng))
}

fn tree(depth: u32, rng: &mut Rng) -> Tree {
    let other = |rng: &mut Rng| rng.bool().then(|| rng.u8(..6));
    match rng.u8(..if depth == 0 { 10 } else { 22 }) {
        0 => Tree::Key(long_range(rng)),
        1 => Tree::Small(rng.u8(..4)),
        2 => Tree::SmallRange(range(rng)),
        3 => Tree::Other(other(rng)),
        4 => Tree::OtherRange(range(rng)),
        5 => Tree::Both(rng.u8(..4), other(rng)),
        6 => Tree::BothRange(rng.u8(..4), range(rng)),
        7 => Tree::Item(rng.u8(..5)),
        8 => Tree::ItemRange(range(rng)),
        9 => Tree::Mark(long_range(rng)),
        10..16 => Tree::And(Box::new(tree(depth - 1, rng)), Box::new(tree(depth - 1, rng))),
        _ => Tree::Or(Box::new(tree(depth - 1, rng)), Box::new(tree(depth - 1, rng))),
    }
}

fn within<T: PartialOrd>(value: &T, (low, high): &Range<T>) -> bool {
    let above = match low {
        Bound::Included(low) => value >= low,
        Bound::Excluded(low) => value > low,
        Bound::Unbounded => true,
    };
    above
        && match high {
            Bound::Included(high) => value <= high,
            Bound::Excluded(high) => value < high,
            Bound::Unbounded => true,
        }
}

/// A range of values as one of options: `None` is below all values.
fn held<T: Copy>((low, high): &Range<T>) -> Range<Option<T>> {
    (low.map(Some), high.map(Some))
}

fn holds(tree: &Tree, thing: &Thing) -> bool {
    match tree {
        Tree::Key(range) => within(&thing.number, range),
        Tree::Small(small) => thing.small == *small,
        Tree::SmallRange(range) => within(&thing.small, range),
        Tree::Other(other) => thing.other == *other,
        Tree::OtherRange(range) => within(&thing.other, &held(range)),
        Tree::Both(small, other) => thing.small == *small && thing.other == *other,
        Tree::BothRange(small, range) => match range {
            // Then no column is given.
            (Bound::Unbounded, Bound::Unbounded) => true,
            range => thing.small == *small && within(&thing.other, &held(range)),
        },
        Tree::Item(item) => thing.items.contains(item),
        Tree::ItemRange(range) => thing.items.iter().any(|item| within(item, range)),
        Tree::Mark(range) => within(&thing.mark, &held(range)),
        Tree::And(one, other) => holds(one, thing) && holds(other, thing),
        Tree::Or(one, other) => holds(one, thing) || holds(other, thing),
    }
}

/// A query on any index, or on several.
enum Built<'s> {
    Key(Query<'s, Thing, thing::ByKey>),
    Small(Query<'s, Thing, thing::BySmall>),
    Other(Query<'s, Thing, thing::ByOther>),
    Both(Query<'s, Thing, thing::ByBoth>),
    Item(Query<'s, Thing, thing::ByItem>),
    Mark(Query<'s, Thing, thing::ByMark>),
    Combined(Query<'s, Thing, Combined>),
}

macro_rules! with {
    ($built:expr, $query:ident => $value:expr) => {
        match $built {
            Built::Key($query) => $value,
            Built::Small($query) => $value,
            Built::Other($query) => $value,
            Built::Both($query) => $value,
            Built::Item($query) => $value,
            Built::Mark($query) => $value,
            Built::Combined($query) => $value,
        }
    };
}

fn build<'s>(tree: &Tree, s: &'s Session) -> Built<'s> {
    let things = s.of::<Thing>();
    match tree.clone() {
        Tree::Key(range) => Built::Key(things.by_key().range(range)),
        Tree::Small(small) => Built::Small(things.by_small().prefix(small)),
        Tree::SmallRange(range) => Built::Small(things.by_small().range(range)),
        Tree::Other(other) => Built::Other(things.by_other().prefix(other)),
        Tree::OtherRange(range) => Built::Other(things.by_other().range(range)),
        Tree::Both(small, other) => Built::Both(things.by_both().prefix((small, other))),
        Tree::BothRange(small, (low, high)) => {
            let range = (low.map(|low| (small, low)), high.map(|high| (small, high)));
            Built::Both(things.by_both().range(range))
        }
        Tree::Item(item) => Built::Item(things.by_item().prefix(item)),
        Tree::ItemRange(range) => Built::Item(things.by_item().range(range)),
        Tree::Mark(range) => Built::Mark(things.query(thing::ByMark).range(range)),
        Tree::And(one, other) => {
            let other = build(&other, s);
            Built::Combined(with!(build(&one, s), one => with!(other, other => one.and(other))))
        }
        Tree::Or(one, other) => {
            let other = build(&other, s);
            Built::Combined(with!(build(&one, s), one => with!(other, other => one.or(other))))
        }
    }
}

/// How the results are taken.
#[derive(Clone, Copy, Debug)]
struct How {
    reverse: bool,
    odd_only: bool,
    skip: Option<u64>,
    limit: Option<u64>,
}

fn apply<I, O: Output<Thing>>(
    mut query: Query<'_, Thing, I, O>,
    how: How,
) -> Query<'_, Thing, I, O> {
    if how.reverse {
        query = query.desc();
    }
    if how.odd_only {
        query = query.filter(|thing| thing.number % 2 == 1);
    }
    if let Some(skip) = how.skip {
        query = query.skip(skip);
    }
    if let Some(limit) = how.limit {
        query = query.limit(limit);
    }
    query
}

/// Takes the results of a query on whatever index.
macro_rules! take {
    ($tree:expr, $s:expr, $how:expr, $query:ident => $value:expr) => {
        with!(build($tree, $s), query => {
            let $query = apply(query, $how);
            $value.await?
        })
    };
}

/// Numbers of the records that a query gives out; all ways to take them must agree.
async fn run(s: &Session, tree: &Tree, how: How) -> Result<Vec<u16>> {
    let all = take!(tree, s, how, query => query.all());
    let numbers: Vec<u16> = all.iter().map(|thing| thing.number).collect();
    let keys = take!(tree, s, how, query => query.keys().all());
    let fields = take!(tree, s, how, query => query.select(thing::fields::number).all());
    assert!(
        keys == numbers && fields == numbers,
        "{keys:?} {fields:?} {numbers:?} {how:?} {tree:?}"
    );
    let selected = (thing::fields::mark, thing::fields::items);
    let marks = take!(tree, s, how, query => query.select(selected).all());
    let wanted = all.iter().map(|thing| (thing.mark, thing.items.clone()));
    assert_eq!(marks, wanted.collect::<Vec<_>>(), "{how:?} {tree:?}");
    let count = take!(tree, s, how, query => query.count());
    assert_eq!(count, numbers.len() as u64, "{how:?} {tree:?}");
    assert_eq!(take!(tree, s, how, query => query.exists()), count > 0, "{how:?} {tree:?}");
    let first = take!(tree, s, how, query => query.keys().first());
    assert_eq!(first, numbers.first().copied(), "{how:?} {tree:?}");
    let last = take!(tree, s, how, query => query.keys().last());
    assert_eq!(last, numbers.last().copied(), "{how:?} {tree:?}");
    Ok(numbers)
}

/// The same in pages.
async fn pages(s: &Session, tree: &Tree, how: How, size: u64) -> Result<Vec<u16>> {
    let (mut numbers, mut after) = (Vec::new(), None);
    loop {
        let page =
            take!(tree, s, How { limit: None, ..how }, query => query.keys().page(size, after));
        numbers.extend(page.items);
        let Some(next) = page.next else { return Ok(numbers) };
        after = Some(next.to_string().parse().expect("it was a cursor"));
    }
}

async fn check(s: &Session, things: &[Thing], tree: &Tree, rng: &mut Rng) -> Result<()> {
    let how = How {
        reverse: rng.bool(),
        odd_only: rng.u8(..4) == 0,
        skip: rng.bool().then(|| rng.u64(..10)),
        limit: rng.bool().then(|| rng.u64(..30)),
    };
    let found = run(s, tree, how).await?;
    let mut wanted: Vec<u16> = things
        .iter()
        .filter(|thing| holds(tree, thing) && (!how.odd_only || thing.number % 2 == 1))
        .map(|thing| thing.number)
        .collect();
    let mut paged = pages(s, tree, how, rng.u64(1..20)).await?;
    let few = usize::try_from(how.limit.unwrap_or(u64::MAX)).expect("it is small");
    assert_eq!(found, paged.iter().copied().take(few).collect::<Vec<_>>(), "{how:?} {tree:?}");
    if !matches!(tree, Tree::And(..) | Tree::Or(..)) {
        // In the order of an index, once for each entry. Which ones a skip leaves out depends on
        // that order, so only the others are compared.
        paged.sort_unstable();
        paged.dedup();
        assert!(how.skip.is_some() || paged == wanted, "{paged:?} {wanted:?} {how:?} {tree:?}");
        return Ok(());
    }
    if how.reverse {
        wanted.reverse();
    }
    let skip = usize::try_from(how.skip.unwrap_or(0)).expect("it is small");
    assert_eq!(paged, wanted.get(skip..).unwrap_or_default(), "{how:?} {tree:?}");
    Ok(())
}

async fn simulate(seed: u64) -> Result<()> {
    let mut rng = Rng::with_seed(seed);
    let db = Db::builder().store::<Thing>().ephemeral().await?;
    let mut things = Vec::new();
    let s = db.session();
    for number in 0..rng.u16(..200) {
        if rng.u8(..4) > 0 {
            things.push(thing(number, &mut rng));
        }
    }
    s.of::<Thing>().insert_many(things.iter().cloned()).await?;
    s.commit().await?;
    // Some changes that the session has not committed.
    let s = db.session();
    things.retain(|_| rng.u8(..8) > 0);
    for key in s.of::<Thing>().by_key().keys().all().await? {
        match things.iter_mut().find(|thing| thing.number == key) {
            None => drop(s.of::<Thing>().delete(key).await?),
            Some(known) if rng.u8(..4) == 0 => {
                let changed = thing(key, &mut rng);
                *s.of::<Thing>().edit(key).await? = changed.clone();
                *known = changed;
            }
            Some(_) => {}
        }
    }
    for _ in 0..30 {
        let tree = tree(3, &mut rng);
        check(&s, &things, &tree, &mut rng).await?;
    }
    Ok(())
}

#[tokio::test]
async fn queries_find_what_a_naive_evaluation_finds() -> Result<()> {
    let first = env::var("SOP_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    for seed in first..first + 60 {
        let failed = tokio::spawn(simulate(seed)).await;
        failed.unwrap_or_else(|panic| panic!("SOP_TEST_SEED={seed}: {panic}"))?;
    }
    Ok(())
}
