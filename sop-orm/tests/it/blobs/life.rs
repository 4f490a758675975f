//! What becomes of content when its record is changed or deleted.

use sop_orm::Error;

use super::*;

#[tokio::test]
async fn content_goes_with_its_record_by_whatever_way() -> Result<()> {
    let db = with_script(2 * CHUNK).await?;
    let s = db.session();
    let poster = s.of::<Poster>().insert(NewPoster { film: 1 }).await?.id;
    s.of::<Poster>().picture(poster).write_at(0, b"a picture").await?;
    s.of::<Film>().media(2).write_at(0, b"media").await?;
    s.commit().await?;

    let s = db.session();
    s.of::<Film>().delete(1).await?;
    let gone = s.of::<Film>().script(1).len().await;
    assert!(matches!(gone, Err(Error::NotFound { store: "films", .. })), "{gone:?}");
    assert!(s.of::<Poster>().picture(poster).len().await.is_err(), "it went by the cascade");
    s.of::<Film>().by_key().delete().await?;
    s.commit().await?;
    assert!(db.check_indexes().await?.is_sound());

    // A record that comes back has no content.
    let s = db.session();
    s.of::<Film>().insert(new(1)).await?;
    assert_eq!(s.of::<Film>().script(1).len().await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_record_that_is_replaced_keeps_its_content() -> Result<()> {
    let db = with_script(CHUNK).await?;
    let s = db.session();
    s.of::<Film>().script(1).set_metadata(b"a script").await?;
    let film = s.of::<Film>().require(1).await?;
    s.of::<Film>().upsert(Film { title: "new".to_owned(), ..Film::clone(&film) }).await?;
    s.of::<Film>().edit(1).await?.title = "other".to_owned();
    s.commit().await?;
    assert_eq!(script(&db, 1).await?, content(0, CHUNK));
    assert_eq!(db.session().of::<Film>().script(1).metadata().await?, b"a script");
    Ok(())
}

#[tokio::test]
async fn a_session_that_ends_without_a_commit_leaves_nothing() -> Result<()> {
    let db = with_script(CHUNK).await?;
    let s = db.session();
    s.of::<Film>().script(1).truncate(0).await?;
    s.of::<Film>().media(1).upload(&content(1, 6 << 20)[..]).await?;
    assert_eq!(s.of::<Film>().media(1).checksum().await?, crc32c::crc32c(&content(1, 6 << 20)));
    drop(s);
    assert_eq!(script(&db, 1).await?, content(0, CHUNK));
    assert!(db.session().of::<Film>().media(1).is_empty().await?);
    Ok(())
}

#[tokio::test]
async fn a_savepoint_takes_content_back() -> Result<()> {
    let db = with_script(CHUNK).await?;
    let s = db.session();
    s.of::<Film>().script(1).append(b"kept").await?;
    let savepoint = s.savepoint()?;
    s.of::<Film>().script(1).truncate(0).await?;
    s.of::<Film>().media(1).write_at(0, &content(1, 6 << 20)).await?;
    s.of::<Film>().delete(2).await?;
    savepoint.rollback()?;
    assert_eq!(s.of::<Film>().script(1).len().await?, CHUNK as u64 + 4);
    s.commit().await?;
    assert_eq!(script(&db, 1).await?, [content(0, CHUNK), b"kept".to_vec()].concat());
    assert!(db.session().of::<Film>().media(1).is_empty().await?);
    Ok(())
}

#[tokio::test]
async fn content_is_copied_within_a_session_and_between_two() -> Result<()> {
    let db = with_script(3 * CHUNK + 10).await?;
    let (s, other) = (db.session(), db.session());
    let films = s.of::<Film>();
    films.script(1).set_metadata(b"a script").await?;
    films.script(2).write_at(0, &[1; 100]).await?;
    assert_eq!(films.script(2).copy_from(&films.script(1)).await?, 3 * CHUNK as u64 + 10);
    assert_eq!(films.script(1).copy_from(&films.script(1)).await?, 3 * CHUNK as u64 + 10);
    let from_other = other.of::<Film>().script(1);
    assert_eq!(films.media(2).copy_from(&from_other).await?, 3 * CHUNK as u64 + 10);
    assert!(films.media(2).metadata().await?.is_empty(), "the other session does not see it");
    s.commit().await?;
    assert_eq!(script(&db, 2).await?, content(0, 3 * CHUNK + 10));
    let s = db.session();
    assert_eq!(s.of::<Film>().script(2).metadata().await?, b"a script");
    assert_eq!(s.of::<Film>().media(2).read(..).await?, content(0, 3 * CHUNK + 10));
    Ok(())
}

#[tokio::test]
async fn content_of_a_type_that_is_not_registered_and_of_no_record_is_refused() -> Result<()> {
    let db = Db::builder().store::<Poster>().store::<Film>().ephemeral().await?;
    let s = db.session();
    assert!(matches!(s.of::<Film>().script(9).append(b"x").await, Err(Error::NotFound { .. })));
    assert!(matches!(s.of::<Film>().script(9).clear().await, Err(Error::NotFound { .. })));
    let s = Db::builder().ephemeral().await?.session();
    assert!(matches!(s.of::<Film>().script(1).len().await, Err(Error::NotRegistered { .. })));
    Ok(())
}

/// A record whose key is too long for content is a record all the same.
#[derive(SopStore)]
struct Note {
    #[sop(key)]
    name: String,
    #[sop(blob)]
    body: Blob,
    #[sop(soft_delete)]
    deleted_at: Option<Timestamp>,
}

#[tokio::test]
async fn a_key_that_is_too_long_for_content_is_told_and_can_be_deleted() -> Result<()> {
    let db = Db::builder().store::<Note>().ephemeral().await?;
    let s = db.session();
    let name = "n".repeat(2_000);
    s.of::<Note>().insert(NewNote { name: name.clone() }).await?;
    let refused = s.of::<Note>().body(name.as_str()).append(b"x").await;
    assert!(matches!(refused, Err(Error::Engine(sop_core::Error::KeyTooLong { .. }))));
    assert!(s.of::<Note>().purge(name.as_str()).await?);
    s.commit().await?;
    Ok(())
}

#[tokio::test]
async fn content_of_a_deleted_record_is_there_for_who_asks_for_such() -> Result<()> {
    let db = Db::builder().store::<Note>().ephemeral().await?;
    let s = db.session();
    let notes = s.of::<Note>();
    notes.insert(NewNote { name: "one".to_owned() }).await?;
    notes.body("one").append(b"body").await?;
    notes.delete("one").await?;
    assert!(matches!(notes.body("one").len().await, Err(Error::NotFound { .. })));
    notes.restore("one").await?;
    assert_eq!(notes.body("one").read(..).await?, b"body");
    notes.purge("one").await?;
    s.commit().await?;
    assert!(db.check_indexes().await?.is_sound());
    Ok(())
}
