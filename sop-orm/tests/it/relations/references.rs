//! A reference leads to a record when its session commits.

use sop_orm::{BrokenReference, Isolation, TransactionOptions};

use super::*;

fn broken(result: Result<impl Sized>) -> BrokenReference {
    match result {
        Err(Error::BrokenReference(broken)) => broken,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("nobody noticed"),
    }
}

/// Sessions under each isolation: references hold under all of them.
fn sessions(db: &Db) -> [Session; 2] {
    [Isolation::Serializable, Isolation::Snapshot]
        .map(|isolation| db.session_with(TransactionOptions::default().isolation(isolation)))
}

#[tokio::test]
async fn an_insert_that_refers_to_nobody_is_refused_at_the_commit() -> Result<()> {
    let db = database().await?;
    for s in sessions(&db) {
        let nobody = Id::new();
        let hello = article(&s, nobody, "Hello").await?;
        let broken = broken(s.commit().await);
        assert_eq!((broken.store, broken.field, broken.target), ("articles", "author", "users"));
        assert_eq!(broken.target_key, nobody.uuid().simple().to_string());
        assert_eq!(broken.key, hello.id.uuid().simple().to_string());
        let text = broken.to_string();
        assert!(text.contains("insert it in the same session, or change the reference"), "{text}");
        // The session goes on, and may bring what was missing.
        let ann = User { id: nobody, name: "Ann".to_owned(), visits: 0 };
        s.of::<User>().insert(ann).await?;
        s.commit().await?;
    }
    assert_eq!(db.session().of::<Article>().by_key().count().await?, 2);
    assert_whole(&db).await
}

#[tokio::test]
async fn an_edit_upsert_or_bulk_insert_that_refers_to_nobody_is_refused() -> Result<()> {
    let (db, ann, hello) = ann_and_hello().await?;
    let s = db.session();
    s.of::<Article>().edit(hello).await?.editor = Some(Id::new());
    assert_eq!(broken(s.commit().await).field, "editor");
    let s = db.session();
    let other = Article {
        id: hello,
        author: Id::new(),
        editor: None,
        title: String::new(),
        tags: Vec::new(),
    };
    s.of::<Article>().upsert(other).await?;
    assert_eq!(broken(s.commit().await).field, "author");
    let s = db.session();
    let authors = [ann, Id::new(), ann].into_iter();
    let new = authors.map(|author| NewArticle { author, title: "Many".to_owned() });
    s.of::<Article>().insert_many(new).await?;
    assert_eq!(broken(s.commit().await).field, "author");
    let s = db.session();
    s.of::<Article>().edit(hello).await?.tags = vec![Id::new()];
    assert_eq!(broken(s.commit().await).field, "tags");
    assert_eq!(db.session().of::<Article>().by_key().count().await?, 1, "nothing was written");
    Ok(())
}

#[tokio::test]
async fn a_reference_that_went_again_is_in_nobodys_way() -> Result<()> {
    let (db, ann, hello) = ann_and_hello().await?;
    let s = db.session();
    let gone = article(&s, Id::new(), "Gone").await?;
    s.of::<Article>().delete(gone.id).await?;
    s.of::<Article>().edit(hello).await?.editor = Some(Id::new());
    assert_eq!(s.of::<Article>().by_editor().count().await?, 1);
    s.of::<Article>().edit(hello).await?.editor = Some(ann);
    s.commit().await?;
    assert_whole(&db).await
}

#[tokio::test]
async fn records_that_refer_to_each_other_are_inserted_in_any_order() -> Result<()> {
    let (db, _, hello) = ann_and_hello().await?;
    let s = db.session();
    let comments = s.of::<Comment>();
    let ring = [(101, 102), (102, 103), (103, 101), (104, 104)];
    for (number, answered) in ring {
        comments.insert(Comment { number, article: hello, answered: Some(answered) }).await?;
    }
    s.commit().await?;
    let s = db.session();
    let all = [(201, 202), (202, 201)].map(|(number, other)| Comment {
        number,
        article: hello,
        answered: Some(other),
    });
    s.of::<Comment>().insert_many(all).await?;
    s.commit().await?;
    assert_whole(&db).await
}

