//! Sessions beside each other.

use sop_orm::{Isolation, RetryPolicy, TransactionOptions, Vector, prelude::*};

use super::{D, Thing, database, keys, thing};

fn in_one_partition(number: u16) -> Thing {
    Thing { group: 1, ..thing(number, &mut fastrand::Rng::with_seed(number.into())) }
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_sessions_insert_into_one_partition_without_a_retry() -> Result<()> {
    let db = database().await?;
    let tasks = (0..16_u16).map(|task| {
        let db = db.clone();
        tokio::spawn(async move {
            for at in 0..40 {
                let s = db.session();
                s.of::<Thing>().insert(in_one_partition(task * 40 + at)).await?;
                s.commit().await?;
            }
            Ok::<_, Error>(())
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("no panic")?;
    }
    let s = db.session();
    assert_eq!(s.of::<Thing>().near_angle(1, &[1.0; D]).k(1_000).all().await?.len(), 640);
    assert!(db.check_indexes().await?.is_sound());
    Ok(())
}

#[tokio::test]
async fn a_search_sees_one_state_and_a_commit_depends_on_it() -> Result<()> {
    let db = database().await?;
    for (isolation, conflicts) in [(Isolation::Serializable, true), (Isolation::Snapshot, false)] {
        let s = db.session_with(TransactionOptions::default().isolation(isolation));
        let found = keys(&s.of::<Thing>().near_angle(1, &[1.0; D]).all().await?);
        let other = db.session();
        let number = u16::from(conflicts);
        other.of::<Thing>().insert(in_one_partition(number)).await?;
        other.commit().await?;
        assert_eq!(keys(&s.of::<Thing>().near_angle(1, &[1.0; D]).all().await?), found);
        s.of::<Thing>().insert(in_one_partition(100 + number)).await?;
        assert_eq!(s.commit().await.is_err(), conflicts, "{isolation:?}");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_searched_in_one_partition_does_not_clash_with_another() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    s.of::<Thing>().near_angle(2, &[1.0; D]).all().await?;
    let other = db.session();
    other.of::<Thing>().insert(in_one_partition(1)).await?;
    other.commit().await?;
    s.of::<Thing>().insert(in_one_partition(2)).await?;
    s.commit().await?;
    Ok(())
}

#[tokio::test]
async fn what_is_weighed_in_other_partitions_is_not_depended_on() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let things = s.of::<Thing>();
    let small = || things.by_small().range(1..);
    things.near_angle(2, &[1.0; D]).among(small()).all().await?;
    let other = db.session();
    let new = Thing { small: 2, ..in_one_partition(1) };
    other.of::<Thing>().insert(new).await?;
    other.commit().await?;
    s.of::<Thing>().insert(in_one_partition(2)).await?;
    s.commit().await?;
    Ok(())
}

/// A record whose fields are merged one by one.
#[derive(SopStore, Clone, Debug, PartialEq)]
#[sop(merge_record = fields)]
struct Note {
    #[sop(key)]
    number: u32,
    group: u8,
    views: u32,
    #[sop(vector(partition = group))]
    meaning: Vector<4>,
}

#[tokio::test]
async fn a_vector_that_one_session_changed_is_merged_with_the_fields_of_another() -> Result<()> {
    let db = Db::builder().store::<Note>().ephemeral().await?;
    let s = db.session();
    let meaning = Vector::from([1.0, 0.0, 0.0, 0.0]);
    s.of::<Note>().insert(Note { number: 1, group: 1, views: 0, meaning }).await?;
    s.commit().await?;
    let changed = [0.0, 0.0, 0.0, 1.0];
    for first_moves in [true, false] {
        let (one, other) = (db.session(), db.session());
        one.of::<Note>().edit(1_u32).await?.group += 1;
        other.of::<Note>().edit(1_u32).await?.meaning = Vector::from(changed.map(|x| x + 0.5));
        let [first, second] = if first_moves { [one, other] } else { [other, one] };
        first.commit().await?;
        second.commit().await?;
        let s = db.session();
        let group = s.of::<Note>().require(1_u32).await?.group;
        let hits = s.of::<Note>().near_meaning(group, &changed).recall(0.999).all().await?;
        assert_eq!(hits.len(), 1);
        assert!(db.check_indexes().await?.is_sound());
    }
    Ok(())
}

#[tokio::test]
async fn units_of_work_that_recall_and_write_all_take_effect() -> Result<()> {
    let db = database().await?;
    let units = (0..8_u16).map(async |task| {
        for at in 0..10 {
            let policy = RetryPolicy::default().attempts(1_000);
            db.run_with(policy, async |s| {
                let found = s.of::<Thing>().near_angle(1, &[1.0; D]).k(200).all().await?;
                let mut new = in_one_partition(task * 10 + at);
                // What was found says how many there were: a lost one would show.
                new.item = vec![u8::try_from(found.len()).expect("at most 80")];
                s.of::<Thing>().insert(new).await?;
                // Others have their turn in the midst of it.
                tokio::task::yield_now().await;
                Ok(())
            })
            .await?;
        }
        Ok::<_, Error>(())
    });
    futures_util::future::try_join_all(units).await?;
    let all = db.session().of::<Thing>().by_key().all().await?;
    let mut counted: Vec<u8> = all.iter().map(|thing| thing.item[0]).collect();
    counted.sort_unstable();
    assert_eq!(counted, (0..80).collect::<Vec<u8>>(), "each saw another state");
    Ok(())
}
