//! Which changes of one blob merge, and which are refused.

use std::io::Write;

use super::*;
use crate::{Isolation, TransactionOptions};

/// The blob has chunks 0, 1 and 2, and half of 3.
const LEN: usize = 3 * CHUNK + CHUNK / 2;

/// A change of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// The whole of chunk 0.
    First,
    /// A part of chunk 1.
    Part,
    /// The whole of chunk 2.
    Third,
    /// A little more in chunk 3.
    Append,
    /// The rest of chunk 3, and another one.
    AppendMore,
    /// Chunks 2 and 3 go.
    Cut,
    /// Half of chunk 2, and chunk 3 go.
    CutInside,
    Metadata,
    Delete,
    /// Deleted, and made anew.
    Renew,
}

use Change::{Append, AppendMore, Cut, CutInside, Delete, First, Metadata, Part, Renew, Third};

const ALL: [Change; 10] =
    [First, Part, Third, Append, AppendMore, Cut, CutInside, Metadata, Delete, Renew];

/// Those that merge, in either order.
const MERGING: [(Change, Change); 17] = [
    (First, Part),
    (First, Third),
    (Part, Third),
    (First, Append),
    (Part, Append),
    (Third, Append),
    (First, AppendMore),
    (Part, AppendMore),
    (Third, AppendMore),
    (First, Cut),
    (Part, Cut),
    (First, CutInside),
    (Part, CutInside),
    (Metadata, First),
    (Metadata, Append),
    (Metadata, Cut),
    (Metadata, CutInside),
];

fn merges(one: Change, other: Change) -> bool {
    let is_like =
        |a: Change, b: Change| a == b || (a, b) == (First, Part) || (a, b) == (First, Third);
    let all_like = |(a, b): &(Change, Change)| {
        let metadata = *a == Metadata && *b == First;
        let pair = (one, other) == (*a, *b) || (other, one) == (*a, *b);
        pair || metadata && one == Metadata && is_like(First, other)
            || metadata && other == Metadata && is_like(First, one)
    };
    let appends = matches!((one, other), (Metadata, AppendMore) | (AppendMore, Metadata));
    MERGING.iter().any(all_like) || appends
}

impl Change {
    fn make(self, tx: &Transaction, number: usize) -> Result<()> {
        let store = blobs(tx)?;
        let blob = store.open("film")?;
        let chunk = CHUNK as u64;
        match self {
            First => blob.write_at(0, &content(number, CHUNK)),
            Part => blob.write_at(chunk + 100, &content(number, 100)),
            Third => blob.write_at(2 * chunk, &content(number, CHUNK)),
            Append => blob.append(&content(number, 100)),
            AppendMore => blob.append(&content(number, CHUNK)),
            Cut => blob.truncate(2 * chunk),
            CutInside => blob.truncate(2 * chunk + 10),
            Metadata => blob.set_metadata(&content(number, 10)),
            Delete => store.delete("film").map(drop),
            Renew => {
                store.delete("film")?;
                store.create("film")?.append(&content(number, 10))
            }
        }
    }

    /// The same to the model.
    fn make_in(self, object: &mut Option<Object>, number: usize) {
        let Some(Object { content: bytes, metadata }) = object else { return };
        match self {
            First => bytes[..CHUNK].copy_from_slice(&content(number, CHUNK)),
            Part => bytes[CHUNK + 100..CHUNK + 200].copy_from_slice(&content(number, 100)),
            Third => bytes[2 * CHUNK..3 * CHUNK].copy_from_slice(&content(number, CHUNK)),
            Append => bytes.extend(content(number, 100)),
            AppendMore => bytes.extend(content(number, CHUNK)),
            Cut => bytes.truncate(2 * CHUNK),
            CutInside => bytes.truncate(2 * CHUNK + 10),
            Metadata => *metadata = content(number, 10),
            Delete => *object = None,
            Renew => {
                *object = Some(Object { content: content(number, 10), ..Object::default() });
            }
        }
    }
}

fn found(db: &Database) -> Option<Object> {
    let snapshot = db.snapshot().unwrap();
    let blob = snapshot.blobs(STORE).unwrap().find("film").unwrap()?;
    let content = read(&blob).unwrap();
    assert_eq!(blob.checksum().unwrap(), crc32c::crc32c(&content));
    Some(Object { content, metadata: blob.metadata().unwrap() })
}

/// Makes two changes at once to a blob of this length; whether both took effect.
fn at_once(isolation: Isolation, len: usize, changes: [Change; 2]) -> bool {
    let (db, disk) = with_blob("film", &content(0, len));
    let mut expected = Some(Object { content: content(0, len), ..Object::default() });
    let options = TransactionOptions::default().isolation(isolation);
    let both = [1, 2].map(|_| db.begin_with(options).unwrap());
    for (number, (tx, change)) in both.iter().zip(changes).enumerate() {
        change.make(tx, number + 1).unwrap();
    }
    let outcomes = both.map(Transaction::commit);
    assert!(outcomes[0].is_ok());
    for (number, (outcome, change)) in outcomes.iter().zip(changes).enumerate() {
        match outcome {
            Ok(_) => change.make_in(&mut expected, number + 1),
            Err(error) => assert!(matches!(error, Error::Conflict(_)), "{error}"),
        }
    }
    assert!(found(&db) == expected, "{isolation:?}: {changes:?}");
    audit(&db).unwrap();
    assert_no_leftovers(&db, &*disk).unwrap();
    outcomes[1].is_ok()
}

