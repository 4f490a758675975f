//! Records that two sessions changed, merged by their policies.

use std::collections::{BTreeMap, BTreeSet};

use sop_orm::{CannotMerge, prelude::*};

#[derive(SopEmbed, Clone, Debug, PartialEq)]
#[sop(merge_record = fields)]
struct Address {
    street: String,
    city: String,
    #[sop(merge = add)]
    visits: u32,
}

/// Each field with a policy of its own; the rest of the record by fields.
#[derive(SopStore, Clone, Debug)]
#[sop(store = "documents", merge_record = fields)]
#[sop(index(by_author_and_state(author, state desc)), unique(by_slug(tenant, slug)))]
struct Document {
    #[sop(key(auto = increment))]
    number: u64,
    tenant: u32,
    slug: String,
    author: String,
    state: u8,
    #[sop(merge = add)]
    views: i64,
    #[sop(merge = max)]
    high_water: u32,
    #[sop(merge = or)]
    flagged: bool,
    #[sop(merge = union, index(by_tag, each))]
    tags: BTreeSet<String>,
    #[sop(merge = map)]
    notes: BTreeMap<String, String>,
    #[sop(merge = nested)]
    address: Address,
    #[sop(merge = append)]
    journal: Vec<String>,
    #[sop(merge = last_writer)]
    title: String,
    #[sop(merge = first_writer)]
    origin: String,
    #[sop(merge = custom(longer))]
    summary: String,
    #[sop(merge = conflict)]
    balance: i64,
}

fn longer(_base: &str, ours: &str, theirs: String) -> Result<String, CannotMerge> {
    assert!(ours != "panic", "a merge function that panics");
    match ours {
        "never" => Err(CannotMerge),
        _ if ours.len() > theirs.len() => Ok(ours.to_owned()),
        _ => Ok(theirs),
    }
}

/// A policy for one field; what else others change is a conflict.
#[derive(SopStore, Clone, Debug)]
#[sop(store = "counters")]
struct Counter {
    #[sop(key)]
    name: String,
    #[sop(merge = add)]
    count: u64,
    label: String,
}

#[derive(SopStore, Clone, Debug)]
#[sop(store = "drafts", merge_record = fields, on_delete_race = delete_wins)]
struct Draft {
    #[sop(key)]
    name: String,
    #[sop(unique(by_text))]
    text: String,
}

async fn database() -> Result<Db> {
    Db::builder().store::<Document>().store::<Counter>().store::<Draft>().ephemeral().await
}

