//! What must be there when everybody is gone.

use std::{path::Path, sync::Arc};

use sop_core::{CommitId, Database, Disk, Resolution, Snapshot, StoreOptions};

use super::{
    Happening,
    folder::MANIFESTS_MAX,
    judge::{Verdict, judge},
    lists,
    world::World,
};
use crate::{
    Contents, contents,
    oracle::{Model, Step, Witness},
    simulation::{Summary, disk::FOLDER, world::Outcome},
};

fn in_words(error: impl std::fmt::Debug) -> String {
    format!("at the end: {error:?}")
}

impl World {
    /// Judges what was done and what is left of it.
    pub(super) fn conclude(self) -> Outcome<Summary> {
        let Verdict { model, mut summary, observations, questions } = {
            let log = self.history.lock();
            let mut verdict = judge(self.book.close(), &log)?;
            verdict.summary.counts.add(Happening::Ghosts, log.ghosts());
            verdict.summary.counts.add(Happening::Expulsions, log.expelled());
            verdict
        };
        // Whoever opens it first may still take in what was late.
        let db = self.open_quietly()?;
        compare(&db, &model)?;
        summary.counts.add(Happening::Histories, observations.judge(&lists_in(&db)?)?);
        db.close().map_err(in_words)?;
        let db = self.open_quietly()?;
        compare(&db, &model)?;
        ask(&db, &questions)?;
        roll_back_prepared(&db)?;
        compare(&db, &model)?;
        self.wait_for_the_dead(&db)?;
        collect(&db)?;
        compare(&db, &model)?;
        ask(&db, &questions)?;
        db.close().map_err(in_words)?;
        self.look_at_files()?;
        self.trace_files()?;
        Ok(Summary { digest: self.trace.digest(), ..summary })
    }

    /// So much time passes, with looks at all members, that the dead have been silent for too long.
    fn wait_for_the_dead(&self, db: &Database) -> Outcome {
        for _ in 0..20 {
            self.clock.pass(5_000_000);
            while db.work().map_err(in_words)?.is_some() {}
        }
        Ok(())
    }

    fn open_quietly(&self) -> Outcome<Database> {
        let disk: Arc<dyn Disk> = Arc::new(self.server.clone());
        let builder = Database::builder().options(self.plan.options()).disk(disk);
        builder.clock(Arc::clone(&self.clock) as Arc<_>).open(FOLDER).map_err(in_words)
    }
}

/// What all lists hold.
fn lists_in(db: &Database) -> Outcome<Vec<Step>> {
    let mut witness = Witness::new(db.snapshot().map_err(in_words)?);
    lists::Task::ReadAllFrom { list: 0 }.read(&mut witness).map_err(in_words)?;
    Ok(witness.into_parts().1)
}

/// Whoever comes later is told what became of commits whose authors could not tell.
fn ask(db: &Database, questions: &[(CommitId, Resolution)]) -> Outcome {
    for (commit, expected) in questions {
        let answer = db.resolve(commit).map_err(in_words)?;
        if answer != *expected {
            return Err(format!("{commit:?} is said to be {answer:?} and is {expected:?}"));
        }
    }
    Ok(())
}

/// Ends what nobody has ended: it holds what it touched for as long as it is there.
fn roll_back_prepared(db: &Database) -> Outcome {
    for info in db.prepared().map_err(in_words)? {
        let prepared = db.find_prepared(&info.name).map_err(in_words)?;
        prepared.rollback().map_err(in_words)?;
    }
    Ok(())
}

/// Writes enough checkpoints for everything old to go.
fn collect(db: &Database) -> Outcome {
    for _ in 0..=MANIFESTS_MAX {
        // A checkpoint of nothing new is none, so a store comes and goes.
        let transaction = db.begin().map_err(in_words)?;
        transaction.create_store("last", &StoreOptions::default()).map_err(in_words)?;
        transaction.commit().map_err(in_words)?;
        let transaction = db.begin().map_err(in_words)?;
        transaction.drop_store("last").map_err(in_words)?;
        transaction.commit().map_err(in_words)?;
        db.checkpoint().map_err(in_words)?;
    }
    Ok(())
}

impl World {
    /// Adds every byte that is there to the trace.
    fn trace_files(&self) -> Outcome {
        let image = crate::Image::take(&self.server, Path::new(FOLDER)).map_err(in_words)?;
        for (path, bytes) in image.files {
            self.trace.bytes(path.as_os_str().as_encoded_bytes());
            self.trace.bytes(&bytes);
        }
        Ok(())
    }
}

/// The database must hold what the model does, and be sound.
fn compare(db: &Database, model: &Model) -> Outcome {
    db.follow().map_err(in_words)?;
    let found = db.snapshot().and_then(|snapshot: Snapshot| contents(&snapshot));
    let found = found.map_err(in_words)?;
    let expected: Contents = model
        .stores
        .iter()
        .map(|(name, rows)| {
            let rows = rows.iter().map(|(key, value)| (key.clone(), value.to_vec()));
            (name.clone(), rows.collect())
        })
        .collect();
    if found != expected {
        return Err(format!("{found:?} was found, not {expected:?}"));
    }
    let report = db.check().map_err(in_words)?;
    if report.is_sound() { Ok(()) } else { Err(format!("{:?}", report.problems)) }
}
