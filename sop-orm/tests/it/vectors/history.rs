//! Random histories beside a naive evaluation: searches in the middle of changes, with conditions.
//!
//! Seeds are counted up from `SOP_TEST_SEED`, or from 0; one that fails is named.

use std::{collections::BTreeMap, env};

use fastrand::Rng;
use sop_orm::{IndexBuilding, Isolation, Metric, Near, TransactionOptions, prelude::*};

use super::{D, Thing, distance, numbers, thing};

/// What is searched for, and among which.
struct Search {
    field: u8,
    group: u8,
    small: Option<u8>,
    item: Option<u8>,
    even: bool,
    k: usize,
    within: Option<f32>,
    exact: bool,
    query: [f32; D],
    /// Whether partitions may have cells.
    cells: bool,
}

impl Search {
    fn new(cells: bool, rng: &mut Rng) -> Self {
        Self {
            cells,
            field: rng.u8(..3),
            group: rng.u8(..3),
            small: rng.bool().then(|| rng.u8(..4)),
            item: rng.bool().then(|| rng.u8(..5)),
            even: rng.u8(..4) == 0,
            k: rng.usize(..30),
            within: (rng.u8(..4) == 0).then(|| rng.f32()),
            exact: rng.bool(),
            query: numbers(rng),
        }
    }

    fn metric(&self) -> Metric {
        [Metric::Cosine, Metric::Euclidean, Metric::Dot][usize::from(self.field)]
    }

    /// The vector of a record, if it is in the partition.
    fn vector(&self, thing: &Thing) -> Option<Vec<f32>> {
        match self.field {
            0 => (thing.group == self.group).then(|| thing.angle.to_f32()),
            1 => thing.place.as_ref().map(sop_orm::Vector::to_f32),
            _ => {
                let is_in = thing.group == self.group && thing.small == self.small.unwrap_or(1);
                is_in.then(|| thing.weight.to_f32())
            }
        }
    }

    fn selects(&self, thing: &Thing) -> bool {
        let is_in_small = self.field == 2 || self.small.is_none_or(|small| thing.small <= small);
        is_in_small
            && self.item.is_none_or(|item| thing.item.iter().any(|one| *one >= item))
            && (!self.even || thing.number.is_multiple_of(2))
    }

    /// The distances of all that qualify, in order.
    fn naive(&self, things: &BTreeMap<u16, Thing>) -> Vec<(f32, u16)> {
        let found = things.values().filter(|thing| self.selects(thing)).filter_map(|thing| {
            let far = distance(self.metric(), &self.query, &self.vector(thing)?);
            Some((far, thing.number))
        });
        let mut found: Vec<_> =
            found.filter(|(far, _)| self.within.is_none_or(|within| *far <= within)).collect();
        found.sort_by(|one, other| one.0.total_cmp(&other.0));
        found
    }

    fn near<'s>(&self, s: &'s Session) -> Near<'s, Thing> {
        let things = s.of::<Thing>();
        let mut near = match self.field {
            0 => things.near_angle(self.group, &self.query),
            1 => things.near_place(&self.query),
            _ => things.near_weight(self.group, self.small.unwrap_or(1), &self.query),
        };
        if let (Some(small), 0 | 1) = (self.small, self.field) {
            near = near.among(things.by_small().range(..=small));
        }
        if let Some(item) = self.item {
            near = near.among(things.by_item().range(item..));
        }
        if self.even {
            near = near.filter(|thing| thing.number.is_multiple_of(2));
        }
        if let Some(within) = self.within {
            near = near.within(within);
        }
        near = near.k(self.k);
        // So high that no estimate is wrong by more in a run of this length.
        if self.exact { near.exact() } else { near.recall(0.999_999) }
    }

    /// Compares: each hit is as far as the naive one of its rank, but for rounding. Which cells are
    /// read is chosen by likelihood, so there only as many are demanded, unless it is exact.
    async fn check(&self, s: &Session, things: &BTreeMap<u16, Thing>, seed: u64) -> Result<()> {
        let is_sure = self.exact || !self.cells;
        let hits = self.near(s).all().await?;
        let naive = self.naive(things);
        let close = |one: f32, other: f32| (one - other).abs() <= 1e-3 * (1.0 + other.abs());
        let borders = |far: f32| self.within.is_some_and(|within| close(far, within));
        let sure = naive.iter().take(self.k).filter(|(far, _)| !borders(*far)).count();
        let sure = if is_sure || self.within.is_none() { sure } else { 0 };
        assert!(hits.len() >= sure && hits.len() <= self.k, "seed {seed}: {} hits", hits.len());
        for (hit, (far, _)) in hits.iter().zip(&naive).filter(|_| is_sure) {
            assert!(close(hit.distance, *far), "seed {seed}: {} for {far}", hit.distance);
        }
        for hit in &hits {
            let thing = &things[&hit.key];
            assert!(self.selects(thing), "seed {seed}: {thing:?}");
            let far = distance(self.metric(), &self.query, &self.vector(thing).expect("a vector"));
            assert!(close(hit.distance, far), "seed {seed}: {} is {far} far", hit.key);
        }
        let mut keys: Vec<u16> = hits.iter().map(|hit| hit.key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), hits.len(), "seed {seed}: each comes once");
        Ok(())
    }
}

