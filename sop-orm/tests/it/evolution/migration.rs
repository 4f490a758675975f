//! All records of a store brought to the present layout, beside other sessions.

use sop_core::Database;
use sop_orm::{EventKind, prelude::*};

use super::{
    attach, engine, entries, refused,
    versions::plain::{Reading, alone, reading, v1},
};
use crate::disk::Failing;

const READINGS: u16 = 5_000;

async fn fill(db: &Db) -> Result<()> {
    let s = db.session();
    s.of::<v1::Reading>().insert_many((0..READINGS).map(reading)).await?;
    s.commit().await?;
    Ok(())
}

async fn filled() -> Result<Database> {
    let engine = engine()?;
    fill(&attach::<v1::Reading>(&engine).await?).await?;
    Ok(engine)
}

/// The layouts that rows say they have.
fn layouts(engine: &Database) -> Result<Vec<u8>> {
    let mut layouts: Vec<u8> = entries(engine, "readings")?.iter().map(|(_, row)| row[1]).collect();
    layouts.dedup();
    Ok(layouts)
}

#[tokio::test]
async fn a_migration_writes_all_old_records_anew_and_tells_how_far_it_is() -> Result<()> {
    let engine = filled().await?;
    let db = attach::<Reading>(&engine).await?;
    let mut migration = db.migrate::<Reading>();
    let (mut steps, mut last) = (0, None);
    while let Some(progress) = migration.step().await? {
        assert_eq!(progress.total, u64::from(READINGS));
        assert!(last.is_none_or(|last| progress.done > last), "{progress:?}");
        (steps, last) = (steps + 1, Some(progress.done));
        assert_eq!(progress.done, progress.upgraded);
    }
    assert!(steps > 3, "{steps}");
    assert_eq!(last, Some(u64::from(READINGS)));
    assert_eq!(layouts(&engine)?, [2]);
    let again = db.migrate::<Reading>().await?;
    assert_eq!((again.done, again.upgraded), (u64::from(READINGS), 0));
    Ok(())
}

#[tokio::test]
async fn a_migrated_store_is_opened_without_the_earlier_struct() -> Result<()> {
    let engine = filled().await?;
    let text = refused::<alone::Reading>(&engine).await;
    assert!(text.contains("from = v1::Reading"), "{text}");
    attach::<Reading>(&engine).await?.migrate::<Reading>().await?;
    let db = attach::<alone::Reading>(&engine).await?;
    let kelvin = db.session().of::<alone::Reading>().require(7).await?.kelvin;
    assert!((kelvin - 280.0).abs() < 1e-9);
    Ok(())
}

#[tokio::test]
async fn a_migration_that_was_dropped_goes_on_where_it_was() -> Result<()> {
    let engine = filled().await?;
    let db = attach::<Reading>(&engine).await?;
    let mut migration = db.migrate::<Reading>();
    let first = migration.step().await?.expect("there is something to do");
    drop(migration);
    drop(db);
    assert_eq!(layouts(&engine)?, [2, 1], "one part is done");
    let db = attach::<Reading>(&engine).await?;
    let second = db.migrate::<Reading>().step().await?.expect("there is more to do");
    assert_eq!(second.done, first.done * 2);
    assert_eq!(db.migrate::<Reading>().await?.upgraded, u64::from(READINGS));
    Ok(())
}

#[tokio::test]
async fn a_migration_can_break_anywhere_and_is_completed_later() -> Result<()> {
    let mut broken = 0;
    for syncs in 0..12 {
        let disk = Failing::new();
        fill(&Db::builder().store::<v1::Reading>().attach(disk.engine()?).await?).await?;
        let db = Db::builder().store::<Reading>().attach(disk.engine()?).await?;
        disk.break_after(syncs);
        broken += u32::from(db.migrate::<Reading>().await.is_err());
        drop(db);
        disk.mend();
        let engine = disk.engine()?;
        let db = attach::<Reading>(&engine).await?;
        assert_eq!(db.migrate::<Reading>().await?.done, u64::from(READINGS), "{syncs} syncs");
        assert_eq!(layouts(&engine)?, [2]);
    }
    assert!(broken > 3, "it broke at several places: {broken}");
    Ok(())
}

/// Makes some readings cold.
async fn cool(s: &Session, round: u32) -> Result<()> {
    for number in (round..u32::from(READINGS)).step_by(97) {
        s.of::<Reading>().edit(number).await?.kelvin = -1.0;
    }
    Ok(())
}

#[tokio::test]
async fn sessions_go_on_beside_a_migration_and_none_of_their_changes_is_lost() -> Result<()> {
    let engine = filled().await?;
    let db = attach::<Reading>(&engine).await?;
    let mut migration = db.migrate::<Reading>();
    let (mut rounds, mut conflicts) = (0, 0);
    loop {
        // This session begins before the step, and commits before it or after it.
        let session = db.session();
        cool(&session, rounds).await?;
        let before = rounds.is_multiple_of(2);
        if before {
            session.commit().await?;
        }
        let more = migration.step().await?.is_some();
        if !before && let Err(error) = session.commit().await {
            assert!(matches!(error, Error::Conflict(_)), "{error}");
            conflicts += 1;
            db.run(async |s| cool(s, rounds).await).await?;
        }
        rounds += 1;
        if !more {
            break;
        }
    }
    assert!(rounds > 3 && conflicts > 0, "{rounds} rounds, {conflicts} conflicts");
    assert_eq!(layouts(&engine)?, [2]);
    for reading in db.session().of::<Reading>().by_key().all().await? {
        let number = reading.number;
        let cold = (0..rounds).any(|round| number >= round && (number - round).is_multiple_of(97));
        let expected = if cold { -1.0 } else { f64::from(number) + 273.0 };
        assert!((reading.kelvin - expected).abs() < 1e-9, "{reading:?}");
    }
    Ok(())
}

#[tokio::test]
async fn two_migrations_at_once_do_the_work_once() -> Result<()> {
    let engine = filled().await?;
    let db = attach::<Reading>(&engine).await?;
    let (one, other) = tokio::join!(db.migrate::<Reading>(), db.migrate::<Reading>());
    assert!(one?.done <= u64::from(READINGS) && other?.done <= u64::from(READINGS));
    assert_eq!(layouts(&engine)?, [2]);
    Ok(())
}

#[tokio::test]
async fn a_type_that_is_not_registered_cannot_be_migrated() -> Result<()> {
    let db = Db::builder().store::<Reading>().ephemeral().await?;
    assert!(matches!(db.migrate::<v1::Reading>().await, Err(Error::NotRegistered { .. })));
    Ok(())
}

#[tokio::test]
async fn a_watch_tells_of_each_record_that_a_migration_writes_once() -> Result<()> {
    let engine = filled().await?;
    let db = attach::<Reading>(&engine).await?;
    db.run(async |s| {
        s.of::<Reading>().edit(0).await?.kelvin = 0.5;
        Ok(())
    })
    .await?;
    let (s, mut all) = (db.session(), db.watch::<Reading>()?);
    let mut one = s.of::<Reading>().by_key().prefix(0_u32).watch()?;
    assert_eq!(db.migrate::<Reading>().await?.upgraded, u64::from(READINGS) - 1);
    let mut told = 0;
    while let Some(event) = all.next_ready()? {
        assert_eq!(event.kind, EventKind::Updated);
        let kelvin = event.record.map(|reading| reading.kelvin);
        assert_eq!(kelvin, Some(f64::from(event.key) + 273.0));
        told += 1;
    }
    assert_eq!(told, READINGS - 1);
    assert!(one.next_ready()?.is_none(), "this one was of the present layout already");
    Ok(())
}
