//! Sessions go on while a partition gets cells and these are divided.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use sop_orm::{IndexBuilding, Isolation, TransactionOptions, prelude::*};

use super::{D, Thing, distance, keys, numbers, thing};

const SESSIONS: u16 = 16;
const EACH: u16 = 100;
const QUERY: [f32; D] = [1.0; D];

async fn database() -> Result<Db> {
    let builder = Db::builder().store::<Thing>().cells_from(100);
    builder.index_building(IndexBuilding::ByHand).ephemeral().await
}

/// A record of its own place in partition 1.
fn at(number: u16) -> Thing {
    let rng = &mut fastrand::Rng::with_seed(number.into());
    Thing { group: 1, angle: numbers(rng).into(), ..thing(number, rng) }
}

/// Inserts records, each in a session of its own, of which every fifth gives up.
async fn insert(db: Db, first: u16) -> Result<()> {
    for number in first..first + EACH {
        let s = db.session();
        let things = s.of::<Thing>();
        things.insert(at(number)).await?;
        if number.is_multiple_of(5) {
            things.insert(Thing { angle: QUERY.into(), ..at(10_000 + number) }).await?;
            continue;
        }
        s.commit().await?;
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// Moves codes into cells until there is no more to move and nobody inserts.
fn reorganise(db: &Db, inserting: &AtomicBool) -> Result<u32> {
    let mut pieces = 0;
    loop {
        // Looked at before, so that a last look follows the last insertion.
        let was_inserting = inserting.load(Ordering::Acquire);
        if db.build_indexes(64)? {
            pieces += 1;
        } else if !was_inserting {
            return Ok(pieces);
        }
        std::thread::yield_now();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_sessions_insert_into_a_partition_that_is_being_divided_without_a_retry()
-> Result<()> {
    let db = database().await?;
    let before = db.session_with(TransactionOptions::default().isolation(Isolation::Snapshot));
    let of_before = before.of::<Thing>();
    assert!(of_before.near_angle(1, &QUERY).all().await?.is_empty());

    let inserting = Arc::new(AtomicBool::new(true));
    let reorganising = tokio::task::spawn_blocking({
        let (db, inserting) = (db.clone(), inserting.clone());
        move || reorganise(&db, &inserting)
    });
    let sessions = (0..SESSIONS).map(|session| tokio::spawn(insert(db.clone(), session * EACH)));
    for session in sessions.collect::<Vec<_>>() {
        session.await.expect("no panic")?;
    }
    inserting.store(false, Ordering::Release);
    let pieces = reorganising.await.expect("no panic")?;
    assert!(pieces > 4, "only {pieces} pieces of work on the partition's cells");
    assert!(of_before.near_angle(1, &QUERY).all().await?.is_empty(), "its snapshot has moved");

    // All that was committed, and nothing that was given up.
    let committed = (0..SESSIONS * EACH).filter(|number| !number.is_multiple_of(5));
    let committed: Vec<Thing> = committed.map(at).collect();
    let s = db.session();
    let all = s.of::<Thing>().near_angle(1, &QUERY).k(usize::from(SESSIONS * EACH));
    let found: BTreeSet<u16> = keys(&all.exact().all().await?).into_iter().collect();
    assert_eq!(found, committed.iter().map(|thing| thing.number).collect());
    assert!(db.check_indexes().await?.is_sound());

    // As many of the nearest as were asked for.
    let far = |thing: &Thing| distance(sop_orm::Metric::Cosine, &thing.angle.to_f32(), &QUERY);
    let mut nearest: Vec<(f32, u16)> = committed.iter().map(|one| (far(one), one.number)).collect();
    nearest.sort_by(|one, other| one.0.total_cmp(&other.0));
    let truth: BTreeSet<u16> = nearest[..100].iter().map(|(_, number)| *number).collect();
    let hits = s.of::<Thing>().near_angle(1, &QUERY).k(100).recall(0.99).all().await?;
    let right = keys(&hits).iter().filter(|number| truth.contains(number)).count();
    assert!(right >= 95, "{right} of 100");
    Ok(())
}
