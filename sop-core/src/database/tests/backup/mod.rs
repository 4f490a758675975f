//! Backups of random work, and what databases are made of them again.

mod beside;
mod damage;
mod history;
mod refusal;
mod shared;
mod trouble;

use super::{
    crash::{Stores, Work},
    *,
};
use crate::{MemoryDisk, RestoreReport};

const SOURCE: &str = "/db";
const BACKUP: &str = "/backup";
const TARGET: &str = "/restored";

/// A builder for a disk.
fn on(disk: &Arc<impl Disk + 'static>) -> crate::Builder {
    let options = Options::default().log_file_bytes(64 << 10);
    Database::builder().options(options).disk(Arc::clone(disk) as Arc<dyn Disk>)
}

/// Makes a database of the backup.
fn restore(disk: &Arc<impl Disk + 'static>, position: Option<u64>) -> Result<RestoreReport> {
    on(disk).restore(BACKUP, TARGET, position)
}

/// Takes a database away, but for its lock.
fn clear(disk: &dyn Disk, root: &str) {
    for folder in ["", "log", "man", "seg", "tmp", "pin"] {
        let folder = Path::new(root).join(folder);
        let entries = disk.list(&folder).unwrap_or_default();
        for entry in entries.iter().filter(|entry| !entry.is_dir && entry.name != "LOCK") {
            disk.remove(&folder.join(&entry.name)).unwrap();
        }
    }
}

/// All files below a folder, with what they hold.
fn files(disk: &dyn Disk, root: &str) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for folder in ["", "log", "seg"] {
        let folder = Path::new(root).join(folder);
        for entry in disk.list(&folder).unwrap_or_default().iter().filter(|entry| !entry.is_dir) {
            let path = folder.join(&entry.name);
            let mut bytes = vec![0; usize::try_from(entry.len).unwrap()];
            let file = disk.open(&path, crate::Access::Read).unwrap();
            file.read_exact_at(&mut bytes, 0).unwrap();
            found.insert(path.to_str().unwrap().to_owned(), bytes);
        }
    }
    found
}

/// So many steps of random work.
fn work(random: &mut Random, db: &Database, model: &mut Model, steps: usize) -> Result<()> {
    (0..steps).try_for_each(|_| Stores::step(random, db, model))
}

/// That the restored database is at a position, holds what the model does, and can go on.
#[track_caller]
fn assert_restored(disk: &Arc<impl Disk + 'static>, position: u64, model: &Model) -> Result<()> {
    let db = on(disk).open(TARGET)?;
    assert_eq!(db.snapshot()?.position(), position);
    assert!(equals(&db.snapshot()?, model)?, "as of position {position}");
    audit(&db)?;
    let (mut random, mut model) = (Random::new(position + 1), model.clone());
    work(&mut random, &db, &mut model, 5)?;
    db.checkpoint()?;
    assert!(equals(&db.snapshot()?, &model)?, "after more work");
    db.close()?;
    let db = on(disk).open(TARGET)?;
    assert!(equals(&db.snapshot()?, &model)?, "opened once more");
    audit(&db)
}
