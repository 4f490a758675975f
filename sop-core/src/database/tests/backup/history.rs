//! Every position that a backup holds, against what the database held there.

use super::*;
use crate::random::{Counts, run_seeds};

const ROUNDS: usize = 12;

struct Trial {
    random: Random,
    disk: Arc<MemoryDisk>,
    model: Model,
    /// What the database held from each of these positions on.
    models: BTreeMap<u64, Model>,
    counts: Counts,
}

impl Trial {
    fn work(&mut self, db: &Database) -> Result<()> {
        for _ in 0..self.random.below(8) {
            Stores::step(&mut self.random, db, &mut self.model)?;
            self.models.insert(db.snapshot()?.position(), self.model.clone());
        }
        Ok(())
    }

    fn back_up(&mut self, db: &Database) -> Result<()> {
        let before = on(&self.disk).check_backup(BACKUP).ok();
        let mut last = crate::BackupProgress::default();
        let report = db.backup_with(BACKUP, &mut |progress| {
            assert!(progress.files >= last.files && progress.bytes >= last.bytes);
            last = progress;
        })?;
        assert_eq!(last.bytes, report.bytes);
        assert_eq!(report.position, db.snapshot()?.position());
        let held = on(&self.disk).check_backup(BACKUP)?;
        let newest = held.last().unwrap();
        assert_eq!(*newest.end(), report.position);
        if let Some(before) = before {
            for range in &before {
                assert!(
                    held.iter().any(|now| now.contains(range.start()) && now.contains(range.end()))
                );
            }
            assert_eq!(report.continues, newest.contains(before.last().unwrap().end()));
            self.counts.note(if report.continues { "continued" } else { "gaps" });
        }
        Ok(())
    }

    /// Restores some position that the backup holds.
    fn restore(&mut self) -> Result<()> {
        let held = on(&self.disk).check_backup(BACKUP)?;
        let range = &held[self.random.below(held.len())];
        let span = usize::try_from(range.end() - range.start()).unwrap() + 1;
        let position = range.start() + self.random.below(span) as u64;
        let report = restore(&self.disk, Some(position))?;
        assert_eq!(report.position, position);
        if report.batches > 0 {
            self.counts.note("replayed");
        }
        let empty = Model::new();
        let model = self.models.range(..=position).next_back().map_or(&empty, |(_, model)| model);
        assert_restored(&self.disk, position, model)?;
        clear(&*self.disk, TARGET);
        self.counts.note("restored");
        Ok(())
    }
}

fn run(seed: u64) -> Result<Counts> {
    let (model, models) = (Model::new(), BTreeMap::new());
    let disk = Arc::new(MemoryDisk::default());
    let mut random = Random::new(seed);
    let history = random.pick(&[0, 64 << 10, 1 << 30]);
    let mut trial = Trial { random, disk, model, models, counts: Counts::default() };
    let options = Options::default().log_file_bytes(64 << 10).log_history_bytes(history);
    let mut db = on(&trial.disk).options(options.clone()).open(SOURCE)?;
    for _ in 0..ROUNDS {
        trial.work(&db)?;
        match trial.random.below(4) {
            0 => {
                db.close()?;
                db = on(&trial.disk).options(options.clone()).open(SOURCE)?;
            }
            1 if trial.disk.list(Path::new(BACKUP)).is_ok() => trial.restore()?,
            _ => trial.back_up(&db)?,
        }
    }
    trial.back_up(&db)?;
    trial.restore()?;
    // The old one goes on beside what was restored, and shares files with it.
    assert!(equals(&db.snapshot()?, &trial.model)?);
    audit(&db)?;
    db.checkpoint()?;
    assert_no_leftovers(&db, &*trial.disk)?;
    Ok(trial.counts)
}

#[test]
fn any_position_that_a_backup_holds_is_restored_as_it_was() {
    let things = ["restored", "replayed", "continued", "gaps"];
    run_seeds(60, |seed| run(seed).unwrap(), 20, &things);
}