#[tokio::test]
async fn what_a_savepoint_takes_back_is_not_demanded_and_what_it_takes_away_is() -> Result<()> {
    let (db, ann, _) = ann_and_hello().await?;
    let s = db.session();
    let savepoint = s.savepoint()?;
    article(&s, Id::new(), "To nobody").await?;
    savepoint.rollback()?;
    drop(savepoint);
    let missing = Id::new();
    let early = article(&s, missing, "Early").await?;
    let savepoint = s.savepoint()?;
    s.of::<User>().insert(User { id: missing, name: "Bob".to_owned(), visits: 0 }).await?;
    // A commit that is refused must not forget what came before the savepoint.
    article(&s, Id::new(), "To nobody").await?;
    broken(s.commit().await);
    savepoint.rollback()?;
    drop(savepoint);
    assert_eq!(broken(s.commit().await).key, early.id.uuid().simple().to_string());
    s.of::<Article>().edit(early.id).await?.author = ann;
    s.commit().await?;
    assert_whole(&db).await
}

#[tokio::test]
async fn who_deletes_a_parent_and_who_adds_a_child_cannot_both_commit() -> Result<()> {
    for child_first in [true, false] {
        let db = database().await?;
        let s = db.session();
        let bob = user(&s, "Bob").await?.id;
        s.commit().await?;
        let ([adds, _], [_, deletes]) = (sessions(&db), sessions(&db));
        article(&adds, bob, "Hello").await?;
        assert!(deletes.of::<User>().delete(bob).await?);
        let (first, second) = if child_first { (adds, deletes) } else { (deletes, adds) };
        first.commit().await?;
        let lost = second.commit().await.unwrap_err();
        assert!(lost.is_retryable(), "{lost}");
        assert_whole(&db).await?;
    }
    Ok(())
}

#[tokio::test]
async fn who_moves_a_child_to_a_parent_conflicts_with_who_deletes_that() -> Result<()> {
    for move_first in [true, false] {
        let (db, _, hello) = ann_and_hello().await?;
        let s = db.session();
        let bob = user(&s, "Bob").await?.id;
        s.commit().await?;
        let ([moves, _], [_, deletes]) = (sessions(&db), sessions(&db));
        moves.of::<Article>().edit(hello).await?.editor = Some(bob);
        assert!(deletes.of::<User>().delete(bob).await?);
        let (first, second) = if move_first { (moves, deletes) } else { (deletes, moves) };
        first.commit().await?;
        assert!(second.commit().await.unwrap_err().is_retryable());
        assert_whole(&db).await?;
    }
    Ok(())
}

#[tokio::test]
async fn who_only_changes_a_parent_is_not_in_the_way_of_its_children() -> Result<()> {
    let (db, ann, _) = ann_and_hello().await?;
    for child_first in [true, false] {
        for child in sessions(&db) {
            let edits = db.session();
            article(&child, ann, "Another").await?;
            edits.of::<User>().edit(ann).await?.visits += 1;
            let (first, second) = if child_first { (child, edits) } else { (edits, child) };
            first.commit().await?;
            second.commit().await?;
        }
    }
    let s = db.session();
    let (users, articles) = (s.of::<User>(), s.of::<User>().articles(ann));
    assert_eq!((users.require(ann).await?.visits, articles.count().await?), (4, 5));
    Ok(())
}

#[tokio::test]
async fn children_of_one_parent_are_added_side_by_side() -> Result<()> {
    let (db, ann, _) = ann_and_hello().await?;
    let sessions: Vec<Session> = (0..8).map(|_| db.session()).collect();
    for s in &sessions {
        article(s, ann, "Another").await?;
    }
    for s in sessions {
        s.commit().await?;
    }
    assert_eq!(db.session().of::<User>().articles(ann).count().await?, 9);
    Ok(())
}
