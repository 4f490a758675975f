//! Filling the store: a thousand packages to a session.

use indicatif::{ProgressBar, ProgressDrawTarget};
use sop_orm::prelude::*;

use crate::{
    model::{NewPackage, Package},
    report::Step,
};

/// The packages, one JSON object a line.
const CATALOGUE: &str = include_str!("../../data/packages.jsonl");

/// Each commit waits once for the disk, so a session should do more than one insert; but all that
/// it does is in memory until then, so it should not do everything.
const PACKAGES_PER_SESSION: usize = 1_000;

/// How many packages there are to import.
pub fn catalogue_len() -> u64 {
    CATALOGUE.lines().count() as u64
}

/// Imports what is not there yet.
///
/// A session is stored as a whole or not at all, and the sessions are committed in the order of
/// the catalogue. So the number of packages tells where an earlier run ended or was interrupted.
pub async fn import(db: &Db) -> anyhow::Result<()> {
    let step = Step::begin("Import the packages that are not there yet");
    let known = db.session().of::<Package>().by_key().count().await?;
    let missing: Vec<&str> = CATALOGUE.lines().skip(known.try_into()?).collect();

    // This draws nothing if the standard output is not a terminal.
    let target = ProgressDrawTarget::stdout();
    let progress = ProgressBar::with_draw_target(Some(missing.len() as u64), target);
    for lines in missing.chunks(PACKAGES_PER_SESSION) {
        let packages = lines.iter().map(|line| serde_json::from_str::<NewPackage>(line));
        let packages = packages.collect::<Result<Vec<_>, _>>()?;

        let session = db.session();
        session.of::<Package>().insert_many(packages).await?;
        session.commit().await?;
        progress.inc(lines.len() as u64);
    }
    progress.finish_and_clear();
    step.end([format!("{} new, {known} known", missing.len())]);
    Ok(())
}
