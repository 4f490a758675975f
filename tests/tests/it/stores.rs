//! The life of stores: created, opened, listed, renamed, dropped, and their names.

use std::{fs, sync::Barrier};

use sop_core::{ConflictKind, Error, Kind, StoreOptions, limit};
use sop_tests::{Home, Outcome, assert_sound, contents, on_every_disk, rows, together, write};

on_every_disk!(
    a_created_store_is_there_after_reopening,
    a_dropped_store_is_gone_and_its_name_is_free,
    a_renamed_store_keeps_its_rows_and_its_id,
    two_transactions_may_create_the_same_store_at_once,
    a_rollback_undoes_creation_renaming_and_dropping,
    strange_names_are_names_like_any_other,
);

fn options() -> StoreOptions {
    StoreOptions::default()
}

fn names(home_names: Vec<sop_core::StoreInfo>) -> Vec<String> {
    home_names.into_iter().map(|info| info.name).collect()
}

fn a_created_store_is_there_after_reopening(home: &Home) -> Outcome {
    let db = home.open()?;
    let small = options().node_size(2_048);
    write(&db, |t| {
        t.create_store("large", &options())?.add("k", "v")?;
        t.create_store("small", &small).map(drop)
    })?;
    let listed = db.snapshot()?.stores()?;
    drop(db);
    let reopened = home.open()?;
    assert_eq!(reopened.snapshot()?.stores()?, listed);
    assert_eq!(names(listed.clone()), ["large", "small"]);
    assert_eq!((listed[0].len, listed[1].len), (1, 0));
    assert_eq!((&listed[0].options, &listed[1].options), (&options(), &small));
    Ok(())
}

fn a_dropped_store_is_gone_and_its_name_is_free(home: &Home) -> Outcome {
    let db = home.open()?;
    write(&db, |t| t.create_store("s", &options())?.add("old", ""))?;
    let old = db.snapshot()?.store("s")?.id();
    write(&db, |t| t.drop_store("s"))?;
    let snapshot = db.snapshot()?;
    assert!(matches!(snapshot.store("s"), Err(Error::StoreNotFound { name }) if name == "s"));
    assert!(matches!(snapshot.store_by_id(old), Err(Error::StoreNotFound { .. })));
    assert!(matches!(
        write(&db, |t| t.drop_store("s")),
        Err(Error::StoreNotFound { name }) if name == "s"
    ));
    write(&db, |t| t.create_store("s", &options().node_size(1_024))?.add("new", ""))?;
    drop(db);
    let reopened = home.open()?;
    let snapshot = reopened.snapshot()?;
    let store = snapshot.store("s")?;
    assert_ne!(store.id(), old, "an id is never used again");
    assert_eq!(rows(store)?, [(b"new".to_vec(), Vec::new())].into());
    assert_sound(&reopened);
    Ok(())
}

fn a_renamed_store_keeps_its_rows_and_its_id(home: &Home) -> Outcome {
    let db = home.open()?;
    write(&db, |t| {
        t.create_store("other", &options())?;
        t.create_store("old", &options())?.add("k", "v")
    })?;
    let id = db.snapshot()?.store("old")?.id();
    let by_id = db.begin()?;
    by_id.store_by_id(id)?.add("by id", "")?;
    write(&db, |t| t.rename_store("old", "new"))?;
    by_id.commit()?;
    let refused = write(&db, |t| t.rename_store("new", "other"));
    assert!(matches!(refused, Err(Error::StoreExists { name }) if name == "other"));
    let missing = write(&db, |t| t.rename_store("old", "newer"));
    assert!(matches!(missing, Err(Error::StoreNotFound { name }) if name == "old"));
    drop(db);
    let reopened = home.open()?;
    let snapshot = reopened.snapshot()?;
    assert_eq!(names(snapshot.stores()?), ["new", "other"]);
    assert_eq!(snapshot.store("new")?.id(), id);
    assert_eq!(snapshot.store_by_id(id)?.len()?, 2);
    Ok(())
}

