//! Indexes are added to records that exist, and removed, while the database is in use.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use sop_core::{Database, SimulatedDisk, Survival};
use sop_orm::{
    DbBuilder, Entity, IndexBuilding, IndexFault, IndexState, Isolation, Mode, Options,
    TransactionOptions, prelude::*,
};

use crate::disk::Failing;

/// Declares a struct of the same store with other indexes, in a module of its own.
macro_rules! version {
    ($module:ident, [$($attr:meta),*], $($body:item)*) => {
        mod $module {
            use sop_orm::prelude::*;

            #[derive(SopStore, Clone, Debug, PartialEq)]
            #[sop(store = "people")]
            $(#[$attr])*
            pub(crate) struct Person {
                #[sop(key, sensitive)]
                pub(crate) number: u32,
                pub(crate) name: String,
                pub(crate) age: u32,
                pub(crate) tags: Vec<String>,
            }

            $($body)*
        }
    };
}

version!(plain, [],);
version!(
    indexed,
    [
        sop(unique(by_name(name))),
        sop(index(by_age(age desc), when = Self::is_adult)),
        sop(index(by_tag(tag: String = Self::lower_tags each)))
    ],
    impl Person {
        fn is_adult(&self) -> bool {
            self.age >= 18
        }

        fn lower_tags(&self) -> Vec<String> {
            self.tags.iter().map(|tag| tag.to_lowercase()).collect()
        }
    }
);
version!(aged, [sop(unique(by_age(age)))],);
version!(
    halved,
    [sop(index(by_half(half: u32 = Self::half)))],
    impl Person {
        fn half(&self) -> u32 {
            self.age / 2
        }
    }
);
version!(
    halved_again,
    [sop(index(by_half(half: u32 = Self::half), version = 1))],
    impl Person {
        fn half(&self) -> u32 {
            self.age.div_ceil(2)
        }
    }
);
version!(
    panicking,
    [sop(index(by_half(half: u32 = Self::half))), sop(index(by_age(age)))],
    impl Person {
        fn half(&self) -> u32 {
            assert!(self.age != 5, "it cannot be halved");
            self.age / 2
        }
    }
);

use indexed::Person;

fn person(number: u32, salt: u32) -> plain::Person {
    plain::Person {
        number,
        name: format!("name {number} {salt}"),
        age: (number + salt) % 40,
        tags: vec![format!("T{}", number % 7), format!("T{}", salt % 5)],
    }
}

fn changed(number: u32, salt: u32) -> Person {
    let plain::Person { number, name, age, tags } = person(number, salt);
    Person { number, name, age, tags }
}

async fn fill(db: Db, count: u32) -> Result<()> {
    let s = db.session();
    s.of::<plain::Person>().insert_many((0..count).map(|number| person(number, 0))).await?;
    s.commit().await?;
    db.close().await
}

async fn people(path: &Path, count: u32) -> Result<()> {
    fill(Db::builder().store::<plain::Person>().open(path).await?, count).await
}

fn by_hand<E: Entity>() -> DbBuilder {
    Db::builder().store::<E>().index_building(IndexBuilding::ByHand)
}

async fn sound(db: &Db) -> Result<()> {
    let report = db.check_indexes().await?;
    assert!(report.is_sound(), "{report:?}");
    Ok(())
}

#[tokio::test]
async fn a_large_store_is_indexed_in_the_background_and_can_be_waited_for() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    people(folder.path(), 5_000).await?;
    let db = Db::builder().store::<Person>().fill_at_once(4_999).open(folder.path()).await?;
    db.indexes_ready().await?;
    let s = db.session();
    assert_eq!(s.of::<Person>().query(indexed::person::ByName).count().await?, 5_000);
    assert_eq!(s.of::<Person>().by_age().count().await?, 5_000 / 40 * 22);
    assert_eq!(s.of::<Person>().by_tag().prefix("t3").count().await?, 714);
    sound(&db).await?;
    for progress in db.index_progress() {
        assert!(matches!(progress.state, IndexState::Ready));
        assert_eq!((progress.done, progress.total), (5_000, 5_000));
    }
    Ok(())
}

