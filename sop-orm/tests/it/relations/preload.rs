//! Parents of many children, and children of many parents, without a query for each.

use std::sync::Mutex;

use tracing::{Event, Metadata, Subscriber, span};

use super::*;

/// Keeps where events come from: a query sends one, and so does preloading.
#[derive(Clone, Default)]
struct Listener(Arc<Mutex<Vec<&'static str>>>);

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let target = metadata.target();
        target.starts_with("sop_orm::query") || target.starts_with("sop_orm::relation")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        self.0.lock().expect("no test panics with it").push(event.metadata().target());
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// Twenty users with five articles each, of which the last is not committed.
async fn written() -> Result<(Db, Session)> {
    let db = database().await?;
    let s = db.session();
    for number in 0..20 {
        let author = user(&s, &format!("User {number}")).await?.id;
        for title in 0..4 {
            article(&s, author, &format!("{number} {title}")).await?;
        }
    }
    s.commit().await?;
    let s = db.session();
    for user in s.of::<User>().by_key().all().await? {
        article(&s, user.id, "new").await?;
    }
    Ok((db, s))
}

#[tokio::test]
async fn each_parent_is_read_once_for_all_its_children() -> Result<()> {
    let (_db, s) = written().await?;
    let articles = s.of::<Article>().by_key().desc().all().await?;
    let listener = Listener::default();
    let guard = tracing::subscriber::set_default(listener.clone());
    let authors = s.of::<Article>().preload_parents(article::Feed, &articles).await?;
    drop(guard);
    assert_eq!(*listener.0.lock().unwrap(), ["sop_orm::relation::preload"]);
    assert_eq!((authors.stats().entries_scanned, authors.stats().rows_read), (0, 20));
    assert_eq!((articles.len(), authors.iter().count()), (100, 20));
    for article in &articles {
        let author = authors.of(article).expect("every article has an author");
        assert_eq!(author.id, article.author);
        let known = s.of::<User>().require(article.author).await?;
        assert!(Arc::ptr_eq(author, &known), "it is the session's own instance");
    }
    Ok(())
}

#[tokio::test]
async fn all_children_are_read_in_one_pass() -> Result<()> {
    let (_db, s) = written().await?;
    let users = s.of::<User>().by_key().desc().all().await?;
    let listener = Listener::default();
    let guard = tracing::subscriber::set_default(listener.clone());
    let articles = s.of::<User>().preload_children(article::Feed, &users[..10]).await?;
    drop(guard);
    assert_eq!(*listener.0.lock().unwrap(), ["sop_orm::relation::preload"]);
    let stats = articles.stats();
    assert_eq!((stats.entries_scanned, stats.rows_read, stats.returned), (50, 50, 50));
    for user in &users[..10] {
        let one_by_one = s.of::<User>().articles(user.id).all().await?;
        assert_eq!(articles.of(user), one_by_one);
        assert!(articles.of(user).iter().zip(&one_by_one).all(|(a, b)| Arc::ptr_eq(a, b)));
        assert_eq!(articles.get(user.id), one_by_one);
    }
    assert_eq!(articles.of(&users[15]).len(), 0, "it was not asked for");
    assert_eq!(articles.iter().count(), 50);
    Ok(())
}

#[tokio::test]
async fn who_has_no_other_end_gets_none() -> Result<()> {
    let (_db, s) = written().await?;
    let mut articles = s.of::<Article>().by_key().limit(3).all().await?;
    let bob = user(&s, "Bob").await?;
    s.of::<Article>().edit(articles[1].id).await?.editor = Some(bob.id);
    articles[1] = s.of::<Article>().require(articles[1].id).await?;
    let editors = s.of::<Article>().preload_parents(article::ByEditor, &articles).await?;
    let found: Vec<_> = articles.iter().map(|one| editors.of(one).map(|user| user.id)).collect();
    assert_eq!(found, [None, Some(bob.id), None]);
    assert_eq!(editors.get(bob.id).map(|user| &*user.name), Some("Bob"));
    let edited = s.of::<User>().preload_children(article::ByEditor, [&bob]).await?;
    assert_eq!(edited.of(&bob).len(), 1, "what is not written yet counts");
    let none: [Arc<User>; 0] = [];
    assert_eq!(s.of::<User>().preload_children(article::Feed, none).await?.iter().count(), 0);
    Ok(())
}

#[tokio::test]
async fn parents_with_very_many_children_take_several_turns() -> Result<()> {
    let (db, ann, hello) = ann_and_hello().await?;
    let s = db.session();
    let many = (0..5_000).map(|_| NewComment { article: hello });
    s.of::<Comment>().insert_many(many).await?;
    let other = article(&s, ann, "Other").await?.id;
    comment(&s, other, None).await?;
    s.commit().await?;
    let s = db.session();
    let articles = s.of::<Article>().by_key().all().await?;
    let comments = s.of::<Article>().preload_children(comment::ByArticle, &articles).await?;
    let counts: Vec<usize> = articles.iter().map(|article| comments.of(article).len()).collect();
    assert_eq!(counts, [5_000, 1]);
    let numbers: Vec<u64> = comments.get(hello).iter().map(|comment| comment.number).collect();
    assert!(numbers.is_sorted() && numbers.len() == 5_000);
    Ok(())
}
