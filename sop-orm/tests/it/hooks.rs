//! Rules and hooks: when they run, what they may do, and what happens if they refuse or panic.

use std::sync::{Arc, Mutex};

use sop_orm::{Ended, Hooks, Invalid, Scope, prelude::*};

#[derive(SopStore, Debug, PartialEq)]
#[sop(hooks, validate = Page::not_forbidden)]
struct Page {
    #[sop(key)]
    number: u32,
    #[sop(validate = not_empty, validate = short, index(by_title))]
    title: String,
    #[sop(default)]
    edits: u32,
}

/// How often pages were changed, kept by their hooks.
#[derive(SopStore, Debug, PartialEq)]
struct Count {
    #[sop(key)]
    what: String,
    times: u32,
}

fn not_empty(text: &str) -> Result<(), String> {
    if text.is_empty() { Err("is empty".to_owned()) } else { Ok(()) }
}

fn short(text: &str) -> Result<(), &'static str> {
    if text.len() > 20 { Err("is too long") } else { Ok(()) }
}

impl Page {
    fn not_forbidden(&self) -> Result<(), Invalid> {
        if self.title == "forbidden" { Err("no such pages".into()) } else { Ok(()) }
    }
}

impl Hooks for Page {
    fn validate(&self) -> Result<(), Invalid> {
        assert_ne!(self.title, "panic");
        if self.title == "odd" { Err(Invalid::field("number", "is odd")) } else { Ok(()) }
    }

    fn before_insert(&mut self) -> Result<(), Invalid> {
        self.title = self.title.trim().to_owned();
        Ok(())
    }

    fn before_update(&mut self, old: &Self) -> Result<(), Invalid> {
        self.edits = old.edits + 1;
        if self.title == "other key" {
            self.number += 1;
        }
        Ok(())
    }

    fn before_delete(&self) -> Result<(), Invalid> {
        if self.title == "keep" { Err("must be kept".into()) } else { Ok(()) }
    }

    fn after_insert(&self, scope: &mut Scope<'_>) -> Result<()> {
        count(scope, "inserted")
    }

    fn after_update(&self, old: &Self, scope: &mut Scope<'_>) -> Result<()> {
        count(scope, "updated")?;
        if self.title == "child" && old.title != "child" {
            scope.insert(page(self.number + 1, "grandchild"))?;
        }
        if self.title == "refuse" {
            return Err(Error::Invalid("refused after it was written".into()));
        }
        Ok(())
    }

    fn after_delete(&self, scope: &mut Scope<'_>) -> Result<()> {
        count(scope, "deleted")
    }
}

fn count(scope: &mut Scope<'_>, what: &str) -> Result<()> {
    if scope.get::<Count>(what)?.is_none() {
        scope.insert(Count { what: what.to_owned(), times: 0 })?;
    }
    scope.update::<Count>(what, |count| count.times += 1)
}

fn page(number: u32, title: &str) -> Page {
    Page { number, title: title.to_owned(), edits: 0 }
}

async fn database() -> Result<Db> {
    Db::builder().store::<Page>().store::<Count>().store::<Ring>().ephemeral().await
}

async fn times(s: &Session, what: &str) -> Result<u32> {
    Ok(s.of::<Count>().get(what).await?.map_or(0, |count| count.times))
}

#[tokio::test]
async fn hooks_complete_records_and_keep_others_in_step() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let pages = s.of::<Page>();
    assert_eq!(pages.insert(page(1, "  one ")).await?.title, "one");
    let held = pages.require(1).await?;
    pages.edit(1).await?.title = "uno".to_owned();
    assert_eq!(pages.by_title().prefix("uno").count().await?, 1);
    assert_eq!((held.edits, pages.require(1).await?.edits), (0, 1));
    assert_eq!(pages.upsert(page(1, "eins")).await?.edits, 2);
    assert_eq!(pages.upsert(page(2, " two")).await?.title, "two");
    assert!(pages.delete(2).await?);
    let report = s.commit().await?;
    let pages = report.changes.iter().find(|changes| changes.store == "page");
    let pages = pages.map(|changes| (changes.inserted, changes.updated, changes.deleted));
    assert_eq!(pages, Some((2, 2, 1)), "{report}");

    let s = db.session();
    assert_eq!(s.of::<Page>().require(1).await?.edits, 2);
    let counted = (times(&s, "inserted").await?, times(&s, "updated").await?);
    assert_eq!((counted, times(&s, "deleted").await?), ((2, 2), 1));
    Ok(())
}

#[tokio::test]
async fn a_broken_rule_names_store_and_field_and_the_session_goes_on() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let pages = s.of::<Page>();
    for (title, message) in [
        ("  ", "page: title: is empty"),
        ("longer than twenty letters", "page: title: is too long"),
        ("forbidden", "page: no such pages"),
        ("odd", "page: number: is odd"),
    ] {
        let refused = pages.insert(page(1, title)).await.unwrap_err();
        assert!(matches!(refused, Error::Invalid(_)), "{refused}");
        assert_eq!(refused.to_string(), message);
    }
    pages.insert_many([page(1, "one"), page(2, "")]).await.unwrap_err();
    assert_eq!((pages.by_key().count().await?, times(&s, "inserted").await?), (0, 0));
    pages.insert(page(1, "one")).await?;
    s.commit().await?;
    Ok(())
}

