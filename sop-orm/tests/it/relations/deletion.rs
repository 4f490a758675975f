//! What becomes of children when their parent is deleted.

use sop_orm::{Hooks, Invalid, Scope, StillReferenced};

use super::*;

fn still_referenced(result: Result<impl Sized>) -> StillReferenced {
    match result {
        Err(Error::StillReferenced(referenced)) => referenced,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it is deleted"),
    }
}

#[tokio::test]
async fn a_parent_that_is_restricted_stays_until_its_last_child_has_gone() -> Result<()> {
    let (db, ann, hello) = ann_and_hello().await?;
    let s = db.session();
    let refused = still_referenced(s.of::<User>().delete(ann).await);
    assert_eq!((refused.store, refused.by, refused.field), ("users", "articles", "author"));
    assert_eq!(refused.key, ann.uuid().simple().to_string());
    assert_eq!(refused.by_key, hello.uuid().simple().to_string());
    assert!(refused.to_string().contains("delete or change that first"), "{refused}");
    assert!(s.of::<User>().exists(ann).await?, "the session goes on as if nothing had been asked");
    s.of::<Article>().delete(hello).await?;
    assert!(s.of::<User>().delete(ann).await?);
    s.commit().await?;
    assert_whole(&db).await
}

#[tokio::test]
async fn children_of_the_session_itself_count() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let (ann, bob) = (user(&s, "Ann").await?.id, user(&s, "Bob").await?.id);
    let hello = article(&s, ann, "Hello").await?.id;
    still_referenced(s.of::<User>().delete(ann).await);
    // The edit is not written yet.
    s.of::<Article>().edit(hello).await?.author = bob;
    assert!(s.of::<User>().delete(ann).await?);
    still_referenced(s.of::<User>().delete(bob).await);
    s.commit().await?;
    assert_whole(&db).await
}

#[tokio::test]
async fn a_reference_that_may_be_none_becomes_none() -> Result<()> {
    let (db, _, hello) = ann_and_hello().await?;
    let s = db.session();
    let bob = user(&s, "Bob").await?.id;
    s.of::<Article>().edit(hello).await?.editor = Some(bob);
    s.commit().await?;
    let s = db.session();
    assert_eq!(s.of::<User>().edited(bob).count().await?, 1);
    let before = s.of::<Article>().require(hello).await?;
    s.of::<User>().delete(bob).await?;
    assert_eq!(before.editor, Some(bob), "whoever holds the record does not see it change");
    assert_eq!(s.of::<Article>().require(hello).await?.editor, None);
    let report = s.commit().await?;
    let changed = report.changes.iter().map(|store| (store.store, store.updated, store.deleted));
    assert_eq!(changed.collect::<Vec<_>>(), [("users", 0, 1), ("articles", 1, 0)]);
    assert_whole(&db).await
}

#[tokio::test]
async fn children_go_with_their_parent_and_theirs_with_them() -> Result<()> {
    let (db, ann, hello) = ann_and_hello().await?;
    let s = db.session();
    let kept = article(&s, ann, "Kept").await?.id;
    let other = comment(&s, kept, None).await?;
    let first = comment(&s, hello, None).await?;
    let answer = comment(&s, kept, Some(first)).await?;
    comment(&s, kept, Some(answer)).await?;
    s.commit().await?;
    let s = db.session();
    assert_eq!(s.of::<Comment>().answers(first).count().await?, 1);
    assert!(s.of::<Article>().delete(hello).await?);
    let left: Vec<u64> = s.of::<Comment>().by_key().keys().all().await?;
    assert_eq!(left, [other]);
    s.commit().await?;
    assert_whole(&db).await
}

#[tokio::test]
async fn circles_of_references_end() -> Result<()> {
    let (db, _, hello) = ann_and_hello().await?;
    let s = db.session();
    let ring = [(1, 2), (2, 3), (3, 1), (4, 4)].map(|(number, answered)| Comment {
        number,
        article: hello,
        answered: Some(answered),
    });
    s.of::<Comment>().insert_many(ring).await?;
    s.commit().await?;
    let s = db.session();
    s.of::<Comment>().delete(2).await?;
    assert_eq!(s.of::<Comment>().by_key().keys().all().await?, [4]);
    s.of::<Comment>().delete(4).await?;
    s.commit().await?;
    assert_whole(&db).await
}

#[tokio::test]
async fn a_key_goes_from_every_list_it_is_in() -> Result<()> {
    let (db, ann, hello) = ann_and_hello().await?;
    let s = db.session();
    let tags = ["rust", "news", "old"].map(|name| NewTag { name: name.to_owned() });
    let tags: Vec<Id<Tag>> = s.of::<Tag>().insert_many(tags).await?.iter().map(|t| t.id).collect();
    s.of::<Article>().edit(hello).await?.tags = tags.clone();
    let other = article(&s, ann, "Other").await?.id;
    s.of::<Article>().edit(other).await?.tags = vec![tags[1], tags[1]];
    s.commit().await?;
    let s = db.session();
    assert_eq!(s.of::<Tag>().articles(tags[1]).count().await?, 2);
    s.of::<Tag>().delete(tags[1]).await?;
    assert_eq!(s.of::<Article>().require(hello).await?.tags, [tags[0], tags[2]]);
    assert_eq!(s.of::<Article>().require(other).await?.tags, []);
    s.commit().await?;
    assert_whole(&db).await
}

