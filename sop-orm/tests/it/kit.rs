//! The kit for tests makes happen what it promises, and nothing else.

use std::{cell::RefCell, collections::BTreeSet};

use sop_orm::{
    prelude::*,
    testing::{Orders, Race, SimulatedDisk, Step, conflict_at, fixture, open_on, power_cuts, race},
};

use crate::model::*;

async fn counter() -> Result<(Db, Id<User>)> {
    let db = database().await?;
    let (users,) = fixture!(db, { User: [user("counter")] })?;
    let id = users[0].id;
    Ok((db, id))
}

async fn add_one(s: &Session, id: Id<User>) -> Result<()> {
    s.of::<User>().edit(id).await?.articles += 1;
    Ok(())
}

async fn value(db: &Db, id: Id<User>) -> Result<i64> {
    Ok(db.session().of::<User>().require(id).await?.articles)
}

/// Lets two sessions count, and returns whether each of them committed.
async fn two_sessions_count(race: &mut Race) -> Result<[bool; 2]> {
    let (db, id) = counter().await?;
    let mut sessions = race.on(&db);
    for _ in 0..2 {
        sessions.session(async move |s, _| add_one(s, id).await);
    }
    let outcomes = sessions.finish().await;
    let committed: Vec<bool> = outcomes.iter().map(|outcome| outcome.result.is_ok()).collect();
    let count = committed.iter().filter(|committed| **committed).count();
    assert_eq!(value(&db, id).await?, i64::try_from(count).expect("two at most"));
    Ok([committed[0], committed[1]])
}

#[tokio::test]
async fn sessions_meet_in_every_order_and_whoever_committed_first_wins() -> Result<()> {
    let seen = RefCell::new(Vec::new());
    let orders = race(Orders::default(), async |race| {
        let committed = two_sessions_count(race).await?;
        seen.borrow_mut().push(committed);
        Ok(())
    });
    assert_eq!(orders.await?, 6);
    // One after the other in two orders; in the four others they overlap, and one is beaten.
    let mut seen = seen.into_inner();
    seen.sort_unstable();
    let (both, first, second) = ([true, true], [true, false], [false, true]);
    assert_eq!(seen, [second, second, first, first, both, both]);
    Ok(())
}

#[tokio::test]
async fn a_given_order_is_repeated() -> Result<()> {
    for (order, expected) in [(vec![0, 0, 1, 1], [true; 2]), (vec![0, 1, 1, 0], [false, true])] {
        let orders = race(Orders::Only(order), async |race| {
            assert_eq!(two_sessions_count(race).await?, expected);
            Ok(())
        });
        assert_eq!(orders.await?, 1);
    }
    Ok(())
}

#[tokio::test]
async fn units_of_work_count_to_the_exact_sum_in_every_order() -> Result<()> {
    let attempts = RefCell::new(BTreeSet::new());
    race(Orders::default(), async |race| {
        let (db, id) = counter().await?;
        let mut sessions = race.on(&db);
        for _ in 0..2 {
            sessions.run(async move |s, step| {
                add_one(s, id).await?;
                step.next().await;
                add_one(s, id).await
            });
        }
        let outcomes = sessions.finish().await;
        assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()), "{outcomes:?}");
        attempts.borrow_mut().insert(outcomes.iter().map(|outcome| outcome.attempts).max());
        assert_eq!(value(&db, id).await?, 4);
        Ok(())
    })
    .await?;
    assert_eq!(attempts.into_inner(), BTreeSet::from([Some(1), Some(2)]));
    Ok(())
}

#[tokio::test]
async fn steps_divide_sessions_and_borrow_from_the_scenario() -> Result<()> {
    let histories = RefCell::new(BTreeSet::new());
    let orders = race(Orders::default(), async |race| {
        let (db, _) = counter().await?;
        let history = RefCell::new(String::new());
        let mut sessions = race.on(&db);
        for name in ["ab", "xy"] {
            let history = &history;
            sessions.session(async move |_, step| {
                history.borrow_mut().push_str(&name[..1]);
                step.next().await;
                history.borrow_mut().push_str(&name[1..]);
                Ok(())
            });
        }
        sessions.finish().await;
        histories.borrow_mut().insert(history.into_inner());
        Ok(())
    });
    assert_eq!(orders.await?, 20, "three steps each");
    let expected = ["abxy", "axby", "axyb", "xaby", "xayb", "xyab"].map(str::to_owned);
    assert_eq!(histories.into_inner(), BTreeSet::from(expected));
    Ok(())
}

