//! Version fields: each commit that changes a record counts, and a caller that knows an older
//! version is told.

use sop_orm::{Stale, prelude::*};

#[derive(SopStore, Debug, PartialEq)]
struct Form {
    #[sop(key(auto = increment))]
    number: u64,
    text: String,
    #[sop(version)]
    version: u32,
}

#[derive(SopStore, Debug)]
struct Secret {
    #[sop(key, sensitive)]
    name: String,
    #[sop(version)]
    revision: i64,
}

/// At most ten of it, whoever adds.
#[derive(SopStore, Debug)]
struct Stock {
    #[sop(key)]
    number: u32,
    #[sop(merge = add, validate = fits)]
    pieces: i64,
    #[sop(version)]
    version: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "rules are given fields by reference")]
fn fits(pieces: &i64) -> Result<(), &'static str> {
    if *pieces > 10 { Err("is more than fits") } else { Ok(()) }
}

async fn database() -> Result<Db> {
    Db::builder().store::<Form>().store::<Secret>().store::<Stock>().ephemeral().await
}

fn form(text: &str) -> NewForm {
    NewForm { text: text.to_owned() }
}

#[tokio::test]
async fn a_version_counts_commits_however_often_a_session_writes() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let forms = s.of::<Form>();
    let number = forms.insert(form("a")).await?.number;
    forms.edit(number).await?.text = "b".to_owned();
    assert_eq!(forms.by_key().first().await?.map(|form| form.version), Some(1));
    s.commit().await?;
    for version in 2..5 {
        let s = db.session();
        let forms = s.of::<Form>();
        for round in 0..3 {
            forms.edit(number).await?.text = format!("{version} {round}");
            assert_eq!(forms.by_key().count().await?, 1);
        }
        forms.upsert(Form { number, text: version.to_string(), version: 77 }).await?;
        forms.edit(number).await?.version = 99;
        s.commit().await?;
        assert_eq!(db.session().of::<Form>().require(number).await?.version, version);
    }
    db.session().commit().await?;
    assert_eq!(db.session().of::<Form>().require(number).await?.version, 4);
    Ok(())
}

#[tokio::test]
async fn a_new_record_has_the_first_version_whatever_it_is_given() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let whole = Form { number: 9, text: String::new(), version: 5 };
    assert_eq!(s.of::<Form>().insert(whole).await?.version, 1);
    Ok(())
}

#[tokio::test]
async fn a_change_of_an_older_version_is_refused_with_both_numbers() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let number = s.of::<Form>().insert(form("a")).await?.number;
    s.commit().await?;
    let s = db.session();
    s.of::<Form>().edit_at(number, 1).await?.text = "b".to_owned();
    s.commit().await?;

    let s = db.session();
    let forms = s.of::<Form>();
    let stale = forms.edit_at(number, 1).await.unwrap_err();
    let Error::Stale(Stale { store: "form", expected: 1, found: 2, .. }) = &stale else {
        panic!("expected another version: {stale}");
    };
    assert!(!stale.is_retryable() && stale.to_string().contains("version 2 and not 1"), "{stale}");
    assert!(matches!(forms.delete_at(number, 1).await, Err(Error::Stale(_))));
    assert!(matches!(forms.edit_at(77, 1).await, Err(Error::NotFound { .. })));
    assert!(!forms.delete_at(77, 1).await?);
    // The refused edit left the record free to be edited.
    forms.edit_at(number, 2).await?.text = "c".to_owned();
    s.commit().await?;
    let s = db.session();
    assert!(s.of::<Form>().delete_at(number, 3).await?);
    s.commit().await?;
    Ok(())
}

#[tokio::test]
async fn the_error_about_a_version_does_not_show_a_sensitive_key() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    s.of::<Secret>().insert(Secret { name: "hush".to_owned(), revision: 1 }).await?;
    let stale = s.of::<Secret>().edit_at("hush", 3).await.unwrap_err();
    assert!(!stale.to_string().contains("hush"), "{stale}");
    Ok(())
}

/// Two sessions that both add, the second one to commit last.
async fn add_at_once(db: &Db, first: i64, second: i64) -> Result<Result<CommitReport>> {
    let (one, other) = (db.session(), db.session());
    one.of::<Stock>().edit(1).await?.pieces += first;
    other.of::<Stock>().edit(1).await?.pieces += second;
    one.commit().await?;
    Ok(other.commit().await)
}

#[tokio::test]
async fn a_merged_record_counts_both_updates_and_keeps_its_rules() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    s.of::<Stock>().insert(Stock { number: 1, pieces: 0, version: 1 }).await?;
    s.commit().await?;
    let report = add_at_once(&db, 2, 3).await??;
    assert_eq!(report.merges.len(), 1);
    let stock = db.session().of::<Stock>().require(1).await?;
    assert_eq!((stock.pieces, stock.version), (5, 3));
    // Each of the two fits alone.
    let both = add_at_once(&db, 4, 3).await?;
    assert!(matches!(both, Err(Error::Conflict(_))), "{both:?}");
    let stock = db.session().of::<Stock>().require(1).await?;
    assert_eq!((stock.pieces, stock.version), (9, 4));
    Ok(())
}
