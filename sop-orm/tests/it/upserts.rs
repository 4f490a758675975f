//! Writing what may be there already, and being told which it was.

use sop_orm::{Isolation, RunOptions, TransactionOptions, Written, prelude::*};

use crate::model::*;

#[tokio::test]
async fn an_upsert_by_a_unique_index_inserts_then_changes() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let users = s.of::<User>();
    let upsert = || users.by_email("ann").upsert_with(|| user("ann"), |user| user.articles += 1);
    let Written::Inserted(ann) = upsert().await? else { panic!("there was nobody") };
    let Written::Updated(changed) = upsert().await? else { panic!("there was somebody") };
    assert_eq!((ann.id, changed.articles), (changed.id, 1));
    let kept = users.by_email("ann").or_insert_with(|| user("ann")).await?;
    assert_eq!(kept, Written::Kept(changed));
    let by_key = users.get(ann.id).or_insert_with(|| user("nobody")).await?;
    assert!(matches!(by_key, Written::Kept(_)));
    let new = users.by_email("bob").or_insert_with(|| user("bob")).await?;
    assert!(matches!(&new, Written::Inserted(bob) if bob.email == "bob"));
    assert_eq!(new.into_record().articles, 0);
    Ok(())
}

#[tokio::test]
async fn an_insert_may_be_left_out_if_key_or_value_is_taken() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let users = s.of::<User>();
    let ann = users.insert_or_ignore(user("ann")).await?.unwrap();
    assert_eq!(users.insert_or_ignore(user("ann")).await?, None);
    let same_key = User { id: ann.id, email: "else".to_owned(), articles: 0 };
    assert_eq!(users.insert_or_ignore(same_key).await?, None);
    assert_eq!(users.by_key().count().await?, 1);
    Ok(())
}

#[tokio::test]
async fn of_two_that_insert_the_same_one_finds_it_the_second_time() -> Result<()> {
    let db = database().await?;
    let other = db.clone();
    let (written, report) = db
        .run_reported(RunOptions::default(), async move |s: &Session| {
            let access = s.of::<User>().by_email("ann");
            let written = access.upsert_with(|| user("ann"), |ann| ann.articles += 1).await?;
            if s.attempt() == 1 {
                let faster = other.session();
                faster.of::<User>().insert(user("ann")).await?;
                faster.commit().await?;
            }
            Ok(written)
        })
        .await?;
    assert!(matches!(&written, Written::Updated(ann) if ann.articles == 1), "{written:?}");
    assert_eq!(report.changes.iter().map(|changes| changes.updated).sum::<u64>(), 1);
    Ok(())
}

/// Two that each read what the other one writes.
async fn skew(db: &Db, options: TransactionOptions) -> Result<u32> {
    let (ann, bob) = (Id::<User>::new(), Id::<User>::new());
    let new = |id, email: &str| User { id, email: format!("{email}{id}"), articles: 0 };
    let s = db.session();
    s.of::<User>().insert_many([new(ann, "ann"), new(bob, "bob")]).await?;
    s.commit().await?;
    let other = db.clone();
    db.run_with(options, async move |s: &Session| {
        s.of::<User>().require(bob).await?;
        s.of::<User>().edit(ann).await?.articles = 1;
        if s.attempt() == 1 {
            let faster = other.session();
            faster.of::<User>().edit(bob).await?.articles = 1;
            faster.commit().await?;
        }
        Ok(s.attempt())
    })
    .await
}

#[tokio::test]
async fn runs_take_the_isolation_they_are_given() -> Result<()> {
    let db = database().await?;
    assert_eq!(skew(&db, TransactionOptions::default()).await?, 2);
    let loose = TransactionOptions::default().isolation(Isolation::Snapshot);
    assert_eq!(skew(&db, loose).await?, 1);
    let mut attempts = 0;
    tx!(db, loose, |s| {
        attempts = s.attempt();
        Ok(())
    })?;
    assert_eq!(attempts, 1);
    Ok(())
}
