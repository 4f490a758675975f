//! Records that are deleted so that they can be restored.

use sop_orm::{EventKind, Hooks, Invalid, Scope, Watch, prelude::*};

#[derive(SopStore, Debug, PartialEq)]
#[sop(hooks, index(bin_by_author(author, deleted_at)))]
#[sop(new(derive(Clone)))]
struct Post {
    #[sop(key)]
    number: u32,
    #[sop(unique(by_slug))]
    slug: String,
    #[sop(index(by_author))]
    author: u32,
    #[sop(validate = not_empty)]
    title: String,
    #[sop(soft_delete, index(bin))]
    deleted_at: Option<Timestamp>,
    #[sop(version)]
    version: u32,
}

/// What the hooks of posts saw.
#[derive(SopStore, Debug)]
struct Note {
    #[sop(key(auto = uuid7))]
    id: Id<Note>,
    #[sop(index(by_text))]
    text: String,
}

fn not_empty(text: &str) -> Result<(), &'static str> {
    if text.is_empty() { Err("is empty") } else { Ok(()) }
}

fn note(scope: &mut Scope<'_>, text: &str) -> Result<()> {
    scope.insert(NewNote { text: text.to_owned() }).map(drop)
}

impl Hooks for Post {
    fn before_delete(&self) -> Result<(), Invalid> {
        if self.slug == "keep" { Err("must be kept".into()) } else { Ok(()) }
    }

    fn after_insert(&self, scope: &mut Scope<'_>) -> Result<()> {
        note(scope, "inserted")
    }

    fn after_update(&self, old: &Self, scope: &mut Scope<'_>) -> Result<()> {
        let restored = old.deleted_at.is_some() && self.deleted_at.is_none();
        note(scope, if restored { "restored" } else { "updated" })
    }

    fn after_delete(&self, scope: &mut Scope<'_>) -> Result<()> {
        assert!(self.deleted_at.is_none(), "the record as it was");
        assert!(scope.get::<Post>(self.number)?.is_none(), "it is gone for hooks too");
        assert!(scope.update::<Post>(self.number, |post| post.author = 0).is_err());
        assert!(!scope.delete::<Post>(self.number)?);
        note(scope, "deleted")
    }
}

/// Like posts, but sessions that change one at once may both commit.
#[derive(SopStore, Debug, PartialEq)]
#[sop(merge_record = fields, on_delete_race = delete_wins)]
struct Task {
    #[sop(key)]
    number: u32,
    #[sop(index(by_title))]
    title: String,
    #[sop(merge = add)]
    votes: i64,
    #[sop(soft_delete)]
    done_at: Option<Timestamp>,
    #[sop(version)]
    version: u32,
}

fn post(number: u32, slug: &str, author: u32) -> NewPost {
    NewPost { number, slug: slug.to_owned(), author, title: slug.to_owned() }
}

async fn database() -> Result<Db> {
    Db::builder().store::<Post>().store::<Note>().store::<Task>().ephemeral().await
}

/// Posts 0 to `count`, of ten authors.
async fn posts(count: u32) -> Result<Db> {
    let db = database().await?;
    let s = db.session();
    let new = (0..count).map(|number| post(number, &format!("slug {number}"), number % 10));
    s.of::<Post>().insert_many(new).await?;
    s.commit().await?;
    Ok(db)
}

async fn sound(db: &Db) -> Result<()> {
    let report = db.check_indexes().await?;
    assert!(report.is_sound(), "{report:?}");
    Ok(())
}

async fn times(s: &Session, text: &str) -> Result<u64> {
    s.of::<Note>().by_text().prefix(text).count().await
}

