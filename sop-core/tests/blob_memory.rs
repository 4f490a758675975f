//! A blob of any length takes the memory of a few chunks, as the system counts it: what is mapped
//! and in memory counts like any other.
//!
//! A process of its own, for its peak is that of all that happened in it before.
#![cfg(target_os = "linux")]

use std::{
    fs,
    io::{self, Read, Write},
};

use sop_core::{BlobOptions, Database, Result};

const LEN: u64 = 256 << 20;

/// Most memory that the process may ever have had, in bytes.
const PEAK_MAX: u64 = 64 << 20;

/// Bytes that do not repeat, and their checksum in the end.
#[derive(Default)]
struct Content {
    done: u64,
    checksum: u32,
}

impl Read for Content {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let len = buf.len().min(usize::try_from(LEN - self.done).unwrap_or(usize::MAX));
        for (at, word) in (self.done..).step_by(8).zip(buf[..len].chunks_mut(8)) {
            let bytes = at.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
            word.copy_from_slice(&bytes[..word.len()]);
        }
        self.write(&buf[..len])
    }
}

impl Write for Content {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.checksum = crc32c::crc32c_append(self.checksum, buf);
        self.done += buf.len() as u64;
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether the most that the process has ever had in memory is little.
#[track_caller]
fn assert_small(doing: &str) {
    let status = fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("it is told");
    let digits: String = line.chars().filter(char::is_ascii_digit).collect();
    let peak = digits.parse::<u64>().expect("a number of KiB") << 10;
    assert!(peak < PEAK_MAX, "{doing}: {} MiB in memory", peak >> 20);
}

fn read_all(db: &Database) -> Result<u32> {
    let snapshot = db.snapshot()?;
    let film = snapshot.blobs("films")?.find("long")?.expect("it is there");
    let mut found = Content::default();
    io::copy(&mut film.reader(), &mut found).expect("all of it can be read");
    assert_eq!(found.done, film.len()?);
    assert_eq!(found.checksum, film.checksum()?);
    Ok(found.checksum)
}

#[test]
fn a_long_blob_takes_the_memory_of_a_few_chunks() -> Result<()> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("db");
    let db = Database::open(&path)?;
    let tx = db.begin()?;
    let film = tx.open_blobs("films", &BlobOptions::default())?.create("long")?;
    let (mut source, mut writer) = (Content::default(), film.writer(0)?);
    io::copy(&mut source, &mut writer).expect("all of it can be written");
    writer.finish()?;
    assert_small("uploading");
    tx.commit()?;
    assert_small("committing");
    assert_eq!(read_all(&db)?, source.checksum);
    assert_small("reading");
    db.close()?;

    let db = Database::open(&path)?;
    assert_eq!(read_all(&db)?, source.checksum);
    let tx = db.begin()?;
    let films = tx.blobs("films")?;
    films.open("long")?.write_at(LEN / 2 - 5, &[7; 10])?;
    films.copy("long", "copy")?.truncate(LEN / 4)?;
    tx.commit()?;
    assert_small("changing and copying");
    let tx = db.begin()?;
    tx.blobs("films")?.delete("long")?;
    tx.commit()?;
    db.close()?;
    assert_small("deleting");
    Ok(())
}
