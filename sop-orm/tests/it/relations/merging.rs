//! Records that two sessions changed, of which the merged one refers to others.

use sop_orm::CannotMerge;

use super::*;

#[tokio::test]
async fn a_record_merged_with_another_reference_is_checked_like_any() -> Result<()> {
    for deletes_bob in [false, true] {
        let (db, _, hello) = ann_and_hello().await?;
        let s = db.session();
        let bob = user(&s, "Bob").await?.id;
        s.commit().await?;
        let (ours, theirs) = (db.session(), db.session());
        ours.of::<Article>().edit(hello).await?.editor = Some(bob);
        theirs.of::<Article>().edit(hello).await?.title = "Hello again".to_owned();
        theirs.commit().await?;
        if deletes_bob {
            let s = db.session();
            s.of::<User>().delete(bob).await?;
            s.commit().await?;
            assert!(ours.commit().await.unwrap_err().is_retryable());
        } else {
            assert_eq!(ours.commit().await?.merges.len(), 1);
            let merged = db.session().of::<Article>().require(hello).await?;
            assert_eq!((&*merged.title, merged.editor), ("Hello again", Some(bob)));
        }
        assert_whole(&db).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_reference_that_others_gave_to_a_merged_record_holds_on_who_deletes_it() -> Result<()> {
    let (db, _, hello) = ann_and_hello().await?;
    let s = db.session();
    let bob = user(&s, "Bob").await?.id;
    s.commit().await?;
    let (ours, theirs) = (db.session(), db.session());
    ours.of::<Article>().edit(hello).await?.title = "Hello again".to_owned();
    ours.of::<User>().delete(bob).await?;
    theirs.of::<Article>().edit(hello).await?.editor = Some(bob);
    theirs.commit().await?;
    assert!(ours.commit().await.unwrap_err().is_retryable());
    assert_whole(&db).await
}

#[tokio::test]
async fn a_reference_that_becomes_none_is_merged_with_other_changes() -> Result<()> {
    let (db, _, hello) = ann_and_hello().await?;
    let s = db.session();
    let bob = user(&s, "Bob").await?.id;
    s.of::<Article>().edit(hello).await?.editor = Some(bob);
    s.commit().await?;
    let (deletes, edits) = (db.session(), db.session());
    deletes.of::<User>().delete(bob).await?;
    edits.of::<Article>().edit(hello).await?.tags.clear();
    edits.of::<Article>().edit(hello).await?.title = "Hello again".to_owned();
    edits.commit().await?;
    assert_eq!(deletes.commit().await?.merges.len(), 1);
    let merged = db.session().of::<Article>().require(hello).await?;
    assert_eq!((&*merged.title, merged.editor), ("Hello again", None));
    assert_whole(&db).await
}

#[derive(SopStore, Debug)]
#[sop(merge_record = fields, on_delete_race = delete_wins)]
struct Place {
    #[sop(key)]
    number: u32,
    #[sop(default, merge = add)]
    visits: i64,
}

#[derive(SopStore, Debug)]
#[sop(merge_record = fields)]
struct Walk {
    #[sop(key)]
    number: u32,
    #[sop(belongs_to(Place), merge = custom(between))]
    at: u32,
}

/// Two who went to different places meet half-way.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    clippy::unnecessary_wraps,
    reason = "policies have this form"
)]
fn between(_: &u32, ours: &u32, theirs: u32) -> Result<u32, CannotMerge> {
    Ok(ours.midpoint(theirs))
}

async fn places() -> Result<Db> {
    let db = Db::builder().store::<Place>().store::<Walk>().ephemeral().await?;
    let s = db.session();
    for number in [1, 2, 3, 5] {
        s.of::<Place>().insert(Place { number, visits: 0 }).await?;
    }
    s.of::<Walk>().insert(Walk { number: 1, at: 1 }).await?;
    s.commit().await?;
    Ok(db)
}

#[tokio::test]
async fn a_reference_that_only_a_policy_made_is_looked_for_too() -> Result<()> {
    for (theirs_at, meets_at) in [(1, Some(2)), (5, None)] {
        let db = places().await?;
        let s = db.session();
        s.of::<Walk>().edit(1).await?.at = 2;
        s.commit().await?;
        let (ours, theirs) = (db.session(), db.session());
        ours.of::<Walk>().edit(1).await?.at = 3;
        theirs.of::<Walk>().edit(1).await?.at = theirs_at;
        theirs.commit().await?;
        match meets_at {
            Some(at) => {
                assert_eq!(ours.commit().await?.merges.len(), 1);
                assert_eq!(db.session().of::<Walk>().require(1).await?.at, at);
            }
            // There is no place 4.
            None => assert!(ours.commit().await.unwrap_err().is_retryable()),
        }
        assert_whole(&db).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_delete_that_wins_does_not_win_against_a_new_child() -> Result<()> {
    let db = places().await?;
    let (ours, theirs) = (db.session(), db.session());
    ours.of::<Place>().edit(5).await?.visits += 1;
    ours.of::<Walk>().insert(Walk { number: 2, at: 5 }).await?;
    theirs.of::<Place>().delete(5).await?;
    theirs.commit().await?;
    assert!(ours.commit().await.unwrap_err().is_retryable());
    let (ours, theirs) = (db.session(), db.session());
    ours.of::<Place>().delete(3).await?;
    theirs.of::<Place>().edit(3).await?.visits += 1;
    theirs.of::<Walk>().insert(Walk { number: 2, at: 3 }).await?;
    theirs.commit().await?;
    assert!(ours.commit().await.unwrap_err().is_retryable());
    assert_whole(&db).await
}