fn two_transactions_may_create_the_same_store_at_once(home: &Home) -> Outcome {
    let db = home.open()?;
    let all_begun = Barrier::new(2);
    together(2, |number| {
        let transaction = db.begin()?;
        transaction.open_store("s", &options())?.add(format!("from {number}"), "")?;
        all_begun.wait();
        Ok(transaction.commit()?)
    })?;
    let snapshot = db.snapshot()?;
    assert_eq!(names(snapshot.stores()?), ["s"]);
    assert_eq!(rows(snapshot.store("s")?)?.len(), 2);
    assert_sound(&db);
    Ok(())
}

fn a_rollback_undoes_creation_renaming_and_dropping(home: &Home) -> Outcome {
    let db = home.open()?;
    write(&db, |t| {
        t.create_store("kept", &options())?.add("k", "v")?;
        t.create_store("named", &options()).map(drop)
    })?;
    let before = contents(&db.snapshot()?)?;
    let transaction = db.begin()?;
    transaction.create_store("created", &options())?.add("k", "v")?;
    transaction.rename_store("named", "renamed")?;
    transaction.drop_store("kept")?;
    assert_eq!(names(transaction.stores()?), ["created", "renamed"]);
    transaction.rollback();
    assert_eq!(contents(&db.snapshot()?)?, before);
    drop(db);
    assert_eq!(contents(&home.open()?.snapshot()?)?, before, "after reopening");
    Ok(())
}

/// Names that would mean something to a file system, a shell or a terminal.
fn strange_names() -> Vec<String> {
    let longest = "n".repeat(limit::STORE_NAME_LEN_MAX);
    let plain = [
        "../escape",
        "..",
        ".",
        "/etc/passwd",
        "a/b",
        "a\\b",
        "a\0b",
        "\0",
        " ",
        "\n",
        "CON",
        "nul",
        "\u{1f600}",
        "\u{e9}",
        "e\u{301}",
        "\u{202e}txt",
        "$(reboot)",
        "' or 1=1",
        "FORMAT",
        "LOCK",
        "log",
        "man/1",
        "seg",
    ];
    plain.iter().map(ToString::to_string).chain([longest]).collect()
}

fn strange_names_are_names_like_any_other(home: &Home) -> Outcome {
    let db = home.open()?;
    for name in strange_names() {
        write(&db, |t| t.create_store(&name, &options())?.add("name", &name))?;
    }
    db.checkpoint()?;
    drop(db);
    let reopened = home.open()?;
    let snapshot = reopened.snapshot()?;
    let mut expected = strange_names();
    expected.sort();
    assert_eq!(names(snapshot.stores()?), expected);
    for name in expected {
        let found = snapshot.store(&name)?.find("name")?;
        assert_eq!(found.as_deref(), Some(name.as_bytes()), "{name:?}");
    }
    Ok(())
}

#[test]
fn a_stores_name_never_becomes_a_path() -> Outcome {
    let home = Home::on_disk();
    let db = home.open()?;
    for name in strange_names() {
        write(&db, |t| t.create_store(&name, &options())?.add("k", "v"))?;
    }
    db.close()?;
    let around = home.path().parent().map(fs::read_dir).expect("the folder is in another one")?;
    let around: Vec<_> =
        around.map(|entry| entry.map(|e| e.file_name())).collect::<Result<_, _>>()?;
    assert_eq!(around, ["db"], "nothing is written beside the database");
    Ok(())
}

