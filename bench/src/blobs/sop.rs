//! SOP's engine: a store of blobs.

use super::{Contents, hand_on};
use crate::{
    Result,
    engines::{Settings, version},
};
use sop_core::{BlobOptions, Database, Options};
use std::{
    io::{Read, Write},
    path::Path,
};

const STORE: &str = "contents";

/// An open database whose content goes past the system's cache, or does not.
pub(crate) struct Sop<const DIRECT: bool>(Database);

impl<const DIRECT: bool> Contents for Sop<DIRECT> {
    fn settings() -> Settings {
        Settings {
            name: format!("SOP {}", version("sop-core")),
            options: if DIRECT {
                "chunks of 1 MiB; content goes past the system's cache"
            } else {
                "the defaults: chunks of 1 MiB"
            },
            durable: "chunks in files of their own, synced; one sync of the log for each commit",
            relaxed: "not used",
        }
    }

    fn open(folder: &Path) -> Result<Self> {
        let options = Options::default().direct_blobs(DIRECT);
        Ok(Self(Database::builder().options(options).open(folder.join("sop"))?))
    }

    fn upload(&mut self, name: &str, _: u64, source: &mut dyn Read) -> Result<()> {
        let tx = self.0.begin()?;
        let blob = tx.open_blobs(STORE, &BlobOptions::default())?.create(name)?;
        let mut writer = blob.writer(0)?;
        hand_on(source, &mut writer)?;
        writer.finish()?;
        tx.commit()?;
        Ok(())
    }

    fn download(&mut self, name: &str, sink: &mut dyn Write) -> Result<()> {
        let snapshot = self.0.snapshot()?;
        let blob = snapshot.blobs(STORE)?.find(name)?.ok_or("no such blob")?;
        hand_on(&mut blob.reader(), sink).map(drop)
    }

    fn overwrite(&mut self, name: &str, offsets: &[u64], bytes: &[u8]) -> Result<()> {
        let tx = self.0.begin()?;
        let blob = tx.open_blobs(STORE, &BlobOptions::default())?.open(name)?;
        offsets.iter().try_for_each(|offset| blob.write_at(*offset, bytes))?;
        tx.commit()?;
        Ok(())
    }

    fn read_at(&mut self, name: &str, offset: u64, buf: &mut [u8]) -> Result<()> {
        let snapshot = self.0.snapshot()?;
        let blob = snapshot.blobs(STORE)?.find(name)?.ok_or("no such blob")?;
        let len = blob.read_at(offset, buf)?;
        if len == buf.len() { Ok(()) } else { Err("the blob ends too early".into()) }
    }
}