/// Changes some records, in the session and in the model.
async fn change(s: &Session, things: &mut BTreeMap<u16, Thing>, rng: &mut Rng) -> Result<()> {
    for _ in 0..rng.usize(1..40) {
        let number = rng.u16(..120);
        let new = thing(number, rng);
        match rng.u8(..4) {
            0 => {
                s.of::<Thing>().delete(number).await?;
                things.remove(&number);
            }
            // Another vector in the same place, and the other way round.
            1 if things.contains_key(&number) => {
                let mut edit = s.of::<Thing>().edit(number).await?;
                edit.angle = new.angle.clone();
                things.insert(number, edit.clone());
            }
            2 if things.contains_key(&number) => {
                let mut edit = s.of::<Thing>().edit(number).await?;
                (edit.group, edit.small) = (new.group, new.small);
                things.insert(number, edit.clone());
            }
            _ => {
                s.of::<Thing>().upsert(new.clone()).await?;
                things.insert(number, new);
            }
        }
    }
    Ok(())
}

async fn database(cells_from: u64) -> Result<Db> {
    let builder = Db::builder().store::<Thing>().cells_from(cells_from);
    builder.index_building(IndexBuilding::ByHand).ephemeral().await
}

/// A session that is not refused because codes were moved in a partition that it has searched.
fn session(db: &Db) -> Session {
    db.session_with(TransactionOptions::default().isolation(Isolation::Snapshot))
}

/// Does some of the work that the background would do.
fn work(db: &Db, rng: &mut Rng) -> Result<()> {
    for _ in 0..rng.usize(..12) {
        db.build_indexes(rng.usize(1..60))?;
    }
    Ok(())
}

/// Returns how many commits were lost.
async fn run(seed: u64, cells_from: u64) -> Result<u32> {
    let (rng, mut lost, cells) = (&mut Rng::with_seed(seed), 0, cells_from < u64::MAX);
    let (db, mut things) = (database(cells_from).await?, BTreeMap::new());
    for _ in 0..6 {
        let (s, mut changed) = (session(&db), things.clone());
        let other = db.session();
        work(&db, rng)?;
        change(&s, &mut changed, rng).await?;
        for _ in 0..6 {
            Search::new(cells, rng).check(&s, &changed, seed).await?;
        }
        let (savepoint, before) = (s.savepoint()?, changed.clone());
        change(&s, &mut changed, rng).await?;
        Search::new(cells, rng).check(&s, &changed, seed).await?;
        if rng.bool() {
            savepoint.rollback()?;
            changed = before;
            Search::new(cells, rng).check(&s, &changed, seed).await?;
        }
        drop(savepoint);
        if rng.u8(..4) > 0 {
            work(&db, rng)?;
            let committed = s.commit().await;
            work(&db, rng)?;
            Search::new(cells, rng).check(&other, &things, seed).await?;
            match committed {
                Ok(_) => things = changed,
                // When a partition gets its first cells, who deletes from it has to do so again.
                Err(error) if error.is_retryable() => lost += 1,
                Err(error) => return Err(error),
            }
        } else {
            s.rollback();
        }
        for _ in 0..6 {
            Search::new(cells, rng).check(&db.session(), &things, seed).await?;
        }
    }
    let report = db.check_indexes().await?;
    assert!(report.is_sound(), "seed {seed}: {report:?}");
    while db.build_indexes(50)? {}
    let report = db.check_indexes().await?;
    assert!(report.is_sound(), "seed {seed}: {report:?}");
    Ok(lost)
}

/// Returns how many commits were lost, of about 180.
async fn run_all(cells_from: u64) -> Result<u32> {
    let first = env::var("SOP_TEST_SEED").map_or(0, |seed| seed.parse().expect("a number"));
    let mut lost = 0;
    for seed in first..first + 40 {
        lost += run(seed, cells_from).await?;
    }
    Ok(lost)
}

#[tokio::test]
async fn searches_find_what_a_naive_evaluation_finds_in_the_midst_of_changes() -> Result<()> {
    assert_eq!(run_all(u64::MAX).await?, 0);
    Ok(())
}

#[tokio::test]
async fn what_is_found_is_the_same_while_codes_move_into_cells() -> Result<()> {
    let lost = run_all(16).await?;
    assert!(lost < 40, "{lost} commits were lost");
    Ok(())
}