#[tokio::test]
async fn a_refused_edit_stays_pending_until_it_is_mended() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let pages = s.of::<Page>();
    pages.insert(page(1, "one")).await?;
    pages.edit(1).await?.title = String::new();
    assert!(matches!(pages.by_key().count().await, Err(Error::Invalid(_))));
    assert!(matches!(s.commit().await, Err(Error::Invalid(_))));
    pages.edit(1).await?.title = "mended".to_owned();
    assert_eq!(pages.by_title().prefix("mended").first().await?.map(|page| page.edits), Some(1));
    pages.edit(1).await?.title = "other key".to_owned();
    let refused = s.commit().await.unwrap_err();
    assert!(refused.to_string().contains("key"), "{refused}");
    assert!(pages.delete(1).await?);
    s.commit().await?;
    Ok(())
}

#[tokio::test]
async fn a_refused_delete_keeps_the_record_and_what_was_edited_of_it() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let pages = s.of::<Page>();
    pages.insert(page(1, "keep")).await?;
    pages.edit(1).await?.edits = 7;
    assert!(matches!(pages.delete(1).await, Err(Error::Invalid(_))));
    s.commit().await?;
    assert_eq!(db.session().of::<Page>().require(1).await?.edits, 1, "the hook counts");
    Ok(())
}

#[tokio::test]
async fn what_a_hook_refuses_afterwards_is_taken_back_with_what_hooks_did() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let pages = s.of::<Page>();
    pages.insert_many([page(1, "one"), page(2, "two"), page(10, "ten")]).await?;
    let held = pages.require(2).await?;
    pages.edit(1).await?.title = "changed".to_owned();
    pages.edit(2).await?.title = "refuse".to_owned();
    pages.edit(10).await?.title = "child".to_owned();
    assert!(matches!(pages.by_title().count().await, Err(Error::Invalid(_))));
    assert_eq!((held.title.as_str(), times(&s, "updated").await?), ("two", 0));
    assert_eq!(pages.get(11).await?, None);
    pages.edit(2).await?.title = "accepted".to_owned();
    assert_eq!(pages.by_title().prefix("accepted").count().await?, 1);
    let report = s.commit().await?;
    let s = db.session();
    assert_eq!(times(&s, "updated").await?, 3);
    assert_eq!(s.of::<Page>().require(11).await?.title, "grandchild");
    let pages = report.changes.iter().find(|changes| changes.store == "page");
    assert_eq!(pages.map(|changes| (changes.inserted, changes.updated)), Some((4, 3)));
    Ok(())
}

#[tokio::test]
async fn a_hook_that_panics_ends_its_session_and_nothing_else() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    s.of::<Page>().insert(page(1, "one")).await?;
    let panicked = s.of::<Page>().insert(page(2, "panic")).await.unwrap_err();
    assert!(matches!(&panicked, Error::HookPanicked { store: "page", hook: "validate", .. }));
    assert!(panicked.to_string().contains("panic"), "{panicked}");
    let closed = s.commit().await.unwrap_err();
    assert!(matches!(closed, Error::SessionClosed(Ended::Panicked { .. })), "{closed}");

    let s = db.session();
    assert_eq!(s.of::<Page>().by_key().count().await?, 0);
    s.of::<Page>().insert(page(1, "one")).await?;
    s.commit().await?;
    Ok(())
}

/// Two records that update each other for ever.
#[derive(SopStore, Debug)]
#[sop(hooks)]
struct Ring {
    #[sop(key)]
    number: u32,
    turns: u64,
}

impl Hooks for Ring {
    fn after_update(&self, _: &Self, scope: &mut Scope<'_>) -> Result<()> {
        scope.update::<Ring>(1 - self.number, |other| other.turns += 1)
    }
}

#[tokio::test]
async fn hooks_that_call_each_other_for_ever_are_stopped() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let ring = s.of::<Ring>();
    ring.insert_many([Ring { number: 0, turns: 0 }, Ring { number: 1, turns: 0 }]).await?;
    let mut edit = ring.edit(0).await?;
    edit.turns = 1;
    let stopped = edit.save().await.unwrap_err();
    assert!(stopped.to_string().contains("deep"), "{stopped}");
    ring.delete(0).await?;
    assert_eq!(ring.require(1).await?.turns, 0);
    s.commit().await?;
    Ok(())
}

#[tokio::test]
async fn what_follows_a_commit_happens_once_and_only_if_there_is_one() -> Result<()> {
    let db = database().await?;
    let calls = Arc::new(Mutex::new(Vec::new()));
    let note = |s: &Session, what: &'static str| {
        let calls = Arc::clone(&calls);
        s.after_commit(move |report| calls.lock().unwrap().push((what, report.position)))
    };
    let s = db.session();
    note(&s, "rolled back")?;
    s.rollback();
    let s = db.session();
    let savepoint = s.savepoint()?;
    note(&s, "gone back")?;
    savepoint.rollback()?;
    drop(savepoint);
    s.of::<Page>().insert(page(1, "one")).await?;
    s.after_commit(|_| panic!("after the commit"))?;
    note(&s, "committed")?;
    let report = s.commit().await?;
    assert_eq!(*calls.lock().unwrap(), [("committed", report.position)]);
    Ok(())
}