#[test]
fn names_that_are_empty_or_too_long_are_refused() -> Outcome {
    let home = Home::in_memory();
    let db = home.open()?;
    write(&db, |t| t.create_store("s", &options()).map(drop))?;
    for name in [String::new(), "n".repeat(limit::STORE_NAME_LEN_MAX + 1), "n".repeat(1 << 20)] {
        let transaction = db.begin()?;
        let len = name.len();
        for error in [
            transaction.create_store(&name, &options()).err(),
            transaction.open_store(&name, &options()).err(),
            transaction.rename_store("s", &name).err(),
        ] {
            assert_eq!(error.map(|e| e.kind()), Some(Kind::Invalid), "a name of {len} bytes");
        }
        assert_eq!(names(transaction.stores()?), ["s"]);
        transaction.commit()?;
    }
    Ok(())
}

#[test]
fn a_store_cannot_be_opened_with_other_options_than_it_has() -> Outcome {
    let home = Home::in_memory();
    let db = home.open()?;
    write(&db, |t| t.create_store("s", &options().node_size(2_048))?.add("k", "v"))?;
    let transaction = db.begin()?;
    let refused = transaction.open_store("s", &options()).map(drop);
    assert!(matches!(&refused, Err(Error::StoreOptions { name, .. }) if name == "s"));
    let text = refused.map_err(|error| error.to_string()).err().unwrap_or_default();
    assert!(text.contains("2048") && text.contains("8192"), "{text}");
    let same = transaction.open_store("s", &options().node_size(2_048))?;
    assert_eq!(same.len()?, 1, "the store is as it was");
    Ok(())
}

#[test]
fn node_sizes_outside_of_the_limits_are_refused() -> Outcome {
    let home = Home::in_memory();
    let db = home.open()?;
    let transaction = db.begin()?;
    for size in [0, 1, limit::NODE_SIZE_MIN - 1, limit::NODE_SIZE_MAX + 1, usize::MAX] {
        let result = transaction.create_store("s", &options().node_size(size)).map(drop);
        assert_eq!(result.map_err(|e| e.kind()), Err(Kind::Invalid), "{size}");
    }
    for size in [limit::NODE_SIZE_MIN, limit::NODE_SIZE_MIN + 1, 3_000, limit::NODE_SIZE_MAX] {
        transaction.create_store(&size.to_string(), &options().node_size(size))?.add("k", "v")?;
    }
    transaction.commit()?;
    assert_eq!(db.stats().stores, 4);
    Ok(())
}

#[test]
fn a_store_opened_twice_in_one_transaction_is_the_same_store() -> Outcome {
    let home = Home::in_memory();
    let db = home.open()?;
    let transaction = db.begin()?;
    let once = transaction.create_store("s", &options())?;
    let again = transaction.open_store("s", &options())?;
    let by_name = transaction.store("s")?;
    once.add("k", "v")?;
    assert_eq!(again.find("k")?.as_deref(), Some(&b"v"[..]));
    again.update("k", "w")?;
    assert_eq!(by_name.find("k")?.as_deref(), Some(&b"w"[..]));
    assert_eq!(once.id(), by_name.id());
    assert!(matches!(transaction.create_store("s", &options()), Err(Error::StoreExists { .. })));
    transaction.commit()?;
    assert_eq!(db.snapshot()?.store("s")?.len()?, 1);
    Ok(())
}

#[test]
fn two_creations_with_different_options_conflict() -> Outcome {
    let home = Home::in_memory();
    let db = home.open()?;
    let (first, second) = (db.begin()?, db.begin()?);
    first.open_store("s", &options())?.add("a", "")?;
    second.open_store("s", &options().node_size(1_024))?.add("b", "")?;
    first.commit()?;
    let Err(Error::Conflict(conflict)) = second.commit() else { panic!("no conflict") };
    assert_eq!((conflict.store.as_str(), conflict.kind), ("s", ConflictKind::Store));
    assert_eq!(db.snapshot()?.store("s")?.len()?, 1);
    Ok(())
}