#[tokio::test]
async fn a_deleted_record_is_nowhere_unless_it_is_asked_for() -> Result<()> {
    let db = posts(3).await?;
    let s = db.session();
    let posts = s.of::<Post>();
    assert!(posts.delete(1).await?);
    assert!(!posts.delete(1).await?, "it is gone");
    assert!(posts.get(1).await?.is_none());
    s.commit().await?;
    let s = db.session();
    let posts = s.of::<Post>();
    assert!(matches!(posts.require(1).await, Err(Error::NotFound { .. })));
    assert!(matches!(posts.edit(1).await, Err(Error::NotFound { .. })));
    assert!(matches!(posts.edit_at(1, 2).await, Err(Error::NotFound { .. })));
    assert!(!posts.delete_at(1, 7).await?);
    assert!(!posts.exists(1).await? && posts.exists(2).await?);
    let many = posts.get_many([1, 2, 1]).await?;
    assert!(many.iter().map(Option::is_some).eq([false, true, false]));
    assert_eq!(posts.by_slug("slug 1").await?, None);
    assert_eq!((posts.by_key().count().await?, posts.by_author().count().await?), (2, 2));
    assert!(!posts.by_author().prefix(1).exists().await?);
    assert!(posts.by_key().range(1..2).first().await?.is_none());
    assert_eq!(posts.by_key().max(post::fields::number).await?, Some(2));
    assert_eq!(posts.by_key().select(post::fields::slug).all().await?, ["slug 0", "slug 2"]);

    let all = posts.with_deleted();
    let gone = all.require(1).await?;
    assert!(gone.deleted_at.is_some() && gone.version == 2, "{gone:?}");
    assert!(all.exists(1).await? && all.get(1).await?.is_some() && !all.exists(9).await?);
    assert!(all.get_many([1, 9]).await?.iter().map(Option::is_some).eq([true, false]));
    let by_key = posts.by_key().with_deleted();
    assert_eq!(by_key.explain().await?.conditions, "primary key[all] with deleted");
    assert_eq!(by_key.keys().all().await?, [0, 1, 2]);
    assert_eq!(posts.by_key().with_deleted().count().await?, 3);
    assert_eq!(posts.bin().keys().all().await?, [1]);
    assert_eq!(posts.bin_by_author().prefix(1).count().await?, 1);
    sound(&db).await
}

