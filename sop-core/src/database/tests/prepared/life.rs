//! What is prepared lasts until somebody ends it.

use super::*;

fn prepare(db: &Database, name: &str, key: &str) -> Result<crate::Prepared> {
    let tx = db.begin()?;
    tx.open_store("s", &StoreOptions::default())?.upsert(key, name)?;
    tx.prepare(name)
}

fn names(db: &Database) -> Vec<String> {
    db.prepared().unwrap().into_iter().map(|info| info.name).collect()
}

#[test]
fn what_is_prepared_is_there_after_the_database_was_opened_anew() {
    for closes in [false, true] {
        let disk = Arc::new(MemoryDisk::default());
        let db = open(&disk).unwrap();
        let tx = db.begin().unwrap();
        tx.open_store("s", &StoreOptions::default()).unwrap();
        tx.commit().unwrap();
        for (name, key) in [("one", "a"), ("two", "b"), ("three", "c")] {
            drop(prepare(&db, name, key).unwrap());
            if name == "one" {
                db.checkpoint().unwrap();
            }
        }
        if closes {
            db.close().unwrap();
        } else {
            drop(db);
        }
        let db = open(&disk).unwrap();
        assert_eq!(names(&db), ["one", "three", "two"]);
        assert_eq!(held_by(prepare(&db, "four", "a")), "one");
        db.find_prepared("one").unwrap().commit().unwrap();
        db.find_prepared("two").unwrap().rollback().unwrap();
        drop(db);
        let db = open(&disk).unwrap();
        assert_eq!(names(&db), ["three"]);
        assert_eq!(value(&db, "s", "a").unwrap(), b"one");
        assert_eq!(value(&db, "s", "b"), None);
        assert_eq!(db.stats().stores, 1);
        audit(&db).unwrap();
    }
}

#[test]
fn one_name_is_for_one_at_a_time() {
    let db = ten();
    let one = prepare(&db, "name", "k1").unwrap();
    let taken = prepare(&db, "name", "k2");
    assert!(matches!(taken, Err(Error::PreparedExists { name }) if name == "name"));
    one.commit().unwrap();
    prepare(&db, "name", "k2").unwrap().rollback().unwrap();
}

#[test]
fn what_was_ended_cannot_be_ended_again() {
    let db = ten();
    let one = prepare(&db, "name", "k1").unwrap();
    let other = db.find_prepared("name").unwrap();
    one.commit().unwrap();
    for outcome in [other.rollback(), other.commit().map(drop), one.commit().map(drop)] {
        assert!(matches!(outcome, Err(Error::PreparedNotFound { name }) if name == "name"));
    }
    assert!(matches!(db.find_prepared("name"), Err(Error::PreparedNotFound { .. })));
    assert_eq!(value(&db, "s", "k1").unwrap(), b"name");
}

#[test]
fn of_many_who_end_it_one_does() {
    for_seeds(1..=20, |_| {
        let db = ten();
        drop(prepare(&db, "name", "k1")?);
        let ended: Vec<_> = std::thread::scope(|scope| {
            let end = |number| {
                let prepared = db.find_prepared("name");
                scope.spawn(move || {
                    let ended = prepared.and_then(|prepared| match number % 2 {
                        0 => prepared.commit().map(drop),
                        _ => prepared.rollback(),
                    });
                    match ended {
                        Err(Error::PreparedNotFound { .. }) => Ok(false),
                        ended => ended.map(|()| true),
                    }
                })
            };
            let threads: Vec<_> = (0..4).map(end).collect();
            let ended = threads.into_iter().map(|thread| thread.join().unwrap());
            ended.collect::<Vec<_>>()
        });
        let ended: Vec<bool> = ended.into_iter().collect::<Result<_>>()?;
        assert_eq!(ended.iter().filter(|ended| **ended).count(), 1);
        Ok(())
    });
}

#[test]
fn blobs_are_prepared_with_all_their_content() {
    let disk = Arc::new(MemoryDisk::default());
    let db = open(&disk).unwrap();
    let options = crate::BlobOptions::default().chunk_len(4_096).logged_len(0);
    let content: Vec<u8> = (0..=250).cycle().take(20_000).collect();
    let tx = db.begin().unwrap();
    tx.open_blobs("b", &options).unwrap().create("film").unwrap().append(&content).unwrap();
    let prepared = tx.prepare("upload").unwrap();
    assert_no_leftovers(&db, &*disk).unwrap();
    prepared.commit().unwrap();
    let snapshot = db.snapshot().unwrap();
    let film = snapshot.blobs("b").unwrap().find("film").unwrap().unwrap();
    let mut found = vec![0; content.len()];
    assert_eq!(film.read_at(0, &mut found).unwrap(), content.len());
    assert!(found == content);
}