#[tokio::test]
async fn a_query_on_an_unfinished_index_says_so_and_the_rest_goes_on() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    people(folder.path(), 100).await?;
    let db = by_hand::<Person>().open(folder.path()).await?;
    let s = db.session();
    let store = s.of::<Person>();
    let building = |error| matches!(error, Error::IndexBuilding { store: "people", .. });
    assert!(building(store.by_name("name 7 0").await.unwrap_err()));
    assert!(building(store.by_age().all().await.unwrap_err()));
    assert!(building(store.by_tag().count().await.unwrap_err()));
    store.edit(7).await?.age = 39;
    s.commit().await?;

    let before = db.session();
    assert!(db.build_indexes(60)?);
    let states: Vec<_> =
        db.index_progress().iter().map(|one| (one.index, one.done, one.total)).collect();
    assert_eq!(states, [("by_name", 60, 100), ("by_age", 60, 100), ("by_tag", 60, 100)]);
    assert!(!db.build_indexes(60)?);
    db.indexes_ready().await?;
    let found = before.of::<Person>().by_age().all().await.unwrap_err();
    assert!(building(found), "the session does not see the entries that came since");
    let found = db.session().of::<Person>().by_age().prefix(39).count().await?;
    assert_eq!(found, 3, "two of the records, and the changed one");
    Ok(())
}