#[tokio::test]
async fn walks_over_many_deleted_records_end_and_pages_join() -> Result<()> {
    let db = posts(1_000).await?;
    let s = db.session();
    let posts = s.of::<Post>();
    assert_eq!(posts.by_key().range(10..990).delete().await?, 980);
    let expected: Vec<u32> = (0..10).chain(990..1_000).collect();
    assert_eq!(posts.by_key().keys().all().await?, expected);
    assert_eq!(posts.by_key().desc().first().await?.map(|post| post.number), Some(999));
    assert_eq!(posts.by_key().range(..990).last().await?.map(|post| post.number), Some(9));
    assert_eq!(posts.by_key().skip(9).limit(2).keys().all().await?, [9, 990]);
    let (mut found, mut next) = (Vec::new(), None);
    loop {
        let page = posts.by_key().keys().page(7, next).await?;
        found.extend(page.items);
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    assert_eq!(found, expected);
    // Conditions on several indexes, with the primary key among them.
    let both = || posts.by_author().prefix(5).and(posts.by_key().range(5..));
    assert_eq!(both().keys().all().await?, [5, 995]);
    assert_eq!(both().desc().keys().all().await?, [995, 5]);
    let either = posts.by_author().prefix(5).or(posts.by_key().range(..3));
    assert_eq!(either.keys().all().await?, [0, 1, 2, 5, 995]);
    let gone = posts.bin_by_author().prefix(5).and(posts.by_key().with_deleted().range(..100));
    assert_eq!(gone.keys().all().await?, (15..100).step_by(10).collect::<Vec<_>>());
    let none = posts.bin_by_author().prefix(5).and(posts.by_key());
    assert_eq!(none.count().await?, 0);
    s.commit().await?;
    sound(&db).await
}

#[tokio::test]
async fn a_restored_record_is_as_it_was_and_counted_on() -> Result<()> {
    let db = posts(1).await?;
    let before = db.session().of::<Post>().require(0).await?;
    for round in 1..=2 {
        let s = db.session();
        assert!(!s.of::<Post>().restore(0).await? && !s.of::<Post>().restore(9).await?);
        assert!(s.of::<Post>().delete(0).await?);
        let report = s.commit().await?;
        let posts = report.changes.iter().find(|changes| changes.store == "post");
        assert_eq!(posts.map(|it| (it.inserted, it.updated, it.deleted)), Some((0, 0, 1)));
        let s = db.session();
        assert!(s.of::<Post>().restore(0).await?);
        assert_eq!(times(&s, "restored").await?, round);
        s.commit().await?;
    }
    let after = db.session().of::<Post>().require(0).await?;
    assert_eq!((after.version, after.deleted_at), (5, None));
    assert_eq!((&after.slug, after.author, &after.title), (&before.slug, 0, &before.title));
    sound(&db).await
}

#[tokio::test]
async fn unique_values_of_deleted_records_are_free_and_keys_are_not() -> Result<()> {
    let db = posts(1).await?;
    let s = db.session();
    let posts = s.of::<Post>();
    posts.delete(0).await?;
    let taken = posts.insert(post(0, "other", 1)).await;
    assert!(matches!(taken, Err(Error::Duplicate(ref it)) if it.index.is_none()), "{taken:?}");
    assert!(posts.insert_or_ignore(post(0, "other", 1)).await?.is_none());
    posts.insert(post(1, "slug 0", 1)).await?;
    let taken = posts.restore(0).await;
    assert!(matches!(taken, Err(Error::Duplicate(ref it)) if it.index == Some("by_slug")));
    assert!(posts.with_deleted().require(0).await?.deleted_at.is_some(), "it stays deleted");
    posts.with_deleted().edit(0).await?.slug = "free".to_owned();
    assert!(posts.restore(0).await?, "with another value it can come back");
    assert_eq!(posts.by_slug("free").await?.map(|post| post.number), Some(0));

    posts.delete(0).await?;
    let whole = posts.with_deleted().require(0).await?;
    let title = "upserted".to_owned();
    let new = Post { slug: "new".into(), deleted_at: None, title, ..clone(&whole) };
    assert_eq!(posts.upsert(new).await?.title, "upserted");
    assert!(posts.exists(0).await?);
    s.commit().await?;
    sound(&db).await
}

fn clone(post: &Post) -> Post {
    let Post { number, author, deleted_at, version, .. } = *post;
    let (slug, title) = (post.slug.clone(), post.title.clone());
    Post { number, slug, author, title, deleted_at, version }
}

#[tokio::test]
async fn purging_is_for_good_and_told_to_hooks_once() -> Result<()> {
    let db = posts(4).await?;
    let s = db.session();
    let posts = s.of::<Post>();
    posts.delete(0).await?;
    assert_eq!(times(&s, "deleted").await?, 1);
    assert!(posts.purge(0).await? && posts.purge(1).await? && !posts.purge(9).await?);
    assert_eq!(times(&s, "deleted").await?, 2, "of the first one they were told before");
    assert_eq!(posts.by_key().with_deleted().keys().all().await?, [2, 3]);
    assert_eq!(posts.by_key().delete().await?, 2);
    let recent = posts.bin().range(Timestamp::hours_ago(1)..);
    assert_eq!(recent.restore().await?, 2);
    assert_eq!(posts.by_key().keys().all().await?, [2, 3]);
    posts.delete(3).await?;
    assert_eq!(posts.bin().range(..Timestamp::hours_ago(1)).purge().await?, 0);
    assert_eq!(posts.bin().purge().await?, 1);
    posts.insert(post(3, "slug 3", 3)).await?;
    s.commit().await?;
    sound(&db).await
}

#[tokio::test]
async fn a_hook_may_refuse_a_deletion_and_rules_do_not() -> Result<()> {
    let db = posts(1).await?;
    let s = db.session();
    let posts = s.of::<Post>();
    posts.insert(post(1, "keep", 1)).await?;
    assert!(matches!(posts.delete(1).await, Err(Error::Invalid(_))));
    assert!(posts.exists(1).await?);
    // A refused edit is in nobody's way: it goes with the record, and is asked about again.
    posts.edit(0).await?.title = String::new();
    assert!(matches!(posts.by_key().count().await, Err(Error::Invalid(_))));
    assert!(posts.delete(0).await?);
    let refused = posts.restore(0).await;
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    posts.with_deleted().edit(0).await?.title = "mended".to_owned();
    assert!(posts.restore(0).await?);
    let edit = posts.edit(0).await?;
    assert!(matches!(posts.delete(0).await, Err(Error::AlreadyEditing { .. })));
    assert!(matches!(posts.purge(0).await, Err(Error::AlreadyEditing { .. })));
    drop(edit);
    s.commit().await?;
    assert_eq!(db.session().of::<Post>().require(0).await?.title, "mended");
    Ok(())
}

#[tokio::test]
async fn setting_the_field_in_an_edit_is_a_deletion() -> Result<()> {
    let db = posts(2).await?;
    let s = db.session();
    let posts = s.of::<Post>();
    let at = Timestamp::from_micros(7);
    posts.edit(0).await?.deleted_at = Some(at);
    assert!(posts.get(0).await?.is_none(), "before it is written too");
    assert_eq!((posts.by_author().count().await?, times(&s, "deleted").await?), (1, 1));
    assert_eq!(posts.bin().range(..=at).keys().all().await?, [0]);
    posts.with_deleted().edit(0).await?.deleted_at = None;
    assert_eq!((posts.by_author().count().await?, times(&s, "restored").await?), (2, 1));
    let changed = posts.by_key().update(|post| post.deleted_at = Some(at)).await?;
    assert_eq!((changed, posts.by_key().count().await?), (2, 0));
    Ok(())
}

#[tokio::test]
async fn deletions_go_back_with_a_savepoint() -> Result<()> {
    let db = posts(3).await?;
    let s = db.session();
    let posts = s.of::<Post>();
    let savepoint = s.savepoint()?;
    posts.by_key().delete().await?;
    posts.purge(1).await?;
    posts.insert(post(7, "slug 0", 1)).await?;
    savepoint.rollback()?;
    drop(savepoint);
    assert_eq!(posts.by_key().keys().all().await?, [0, 1, 2]);
    assert_eq!((posts.bin().count().await?, times(&s, "deleted").await?), (0, 0));
    assert!(posts.by_slug("slug 0").await?.is_some());
    s.commit().await?;
    sound(&db).await
}

fn told(watch: &mut Watch<Post>) -> Result<Vec<(EventKind, u32)>> {
    let mut events = Vec::new();
    while let Some(event) = watch.next_ready()? {
        assert_eq!(event.record.is_none(), event.kind == EventKind::Deleted);
        events.push((event.kind, event.key));
    }
    Ok(events)
}

#[tokio::test]
async fn a_watch_tells_of_what_is_there_for_everybody() -> Result<()> {
    let db = posts(2).await?;
    let mut watch = db.watch::<Post>()?;
    let (s, seen) = (db.session(), watch.position());
    let mut all = s.of::<Post>().by_key().with_deleted().watch()?;
    let mut bin = s.of::<Post>().bin().watch()?;
    let mut by_author = s.of::<Post>().by_author().prefix(0).watch()?;
    db.run(async |s| s.of::<Post>().delete(0).await).await?;
    assert_eq!(told(&mut watch)?, [(EventKind::Deleted, 0)]);
    assert_eq!(told(&mut all)?, [(EventKind::Updated, 0)]);
    assert_eq!(told(&mut bin)?, [(EventKind::Inserted, 0)]);
    assert_eq!(told(&mut by_author)?, [(EventKind::Deleted, 0)]);
    assert_eq!(told(&mut db.watch_from::<Post>(seen)?)?, [(EventKind::Deleted, 0)]);
    db.run(async |s| {
        s.of::<Post>().with_deleted().edit(0).await?.author = 5;
        s.of::<Post>().edit(1).await?.author = 5;
        Ok(())
    })
    .await?;
    assert_eq!(told(&mut watch)?, [(EventKind::Updated, 1)]);
    db.run(async |s| s.of::<Post>().restore(0).await).await?;
    assert_eq!(told(&mut watch)?, [(EventKind::Inserted, 0)]);
    db.run(async |s| s.of::<Post>().delete(0).await).await?;
    db.run(async |s| s.of::<Post>().restore(0).await).await?;
    assert_eq!(told(&mut watch)?, [(EventKind::Updated, 0)], "what is missed is taken together");
    db.run(async |s| s.of::<Post>().delete(1).await).await?;
    db.run(async |s| s.of::<Post>().purge(1).await).await?;
    assert_eq!(told(&mut watch)?, [(EventKind::Deleted, 1)]);
    Ok(())
}

/// What two sessions do to a task of their own, the second one to commit last.
async fn at_once(
    one: impl AsyncFn(TaskStore<'_>) -> Result<()>,
    other: impl AsyncFn(TaskStore<'_>) -> Result<()>,
) -> Result<(Result<CommitReport>, Db)> {
    let db = database().await?;
    let s = db.session();
    let title = "a".to_owned();
    s.of::<Task>().insert(NewTask { number: 1, title, votes: 0 }).await?;
    s.commit().await?;
    let (first, second) = (db.session(), db.session());
    one(first.of::<Task>()).await?;
    other(second.of::<Task>()).await?;
    first.commit().await?;
    let committed = second.commit().await;
    sound(&db).await?;
    Ok((committed, db))
}

#[tokio::test]
async fn a_deletion_wins_a_race_where_the_record_says_so() -> Result<()> {
    let delete = async |tasks: TaskStore<'_>| tasks.delete(1).await.map(drop);
    let change = async |tasks: TaskStore<'_>| {
        let mut task = tasks.edit(1).await?;
        task.votes += 5;
        task.title = "b".to_owned();
        Ok(())
    };
    let purge = async |tasks: TaskStore<'_>| tasks.purge(1).await.map(drop);
    for (committed, db) in [
        at_once(delete, change).await?,
        at_once(change, delete).await?,
        at_once(delete, delete).await?,
    ] {
        let report = committed?;
        assert!(report.merges.iter().all(|merged| merged.fields.is_empty()), "{report:?}");
        let s = db.session();
        let tasks = s.of::<Task>();
        assert!(!tasks.exists(1).await? && tasks.by_title().count().await? == 0);
        let task = tasks.with_deleted().require(1).await?;
        assert_eq!((task.votes, task.title.as_str()), (0, "a"));
        assert!(task.done_at.is_some());
    }
    for (committed, db) in [at_once(delete, purge).await?, at_once(purge, delete).await?] {
        committed?;
        assert!(!db.session().of::<Task>().with_deleted().exists(1).await?);
    }
    Ok(())
}

#[tokio::test]
async fn a_deletion_and_a_change_at_once_are_a_conflict_by_default() -> Result<()> {
    let db = posts(1).await?;
    let (one, other) = (db.session(), db.session());
    one.of::<Post>().edit(0).await?.author = 3;
    other.of::<Post>().delete(0).await?;
    one.commit().await?;
    assert!(matches!(other.commit().await, Err(Error::Conflict(_))));
    db.run(async |s| s.of::<Post>().delete(0).await).await?;
    assert!(!db.session().of::<Post>().exists(0).await?);
    sound(&db).await
}

#[tokio::test]
async fn a_deletion_that_was_taken_back_does_not_keep_fields_from_merging() -> Result<()> {
    let restore = async |tasks: TaskStore<'_>| {
        tasks.delete(1).await?;
        tasks.restore(1).await.map(drop)
    };
    let vote = async |tasks: TaskStore<'_>| {
        tasks.edit(1).await?.votes += 1;
        Ok(())
    };
    let (committed, db) = at_once(restore, vote).await?;
    committed?;
    assert_eq!(db.session().of::<Task>().require(1).await?.votes, 1);
    Ok(())
}

