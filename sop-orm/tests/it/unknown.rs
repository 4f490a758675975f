//! A commit whose outcome is not known is never done again.

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use sop_core::{Access, Database, Disk, Entry, File, Lock, LockKind, Mapping, MemoryDisk};
use sop_orm::prelude::*;

use crate::model::*;

/// A disk in memory whose syncs fail from some moment on.
#[derive(Clone, Debug, Default)]
struct Failing {
    disk: MemoryDisk,
    broken: Arc<AtomicBool>,
}

#[derive(Debug)]
struct FailingFile {
    file: Arc<dyn File>,
    broken: Arc<AtomicBool>,
}

fn refuse_if(broken: &AtomicBool) -> io::Result<()> {
    if broken.load(Ordering::Relaxed) { Err(io::Error::other("the disk broke")) } else { Ok(()) }
}

impl Disk for Failing {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.disk.create_dir_all(dir)
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        let file = self.disk.open(path, access)?;
        Ok(Arc::new(FailingFile { file, broken: Arc::clone(&self.broken) }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        self.disk.list(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.sync_dir(dir)
    }

    fn lock(&self, path: &Path, kind: LockKind) -> io::Result<Option<Box<dyn Lock>>> {
        self.disk.lock(path, kind)
    }
}

impl File for FailingFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buf, offset)
    }

    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(buf, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        refuse_if(&self.broken)?;
        self.file.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        refuse_if(&self.broken)?;
        self.file.sync_all()
    }

    fn map(&self, len: u64) -> io::Result<Mapping> {
        self.file.map(len)
    }
}

#[tokio::test]
async fn a_commit_of_unknown_outcome_is_reported_and_not_replayed() -> Result<()> {
    let disk = Failing::default();
    let open = || {
        let engine = Database::builder().disk(Arc::new(disk.clone())).open("/data")?;
        Ok::<_, Error>(Db::builder().store::<User>().attach(engine))
    };
    let db = open()?.await?;
    let attempts = AtomicU32::new(0);
    let result = db
        .run(async |s| {
            attempts.fetch_add(1, Ordering::Relaxed);
            s.of::<User>().insert(user("ann@x.io")).await?;
            disk.broken.store(true, Ordering::Relaxed);
            Ok(())
        })
        .await;
    assert!(matches!(result, Err(Error::CommitUnknown(_))), "{result:?}");
    assert_eq!(attempts.into_inner(), 1);
    drop(db);

    disk.broken.store(false, Ordering::Relaxed);
    let found = open()?.await?.session().of::<User>().by_key().count().await?;
    assert!(found <= 1, "it happened or it did not");
    Ok(())
}