/// Does something to a record through a session that may have begun long ago.
async fn change(s: &Session, random: &mut fastrand::Rng, count: u32) -> Result<()> {
    let (number, salt) = (random.u32(..count), random.u32(..4));
    let store = s.of::<Person>();
    match random.u32(..4) {
        0 => drop(store.delete(number).await?),
        1 => drop(store.upsert(changed(number, salt)).await?),
        2 => drop(store.upsert(changed(count + random.u32(..count), salt)).await?),
        _ => {
            if store.exists(number).await? {
                *store.edit(number).await? = changed(number, salt);
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn sessions_between_the_batches_leave_every_index_exact() -> Result<()> {
    const PEOPLE: u32 = 200;
    let (mut beaten, mut committed) = (0, 0);
    for seed in 0..30 {
        let mut random = fastrand::Rng::with_seed(seed);
        let disk = Failing::new();
        fill(Db::builder().store::<plain::Person>().attach(disk.engine()?).await?, PEOPLE).await?;
        let mut db = by_hand::<Person>().attach(disk.engine()?).await?;
        let mut open: Vec<Session> = Vec::new();
        let mut more = true;
        while more {
            let isolation = [Isolation::Serializable, Isolation::Snapshot][random.usize(..2)];
            open.push(db.session_with(TransactionOptions::default().isolation(isolation)));
            for s in &open {
                change(s, &mut random, PEOPLE).await?;
            }
            if open.len() > 3 {
                match open.swap_remove(random.usize(..3)).commit().await {
                    Ok(_) => committed += 1,
                    Err(error) if error.is_retryable() => beaten += 1,
                    Err(error) => return Err(error),
                }
            }
            more = db.build_indexes(random.usize(1..20))?;
            sound(&db).await?;
            if random.u32(..8) == 0 {
                open.clear();
                drop(db);
                db = by_hand::<Person>().attach(disk.engine()?).await?;
                more = true;
            }
        }
        for s in open {
            drop(s.commit().await);
        }
        db.indexes_ready().await?;
        sound(&db).await?;
        let s = db.session();
        let all = s.of::<Person>().by_key().all().await?;
        let adults = all.iter().filter(|one| one.age >= 18).count() as u64;
        assert_eq!(s.of::<Person>().by_age().count().await?, adults, "seed {seed}");
    }
    assert!(beaten > 10 && committed > 100, "{beaten} and {committed}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_beside_the_background_thread_leave_every_index_exact() -> Result<()> {
    const PEOPLE: u32 = 6_000;
    let folder = tempfile::tempdir().unwrap();
    people(folder.path(), PEOPLE).await?;
    let db = Db::builder().store::<Person>().fill_at_once(0).open(folder.path()).await?;
    let done = AtomicBool::new(false);
    let write = async |seed| {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut writes = 0;
        while !done.load(Ordering::Relaxed) || writes < 100 {
            let turn = random.clone();
            db.run(async |s| change(s, &mut turn.clone(), PEOPLE).await).await?;
            random.u64(..);
            writes += 1;
            tokio::task::yield_now().await;
        }
        Ok::<_, Error>(())
    };
    let wait = async {
        let ready = db.indexes_ready().await;
        done.store(true, Ordering::Relaxed);
        ready
    };
    let (ready, one, other) = tokio::join!(wait, write(1), write(2));
    ready.and(one).and(other)?;
    sound(&db).await
}

#[tokio::test]
async fn filling_goes_on_after_a_power_cut_at_any_moment() -> Result<()> {
    const PEOPLE: u32 = 120;
    let disk = SimulatedDisk::new();
    let engine = |disk: &SimulatedDisk| {
        Database::builder().disk(std::sync::Arc::new(disk.clone())).open("/data")
    };
    fill(Db::builder().store::<plain::Person>().attach(engine(&disk)?).await?, PEOPLE).await?;
    let first = disk.faults().calls();

    let db = by_hand::<Person>().attach(engine(&disk)?).await?;
    let mut model: BTreeMap<u64, Vec<Person>> = BTreeMap::new();
    let mut random = fastrand::Rng::with_seed(7);
    let mut more = true;
    while more {
        more = db.build_indexes(20)?;
        db.run(async |s| change(s, &mut random, PEOPLE).await).await?;
        let all = db.session().of::<Person>().by_key().all().await?;
        let all = all.iter().map(|one| (**one).clone()).collect();
        model.insert(disk.faults().calls(), all);
    }
    drop(db);

    let mut unfinished = 0;
    for call in disk.changes().into_iter().filter(|call| *call > first) {
        for survival in [Survival::Nothing, Survival::Everything] {
            let cut = disk.cut(call, survival);
            let db = by_hand::<Person>().attach(engine(&cut)?).await?;
            sound(&db).await?;
            unfinished += u32::from(db.build_indexes(10)?);
            db.indexes_ready().await?;
            sound(&db).await?;
            let s = db.session();
            let acknowledged = model.range(..call).next_back();
            let all = s.of::<Person>().by_key().all().await?;
            let next = model.range(call..).next();
            let known = |known: Option<(&u64, &Vec<Person>)>| {
                known.is_none_or(|(_, known)| all.iter().map(|one| &**one).eq(known))
            };
            assert!(known(acknowledged) || known(next), "cut at {call}");
            let named = s.of::<Person>().query(indexed::person::ByName).count().await?;
            assert_eq!(named, all.len() as u64);
        }
    }
    assert!(unfinished > 20, "it was cut in the middle: {unfinished}");
    Ok(())
}

#[tokio::test]
async fn equal_values_keep_a_unique_index_from_being_completed_until_they_are_mended() -> Result<()>
{
    let folder = tempfile::tempdir().unwrap();
    people(folder.path(), 45).await?;
    let db = Db::builder().store::<aged::Person>().open(folder.path()).await?;
    let Err(Error::IndexFailed { index, fault, .. }) = db.indexes_ready().await else {
        panic!("five ages come twice");
    };
    assert_eq!(index, "by_age");
    let IndexFault::Duplicate { key, other, fields } = &fault else { panic!("{fault}") };
    assert_eq!((key.as_str(), other.as_str()), ("[sensitive]", "[sensitive]"));
    assert_eq!(fields, &["age"]);
    let s = db.session();
    let found = s.of::<aged::Person>().by_age(3).await;
    assert!(matches!(found, Err(Error::IndexFailed { .. })));
    // Numbers 40 to 44 have the ages of 0 to 4. One is mended in each way that there is.
    let store = s.of::<aged::Person>();
    store.edit(0).await?.age = 100;
    store.edit(41).await?.age = 101;
    store.delete(2).await?;
    store.delete(43).await?;
    s.commit().await?;
    db.resume_indexes()?;
    assert!(matches!(db.indexes_ready().await, Err(Error::IndexFailed { .. })), "4 and 44");
    sound(&db).await?;
    let s = db.session();
    s.of::<aged::Person>().edit(4).await?.age = 102;
    s.commit().await?;
    db.resume_indexes()?;
    db.indexes_ready().await?;
    sound(&db).await?;
    let s = db.session();
    assert_eq!(s.of::<aged::Person>().by_age(0).await?.unwrap().number, 40);
    assert_eq!(s.of::<aged::Person>().by_age(4).await?.unwrap().number, 44);
    Ok(())
}

#[tokio::test]
async fn a_value_taken_from_a_record_that_is_yet_to_be_passed_is_found_by_the_filling() -> Result<()>
{
    let folder = tempfile::tempdir().unwrap();
    people(folder.path(), 40).await?;
    let db = by_hand::<aged::Person>().open(folder.path()).await?;
    assert!(db.build_indexes(10)?);
    let s = db.session();
    let taken = aged::Person { number: 50, name: String::new(), age: 5, tags: Vec::new() };
    let refused = s.of::<aged::Person>().insert(taken.clone()).await;
    assert!(matches!(refused, Err(Error::Duplicate(_))), "the fifth has its entry");
    s.of::<aged::Person>().insert(aged::Person { age: 30, ..taken }).await?;
    s.commit().await?;
    assert!(matches!(db.indexes_ready().await, Err(Error::IndexFailed { .. })));

    // The older record goes its way; the entry that it would have had is not its own.
    let s = db.session();
    s.of::<aged::Person>().edit(30).await?.age = 90;
    s.commit().await?;
    sound(&db).await?;
    db.resume_indexes()?;
    db.indexes_ready().await?;
    let s = db.session();
    assert_eq!(s.of::<aged::Person>().by_age(30).await?.unwrap().number, 50);
    assert_eq!(s.of::<aged::Person>().by_age(90).await?.unwrap().number, 30);
    sound(&db).await
}

mod open_keys {
    use sop_orm::prelude::*;

    #[derive(SopStore)]
    #[sop(store = "files")]
    pub(crate) struct Plain {
        #[sop(key)]
        pub(crate) number: u8,
        pub(crate) size: f64,
    }

    #[derive(SopStore)]
    #[sop(store = "files")]
    #[sop(unique(by_size(size)), index(by_number(number)))]
    pub(crate) struct File {
        #[sop(key)]
        pub(crate) number: u8,
        pub(crate) size: f64,
    }
}

#[tokio::test]
async fn the_fault_names_the_keys_of_both_records() -> Result<()> {
    use open_keys::{File, Plain};
    let folder = tempfile::tempdir().unwrap();
    let db = Db::builder().store::<Plain>().open(folder.path()).await?;
    let s = db.session();
    let sizes = [(1, 1.0), (2, -0.0), (3, 0.0), (4, f64::NAN)];
    s.of::<Plain>().insert_many(sizes.map(|(number, size)| Plain { number, size })).await?;
    s.commit().await?;
    db.close().await?;

    let db = Db::builder().store::<File>().open(folder.path()).await?;
    let error = db.indexes_ready().await.unwrap_err().to_string();
    assert!(error.contains("the records 03 and 02 have the same size"), "{error}");
    let s = db.session();
    assert_eq!(s.of::<File>().by_number().count().await?, 4, "the other index is complete");
    s.of::<File>().delete(3).await?;
    s.commit().await?;
    db.resume_indexes()?;
    let error = db.indexes_ready().await.unwrap_err().to_string();
    assert!(error.contains("the record 04") && error.contains("NaN"), "{error}");
    let s = db.session();
    s.of::<File>().edit(4).await?.size = 4.0;
    s.commit().await?;
    db.resume_indexes()?;
    db.indexes_ready().await?;
    sound(&db).await
}

#[tokio::test]
async fn a_function_that_panics_stops_its_index_only() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    people(folder.path(), 30).await?;
    let db = Db::builder().store::<panicking::Person>().open(folder.path()).await?;
    let error = db.indexes_ready().await.unwrap_err();
    assert!(error.to_string().contains("panicked"), "{error}");
    let s = db.session();
    assert_eq!(s.of::<panicking::Person>().by_age().count().await?, 30);
    Ok(())
}

#[tokio::test]
async fn counting_the_version_up_makes_an_index_anew() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    people(folder.path(), 100).await?;
    let db = Db::builder().store::<halved::Person>().open(folder.path()).await?;
    assert_eq!(db.session().of::<halved::Person>().by_half().prefix(0).count().await?, 6);
    db.close().await?;
    let db = Db::builder().store::<halved_again::Person>().open(folder.path()).await?;
    assert_eq!(db.session().of::<halved_again::Person>().by_half().prefix(0).count().await?, 3);
    sound(&db).await
}

#[tokio::test]
async fn a_removed_index_is_emptied_in_steps_and_its_name_is_free_at_once() -> Result<()> {
    const PEOPLE: u32 = 6_000;
    let folder = tempfile::tempdir().unwrap();
    people(folder.path(), PEOPLE).await?;
    let db = Db::builder().store::<halved::Person>().open(folder.path()).await?;
    db.close().await?;
    let dropped = |folder: &Path| -> Result<Vec<u64>> {
        let stores = Database::open(folder)?.snapshot()?.stores()?;
        let stores = stores.into_iter().filter(|store| store.name.starts_with("sop.dropped/"));
        Ok(stores.map(|store| store.len).collect())
    };
    let db = by_hand::<halved_again::Person>().open(folder.path()).await?;
    db.indexes_ready().await?;
    sound(&db).await?;
    assert!(db.build_indexes(1_000)?);
    drop(db);
    assert_eq!(dropped(folder.path())?, [5_000]);
    let db = by_hand::<halved_again::Person>().open(folder.path()).await?;
    assert!(db.build_indexes(1_000)?);
    assert!(!db.build_indexes(1_000)?, "the rest goes with its store");
    drop(db);
    assert_eq!(dropped(folder.path())?, [0; 0]);
    Ok(())
}

#[tokio::test]
async fn a_disk_that_fails_stops_the_filling_and_it_goes_on_with_the_next_opening() -> Result<()> {
    let mut interrupted = 0;
    for syncs in 0..4 {
        let disk = Failing::new();
        let db = Db::builder().store::<plain::Person>().attach(disk.engine()?).await?;
        fill(db, 500).await?;
        let engine = disk.engine()?;
        disk.break_after(syncs);
        match Db::builder().store::<Person>().attach(engine).await {
            Ok(db) => interrupted += u32::from(db.indexes_ready().await.is_err()),
            Err(_) => interrupted += 1,
        }
        disk.mend();
        let db = Db::builder().store::<Person>().attach(disk.engine()?).await?;
        db.indexes_ready().await?;
        sound(&db).await?;
        assert_eq!(db.session().of::<Person>().by_tag().prefix("t0").count().await?, 500);
    }
    assert!(interrupted > 1, "it was interrupted at several places: {interrupted}");
    Ok(())
}

#[tokio::test]
async fn who_may_only_read_is_told_that_an_index_is_not_complete() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    people(folder.path(), 50).await?;
    by_hand::<Person>().open(folder.path()).await?.close().await?;
    let mut options = Options::default();
    options.mode = Mode::NoCheck;
    let db = Db::builder().store::<Person>().options(options).open(folder.path()).await?;
    let s = db.session();
    let found = s.of::<Person>().by_name("name 3 0").await;
    assert!(matches!(found, Err(Error::IndexBuilding { index: "by_name", .. })));
    assert_eq!(s.of::<Person>().by_key().count().await?, 50);
    assert!(matches!(db.indexes_ready().await, Err(Error::IndexBuilding { .. })));
    Ok(())
}

#[tokio::test]
async fn a_check_reports_entries_that_are_missing_or_left_over() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    people(folder.path(), 10).await?;
    Db::builder().store::<Person>().open(folder.path()).await?.close().await?;
    let engine = Database::open(folder.path())?;
    let transaction = engine.begin()?;
    let entries = transaction.store("people/by_name")?;
    let (first, value) = entries.first()?.map(|(key, value)| (key, value.to_vec())).unwrap();
    entries.remove(&first)?;
    let (second, _) = entries.first()?.unwrap();
    entries.upsert(&second, &value)?;
    transaction.commit()?;
    let db = Db::builder().store::<Person>().attach(engine).await?;
    let report = db.check_indexes().await?;
    assert_eq!((report.missing, report.superfluous), (2, 1), "{report:?}");
    assert_eq!(report.problems.len(), 3);
    Ok(())
}

mod counted {
    use sop_orm::prelude::*;

    #[derive(SopStore)]
    #[sop(store = "counters")]
    pub(crate) struct Plain {
        #[sop(key)]
        pub(crate) number: u8,
        #[sop(merge = add)]
        pub(crate) hits: i64,
    }

    #[derive(SopStore)]
    #[sop(store = "counters")]
    pub(crate) struct Counter {
        #[sop(key)]
        pub(crate) number: u8,
        #[sop(merge = add, unique(by_hits))]
        pub(crate) hits: i64,
    }
}

#[tokio::test]
async fn records_are_merged_only_where_all_their_entries_are_there() -> Result<()> {
    use counted::{Counter, Plain};
    let folder = tempfile::tempdir().unwrap();
    let db = Db::builder().store::<Plain>().open(folder.path()).await?;
    let s = db.session();
    let counters = (0..10).map(|number| Plain { number, hits: i64::from(number) * 100 });
    s.of::<Plain>().insert_many(counters).await?;
    s.commit().await?;
    db.close().await?;

    let db = by_hand::<Counter>().open(folder.path()).await?;
    let both = async || {
        let (one, other) = (db.session(), db.session());
        one.of::<Counter>().edit(7).await?.hits += 1;
        other.of::<Counter>().edit(7).await?.hits += 1;
        one.commit().await?;
        other.commit().await
    };
    assert!(matches!(both().await, Err(Error::Conflict(_))), "it may be tried again");
    sound(&db).await?;
    db.indexes_ready().await?;
    assert!(both().await?.merged);
    sound(&db).await?;
    assert_eq!(db.session().of::<Counter>().by_hits(703).await?.unwrap().number, 7);
    Ok(())
}
