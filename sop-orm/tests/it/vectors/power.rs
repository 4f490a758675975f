//! Power cuts at every moment of a life in which vectors change and codes move into cells: what is
//! left is what was committed, and a search finds it.

use std::collections::BTreeMap;

use fastrand::Rng;
use sop_orm::{
    DbBuilder, IndexBuilding, Metric, Near,
    prelude::*,
    testing::{SimulatedDisk, open_on, power_cuts},
};

use super::{D, Thing, distance, numbers, thing};

type Things = BTreeMap<u16, Thing>;

/// How many commits a life has.
const COMMITS: usize = 24;

/// More than there are.
const ALL: usize = 1_000;

/// Partitions get cells early, and codes move when the life says so.
fn builder() -> DbBuilder {
    Db::builder().store::<Thing>().cells_from(6).index_building(IndexBuilding::ByHand)
}

async fn change(s: &Session, things: &mut Things, rng: &mut Rng) -> Result<()> {
    for _ in 0..rng.usize(1..8) {
        let number = rng.u16(..40);
        if rng.u8(..4) == 0 {
            s.of::<Thing>().delete(number).await?;
            things.remove(&number);
        } else {
            let new = thing(number, rng);
            s.of::<Thing>().upsert(new.clone()).await?;
            things.insert(number, new);
        }
    }
    Ok(())
}

/// Lives, and gives what was committed, with the number of calls that the disk had had when that
/// was acknowledged.
async fn live(disk: &SimulatedDisk, rng: &mut Rng) -> Result<Vec<(u64, Things)>> {
    let (db, mut things) = (open_on(builder(), disk).await?, Things::new());
    let (mut kept, mut moves) = (vec![(0, Things::new())], 0);
    for commit in 0..COMMITS {
        let s = db.session();
        change(&s, &mut things, rng).await?;
        s.commit().await?;
        kept.push((disk.faults().calls(), things.clone()));
        for _ in 0..rng.usize(..6) {
            let before = db.stats().position;
            db.build_indexes(rng.usize(1..12))?;
            moves += usize::from(db.stats().position > before);
        }
        if commit % 8 == 5 {
            db.checkpoint().await?;
        }
    }
    db.close().await?;
    assert!(moves >= COMMITS, "codes were moved {moves} times only");
    Ok(kept)
}

/// Compares a search that measures everything with what is there.
async fn compare(
    near: Near<'_, Thing>,
    (metric, query): (Metric, &[f32; D]),
    vectors: impl Iterator<Item = (u16, Vec<f32>)>,
) -> Result<()> {
    let mut naive: Vec<(f32, u16)> =
        vectors.map(|(number, vector)| (distance(metric, query, &vector), number)).collect();
    naive.sort_by(|one, other| one.0.total_cmp(&other.0));
    let hits = near.k(ALL).exact().all().await?;
    let mut found: Vec<u16> = hits.iter().map(|hit| hit.key).collect();
    let mut expected: Vec<u16> = naive.iter().map(|(_, number)| *number).collect();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
    for (hit, (far, _)) in hits.iter().zip(&naive) {
        assert!((hit.distance - far).abs() <= 1e-3 * (1.0 + far.abs()), "{hit:?}, not {far}");
    }
    Ok(())
}

async fn check(db: &Db, things: &Things, query: &[f32; D]) -> Result<()> {
    assert!(db.check().await?.is_sound());
    let report = db.check_indexes().await?;
    assert!(report.is_sound(), "{report:?}");
    let s = db.session();
    let all = s.of::<Thing>();
    let placed = things.values().filter_map(|one| Some((one.number, one.place.as_ref()?.to_f32())));
    compare(all.near_place(query), (Metric::Euclidean, query), placed).await?;
    for group in 0..3 {
        let of_group = || things.values().filter(|one| one.group == group);
        let angles = of_group().map(|one| (one.number, one.angle.to_f32()));
        compare(all.near_angle(group, query), (Metric::Cosine, query), angles).await?;
        for small in 0..4 {
            let weights = of_group().filter(|one| one.small == small);
            let weights = weights.map(|one| (one.number, one.weight.to_f32()));
            compare(all.near_weight(group, small, query), (Metric::Dot, query), weights).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn after_a_power_cut_at_any_moment_a_search_finds_what_was_committed() -> Result<()> {
    let (disk, rng) = (SimulatedDisk::new(), &mut Rng::with_seed(7));
    let kept = live(&disk, rng).await?;
    let (query, mut cuts) = (numbers(rng), 0);
    for cut in power_cuts(&disk, 1) {
        let at = format!("before call {}, {:?}", cut.call, cut.survival);
        let db = open_on(builder(), &cut.disk).await?;
        let found = db.session().of::<Thing>().by_key().all().await?;
        let found: Things = found.iter().map(|one| (one.number, Thing::clone(one))).collect();
        let promised = kept.iter().rposition(|(calls, _)| *calls <= cut.call).unwrap_or_default();
        let is_kept = kept.iter().skip(promised).any(|(_, things)| *things == found);
        assert!(is_kept, "{at}: what is left was never committed, or is too old");
        check(&db, &found, &query).await?;
        // The moving goes on where it was interrupted.
        while db.build_indexes(8)? {}
        check(&db, &found, &query).await?;
        cuts += 1;
    }
    assert!(cuts > 5 * COMMITS, "{cuts} cuts");
    Ok(())
}
