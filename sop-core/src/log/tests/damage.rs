//! Damage of every kind: found and named, or without effect.

use proptest::prelude::*;

use super::*;
use crate::{
    id::Position,
    log::{FRAME_HEADER_LEN, file::HEADER_LEN, frame::Place},
};

const FILE_BYTES: u64 = 700;

fn small_log() -> (SimulatedDisk, Vec<Vec<u8>>) {
    let (disk, bodies) = log_in_files_of(FILE_BYTES);
    assert_eq!(names(&disk), FILES);
    (disk, bodies)
}

/// Frames 1 to 3 were synced before 4 was written, 4 and 5 before 6 was. All that was synced is
/// thus proven to have been.
fn log_in_files_of(file_bytes: u64) -> (SimulatedDisk, Vec<Vec<u8>>) {
    let disk = disk_with_folder();
    let mut log = create(&disk, file_bytes);
    let mut bodies = Vec::new();
    for len in [100, 30, 200, 300, 9, 250, 60] {
        bodies.push(append(&mut log, len));
        if bodies.len() == 3 || bodies.len() == 5 {
            log.sync().unwrap();
        }
    }
    (disk, bodies)
}

const SYNCED: usize = 5;
const FILES: [&str; 3] = ["0000000000000001.log", "0000000000000002.log", "0000000000000003.log"];

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Whole,
    /// Frames are missing, which is reported.
    Cut,
    /// Frames are missing, and nothing of them is left.
    Gone,
    Refused,
}

/// Recovers a damaged log. Whatever it gives must have been written, and all that was synced must
/// be there, and the log must work.
fn outcome(disk: &SimulatedDisk, bodies: &[Vec<u8>], damage: &str) -> Outcome {
    let (mut log, recovered, frames) = match recover(disk, FILE_BYTES, Mark::START) {
        Ok(found) => found,
        Err(Error::Corrupt { .. }) => return Outcome::Refused,
        Err(error) => panic!("{damage}: {error}"),
    };
    assert!(frames.len() >= SYNCED, "{damage}: only {} frames", frames.len());
    assert_eq!(frames, numbered(&bodies[..frames.len()]), "{damage}");
    let more = append(&mut log, 100);
    let again = recover(disk, FILE_BYTES, Mark::START).unwrap();
    assert_eq!(again.1, Recovered { frames: frames.len() as u64 + 1, cut: None }, "{damage}");
    assert_eq!(again.2.last().unwrap().1, more, "{damage}");
    match recovered.cut {
        _ if frames.len() == bodies.len() => Outcome::Whole,
        Some(_) => Outcome::Cut,
        None => Outcome::Gone,
    }
}

#[test]
fn no_flipped_bit_loses_what_was_synced_or_invents_anything() {
    for (file_bytes, files) in [(FILE_BYTES, 3), (2000, 1)] {
        let (disk, bodies) = log_in_files_of(file_bytes);
        let (mut cut, mut refused) = (0, 0);
        for name in names(&disk) {
            let content = read(&disk, &name);
            for bit in 0..content.len() * 8 {
                let damaged = copy(&disk);
                let byte = content[bit / 8] ^ 1 << (bit % 8);
                overwrite(&damaged, &name, bit as u64 / 8, &[byte]);
                match outcome(&damaged, &bodies, &format!("bit {bit} of {name}")) {
                    Outcome::Whole => {}
                    Outcome::Cut => cut += 1,
                    Outcome::Refused => refused += 1,
                    Outcome::Gone => panic!("bit {bit} of {name}: not reported"),
                }
            }
        }
        // Frames 6 and 7 were never synced and may be cut; the others may not, nor may headers.
        let headers = files * usize::try_from(HEADER_LEN).unwrap();
        assert_eq!(cut, 8 * (2 * FRAME_HEADER_LEN + 250 + 60));
        assert_eq!(refused, 8 * (headers + 5 * FRAME_HEADER_LEN + 100 + 30 + 200 + 300 + 9));
    }
}

#[test]
fn no_truncation_loses_what_was_synced_or_invents_anything() {
    let (disk, bodies) = small_log();
    for name in FILES {
        let content = read(&disk, name);
        for len in 0..content.len() {
            let damaged = copy(&disk);
            let file = damaged.open(&path(name), Access::Write).unwrap();
            file.set_len(len as u64).unwrap();
            let damage = format!("{name} cut to {len} bytes");
            assert_eq!(outcome(&damaged, &bodies, &damage), Outcome::Refused, "{damage}");
        }
    }
}

#[test]
fn a_sector_of_zeros_never_loses_what_was_synced() {
    let (disk, bodies) = small_log();
    for name in FILES {
        let content = read(&disk, name);
        for offset in (0..content.len()).step_by(8) {
            for len in [8, 64, 512] {
                let damaged = copy(&disk);
                let zeros = vec![0; len.min(content.len() - offset)];
                overwrite(&damaged, name, offset as u64, &zeros);
                outcome(&damaged, &bodies, &format!("{len} zeros at {offset} of {name}"));
            }
        }
    }
}