mod kept {
    use super::*;

    /// Tasks before they could be deleted softly.
    #[derive(SopStore)]
    #[sop(store = "things")]
    pub(super) struct Before {
        #[sop(key)]
        pub(super) number: u32,
        #[sop(unique(by_name))]
        pub(super) name: String,
    }

    #[derive(SopStore)]
    #[sop(store = "things")]
    pub(super) struct After {
        #[sop(key)]
        pub(super) number: u32,
        #[sop(unique(by_name))]
        pub(super) name: String,
        #[sop(soft_delete)]
        pub(super) gone: Option<Timestamp>,
    }

    /// The same, for a program that does not know what the field is for.
    #[derive(SopStore)]
    #[sop(store = "things")]
    pub(super) struct Plain {
        #[sop(key)]
        pub(super) number: u32,
        #[sop(index(by_name))]
        pub(super) name: String,
        pub(super) gone: Option<Timestamp>,
    }
}

#[tokio::test]
async fn records_that_were_there_before_the_field_are_not_deleted() -> Result<()> {
    let folder = tempfile::tempdir().expect("a folder");
    let db = Db::builder().store::<kept::Before>().open(folder.path()).await?;
    let old = (0..3).map(|number| kept::Before { number, name: format!("name {number}") });
    let s = db.session();
    s.of::<kept::Before>().insert_many(old).await?;
    s.commit().await?;
    db.close().await?;

    let db = Db::builder().store::<kept::After>().open(folder.path()).await?;
    let s = db.session();
    let things = s.of::<kept::After>();
    assert_eq!((things.by_key().count().await?, things.delete(1).await?), (3, true));
    assert_eq!(things.require(2).await?.name, "name 2");
    s.commit().await?;
    sound(&db).await?;
    assert!(db.session().of::<kept::After>().by_name("name 1").await?.is_none());
    db.close().await?;

    // Without the word the record is there again, also in the index.
    let db = Db::builder().store::<kept::Plain>().open(folder.path()).await?;
    let s = db.session();
    let found = s.of::<kept::Plain>().by_name().prefix("name 1").first().await?;
    assert!(found.is_some_and(|thing| thing.number == 1 && thing.gone.is_some()));
    sound(&db).await?;
    db.close().await?;
    let db = Db::builder().store::<kept::After>().open(folder.path()).await?;
    sound(&db).await?;
    assert!(db.session().of::<kept::After>().by_name("name 1").await?.is_none());
    Ok(())
}
