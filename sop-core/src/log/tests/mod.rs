//! The log as its callers see it, on disks that behave and on disks that do not.

mod appending;
mod crash;
mod damage;
mod failure;
mod history;
mod recycling;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Appended, FRAME_HEADER_LEN, LogOptions, Mark, Rim, frame, recover::Recovered, writer::Log,
};
use crate::{
    Error, Result,
    disk::{Access, Disk, Fault, SimulatedDisk, Survival},
    id::Position,
};

const DIR: &str = "/db/log";
const DATABASE: [u8; 16] = *b"0123456789abcdef";

/// A disk with the log's folder, whose name is for the log's owner to make durable.
fn disk_with_folder() -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    disk.create_dir_all(Path::new(DIR)).unwrap();
    disk.cut_now(Survival::Everything)
}

fn create(disk: &SimulatedDisk, file_bytes: u64) -> Log {
    let disk = Arc::new(disk.clone());
    Log::create(disk, DIR.into(), DATABASE, LogOptions { file_bytes, ..LogOptions::default() })
        .unwrap()
}

/// The frames that recovery applied.
type Frames = Vec<(u64, Vec<u8>)>;

fn recover(
    disk: &SimulatedDisk,
    file_bytes: u64,
    from: Mark,
) -> Result<(Log, Recovered, Frames), Error> {
    let mut frames = Vec::new();
    let (log, recovered) = Log::recover(
        Arc::new(disk.clone()),
        DIR.into(),
        DATABASE,
        LogOptions { file_bytes, ..LogOptions::default() },
        from,
        &mut |position, body| {
            frames.push((position.0, body.to_vec()));
            Ok(())
        },
    )?;
    assert_eq!(recovered.frames, frames.len() as u64);
    assert_eq!(log.position().0, from.position.0 + recovered.frames);
    assert_eq!(log.durable(), log.position());
    Ok((log, recovered, frames))
}

/// Bytes that tell frames apart.
fn body(position: u64, len: usize) -> Vec<u8> {
    (0..len).map(|at| (position * 31 + at as u64).to_le_bytes()[0] | 1).collect()
}

fn append_body(log: &mut Log, body: &[u8]) -> Result<Position> {
    let mut frame = vec![0; FRAME_HEADER_LEN];
    frame.extend_from_slice(body);
    match log.append(&mut frame)? {
        Appended::At(position) => Ok(position),
        other => panic!("nobody else appends: {other:?}"),
    }
}

/// Appends the frame after the newest, with a body that is its own.
fn append(log: &mut Log, len: usize) -> Vec<u8> {
    let body = body(log.position().0 + 1, len);
    append_body(log, &body).unwrap();
    body
}

fn numbered(frames: &[Vec<u8>]) -> Frames {
    (1..).zip(frames.iter().cloned()).collect()
}

fn path(name: &str) -> PathBuf {
    Path::new(DIR).join(name)
}

fn names(disk: &SimulatedDisk) -> Vec<String> {
    let entries = disk.list(Path::new(DIR)).unwrap();
    entries.into_iter().map(|entry| entry.name.into_string().unwrap()).collect()
}

/// The names of the files that are part of the log.
fn numbered_names(disk: &SimulatedDisk) -> Vec<String> {
    names(disk).into_iter().filter(|name| !name.starts_with("spare-")).collect()
}

fn read(disk: &SimulatedDisk, name: &str) -> Vec<u8> {
    crate::disk::whole::read_file(disk, &path(name), 1 << 30).unwrap()
}

/// Changes a file as no log would, durably.
fn overwrite(disk: &SimulatedDisk, name: &str, offset: u64, bytes: &[u8]) {
    let file = disk.open(&path(name), Access::Write).unwrap();
    file.write_all_at(bytes, offset).unwrap();
    file.sync_all().unwrap();
}

/// A copy that can be damaged.
fn copy(disk: &SimulatedDisk) -> SimulatedDisk {
    disk.cut_now(Survival::Everything)
}

/// Bytes of a frame with a body of `len` bytes, without the end behind it.
fn frame_len(len: usize) -> u64 {
    frame::room(len).unwrap() - frame::END_LEN
}

/// The call after so many more goes wrong.
fn fail(disk: &SimulatedDisk, calls: u64, fault: Fault) {
    disk.faults().once(disk.faults().calls() + calls, fault);
}

/// After so many more calls the process ends.
fn stop(disk: &SimulatedDisk, calls: u64) {
    disk.faults().from(disk.faults().calls() + calls, Fault::Ended);
}
