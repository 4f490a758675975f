//! Blobs, compared with vectors of bytes.

mod conflicts;
#[cfg(target_os = "linux")]
mod direct;
mod failure;
mod input;
mod random;

use std::collections::BTreeMap;

use super::*;
use crate::{Blob, BlobOptions, BlobStore, BlobStoreView, BlobView, MemoryDisk};

/// Bytes of a chunk in these tests: the least.
const CHUNK: usize = 4_096;

const STORE: &str = "blobs";

/// What a blob is compared with.
#[derive(Clone, Debug, Default, PartialEq)]
struct Object {
    content: Vec<u8>,
    metadata: Vec<u8>,
}

/// What a store of blobs is compared with.
type Objects = BTreeMap<Vec<u8>, Object>;

/// Short chunks, all of them in files.
fn options() -> BlobOptions {
    BlobOptions::default().chunk_len(CHUNK).logged_len(0)
}

fn blobs(tx: &Transaction) -> Result<BlobStore<'_>> {
    tx.open_blobs(STORE, &options())
}

/// Bytes that do not repeat, and are others for each number.
fn content(number: usize, len: usize) -> Vec<u8> {
    let words = (number as u64 * 1_000_003..).map(|at| at.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    words.flat_map(u64::to_le_bytes).take(len).collect()
}

/// All of a blob.
fn read(blob: &BlobView<'_>) -> Result<Vec<u8>> {
    let mut content = vec![0; usize::try_from(blob.len()?).unwrap() + 1];
    let len = blob.read_at(0, &mut content)?;
    content.truncate(len);
    Ok(content)
}

/// A database that has one blob of this name and content.
fn with_blob(name: &str, content: &[u8]) -> (Database, Arc<MemoryDisk>) {
    let disk = Arc::new(MemoryDisk::default());
    let db = open(&disk).unwrap();
    let tx = db.begin().unwrap();
    blobs(&tx).unwrap().create(name).unwrap().append(content).unwrap();
    tx.commit().unwrap();
    (db, disk)
}

/// What is known of all blobs without reading them is as in the model.
fn seem_equal(store: &BlobStoreView<'_>, model: &Objects) -> Result<bool> {
    let names: Vec<_> = store.names()?.collect::<Result<_>>()?;
    if !names.iter().eq(model.keys()) {
        return Ok(false);
    }
    for (name, Object { content, metadata }) in model {
        let Some(blob) = store.find(name)? else { return Ok(false) };
        let (len, checksum) = (blob.len()?, blob.checksum()?);
        let expected = (content.len() as u64, crc32c::crc32c(content));
        if (len, checksum) != expected || blob.metadata()? != *metadata {
            return Ok(false);
        }
    }
    Ok(true)
}