fn corrupt(disk: &SimulatedDisk) -> (PathBuf, u64, String) {
    match recover(disk, FILE_BYTES, Mark::START) {
        Err(Error::Corrupt { path, offset, reason }) => (path, offset, reason),
        Err(error) => panic!("{error}"),
        Ok((_, recovered, _)) => panic!("{recovered:?}"),
    }
}

#[test]
fn damage_is_named_with_its_place() {
    let (disk, _) = small_log();
    overwrite(&disk, FILES[0], HEADER_LEN + 60, b"damage");
    let (file, offset, reason) = corrupt(&disk);
    assert_eq!((file, offset), (path(FILES[0]), HEADER_LEN));
    assert_eq!(
        reason,
        "frame 1 has a body that does not match its checksum, but was durable before frame 4"
    );
}

/// A frame was not durable yet when the next file was begun, but is when a frame goes into that.
#[test]
fn a_frame_in_a_later_file_is_evidence() {
    let disk = disk_with_folder();
    let mut log = create(&disk, FILE_BYTES);
    append(&mut log, 500);
    append(&mut log, 400);
    log.sync().unwrap();
    append(&mut log, 10);
    overwrite(&disk, FILES[0], HEADER_LEN, &[0; 100]);
    assert_eq!(corrupt(&disk).2, "frame 1 is missing, but was durable before frame 3");
}

/// A file that has no frame yet says what was durable when it was begun.
#[test]
fn the_header_of_a_later_file_is_evidence() {
    let disk = disk_with_folder();
    let mut log = create(&disk, FILE_BYTES);
    append(&mut log, 500);
    log.sync().unwrap();
    log.reserve(500).unwrap();
    overwrite(&disk, FILES[0], HEADER_LEN + 9, b"x");
    let reason = corrupt(&disk).2;
    assert!(reason.ends_with("but was durable before frame 2"), "{reason}");
}

#[test]
fn a_missing_file_is_named() {
    for (removed, name) in [(0, 0), (1, 1)] {
        let (disk, _) = small_log();
        disk.remove(&path(FILES[removed])).unwrap();
        let (file, _, reason) = corrupt(&disk);
        assert_eq!((file, &*reason), (path(FILES[name]), "the file is missing"));
    }
    let disk = disk_with_folder();
    create(&disk, FILE_BYTES);
    disk.remove(&path(FILES[0])).unwrap();
    assert_eq!(corrupt(&disk).0, path(FILES[0]));
}

#[test]
fn a_file_of_another_database_or_with_another_number_is_refused() {
    let (disk, _) = small_log();
    let other = disk_with_folder();
    let options = LogOptions { file_bytes: FILE_BYTES, ..LogOptions::default() };
    Log::create(Arc::new(other.clone()), DIR.into(), [9; 16], options).unwrap();
    overwrite(&disk, FILES[1], 0, &read(&other, FILES[0]));
    let (file, offset, reason) = corrupt(&disk);
    assert_eq!((file, offset), (path(FILES[1]), 16));
    assert_eq!(reason, "it belongs to another database");

    let (disk, _) = small_log();
    overwrite(&disk, FILES[1], 0, &read(&disk, FILES[0]));
    let (file, offset, reason) = corrupt(&disk);
    assert_eq!((file, offset), (path(FILES[1]), 32));
    assert_eq!(reason, "it is number 1 of the log");
}

#[test]
fn a_file_of_another_log_of_the_same_database_is_refused() {
    // Its frames have other positions, or other frames before them.
    for (first, other_first) in [(&[100, 100][..], &[500][..]), (&[500], &[501])] {
        let [disk, other] = [first, other_first].map(|lens| {
            let disk = disk_with_folder();
            let mut log = create(&disk, FILE_BYTES);
            for len in lens.iter().chain([&600]) {
                append(&mut log, *len);
            }
            assert_eq!(names(&disk).len(), 2);
            disk
        });
        overwrite(&disk, FILES[1], 0, &read(&other, FILES[1]));
        let (file, offset, reason) = corrupt(&disk);
        assert_eq!((file, offset), (path(FILES[1]), 40), "{reason}");
    }
}

#[test]
fn a_newer_format_is_told_from_damage() {
    let (disk, _) = small_log();
    let mut header = read(&disk, FILES[2])[..72].to_vec();
    header[8] = 2;
    header[12..16].fill(0);
    let crc = crc32c::crc32c(&header);
    header[12..16].copy_from_slice(&crc.to_le_bytes());
    overwrite(&disk, FILES[2], 0, &header);
    let error = recover(&disk, FILE_BYTES, Mark::START).unwrap_err();
    assert!(matches!(error, Error::UnsupportedFormat { found: 2, supported: 1, .. }), "{error}");
}

