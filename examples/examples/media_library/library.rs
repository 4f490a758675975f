//! What the library holds, and how it gets there.

use std::{io::SeekFrom, path::Path};

use anyhow::{Result, ensure};
use sop_orm::{Blob, prelude::*};
use tokio::{fs::File, io::AsyncSeekExt};

/// How much is committed at once. After a crash no more than this is sent again.
const PART: u64 = 8 << 20;

/// Something to be seen or heard.
#[derive(SopStore, Debug)]
#[sop(store = "items")]
pub(crate) struct Item {
    #[sop(key)]
    pub(crate) name: String,
    /// How long it is once all of it is here, in bytes.
    pub(crate) len: u64,
    #[sop(blob)]
    pub(crate) media: Blob,
}

pub(crate) async fn open(folder: &Path) -> sop_orm::Result<Db> {
    Db::builder().store::<Item>().open(folder).await
}

/// Adds what is missing of a file, and gives how much that was. Memory for one chunk is all that it
/// takes, however long the file is.
pub(crate) async fn add(
    db: &Db,
    name: &str,
    file: &Path,
    mut progress: impl FnMut(u64) + Send,
) -> Result<u64> {
    let mut source = File::open(file).await?;
    let len = source.metadata().await?.len();
    let mut there = begin(db, name, len).await?;
    ensure!(there <= len, "another {name} is here, and it is longer");
    let missing = len - there;
    source.seek(SeekFrom::Start(there)).await?;
    while there < len {
        let s = db.session();
        let media = s.of::<Item>().media(name);
        let upload = media.upload(&mut source).append().part(PART);
        let part = upload.progress(|bytes| progress(there + bytes)).await?;
        ensure!(part.bytes > 0, "{} has become shorter", file.display());
        there += part.bytes;
        s.commit().await?;
    }
    Ok(missing)
}

/// Makes the record unless it is there; how much of the content is.
async fn begin(db: &Db, name: &str, len: u64) -> sop_orm::Result<u64> {
    db.run(async |s| {
        let items = s.of::<Item>();
        if !items.exists(name).await? {
            items.insert(NewItem { name: name.to_owned(), len }).await?;
        }
        items.media(name).len().await
    })
    .await
}
