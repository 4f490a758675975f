//! Records that refer to each other: authors and articles, comments on comments, tags, and members
//! of groups.
//!
//! ```sh
//! cargo run --release -p sop-examples --example relations
//! ```
//!
//! A reference leads to a record, always: sessions see to it when they commit, whatever others do at
//! the same time. What becomes of a reference when its record goes is said at the field.
#![expect(clippy::print_stdout, reason = "the example talks to a person")]

use sop_orm::prelude::*;

#[derive(SopStore, Debug)]
#[sop(store = "users", merge_record = fields)]
#[sop(has_many(articles = article::Feed, memberships = membership::ByKey))]
struct User {
    #[sop(key(auto = uuid7))]
    id: Id<User>,
    name: String,
    /// Sessions may count it up while others add articles.
    #[sop(default, merge = add)]
    visits: i64,
}

/// The index is led by the author, so it serves the relation. For `tags` one is made: `by_tags`.
#[derive(SopStore, Debug)]
#[sop(store = "articles", index(feed(author, title)))]
#[sop(has_many(comments = comment::ByArticle))]
struct Article {
    #[sop(key(auto = uuid7))]
    id: Id<Article>,
    #[sop(belongs_to(on_delete = restrict))]
    author: Id<User>,
    title: String,
    #[sop(belongs_to_many(on_delete = remove), default)]
    tags: Vec<Id<Tag>>,
}

/// Goes with its article, and with the comment that it answers.
#[derive(SopStore, Debug)]
#[sop(store = "comments")]
struct Comment {
    #[sop(key(auto = increment))]
    number: u64,
    #[sop(belongs_to(on_delete = cascade))]
    article: Id<Article>,
    #[sop(belongs_to(Comment, on_delete = cascade))]
    answers: Option<u64>,
    #[sop(belongs_to(on_delete = set_null))]
    author: Option<Id<User>>,
}

#[derive(SopStore, Debug)]
#[sop(store = "tags", has_many(articles = article::ByTags))]
struct Tag {
    #[sop(key(auto = uuid7))]
    id: Id<Tag>,
    name: String,
}

#[derive(SopStore, Debug)]
#[sop(store = "groups", has_many(members = membership::ByGroup))]
struct Group {
    #[sop(key)]
    name: String,
}

/// A record for each member of each group, since there is something to say about it.
#[derive(SopStore, Debug)]
#[sop(store = "memberships", key(user, group))]
struct Membership {
    #[sop(belongs_to(on_delete = cascade))]
    user: Id<User>,
    #[sop(belongs_to(Group, on_delete = cascade))]
    group: String,
    since: u32,
}

async fn fill(s: &Session) -> Result<Id<User>> {
    let ann = s.of::<User>().insert(NewUser { name: "Ann".into() }).await?.id;
    let bob = s.of::<User>().insert(NewUser { name: "Bob".into() }).await?.id;
    let rust = s.of::<Tag>().insert(NewTag { name: "rust".into() }).await?.id;
    for (author, title) in [(ann, "Trees"), (ann, "Logs"), (bob, "Gardens")] {
        let article =
            s.of::<Article>().insert(NewArticle { author, title: title.into() }).await?.id;
        s.of::<Article>().edit(article).await?.tags.push(rust);
        let (answers, author) = (None, Some(bob));
        let first = s.of::<Comment>().insert(NewComment { article, answers, author }).await?;
        let (answers, author) = (Some(first.number), Some(ann));
        s.of::<Comment>().insert(NewComment { article, answers, author }).await?;
    }
    s.of::<Group>().insert(Group { name: "gardeners".into() }).await?;
    let group = || "gardeners".to_owned();
    s.of::<Membership>().insert(Membership { user: bob, group: group(), since: 2019 }).await?;
    s.of::<Membership>().insert(Membership { user: ann, group: group(), since: 2024 }).await?;
    Ok(ann)
}

/// Many records with their other ends, without a query for each.
async fn show(s: &Session) -> Result<()> {
    let (users, articles) = (s.of::<User>(), s.of::<Article>());
    let all = articles.by_key().all().await?;
    let authors = articles.preload_parents(article::Feed, &all).await?;
    let tags = articles.preload_parents(article::ByTags, &all).await?;
    let comments = articles.preload_children(comment::ByArticle, &all).await?;
    for article in &all {
        let author = authors.of(article).map_or("nobody", |author| &author.name);
        let tags: Vec<&str> = tags.all_of(article).map(|tag| tag.name.as_str()).collect();
        let comments = comments.of(article).len();
        println!("{} by {author} {tags:?}, {comments} comments", article.title);
    }
    println!("{} users were read for {} articles", authors.stats().rows_read, all.len());

    let gardeners = s.of::<Group>().members("gardeners").all().await?;
    let persons = s.of::<Membership>().preload_parents(membership::ByKey, &gardeners).await?;
    for member in &gardeners {
        let name = persons.of(member).map_or("nobody", |user| &user.name);
        println!("{name} has been a gardener since {}", member.since);
    }
    assert_eq!(users.by_key().count().await?, 2);
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let types = Db::builder().store::<User>().store::<Article>().store::<Comment>();
    let types = types.store::<Tag>().store::<Group>().store::<Membership>();
    let db = types.ephemeral().await?;
    let ann = db.run(fill).await?;
    show(&db.session()).await?;

    // From a user to her articles: a query like any other.
    let s = db.session();
    let titles = s.of::<User>().articles(ann).select(article::fields::title).all().await?;
    assert_eq!(titles, ["Logs", "Trees"]);

    // Nobody refers to nobody. The session can go on, and is given up here.
    let nobody = Id::new();
    s.of::<Article>().insert(NewArticle { author: nobody, title: "Lost".into() }).await?;
    if let Err(refused) = s.commit().await {
        println!("refused: {refused}");
    }

    // An author with articles stays; an article takes its comments along.
    let s = db.session();
    if let Err(refused) = s.of::<User>().delete(ann).await {
        println!("refused: {refused}");
    }
    assert_eq!(s.of::<User>().articles(ann).delete().await?, 2);
    assert_eq!(s.of::<Comment>().by_key().count().await?, 2);
    assert!(s.of::<User>().delete(ann).await?);
    let comments = s.of::<Comment>().by_key().all().await?;
    assert!(comments.iter().any(|comment| comment.author.is_none()), "hers are nobody's now");

    // Meanwhile somebody else adds an article of hers: one of the two sessions is beaten.
    let late = db.session();
    late.of::<User>().edit(ann).await?.visits += 1;
    late.of::<Article>().insert(NewArticle { author: ann, title: "Late".into() }).await?;
    let report = s.commit().await?;
    println!("committed {report}");
    if let Err(beaten) = late.commit().await {
        println!("beaten: {beaten}");
    }
    assert!(db.check_references().await?.is_sound());
    Ok(())
}
