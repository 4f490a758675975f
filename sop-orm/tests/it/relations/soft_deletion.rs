//! References to records that can be restored, and from such records.

use super::*;

#[derive(SopStore, Debug, PartialEq)]
#[sop(store = "teams", has_many(players = player::ByTeam))]
struct Team {
    #[sop(key)]
    name: String,
    #[sop(soft_delete)]
    deleted_at: Option<Timestamp>,
}

/// The index `bin` begins with the team too, and does not lead to players who are there.
#[derive(SopStore, Debug, PartialEq)]
#[sop(store = "players", index(bin(team, deleted_at)))]
struct Player {
    #[sop(key)]
    number: u64,
    #[sop(belongs_to(Team, on_delete = restrict))]
    team: String,
    #[sop(soft_delete)]
    deleted_at: Option<Timestamp>,
}

#[derive(SopStore, Debug, PartialEq)]
#[sop(store = "shirts")]
struct Shirt {
    #[sop(key)]
    number: u64,
    #[sop(belongs_to(Team, on_delete = cascade))]
    team: String,
    #[sop(soft_delete)]
    deleted_at: Option<Timestamp>,
}

#[derive(SopStore, Debug, PartialEq)]
#[sop(store = "fans")]
struct Fan {
    #[sop(key)]
    number: u64,
    #[sop(belongs_to(Team, on_delete = set_null))]
    team: Option<String>,
}

/// The key leads to those that are deleted too.
#[derive(SopStore, Debug, PartialEq)]
#[sop(store = "matches", key(team, day))]
struct Match {
    #[sop(belongs_to(Team, on_delete = restrict))]
    team: String,
    day: u32,
    #[sop(soft_delete)]
    deleted_at: Option<Timestamp>,
}

/// Refers to others of its kind.
#[derive(SopStore, Debug, PartialEq)]
#[sop(store = "stages")]
struct Stage {
    #[sop(key)]
    number: u64,
    #[sop(belongs_to(Stage, on_delete = restrict))]
    next: Option<u64>,
    #[sop(soft_delete)]
    deleted_at: Option<Timestamp>,
}

async fn league() -> Result<Db> {
    let types = Db::builder().store::<Team>().store::<Player>().store::<Shirt>();
    let types = types.store::<Fan>().store::<Match>().store::<Stage>();
    let db = types.ephemeral().await?;
    db.run(async |s| {
        s.of::<Team>().insert_many(["red", "blue"].map(team)).await?;
        Ok(())
    })
    .await?;
    Ok(db)
}

fn team(name: &str) -> NewTeam {
    NewTeam { name: name.to_owned() }
}

fn player(number: u64, team: &str) -> NewPlayer {
    NewPlayer { number, team: team.to_owned() }
}

fn is_restricted(result: Result<impl Sized>) -> bool {
    matches!(result, Err(Error::StillReferenced(referenced)) if referenced.store == "teams")
}

#[tokio::test]
async fn a_parent_that_is_restricted_is_not_marked_as_deleted() -> Result<()> {
    let db = league().await?;
    let s = db.session();
    let teams = s.of::<Team>();
    s.of::<Player>().insert(player(1, "red")).await?;
    assert!(is_restricted(teams.delete("red").await));
    assert!(is_restricted(teams.by_key().delete().await), "blue is gone, and red is asked");
    assert!(teams.exists("red").await?, "the session goes on as if nothing had been asked");
    let savepoint = s.savepoint()?;
    teams.edit("red").await?.deleted_at = Some(Timestamp::now());
    assert!(is_restricted(teams.by_key().count().await), "who sets the field deletes the record");
    savepoint.rollback()?;
    s.of::<Player>().delete(1).await?;
    assert!(teams.delete("red").await?);
    s.commit().await?;
    assert_whole(&db).await
}