#[test]
fn changes_of_different_chunks_merge_and_those_of_the_same_are_refused() {
    for isolation in [Isolation::Serializable, Isolation::Snapshot] {
        for one in ALL {
            for other in ALL {
                let merged = at_once(isolation, LEN, [one, other]);
                assert_eq!(merged, merges(one, other), "{isolation:?}: {one:?}, {other:?}");
            }
        }
    }
}

/// Where a blob ends with a whole chunk, who appends writes none that the other one knows of.
#[test]
fn nothing_is_appended_behind_what_was_cut_off() {
    for isolation in [Isolation::Serializable, Isolation::Snapshot] {
        for cut in [Cut, CutInside, Delete, Renew, Append] {
            for changes in [[cut, Append], [Append, cut]] {
                assert!(!at_once(isolation, 3 * CHUNK, changes), "{isolation:?}: {changes:?}");
            }
        }
    }
}

type Read = fn(&BlobView<'_>) -> Result<()>;

#[test]
fn what_was_read_of_a_blob_conflicts_with_changes_of_just_that() {
    let reads: [(Read, &[Change]); 4] = [
        (|blob| blob.read_at(10, &mut [0; 10]).map(drop), &[First, Delete, Renew]),
        (|blob| blob.len().map(drop), &[Append, AppendMore, Cut, CutInside, Delete, Renew]),
        (|blob| blob.metadata().map(drop), &[Metadata, Delete, Renew]),
        (
            |blob| blob.checksum().map(drop),
            &[First, Part, Third, Append, AppendMore, Cut, CutInside, Delete, Renew],
        ),
    ];
    for (at, (look, conflicting)) in reads.iter().enumerate() {
        for change in ALL {
            let (db, _) = with_blob("film", &content(0, LEN));
            let (reader, writer) = (db.begin().unwrap(), db.begin().unwrap());
            look(&blobs(&reader).unwrap().open("film").unwrap()).unwrap();
            reader.open_store("else", &StoreOptions::default()).unwrap().add("k", "v").unwrap();
            change.make(&writer, 1).unwrap();
            writer.commit().unwrap();
            let refused = reader.commit().is_err();
            assert_eq!(refused, conflicting.contains(&change), "read {at}, {change:?}");
        }
    }
}

/// What it wrote of the chunk before was taken back, so that it rests on what others left of it.
#[test]
fn nothing_is_appended_behind_what_was_cut_off_after_going_back_to_a_savepoint() {
    for isolation in [Isolation::Serializable, Isolation::Snapshot] {
        let (db, _) = with_blob("film", &content(0, 3 * CHUNK));
        let options = TransactionOptions::default().isolation(isolation);
        let (one, other) = (db.begin_with(options).unwrap(), db.begin_with(options).unwrap());
        let film = blobs(&one).unwrap().open("film").unwrap();
        let savepoint = one.savepoint();
        let mut writer = film.writer(2 * CHUNK as u64).unwrap();
        writer.write_all(&content(1, CHUNK)).unwrap();
        one.rollback_to(&savepoint).unwrap();
        writer.write_all(&content(2, CHUNK)).unwrap();
        writer.finish().unwrap();
        Cut.make(&other, 3).unwrap();
        other.commit().unwrap();
        assert!(matches!(one.commit(), Err(Error::Conflict(_))), "{isolation:?}");
        assert_eq!(found(&db).unwrap().content.len(), 2 * CHUNK);
    }
}

/// It wrote no chunk that others would have been in the way of, but it has seen that there is one.
#[test]
fn who_wrote_nothing_at_the_end_is_refused_beside_whoever_cuts_it_off() {
    for len in [3 * CHUNK, LEN] {
        for change in [Cut, CutInside, Delete, Renew] {
            let (db, _) = with_blob("film", &content(0, len));
            let (one, other) = (db.begin().unwrap(), db.begin().unwrap());
            blobs(&one).unwrap().open("film").unwrap().write_at(len as u64, b"").unwrap();
            one.open_store("else", &StoreOptions::default()).unwrap().add("k", "v").unwrap();
            change.make(&other, 1).unwrap();
            other.commit().unwrap();
            assert!(matches!(one.commit(), Err(Error::Conflict(_))), "{len}, {change:?}");
        }
    }
}

#[test]
fn one_name_is_created_once() {
    let (db, disk) = with_blob("film", b"");
    let both = [1, 2].map(|_| db.begin().unwrap());
    for tx in &both {
        blobs(tx).unwrap().create("new").unwrap().append(&content(1, 3 * CHUNK)).unwrap();
    }
    let [one, other] = both.map(Transaction::commit);
    assert!(one.is_ok() && matches!(other, Err(Error::Conflict(_))));
    assert_no_leftovers(&db, &*disk).unwrap();
}

#[test]
fn who_found_nothing_to_delete_is_refused_beside_whoever_creates_it() {
    for isolation in [Isolation::Serializable, Isolation::Snapshot] {
        let (db, _) = with_blob("film", b"");
        let options = TransactionOptions::default().isolation(isolation);
        let deleting = db.begin_with(options).unwrap();
        assert!(!blobs(&deleting).unwrap().delete("new").unwrap());
        deleting.open_store("else", &StoreOptions::default()).unwrap().add("k", "v").unwrap();
        let creating = db.begin().unwrap();
        blobs(&creating).unwrap().create("new").unwrap();
        creating.commit().unwrap();
        assert!(matches!(deleting.commit(), Err(Error::Conflict(_))), "{isolation:?}");
    }
}
