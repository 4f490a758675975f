//! A commit whose outcome is not known is never done again.

use std::sync::atomic::{AtomicU32, Ordering};

use sop_orm::prelude::*;

use crate::{disk::Failing, model::*};

#[tokio::test]
async fn a_commit_of_unknown_outcome_is_reported_and_not_replayed() -> Result<()> {
    let disk = Failing::new();
    let db = Db::builder().store::<User>().attach(disk.engine()?).await?;
    let attempts = AtomicU32::new(0);
    let result = db
        .run(async |s| {
            attempts.fetch_add(1, Ordering::Relaxed);
            s.of::<User>().insert(user("ann@x.io")).await?;
            disk.break_after(0);
            Ok(())
        })
        .await;
    assert!(matches!(result, Err(Error::CommitUnknown(_))), "{result:?}");
    assert_eq!(attempts.into_inner(), 1);
    drop(db);

    disk.mend();
    let db = Db::builder().store::<User>().attach(disk.engine()?).await?;
    let found = db.session().of::<User>().by_key().count().await?;
    assert!(found <= 1, "it happened or it did not");
    Ok(())
}
