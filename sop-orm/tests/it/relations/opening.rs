//! Relations and what a database remembers of them.

use super::*;

/// The stores as they were before anybody spoke of relations.
mod before {
    use sop_orm::prelude::*;

    #[derive(SopStore, Debug)]
    #[sop(store = "users")]
    pub(crate) struct User {
        #[sop(key)]
        pub(crate) number: u32,
    }

    #[derive(SopStore, Debug)]
    #[sop(store = "articles")]
    pub(crate) struct Article {
        #[sop(key)]
        pub(crate) number: u32,
        pub(crate) author: u32,
        pub(crate) title: String,
    }
}

/// The same with a reference.
mod after {
    use sop_orm::prelude::*;

    pub(crate) use super::before::User;

    #[derive(SopStore, Debug)]
    #[sop(store = "articles")]
    pub(crate) struct Article {
        #[sop(key)]
        pub(crate) number: u32,
        #[sop(belongs_to(User, on_delete = cascade))]
        pub(crate) author: u32,
        pub(crate) title: String,
    }
}

#[tokio::test]
async fn a_type_that_is_referred_to_must_be_registered() {
    let error = Db::builder().store::<Article>().store::<Tag>().ephemeral().await.unwrap_err();
    let Error::Schema(problem) = &error else { panic!("{error}") };
    assert_eq!(problem.store, "articles");
    assert_eq!(problem.problems.len(), 2, "once for each field: {error}");
    assert!(error.to_string().contains("add .store::<User>()"), "{error}");
}

async fn filled_before(folder: &std::path::Path) -> Result<()> {
    let types = Db::builder().store::<before::User>().store::<before::Article>();
    let db = types.open(folder).await?;
    let s = db.session();
    s.of::<before::User>().insert(before::User { number: 1 }).await?;
    for (number, author) in [(1, 1), (2, 7), (3, 1), (4, 8)] {
        let article = before::Article { number, author, title: "T".to_owned() };
        s.of::<before::Article>().insert(article).await?;
    }
    s.commit().await?;
    db.close().await
}

#[tokio::test]
async fn references_of_old_records_are_checked_on_request_and_hold_from_now_on() -> Result<()> {
    let folder = tempfile::tempdir().expect("a folder");
    filled_before(folder.path()).await?;
    let types = Db::builder().store::<after::User>().store::<after::Article>();
    let db = types.open(folder.path()).await?;
    db.indexes_ready().await?;
    let report = db.check_references().await?;
    assert_eq!((report.references, report.broken), (4, 2));
    let orphans: Vec<_> = report.problems.iter().map(|one| (&*one.key, &*one.target_key)).collect();
    assert_eq!(orphans, [("00000002", "00000007"), ("00000004", "00000008")]);
    let s = db.session();
    // What was broken before may be changed in other ways.
    s.of::<after::Article>().edit(2).await?.title = "Changed".to_owned();
    s.commit().await?;
    let s = db.session();
    s.of::<after::Article>().edit(2).await?.author = 9;
    assert!(matches!(s.commit().await, Err(Error::BrokenReference(_))));
    s.of::<after::Article>().edit(2).await?.author = 1;
    s.of::<after::Article>().delete(4).await?;
    s.commit().await?;
    assert!(db.check_references().await?.is_sound());
    let s = db.session();
    assert!(s.of::<after::User>().delete(1).await?);
    assert_eq!(s.of::<after::Article>().by_key().count().await?, 0);
    s.commit().await?;
    assert_whole(&db).await
}

#[tokio::test]
async fn a_program_that_does_not_know_the_children_deletes_no_parent() -> Result<()> {
    let folder = tempfile::tempdir().expect("a folder");
    let types = Db::builder().store::<after::User>().store::<after::Article>();
    let db = types.open(folder.path()).await?;
    let s = db.session();
    s.of::<after::User>().insert(after::User { number: 1 }).await?;
    let article = after::Article { number: 1, author: 1, title: "T".to_owned() };
    s.of::<after::Article>().insert(article).await?;
    s.commit().await?;
    db.close().await?;
    let db = Db::builder().store::<after::User>().open(folder.path()).await?;
    let s = db.session();
    let refused = s.of::<after::User>().delete(1).await.unwrap_err();
    assert!(refused.to_string().contains("\"articles\" may refer to this one"), "{refused}");
    assert!(!s.of::<after::User>().delete(2).await?, "there is nothing to delete");
    s.of::<after::User>().insert(after::User { number: 2 }).await?;
    s.commit().await?;
    Ok(())
}

#[tokio::test]
async fn a_parent_is_not_deleted_before_its_children_can_be_found() -> Result<()> {
    let folder = tempfile::tempdir().expect("a folder");
    filled_before(folder.path()).await?;
    let types = Db::builder().store::<after::User>().store::<after::Article>();
    let by_hand = types.index_building(sop_orm::IndexBuilding::ByHand);
    let db = by_hand.open(folder.path()).await?;
    let s = db.session();
    let refused = s.of::<after::User>().delete(1).await.unwrap_err();
    assert!(matches!(refused, Error::IndexBuilding { index: "by_author", .. }), "{refused}");
    while db.build_indexes(2)? {}
    let s = db.session();
    assert!(s.of::<after::User>().delete(1).await?);
    s.commit().await?;
    assert_eq!(db.session().of::<after::Article>().by_key().keys().all().await?, [2, 4]);
    Ok(())
}
