//! Databases in two folders, one of which is lost or damaged.

mod damage;
mod life;
mod refusal;
mod trouble;

use super::{
    crash::{Stores, Work},
    *,
};
use crate::{Access, Background, Builder, SimulatedDisk};

const ROOTS: [&str; 2] = ["/db", "/mirror"];

/// A builder for a disk, for databases that do nothing in the background.
fn on(disk: &Arc<impl Disk + 'static>) -> Builder {
    let options = Options::default().log_file_bytes(64 << 10).background(Background::Manual);
    Database::builder().options(options).disk(Arc::clone(disk) as Arc<dyn Disk>)
}

fn open_both(disk: &Arc<impl Disk + 'static>) -> Result<Database> {
    on(disk).mirror(ROOTS[1]).open(ROOTS[0])
}

/// All files of a folder but those that each has for itself, with what they hold.
fn contents(disk: &dyn Disk, root: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for folder in ["", "log", "man", "seg", "tmp"] {
        let dir = Path::new(root).join(folder);
        for entry in disk.list(&dir).unwrap_or_default() {
            let is_own = ["LOCK", "MIRROR", "MIRROR.new"].iter().any(|name| entry.name == *name);
            if entry.is_dir || is_own {
                continue;
            }
            let mut bytes = vec![0; usize::try_from(entry.len).unwrap()];
            let file = disk.open(&dir.join(&entry.name), Access::Read).unwrap();
            file.read_exact_at(&mut bytes, 0).unwrap();
            found.insert(Path::new(folder).join(entry.name), bytes);
        }
    }
    found
}

#[track_caller]
fn assert_same(disk: &dyn Disk) {
    let [one, other] = ROOTS.map(|root| contents(disk, root));
    assert!(one.keys().eq(other.keys()), "{:?} and {:?}", one.keys(), other.keys());
    for (path, bytes) in &one {
        assert!(other[path] == *bytes, "{} differs", path.display());
    }
}

/// Takes all files of a folder away but its lock.
fn wipe(disk: &dyn Disk, root: &str) {
    for path in contents(disk, root).into_keys().chain(["MIRROR".into()]) {
        drop(disk.remove(&Path::new(root).join(path)));
    }
}

/// So many steps of random work, of which none may fail.
fn work(random: &mut Random, db: &Database, model: &mut Model, steps: usize) {
    for step in 0..steps {
        let mut after = model.clone();
        Stores::step(random, db, &mut after).unwrap_or_else(|error| panic!("{step}: {error}"));
        *model = after;
    }
}

#[track_caller]
fn assert_holds(db: &Database, model: &Model) {
    assert!(equals(&db.snapshot().unwrap(), model).unwrap());
    audit(db).unwrap();
}

/// Which folders have not everything.
fn lost(db: &Database) -> [bool; 2] {
    db.mirror().unwrap().folders.map(|folder| folder.lost.is_some())
}