/// A database with a document whose slug is "slug" and one whose slug is "two".
async fn two_documents() -> Result<(Db, u64, u64)> {
    let db = database().await?;
    let s = db.session();
    let one = s.of::<Document>().insert(document()).await?.number;
    let two = NewDocument { slug: text("two"), ..document() };
    let two = s.of::<Document>().insert(two).await?.number;
    s.commit().await?;
    Ok((db, one, two))
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn document() -> NewDocument {
    NewDocument {
        tenant: 1,
        slug: text("slug"),
        author: text("ann"),
        state: 0,
        views: 10,
        high_water: 5,
        flagged: false,
        tags: BTreeSet::from([text("a"), text("b")]),
        notes: BTreeMap::from([(text("x"), text("1"))]),
        address: Address { street: text("High St"), city: text("Bath"), visits: 1 },
        journal: vec![text("made")],
        title: text("first"),
        origin: text("here"),
        summary: text("s"),
        balance: 100,
    }
}

/// Lets two sessions edit the same document, the first one commit, and then the second.
async fn both(
    db: &Db,
    first: impl FnOnce(&mut Document),
    second: impl FnOnce(&mut Document),
) -> Result<(CommitReport, Document)> {
    let s = db.session();
    let number = s.of::<Document>().insert(document()).await?.number;
    s.commit().await?;
    let (one, two) = (db.session(), db.session());
    first(&mut *one.of::<Document>().edit(number).await?);
    second(&mut *two.of::<Document>().edit(number).await?);
    one.commit().await?;
    let report = two.commit().await?;
    let merged = db.session().of::<Document>().require(number).await?;
    Ok((report, (*merged).clone()))
}

#[tokio::test]
async fn each_field_is_merged_by_its_policy() -> Result<()> {
    let db = database().await?;
    let (report, merged) = both(
        &db,
        |d| {
            d.views += 5;
            d.high_water = 9;
            d.tags.remove("a");
            d.notes.insert(text("y"), text("2"));
            d.address.city = text("Wells");
            d.address.visits += 1;
            d.journal.push(text("theirs"));
            d.title = text("theirs");
            d.origin = text("theirs");
            d.summary = text("a long one");
        },
        |d| {
            d.views += 7;
            d.high_water = 7;
            d.flagged = true;
            d.tags.insert(text("c"));
            d.notes.insert(text("z"), text("3"));
            d.address.street = text("Low St");
            d.address.visits += 1;
            d.journal.push(text("ours"));
            d.title = text("ours");
            d.origin = text("ours");
            d.summary = text("short");
        },
    )
    .await?;
    assert_eq!((merged.views, merged.high_water, merged.flagged), (22, 9, true));
    assert_eq!(merged.tags, BTreeSet::from([text("b"), text("c")]));
    assert_eq!(merged.notes.keys().collect::<Vec<_>>(), ["x", "y", "z"]);
    let address = Address { street: text("Low St"), city: text("Wells"), visits: 3 };
    assert_eq!(merged.address, address);
    assert_eq!(merged.journal, ["made", "theirs", "ours"]);
    assert_eq!((merged.title.as_str(), merged.origin.as_str()), ("ours", "theirs"));
    assert_eq!(merged.summary, "a long one");
    let [record] = report.merges.as_slice() else { panic!("{report:?}") };
    assert_eq!((record.store, report.merged), ("documents", true));
    assert!(record.fields.contains(&"views") && !record.fields.contains(&"author"));
    Ok(())
}

#[tokio::test]
async fn sessions_that_edit_different_fields_of_one_record_all_commit() -> Result<()> {
    let db = database().await?;
    let (_, merged) = both(&db, |d| d.author = text("bob"), |d| d.state = 3).await?;
    assert_eq!((merged.author.as_str(), merged.state), ("bob", 3));
    Ok(())
}

#[tokio::test]
async fn an_index_over_fields_of_two_sessions_has_just_the_entry_of_the_merged_record() -> Result<()>
{
    let db = database().await?;
    let (_, merged) = both(&db, |d| d.author = text("bob"), |d| d.state = 3).await?;
    let s = db.session();
    let documents = s.of::<Document>();
    let all = documents.by_author_and_state().all().await?;
    let found: Vec<_> = all.iter().map(|d| (d.author.as_str(), d.state, d.number)).collect();
    assert_eq!(found, [("bob", 3, merged.number)]);
    assert_eq!(documents.by_author_and_state().prefix(("ann",)).count().await?, 0);
    assert_eq!(documents.by_author_and_state().prefix(("bob", 0)).count().await?, 0);
    assert_eq!(documents.by_author_and_state().prefix(("bob", 3)).count().await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_set_that_two_sessions_changed_has_an_entry_for_each_item() -> Result<()> {
    let db = database().await?;
    both(&db, |d| _ = d.tags.remove("a"), |d| _ = d.tags.insert(text("c"))).await?;
    let s = db.session();
    let mut found = Vec::new();
    for tag in ["a", "b", "c"] {
        found.push(s.of::<Document>().by_tag().prefix(tag).count().await?);
    }
    assert_eq!(found, [0, 1, 1]);
    Ok(())
}

#[tokio::test]
async fn what_a_policy_refuses_is_a_conflict_that_can_be_retried() -> Result<()> {
    type Change = fn(&mut Document);
    let clashes: [(Change, Change); 5] = [
        (|d| d.author = text("bob"), |d| d.author = text("eve")),
        (|d| d.balance += 1, |d| d.balance += 1),
        (|d| d.balance += 1, |d| d.views += 1),
        (|d| d.journal.push(text("x")), |d| d.journal.clear()),
        (|d| d.summary = text("x"), |d| d.summary = text("never")),
    ];
    for (number, (first, second)) in clashes.into_iter().enumerate() {
        let db = database().await?;
        let error = both(&db, first, second).await.unwrap_err();
        assert!(
            matches!(&error, Error::Conflict(at) if at.store == "documents"),
            "{number}: {error}"
        );
        assert!(error.is_retryable());
    }
    Ok(())
}

#[tokio::test]
async fn a_sum_over_the_limit_is_a_conflict() -> Result<()> {
    let db = database().await?;
    let error = both(&db, |d| d.views = i64::MAX, |d| d.views += 1).await.unwrap_err();
    assert!(matches!(error, Error::Conflict(_)), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_unique_value_that_the_merged_record_would_share_is_a_duplicate() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let number = s.of::<Document>().insert(document()).await?.number;
    s.of::<Document>().insert(NewDocument { tenant: 2, slug: text("other"), ..document() }).await?;
    s.commit().await?;
    // Neither (2, slug) nor (1, other) is taken, but (2, other) is.
    let (one, two) = (db.session(), db.session());
    one.of::<Document>().edit(number).await?.tenant = 2;
    two.of::<Document>().edit(number).await?.slug = text("other");
    one.commit().await?;
    let error = two.commit().await.unwrap_err();
    let Error::Duplicate(duplicate) = &error else { panic!("{error}") };
    assert_eq!((duplicate.index, duplicate.concurrent), (Some("by_slug"), true));
    assert!(db.session().of::<Document>().by_slug(2, "slug").await?.is_some());
    Ok(())
}

#[tokio::test]
async fn records_of_one_session_may_swap_unique_values_while_one_of_them_is_merged() -> Result<()> {
    let (db, one, two) = two_documents().await?;
    let (ours, theirs) = (db.session(), db.session());
    ours.of::<Document>().edit(one).await?.slug = text("two");
    ours.of::<Document>().edit(two).await?.slug = text("slug");
    theirs.of::<Document>().edit(one).await?.views += 1;
    theirs.commit().await?;
    ours.commit().await?;
    let s = db.session();
    let found = s.of::<Document>().by_slug(1, "two").await?.map(|d| (d.number, d.views));
    assert_eq!(found, Some((one, 11)));
    let found = s.of::<Document>().by_slug(1, "slug").await?.map(|d| d.number);
    assert_eq!(found, Some(two));
    Ok(())
}

#[tokio::test]
async fn a_merge_function_that_panics_takes_only_its_session_down() -> Result<()> {
    let db = database().await?;
    let failed = both(&db, |d| d.summary = text("x"), |d| d.summary = text("panic")).await;
    assert!(matches!(failed, Err(Error::Engine(_) | Error::Invalid(_))), "{failed:?}");
    let (_, merged) = both(&database().await?, |d| d.views += 1, |d| d.views += 1).await?;
    assert_eq!(merged.views, 12);
    db.session().of::<Document>().by_key().count().await?;
    let s = db.session();
    s.of::<Counter>().insert(counter("alive")).await?;
    s.commit().await?;
    Ok(())
}

fn counter(name: &str) -> Counter {
    Counter { name: text(name), count: 0, label: text("") }
}

#[tokio::test]
async fn without_merge_record_other_fields_of_the_record_must_not_change() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    s.of::<Counter>().insert(counter("hits")).await?;
    s.commit().await?;
    let (one, two) = (db.session(), db.session());
    one.of::<Counter>().edit("hits").await?.label = text("new");
    two.of::<Counter>().edit("hits").await?.count += 1;
    one.commit().await?;
    assert!(matches!(two.commit().await, Err(Error::Conflict(_))));
    Ok(())
}

#[tokio::test]
async fn what_was_only_read_is_checked_even_if_the_rest_is_merged() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    s.of::<Counter>().insert_many([counter("read"), counter("edited")]).await?;
    s.commit().await?;
    let (one, two) = (db.session(), db.session());
    for name in ["read", "edited"] {
        one.of::<Counter>().edit(name).await?.count += 1;
    }
    two.of::<Counter>().require("read").await?;
    two.of::<Counter>().edit("edited").await?.count += 1;
    one.commit().await?;
    assert!(matches!(two.commit().await, Err(Error::Conflict(_))));
    Ok(())
}

#[tokio::test]
async fn deleted_and_edited_is_a_conflict_unless_deleting_wins() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    s.of::<Counter>().insert(counter("gone")).await?;
    for name in ["one", "two"] {
        s.of::<Draft>().insert(Draft { name: text(name), text: text(name) }).await?;
    }
    s.commit().await?;

    let (one, two) = (db.session(), db.session());
    one.of::<Counter>().delete("gone").await?;
    two.of::<Counter>().edit("gone").await?.count += 1;
    one.commit().await?;
    assert!(matches!(two.commit().await, Err(Error::Conflict(_))));

    let (one, two) = (db.session(), db.session());
    one.of::<Draft>().delete("one").await?;
    one.of::<Draft>().edit("two").await?.text = text("edited");
    two.of::<Draft>().edit("one").await?.text = text("edited too");
    two.of::<Draft>().delete("two").await?;
    one.commit().await?;
    let report = two.commit().await?;
    assert_eq!(report.merges.len(), 2);
    let s = db.session();
    assert_eq!(s.of::<Draft>().by_key().count().await?, 0);
    for text in ["one", "two", "edited", "edited too"] {
        assert!(s.of::<Draft>().by_text(text).await?.is_none(), "{text}");
    }
    s.of::<Draft>().insert(Draft { name: text("new"), text: text("edited") }).await?;
    s.commit().await?;
    Ok(())
}

/// Of a value that one record of the session gave up and another one took, nothing is left if the
/// merge takes the other one away.
#[tokio::test]
async fn a_unique_value_that_a_deleted_record_had_taken_over_is_free() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    for name in ["one", "two"] {
        s.of::<Draft>().insert(Draft { name: text(name), text: text(name) }).await?;
    }
    s.commit().await?;
    let (ours, theirs) = (db.session(), db.session());
    ours.of::<Draft>().edit("two").await?.text = text("other");
    ours.of::<Draft>().edit("one").await?.text = text("two");
    theirs.of::<Draft>().delete("one").await?;
    theirs.commit().await?;
    ours.commit().await?;
    let s = db.session();
    assert!(s.of::<Draft>().by_text("two").await?.is_none());
    s.of::<Draft>().insert(Draft { name: text("new"), text: text("two") }).await?;
    s.commit().await?;
    assert!(db.check_indexes().await?.is_sound());
    Ok(())
}