/// Takes one of two doctors off duty if both are on it, which is where they begin.
async fn go_off_duty(s: &Session, step: &Step, both: [Id<User>; 2], own: Id<User>) -> Result<()> {
    let doctors = s.of::<User>();
    let off = doctors.require(both[0]).await?.articles + doctors.require(both[1]).await?.articles;
    step.next().await;
    if off == 0 {
        doctors.edit(own).await?.articles = 1;
    }
    Ok(())
}

#[tokio::test]
async fn an_invariant_over_two_records_holds_in_every_order() -> Result<()> {
    race(Orders::default(), async |race| {
        let (db, _) = counter().await?;
        let (doctors,) = fixture!(db, { User: [user("ann"), user("bob")] })?;
        let ids = [doctors[0].id, doctors[1].id];
        let mut sessions = race.on(&db);
        for own in ids {
            sessions.session(async move |s, step| go_off_duty(s, step, ids, own).await);
        }
        sessions.finish().await;
        assert!(value(&db, ids[0]).await? + value(&db, ids[1]).await? < 2, "nobody is on duty");
        Ok(())
    })
    .await?;
    Ok(())
}

#[tokio::test]
async fn a_scenario_that_fails_ends_the_race_with_its_error() -> Result<()> {
    let outcome = race(Orders::default(), async |race| {
        let [_, second] = two_sessions_count(race).await?;
        if second { Ok(()) } else { Err(Error::not_found::<User>("second")) }
    });
    assert!(matches!(outcome.await, Err(Error::NotFound { .. })));
    Ok(())
}

#[tokio::test]
async fn too_many_orders_are_an_error_and_a_sample_is_not() -> Result<()> {
    let scenario = async |race: &mut Race| two_sessions_count(race).await.map(drop);
    let all = race(Orders::All { most: 5 }, scenario).await;
    assert!(matches!(all, Err(Error::Invalid(_))), "{all:?}");
    assert_eq!(race(Orders::Random { count: 5, seed: 7 }, scenario).await?, 5);
    Ok(())
}

#[tokio::test]
async fn planned_commits_conflict_once_each() -> Result<()> {
    let (db, id) = counter().await?;
    conflict_at(&db, 2);
    conflict_at(&db, 3);
    let add = || {
        db.run(async |s| {
            add_one(s, id).await?;
            Ok(s.attempt())
        })
    };
    assert_eq!((add().await?, add().await?, add().await?), (1, 3, 1));
    assert_eq!(value(&db, id).await?, 3);

    conflict_at(&db, 1);
    let s = db.session();
    add_one(&s, id).await?;
    assert!(matches!(s.commit().await, Err(Error::Conflict(_))));
    assert!(matches!(s.commit().await, Err(Error::SessionClosed(_))));
    assert_eq!(value(&db, id).await?, 3);
    Ok(())
}

#[tokio::test]
async fn after_a_power_cut_records_and_indexes_agree_and_no_commit_is_lost() -> Result<()> {
    let builder = || Db::builder().store::<User>();
    let disk = SimulatedDisk::new();
    let db = open_on(builder(), &disk).await?;
    let mut acknowledged = Vec::new();
    for name in ["ann", "bob", "eve"] {
        db.run(async |s| s.of::<User>().insert(user(name)).await).await?;
        acknowledged.push(disk.faults().calls());
    }
    db.close().await?;

    let mut cuts = 0;
    for cut in power_cuts(&disk, 2) {
        let db = open_on(builder(), &cut.disk).await?;
        let s = db.session();
        let users = s.of::<User>().by_key().all().await?;
        let promised = acknowledged.iter().filter(|calls| **calls <= cut.call).count();
        assert!(users.len() >= promised, "{} users after {cut:?}", users.len());
        for user in users {
            assert_eq!(s.of::<User>().by_email(&user.email).await?.as_ref(), Some(&user));
        }
        cuts += 1;
    }
    assert!(cuts > 4 * 10, "{cuts} cuts");
    Ok(())
}

#[tokio::test]
async fn a_disk_that_lies_loses_commits() -> Result<()> {
    let disk = SimulatedDisk::lying();
    let db = open_on(Db::builder().store::<User>(), &disk).await?;
    db.run(async |s| s.of::<User>().insert(user("ann")).await).await?;
    db.close().await?;
    let mut lost = false;
    for cut in power_cuts(&disk, 0).filter(|cut| cut.call == disk.faults().calls()) {
        let left = open_on(Db::builder().store::<User>(), &cut.disk).await;
        lost |= match left {
            Ok(db) => db.session().of::<User>().by_key().count().await? == 0,
            Err(_) => true,
        };
    }
    assert!(lost, "power cuts that lose nothing prove nothing");
    Ok(())
}