#[test]
fn a_write_to_a_store_that_is_dropped_or_renamed_meanwhile_conflicts() -> Outcome {
    let home = Home::in_memory();
    let db = home.open()?;
    for rename in [false, true] {
        write(&db, |t| t.open_store("s", &options())?.upsert("k", "v"))?;
        let writer = db.begin()?;
        writer.store("s")?.upsert("l", "w")?;
        write(&db, |t| if rename { t.rename_store("s", "t") } else { t.drop_store("s") })?;
        let Err(Error::Conflict(conflict)) = writer.commit() else { panic!("no conflict") };
        assert_eq!((conflict.store.as_str(), conflict.kind), ("s", ConflictKind::Store));
    }
    assert_eq!(names(db.snapshot()?.stores()?), ["t"]);
    Ok(())
}

#[test]
fn dropping_a_store_conflicts_with_what_was_written_to_it_meanwhile() -> Outcome {
    let home = Home::in_memory();
    let db = home.open()?;
    write(&db, |t| t.create_store("s", &options())?.add("k", "v"))?;
    let dropper = db.begin()?;
    dropper.drop_store("s")?;
    write(&db, |t| t.store("s")?.add("l", "acknowledged"))?;
    let result = dropper.commit();
    // Either order of the two is serial; what may not be is an error of the store being gone.
    match result {
        Ok(_) => assert!(names(db.snapshot()?.stores()?).is_empty()),
        Err(error) => {
            assert_eq!(error.kind(), Kind::Conflict);
            assert_eq!(db.snapshot()?.store("s")?.len()?, 2);
        }
    }
    assert_sound(&db);
    Ok(())
}

#[test]
fn a_store_dropped_in_its_own_transaction_is_gone_for_it_at_once() -> Outcome {
    let home = Home::in_memory();
    let db = home.open()?;
    write(&db, |t| t.create_store("s", &options())?.add("old", ""))?;
    let transaction = db.begin()?;
    let stale = transaction.store("s")?;
    transaction.drop_store("s")?;
    assert!(matches!(transaction.store("s"), Err(Error::StoreNotFound { .. })));
    assert!(matches!(stale.add("k", ""), Err(Error::StoreNotFound { .. })));
    assert!(matches!(stale.find("old"), Err(Error::StoreNotFound { .. })));
    transaction.create_store("s", &options())?.add("new", "")?;
    transaction.commit()?;
    assert_eq!(rows(db.snapshot()?.store("s")?)?, [(b"new".to_vec(), Vec::new())].into());
    assert_sound(&db);
    Ok(())
}

#[test]
fn names_exchanged_in_one_transaction_are_exchanged() -> Outcome {
    let home = Home::in_memory();
    let db = home.open()?;
    write(&db, |t| {
        t.create_store("a", &options())?.add("was", "a")?;
        t.create_store("b", &options())?.add("was", "b")
    })?;
    write(&db, |t| {
        t.rename_store("a", "c")?;
        t.rename_store("b", "a")?;
        t.rename_store("c", "b")
    })?;
    drop(db);
    let reopened = home.open()?;
    let snapshot = reopened.snapshot()?;
    assert_eq!(snapshot.store("a")?.find("was")?.as_deref(), Some(&b"b"[..]));
    assert_eq!(snapshot.store("b")?.find("was")?.as_deref(), Some(&b"a"[..]));
    Ok(())
}

#[test]
fn many_stores_live_in_one_database() -> Outcome {
    let home = Home::on_disk();
    let db = home.open()?;
    for first in (0..2_000).step_by(100) {
        write(&db, |t| {
            (first..first + 100).try_for_each(|n| {
                t.create_store(&format!("store {n:04}"), &options())?.add("n", format!("{n}"))
            })
        })?;
    }
    db.checkpoint()?;
    drop(db);
    let reopened = home.open()?;
    let snapshot = reopened.snapshot()?;
    assert_eq!(snapshot.stores()?.len(), 2_000);
    for n in 0..2_000 {
        let found = snapshot.store(&format!("store {n:04}"))?.find("n")?;
        assert_eq!(found.as_deref(), Some(n.to_string().as_bytes()));
    }
    assert_sound(&reopened);
    Ok(())
}
