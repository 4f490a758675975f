//! What every adapter has to keep, whatever its database.

use super::*;
use crate::engines::Settings;

const CACHE: u64 = 64 << 20;

struct Promises;

impl Work for Promises {
    fn on<T: Typed>(&self) -> Result<()> {
        records_are_found_as_they_were_inserted::<T>()?;
        ranges_are_in_order_and_end_before_their_end::<T>()?;
        concurrent_additions_all_count::<T>()
    }
}

#[test]
fn every_typed_database_keeps_its_promises() {
    for peer in Peer::value_variants() {
        peer.run(&Promises).unwrap();
    }
}

fn row(id: u64) -> Row {
    Row {
        id,
        email: format!("{id}@example.org"),
        name: format!("Account {id}"),
        joined: 1_000 - id,
        active: id.is_multiple_of(2),
        score: -0.5,
        note: id.is_multiple_of(3).then(|| "a note".to_owned()),
        balance: -1,
    }
}

fn filled<T: Typed>(folder: &Path) -> Result<T> {
    let db = T::open(folder, CACHE)?;
    db.insert((0..300).map(row).collect())?;
    Ok(db)
}

fn records_are_found_as_they_were_inserted<T: Typed>() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let db = filled::<T>(folder.path())?;
    for id in [0, 1, 299] {
        let (row, mut looks) = (row(id), 0);
        let mut look = |seen: Seen<'_>| {
            assert_eq!(seen, row.seen());
            looks += 1;
        };
        db.get(id, &mut look)?;
        db.get_unique(&row.email, &mut look)?;
        assert_eq!(looks, 2);
        db.raw(id, |bytes| assert!(!bytes.is_empty()))?;
    }
    assert!(db.get(300, |_| ()).is_err());
    assert!(db.get_unique("nobody@example.org", |_| ()).is_err());
    Ok(())
}

fn ranges_are_in_order_and_end_before_their_end<T: Typed>() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let db = filled::<T>(folder.path())?;
    let mut found = Vec::new();
    db.range(990, 1_000, |seen| found.push((seen.joined, seen.id)))?;
    assert!(found.into_iter().eq((990..1_000).map(|joined| (joined, 1_000 - joined))));
    Ok(())
}

fn concurrent_additions_all_count<T: Typed>() -> Result<()> {
    const THREADS: i64 = 4;
    const ADDITIONS: i64 = 25;
    let folder = tempfile::tempdir()?;
    let db = filled::<T>(folder.path())?;
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| (0..ADDITIONS).for_each(|_| db.add(7, 2).unwrap()));
        }
    });
    db.get(7, |seen| assert_eq!(seen.balance, -1 + 2 * THREADS * ADDITIONS))
}

#[test]
fn the_readme_tells_what_every_typed_database_runs_with() {
    let readme = include_str!("../../README.md");
    for peer in Peer::value_variants() {
        let Settings { name, options, durable, .. } = peer.settings();
        for words in [options, durable] {
            assert!(readme.contains(words), "of {name} the readme does not say: {words}");
        }
    }
}