/// The same where the other session moves the record out of the way of the value.
#[tokio::test]
async fn a_unique_value_that_a_merged_record_had_taken_over_is_free() -> Result<()> {
    let (db, one, two) = two_documents().await?;
    let (ours, theirs) = (db.session(), db.session());
    ours.of::<Document>().edit(two).await?.slug = text("other");
    ours.of::<Document>().edit(one).await?.slug = text("two");
    theirs.of::<Document>().edit(one).await?.tenant = 2;
    theirs.commit().await?;
    ours.commit().await?;
    let s = db.session();
    let found = s.of::<Document>().by_slug(2, "two").await?.map(|document| document.number);
    assert_eq!(found, Some(one));
    assert!(s.of::<Document>().by_slug(1, "two").await?.is_none());
    assert!(db.check_indexes().await?.is_sound());
    Ok(())
}

#[tokio::test]
async fn whom_a_unique_value_belonged_to_is_checked_even_if_that_record_is_merged() -> Result<()> {
    let (db, one, two) = two_documents().await?;
    let (ours, theirs) = (db.session(), db.session());
    let found = ours.of::<Document>().by_slug(1, "two").await?.map(|document| document.number);
    assert_eq!(found, Some(two));
    ours.of::<Document>().edit(two).await?.views += 1;
    theirs.of::<Document>().edit(two).await?.slug = text("slug");
    theirs.of::<Document>().edit(one).await?.slug = text("two");
    theirs.commit().await?;
    assert!(matches!(ours.commit().await, Err(Error::Conflict(_))));
    Ok(())
}

