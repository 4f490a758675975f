//! A file for each content, as somebody would copy it who cares that it lasts.

use super::{Contents, hand_on, make, open};
use crate::{Result, engines::Settings};
use std::{
    fs::OpenOptions,
    io::{Read, Write},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

/// A folder of files.
pub(crate) struct Files {
    folder: PathBuf,
}

impl Contents for Files {
    fn settings() -> Settings {
        Settings {
            name: "a file for each content".to_owned(),
            options: "1 MiB at a time",
            durable: "the file and its folder are synced; overwritten in place, with no transaction",
            relaxed: "never",
        }
    }

    fn open(folder: &Path) -> Result<Self> {
        Ok(Self { folder: folder.to_owned() })
    }

    fn upload(&mut self, name: &str, _: u64, source: &mut dyn Read) -> Result<()> {
        make(&self.folder.join(name), |file| hand_on(source, file).map(drop))
    }

    fn download(&mut self, name: &str, sink: &mut dyn Write) -> Result<()> {
        hand_on(&mut open(&self.folder.join(name))?, sink).map(drop)
    }

    fn overwrite(&mut self, name: &str, offsets: &[u64], bytes: &[u8]) -> Result<()> {
        let file = OpenOptions::new().write(true).open(self.folder.join(name))?;
        offsets.iter().try_for_each(|offset| file.write_all_at(bytes, *offset))?;
        Ok(file.sync_data()?)
    }

    fn read_at(&mut self, name: &str, offset: u64, buf: &mut [u8]) -> Result<()> {
        Ok(open(&self.folder.join(name))?.read_exact_at(buf, offset)?)
    }
}
