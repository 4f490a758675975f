//! Forty sessions at once: first none is in another's way, then all are.

use std::sync::Arc;

use anyhow::ensure;
use sop_orm::{CommitReport, prelude::*};
use tokio::{sync::Barrier, task::JoinSet};

use crate::{
    model::{Package, package},
    questions::sum_of_downloads,
    report::Step,
};

const SESSIONS: usize = 40;
/// Packages that are reviewed, by all sessions together.
pub const REVIEWS: u64 = 1_000;
/// Packages that are downloaded.
const POPULAR: u64 = 5;
/// Downloads that each session counts.
const DOWNLOADS: usize = 10;

/// Every session reviews packages of its own.
///
/// All begin before the first one commits, and what lies between two packages of one session
/// belongs to the others. Still none of them has to wait or to begin again: commits are merged,
/// as long as no two sessions have changed the same record.
pub async fn review(db: &Db, now: Timestamp) -> anyhow::Result<()> {
    let step = Step::begin("Review packages in many sessions at once, each its own");
    let ids = first_by_name(db, REVIEWS).await?;
    let all_have_edited = Arc::new(Barrier::new(SESSIONS));
    let mut tasks = JoinSet::new();
    for at in 0..SESSIONS {
        let own = ids.iter().copied().skip(at).step_by(SESSIONS).collect();
        tasks.spawn(review_own(db.clone(), own, now, Arc::clone(&all_have_edited)));
    }
    let (mut committed, mut merged) = (0, 0);
    while let Some(report) = tasks.join_next().await {
        committed += 1;
        merged += usize::from(report??.merged);
    }
    ensure!(merged == SESSIONS - 1, "of {SESSIONS} sessions {merged} were merged");
    step.end([format!("{committed} sessions, {merged} merged with others, none tried twice")]);
    Ok(())
}

async fn review_own(
    db: Db,
    own: Vec<Id<Package>>,
    now: Timestamp,
    all_have_edited: Arc<Barrier>,
) -> Result<CommitReport> {
    let session = db.session();
    for id in own {
        // An edit is a guard, like that of a mutex: change the record through it and drop it.
        session.of::<Package>().edit(id).await?.reviewed_at = Some(now);
    }
    all_have_edited.wait().await;
    session.commit().await
}

/// Every session counts downloads of the same few packages, one after the other. Returns the sum
/// of all downloads.
///
/// Of several sessions that change one record at once only the first can commit. `Db::run` gives
/// the others a new session, which sees what the first one did, and runs them again.
pub async fn download(db: &Db) -> anyhow::Result<u64> {
    let before = sum_of_downloads(db).await?;
    let step = Step::begin("Count downloads in many sessions at once, all of the same packages");
    let popular = first_by_name(db, POPULAR).await?;
    let mut tasks = JoinSet::new();
    for at in 0..SESSIONS {
        let own: Vec<_> = popular.iter().copied().cycle().skip(at).take(DOWNLOADS).collect();
        tasks.spawn(download_each(db.clone(), own));
    }
    let mut retries = 0;
    while let Some(of_one) = tasks.join_next().await {
        retries += of_one??;
    }
    let sum = sum_of_downloads(db).await?;
    ensure!(sum == before + (SESSIONS * DOWNLOADS) as u64, "{before} downloads became {sum}");
    step.end([format!("{SESSIONS} sessions, {retries} retries, {before} downloads are {sum} now")]);
    Ok(sum)
}

/// Returns how often a session had to begin again.
async fn download_each(db: Db, ids: Vec<Id<Package>>) -> Result<u32> {
    let mut retries = 0;
    for id in ids {
        let attempts = db.run(async move |session| {
            session.of::<Package>().edit(id).await?.downloads += 1;
            Ok(session.attempt())
        });
        retries += attempts.await? - 1;
    }
    Ok(retries)
}

/// The ids of some packages, the same ones in every run.
async fn first_by_name(db: &Db, len: u64) -> Result<Vec<Id<Package>>> {
    let session = db.session();
    let packages = session.of::<Package>().query(package::ByName).limit(len).all().await?;
    Ok(packages.iter().map(|package| package.id).collect())
}