/// All of them at once, and none has to try again.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sessions_that_count_the_same_counter_up_all_commit_at_the_first_attempt() -> Result<()> {
    const SESSIONS: u64 = 64;
    const EACH: u64 = 1_000;
    let db = database().await?;
    let s = db.session();
    s.of::<Counter>().insert(counter("hits")).await?;
    s.commit().await?;
    let tasks: Vec<_> = (0..SESSIONS)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move {
                for _ in 0..EACH {
                    let s = db.session();
                    s.of::<Counter>().edit("hits").await?.count += 1;
                    s.commit().await?;
                }
                Ok::<_, Error>(())
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("a task that ends")?;
    }
    let count = db.session().of::<Counter>().require("hits").await?.count;
    assert_eq!(count, SESSIONS * EACH);
    Ok(())
}

/// What was merged is what the log holds: it is there after the database was opened anew.
#[tokio::test]
async fn a_merged_record_is_the_same_after_a_restart() -> Result<()> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let open = || Db::builder().store::<Counter>().open(folder.path());
    let db = open().await?;
    let s = db.session();
    s.of::<Counter>().insert(counter("hits")).await?;
    s.commit().await?;
    let (one, two) = (db.session(), db.session());
    for s in [&one, &two] {
        s.of::<Counter>().edit("hits").await?.count += 5;
    }
    one.commit().await?;
    two.commit().await?;
    drop((s, one, two, db));
    assert_eq!(open().await?.session().of::<Counter>().require("hits").await?.count, 10);
    Ok(())
}