#[test]
fn a_place_that_cannot_be_one_is_refused() {
    let (disk, _) = small_log();
    let (log, ..) = recover(&disk, FILE_BYTES, Mark::START).unwrap();
    let good = log.mark();
    let bad = [
        Mark { offset: 3, ..good },
        Mark { offset: good.offset + 4, ..good },
        Mark { offset: 1 << 40, ..good },
        Mark { offset: u64::MAX, ..good },
        Mark { sequence: 9, ..good },
        Mark { sequence: u64::MAX, ..good },
        Mark { position: Position(1), ..good },
        Mark { position: Position(u64::MAX), ..good },
        Mark { chain: 1, ..Mark::START },
        Mark { position: Position(1), ..Mark::START },
    ];
    for mark in bad {
        let outcome = recover(&disk, FILE_BYTES, mark);
        assert!(matches!(outcome, Err(Error::Corrupt { .. })), "{mark:?}");
    }
    assert_eq!(recover(&disk, FILE_BYTES, good).unwrap().1.frames, 0);
}

/// A frame that was lost behind the end must not become valid again because the new frame in front
/// of it happens to equal the one that was there when it was written.
#[test]
fn what_was_cut_never_comes_back() {
    let disk = disk_with_folder();
    let mut log = create(&disk, 1 << 20);
    append(&mut log, 10);
    log.sync().unwrap();
    let second = append(&mut log, 1000);
    append(&mut log, 2000);
    let lost = usize::try_from(HEADER_LEN + frame_len(10)).unwrap();
    let before = read(&disk, FILES[0]);
    overwrite(&disk, FILES[0], lost as u64, &vec![0; 1000]);
    drop(log);

    let (mut log, recovered, frames) = recover(&disk, 1 << 20, Mark::START).unwrap();
    assert_eq!(frames.len(), 1);
    let bytes = frame_len(1000) + frame_len(2000);
    let cut = recovered.cut.unwrap();
    assert_eq!((cut.file, cut.offset, cut.bytes), (path(FILES[0]), lost as u64, bytes));
    append_body(&mut log, &second).unwrap();
    log.sync().unwrap();
    let third = lost + usize::try_from(frame_len(1000)).unwrap();
    let after = read(&disk, FILES[0]);
    assert_eq!(after[lost..third], before[lost..third], "the very same bytes");
    let after = disk.cut_now(Survival::Nothing);
    let (_, recovered, frames) = recover(&after, 1 << 20, Mark::START).unwrap();
    assert_eq!((frames.len(), recovered.cut), (2, None));
}

#[test]
fn files_behind_a_lost_frame_are_removed() {
    let disk = disk_with_folder();
    let mut log = create(&disk, FILE_BYTES);
    append(&mut log, 400);
    log.sync().unwrap();
    append(&mut log, 40);
    append(&mut log, 500);
    append(&mut log, 500);
    let lost = HEADER_LEN + frame_len(400);
    overwrite(&disk, FILES[0], lost, &[0; 48]);
    let (mut log, recovered, frames) = recover(&disk, FILE_BYTES, Mark::START).unwrap();
    assert_eq!((frames.len(), names(&disk)), (1, vec![FILES[0].to_owned()]));
    assert!(recovered.cut.unwrap().bytes > 2 * frame_len(500));
    append(&mut log, 500);
    assert_eq!(recover(&disk, FILE_BYTES, Mark::START).unwrap().1.frames, 2);
}

/// Callers may log whatever they like, even pieces of a log.
#[test]
fn what_is_inside_a_frame_is_no_evidence() {
    let forged = Place { position: Position(9), chain: 0, synced: Position(8), sequence: 1 };
    let mut body = vec![0; FRAME_HEADER_LEN];
    frame::seal(&mut body, forged).unwrap();
    body.extend([7; 100]);

    let disk = disk_with_folder();
    let mut log = create(&disk, 1000);
    append_body(&mut log, &body).unwrap();
    let place = HEADER_LEN + FRAME_HEADER_LEN as u64 + body.len() as u64 - 1;
    overwrite(&disk, FILES[0], place, &[0]);
    let (_, recovered, frames) = recover(&disk, 1000, Mark::START).unwrap();
    assert_eq!(frames, []);
    assert_eq!(recovered.cut.unwrap().offset, HEADER_LEN);
}

proptest! {
    /// Damage this wide may destroy the evidence too, so only that nothing is invented, or worse,
    /// can be asked for.
    #[test]
    fn whatever_is_overwritten_no_frame_is_invented(
        damages in prop::collection::vec(
            (0_usize..3, 0_u64..FILE_BYTES, prop::collection::vec(any::<u8>(), 1..100)),
            1..5,
        ),
    ) {
        let (disk, bodies) = small_log();
        for (file, offset, bytes) in damages {
            overwrite(&disk, FILES[file], offset, &bytes);
        }
        match recover(&disk, FILE_BYTES, Mark::START) {
            Ok((.., frames)) => prop_assert_eq!(&frames, &numbered(&bodies[..frames.len()])),
            Err(Error::Corrupt { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}
