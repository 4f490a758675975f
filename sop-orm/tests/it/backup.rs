//! Backups of typed databases: everything that belongs to a record is of one state.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use futures_util::FutureExt as _;
use sop_orm::{Blob, Vector, prelude::*};
use tempfile::TempDir;

#[derive(SopStore, Clone, Debug, PartialEq)]
#[sop(store = "photos")]
struct Photo {
    #[sop(key)]
    number: u32,
    #[sop(unique(by_name))]
    name: String,
    #[sop(vector)]
    seen: Vector<3>,
    #[sop(blob(chunk_len = 4_096))]
    image: Blob,
}

struct Folders {
    all: TempDir,
}

impl Folders {
    fn new() -> Self {
        Self { all: tempfile::tempdir().expect("a temporary folder") }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.all.path().join(name)
    }

    async fn open(&self, name: &str) -> Result<Db> {
        Db::builder().store::<Photo>().open(self.path(name)).await
    }
}

/// The content of a photo's image, which is long.
fn image(number: u32) -> Vec<u8> {
    (0..600_000_u32).flat_map(|at| (at * number).to_le_bytes()).collect()
}

fn seen(number: u32) -> [f32; 3] {
    [f32::from(u16::try_from(number).expect("few photos")), 1.0, 0.0]
}

async fn add(db: &Db, number: u32) -> Result<u64> {
    let s = db.session();
    let photos = s.of::<Photo>();
    let seen = Vector::from(seen(number));
    let new = NewPhoto { number, name: format!("photo {number}"), seen };
    photos.insert(new).await?;
    photos.image(number).upload(&image(number)[..]).await?;
    Ok(s.commit().await?.position)
}

async fn assert_has(db: &Db, numbers: std::ops::RangeInclusive<u32>) -> Result<()> {
    let s = db.session();
    let photos = s.of::<Photo>();
    assert_eq!(photos.by_key().count().await?, numbers.clone().count() as u64);
    for number in numbers {
        let name = format!("photo {number}");
        assert_eq!(photos.by_name(&name).await?.map(|photo| photo.number), Some(number));
        assert_eq!(photos.image(number).read(..).await?, image(number));
        let nearest = photos.near_seen(&seen(number)).first().await?;
        assert_eq!(nearest.map(|hit| hit.key), Some(number));
    }
    assert!(db.check().await?.is_sound() && db.check_indexes().await?.is_sound());
    Ok(())
}

#[tokio::test]
async fn records_with_all_that_belongs_to_them_are_restored_as_of_any_commit() -> Result<()> {
    let folders = Folders::new();
    let (db, backup) = (folders.open("db").await?, folders.path("backup"));
    let files = Arc::new(AtomicU64::new(0));
    let mut positions = Vec::new();
    for number in 1..=4 {
        positions.push(add(&db, number).await?);
        let seen = Arc::clone(&files);
        let report = db.backup(&backup).progress(move |so_far| {
            seen.fetch_max(so_far.files, Ordering::Relaxed);
        });
        assert!(report.await?.position >= positions[positions.len() - 1]);
    }
    assert!(files.load(Ordering::Relaxed) > 0);
    let held = Db::check_backup(&backup).await?;
    for (count, position) in (1..).zip(&positions) {
        assert!(held.iter().any(|range| range.contains(position)), "{held:?}");
        let name = format!("as of {position}");
        Db::restore(&backup, folders.path(&name)).position(*position).await?;
        let restored = folders.open(&name).await?;
        assert_has(&restored, 1..=count).await?;
        add(&restored, 9).await?;
    }
    // They share files, and nothing else.
    assert_has(&db, 1..=4).await
}

#[tokio::test]
async fn a_report_of_progress_that_panics_does_so_for_who_awaits_and_leaves_no_backup() -> Result<()>
{
    let folders = Folders::new();
    let (db, backup) = (folders.open("db").await?, folders.path("backup"));
    add(&db, 1).await?;
    let taken = db.backup(&backup).progress(|_| panic!("as planned")).into_future();
    assert!(AssertUnwindSafe(taken).catch_unwind().await.is_err());
    assert!(Db::check_backup(&backup).await.is_err());
    db.backup(&backup).await?;
    Db::restore(&backup, folders.path("new")).await?;
    assert_has(&folders.open("new").await?, 1..=1).await
}

#[tokio::test]
async fn folders_are_told_apart_by_where_links_lead() -> Result<()> {
    let folders = Folders::new();
    let (db, link) = (folders.open("db").await?, folders.path("link"));
    add(&db, 1).await?;
    std::os::unix::fs::symlink(folders.path("db"), &link).expect("a link");
    for inside in [link.clone(), link.join("backup"), folders.path("db/../db/x")] {
        let refused = db.backup(&inside).await;
        assert!(matches!(refused, Err(Error::Engine(sop_core::Error::Invalid(_)))), "{refused:?}");
    }
    db.backup(folders.path("backup")).await?;
    std::os::unix::fs::symlink(folders.path("backup"), folders.path("b")).expect("a link");
    let refused = Db::restore(folders.path("backup"), folders.path("b/new")).await;
    assert!(matches!(refused, Err(Error::Engine(sop_core::Error::Invalid(_)))), "{refused:?}");
    Ok(())
}