#[tokio::test]
async fn a_record_being_edited_is_not_taken_from_under_the_edit() -> Result<()> {
    let (db, _, hello) = ann_and_hello().await?;
    let s = db.session();
    let number = comment(&s, hello, None).await?;
    let edit = s.of::<Comment>().edit(number).await?;
    let refused = s.of::<Article>().delete(hello).await.unwrap_err();
    assert!(matches!(refused, Error::AlreadyEditing { store: "comments", .. }), "{refused}");
    drop(edit);
    assert!(s.of::<Article>().delete(hello).await?);
    s.commit().await?;
    assert_whole(&db).await
}

#[derive(SopStore, Debug)]
#[sop(hooks)]
struct Folder {
    #[sop(key)]
    name: String,
    #[sop(belongs_to(Folder, on_delete = cascade))]
    inside: Option<String>,
}

#[derive(SopStore, Debug)]
#[sop(hooks)]
struct Document {
    #[sop(key)]
    name: String,
    #[sop(belongs_to(Folder, on_delete = set_null))]
    folder: Option<String>,
    #[sop(default)]
    moves: u32,
}

/// What hooks have seen.
#[derive(SopStore, Debug)]
struct Seen {
    #[sop(key(auto = uuid7))]
    id: Id<Seen>,
    what: String,
}

impl Hooks for Folder {
    fn before_delete(&self) -> Result<(), Invalid> {
        if self.name == "kept" { Err("must be kept".into()) } else { Ok(()) }
    }

    fn after_delete(&self, scope: &mut Scope<'_>) -> Result<()> {
        scope.insert(NewSeen { what: format!("folder {}", self.name) })?;
        if self.name == "haunted" {
            let ghost =
                Document { name: "ghost".to_owned(), folder: Some(self.name.clone()), moves: 0 };
            scope.insert(ghost)?;
        }
        Ok(())
    }
}

impl Hooks for Document {
    fn before_update(&mut self, _: &Self) -> Result<(), Invalid> {
        self.moves += 1;
        Ok(())
    }
}

async fn folders(inside: &[(&str, Option<&str>)]) -> Result<Db> {
    let types = Db::builder().store::<Folder>().store::<Document>().store::<Seen>();
    let db = types.ephemeral().await?;
    let s = db.session();
    for (name, inside) in inside {
        let inside = inside.map(str::to_owned);
        s.of::<Folder>().insert(Folder { name: (*name).to_owned(), inside }).await?;
    }
    s.commit().await?;
    Ok(db)
}

#[tokio::test]
async fn hooks_run_for_all_that_a_deletion_changes_children_first() -> Result<()> {
    let db = folders(&[("a", None), ("b", Some("a")), ("c", Some("b"))]).await?;
    let s = db.session();
    let document = Document { name: "d".to_owned(), folder: Some("c".to_owned()), moves: 0 };
    s.of::<Document>().insert(document).await?;
    s.of::<Folder>().delete("a").await?;
    let seen = s.of::<Seen>().by_key().all().await?;
    let seen: Vec<_> = seen.iter().map(|seen| seen.what.as_str()).collect();
    assert_eq!(seen, ["folder c", "folder b", "folder a"]);
    let document = s.of::<Document>().require("d").await?;
    assert_eq!((&document.folder, document.moves), (&None, 1));
    s.commit().await?;
    assert_whole(&db).await
}

#[tokio::test]
async fn a_hook_of_a_child_that_refuses_keeps_everything() -> Result<()> {
    let db = folders(&[("a", None), ("b", Some("a")), ("kept", Some("b"))]).await?;
    let s = db.session();
    let refused = s.of::<Folder>().delete("a").await.unwrap_err();
    assert!(refused.to_string().contains("must be kept"), "{refused}");
    assert_eq!(s.of::<Folder>().by_key().count().await?, 3);
    assert_eq!(s.of::<Seen>().by_key().count().await?, 0);
    s.commit().await?;
    assert_whole(&db).await
}

#[tokio::test]
async fn what_a_hook_adds_to_a_record_that_is_going_is_refused_at_the_commit() -> Result<()> {
    let db = folders(&[("haunted", None)]).await?;
    let s = db.session();
    s.of::<Folder>().delete("haunted").await?;
    assert!(
        matches!(s.commit().await, Err(Error::BrokenReference(broken)) if broken.key == "67686f73740001")
    );
    Ok(())
}

#[tokio::test]
async fn all_records_of_a_query_go_with_their_children() -> Result<()> {
    let (db, ann, hello) = ann_and_hello().await?;
    let s = db.session();
    for _ in 0..200 {
        comment(&s, hello, None).await?;
    }
    article(&s, ann, "Other").await?;
    assert_eq!(s.of::<User>().articles(ann).delete().await?, 2);
    assert_eq!(s.of::<Comment>().by_key().count().await?, 0);
    s.commit().await?;
    assert_whole(&db).await
}

#[tokio::test]
async fn a_cascade_and_a_new_child_of_what_goes_cannot_both_commit() -> Result<()> {
    for cascade_first in [true, false] {
        let (db, _, hello) = ann_and_hello().await?;
        let s = db.session();
        let number = comment(&s, hello, None).await?;
        s.commit().await?;
        let (deletes, answers) = (db.session(), db.session());
        deletes.of::<Article>().delete(hello).await?;
        let other = article(&answers, user(&answers, "Bob").await?.id, "Other").await?.id;
        comment(&answers, other, Some(number)).await?;
        let (first, second) = if cascade_first { (deletes, answers) } else { (answers, deletes) };
        first.commit().await?;
        assert!(second.commit().await.unwrap_err().is_retryable());
        assert_whole(&db).await?;
    }
    Ok(())
}
