//! Which sessions that touch one content both commit.

use sop_orm::{Error, Isolation, TransactionOptions};

use super::*;

fn is_conflict(outcome: Result<CommitReport>) -> bool {
    match outcome {
        Err(Error::Conflict(conflict)) => {
            assert_eq!((conflict.store.as_str(), conflict.type_name), ("films", Some("Film")));
            true
        }
        other => other.map(drop).is_err_and(|error| panic!("{error}")),
    }
}

#[tokio::test]
async fn different_chunks_of_one_content_merge_and_the_same_one_conflicts() -> Result<()> {
    let db = with_script(4 * CHUNK).await?;
    for (one, other, merges) in [(0, CHUNK, true), (10, 3 * CHUNK, true), (0, CHUNK - 10, false)] {
        let (a, b) = (db.session(), db.session());
        a.of::<Film>().script(1).write_at(one as u64, &[1; 10]).await?;
        b.of::<Film>().script(1).write_at(other as u64, &[2; 10]).await?;
        a.commit().await?;
        assert_eq!(!is_conflict(b.commit().await), merges, "{one} and {other}");
        if merges {
            let now = script(&db, 1).await?;
            assert!(now[one..one + 10] == [1; 10] && now[other..other + 10] == [2; 10]);
        }
    }
    Ok(())
}

#[tokio::test]
async fn content_and_record_are_changed_beside_each_other() -> Result<()> {
    let db = with_script(CHUNK).await?;
    let (a, b) = (db.session(), db.session());
    a.of::<Film>().edit(1).await?.title = "Casablanca".to_owned();
    b.of::<Film>().script(1).append(b"the end").await?;
    b.of::<Film>().media(1).write_at(0, b"media").await?;
    a.commit().await?;
    b.commit().await?;
    assert_eq!(db.session().of::<Film>().require(1).await?.title, "Casablanca");
    assert_eq!(script(&db, 1).await?.len(), CHUNK + 7);
    Ok(())
}

#[tokio::test]
async fn who_writes_content_of_a_record_that_is_deleted_meanwhile_is_refused() -> Result<()> {
    for isolation in [Isolation::Serializable, Isolation::Snapshot] {
        // Film 2 has no content yet.
        for (film, delete_first) in [(1, true), (1, false), (2, true), (2, false)] {
            delete_beside_append(isolation, film, delete_first).await?;
        }
    }
    Ok(())
}

/// One session deletes a film, another one appends to its content, and one of them is the first.
async fn delete_beside_append(isolation: Isolation, film: u32, delete_first: bool) -> Result<()> {
    let db = with_script(CHUNK).await?;
    let options = TransactionOptions::default().isolation(isolation);
    let [a, b] = [0, 1].map(|_| db.session_with(options));
    a.of::<Film>().delete(film).await?;
    b.of::<Film>().script(film).append(b"the end").await?;
    let (winner, loser) = if delete_first { (a, b) } else { (b, a) };
    winner.commit().await?;
    assert!(is_conflict(loser.commit().await), "{isolation:?}, film {film}");
    assert_eq!(db.session().of::<Film>().exists(film).await?, !delete_first);
    assert!(db.check_indexes().await?.is_sound(), "{isolation:?}, film {film}");
    Ok(())
}

#[tokio::test]
async fn a_snapshot_reads_what_was_replaced_since() -> Result<()> {
    let db = with_script(3 * CHUNK).await?;
    let before = db.session();
    assert_eq!(before.of::<Film>().script(1).len().await?, 3 * CHUNK as u64);
    let s = db.session();
    s.of::<Film>().script(1).upload(&content(5, CHUNK)[..]).await?;
    s.commit().await?;
    db.session().of::<Film>().delete(1).await?;
    assert_eq!(before.of::<Film>().script(1).read(..).await?, content(0, 3 * CHUNK));
    assert_eq!(script(&db, 1).await?, content(5, CHUNK));
    Ok(())
}