#[tokio::test]
async fn what_refers_to_a_deleted_record_stays_until_that_is_purged() -> Result<()> {
    for delete_first in [true, false] {
        let db = league().await?;
        let s = db.session();
        s.of::<Shirt>().insert(NewShirt { number: 1, team: "red".to_owned() }).await?;
        s.of::<Fan>().insert(Fan { number: 1, team: Some("red".to_owned()) }).await?;
        s.commit().await?;
        if delete_first {
            db.run(async |s| s.of::<Team>().delete("red").await).await?;
            let s = db.session();
            assert!(s.of::<Shirt>().exists(1).await?);
            assert_eq!(s.of::<Fan>().require(1).await?.team.as_deref(), Some("red"));
            assert_whole(&db).await?;
        }
        db.run(async |s| s.of::<Team>().purge("red").await).await?;
        let s = db.session();
        assert!(!s.of::<Shirt>().with_deleted().exists(1).await?, "it is gone for good");
        assert_eq!(s.of::<Fan>().require(1).await?.team, None);
        assert_whole(&db).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_record_may_refer_to_a_deleted_one_and_then_keeps_it_from_being_purged() -> Result<()> {
    let db = league().await?;
    db.run(async |s| s.of::<Team>().delete("red").await).await?;
    let s = db.session();
    s.of::<Player>().insert(player(1, "red")).await?;
    s.commit().await?;
    assert_whole(&db).await?;

    let s = db.session();
    assert!(is_restricted(s.of::<Team>().purge("red").await));
    assert!(is_restricted(s.of::<Team>().by_key().with_deleted().purge().await));
    s.of::<Player>().delete(1).await?;
    assert!(s.of::<Team>().purge("red").await?);
    s.commit().await?;
    assert_whole(&db).await
}

#[tokio::test]
async fn a_deleted_record_refers_to_nothing_until_it_is_restored() -> Result<()> {
    let db = league().await?;
    let s = db.session();
    s.of::<Player>().insert(player(1, "red")).await?;
    s.of::<Match>().insert(NewMatch { team: "red".to_owned(), day: 1 }).await?;
    s.of::<Player>().delete(1).await?;
    s.of::<Match>().delete(("red", 1)).await?;
    assert_eq!(s.of::<Team>().players("red").count().await?, 0);
    assert!(s.of::<Team>().purge("red").await?, "neither is in the way");
    s.commit().await?;
    assert_whole(&db).await?;

    let s = db.session();
    assert!(s.of::<Player>().restore(1).await? && s.of::<Match>().restore(("red", 1)).await?);
    assert!(matches!(s.commit().await, Err(Error::BrokenReference(_))));
    s.of::<Player>().edit(1).await?.team = "blue".to_owned();
    let broken = s.commit().await.unwrap_err();
    assert!(matches!(&broken, Error::BrokenReference(it) if it.store == "matches"), "{broken}");
    s.of::<Team>().insert(team("red")).await?;
    s.commit().await?;
    assert_eq!(db.session().of::<Team>().players("blue").count().await?, 1);
    assert_whole(&db).await
}

#[tokio::test]
async fn records_that_refer_to_each_other_can_be_marked_together() -> Result<()> {
    let db = league().await?;
    let s = db.session();
    let stage = |number, next| Stage { number, next: Some(next), deleted_at: None };
    s.of::<Stage>().insert_many([stage(1, 2), stage(2, 1), stage(3, 3)]).await?;
    assert!(matches!(s.of::<Stage>().delete(1).await, Err(Error::StillReferenced(_))));
    assert!(s.of::<Stage>().delete(3).await?, "its own reference goes with it");
    for number in [1, 2] {
        s.of::<Stage>().edit(number).await?.deleted_at = Some(Timestamp::now());
    }
    s.commit().await?;
    assert_eq!(db.session().of::<Stage>().by_key().count().await?, 0);
    assert_whole(&db).await
}

#[tokio::test]
async fn no_child_comes_while_its_parent_is_looked_through_or_purged() -> Result<()> {
    for purge in [true, false] {
        for child_first in [true, false] {
            let db = league().await?;
            let (deletes, adds) = (db.session(), db.session());
            let teams = deletes.of::<Team>();
            assert!(if purge { teams.purge("red").await? } else { teams.delete("red").await? });
            adds.of::<Player>().insert(player(1, "red")).await?;
            let (first, second) = if child_first { (adds, deletes) } else { (deletes, adds) };
            first.commit().await?;
            // A record that is marked is still there to be referred to.
            let both = !purge && !child_first;
            match second.commit().await {
                Ok(_) => assert!(both),
                Err(error) => assert!(error.is_retryable() && !both, "{error}"),
            }
            assert_whole(&db).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_child_is_not_restored_while_its_parent_is_purged() -> Result<()> {
    for restore_first in [true, false] {
        let db = league().await?;
        let s = db.session();
        s.of::<Match>().insert(NewMatch { team: "red".to_owned(), day: 1 }).await?;
        s.of::<Match>().delete(("red", 1)).await?;
        s.commit().await?;
        let (purges, restores) = (db.session(), db.session());
        assert!(purges.of::<Team>().purge("red").await?);
        assert!(restores.of::<Match>().restore(("red", 1)).await?);
        let (first, second) = if restore_first { (restores, purges) } else { (purges, restores) };
        first.commit().await?;
        assert!(second.commit().await.unwrap_err().is_retryable());
        assert_whole(&db).await?;
    }
    Ok(())
}
