//! Writes inputs to begin from: what the engine itself writes, taken apart into the inputs of the
//! targets. Found inputs beside them are left alone.

use std::{fs, io, path::Path};

use sop_fuzz::{
    folder::{self, Place},
    typed,
};
use sop_orm::fuzzing::{encoded, new_entry};

/// Length of the envelope of a small file.
const ENVELOPE: usize = 28;
/// Where the header of a segment ends.
const NODES: usize = 256;

fn main() -> io::Result<()> {
    let sample = folder::sample()?;
    for (path, file) in &sample.files {
        let in_folder = |name: &str| path.starts_with(name);
        if in_folder("man") {
            seed("manifest", "sample", &file[ENVELOPE..])?;
            seed("manifest_file", "sample", &file[ENVELOPE..])?;
        } else if in_folder("FORMAT") {
            seed("format_file", "sample", &file[ENVELOPE..])?;
        } else if in_folder("seg") {
            nodes(file)?;
        } else if in_folder("log") {
            batches(file)?;
        }
    }
    log_folders()?;
    seed("catalog", "store", &[1, 0x80, 0x08])?;
    seed("catalog", "number_of_five_bytes", &[0xff, 0xff, 0xff, 0xff, 0x0f, 0x80, 0x40])?;
    slots()?;
    operations()?;
    typed_values()
}

/// Two members join, one appends, expels the other, and leaves.
fn slots() -> io::Result<()> {
    let mut log = Vec::new();
    let expelled = [2; 16];
    for (kind, member, sequence, body) in [
        (1, 1, 1, &b""[..]),
        (1, 2, 1, b""),
        (0, 1, 2, b"batch"),
        (3, 1, 3, &expelled),
        (2, 1, 4, b""),
    ] {
        log.push(u8::try_from(3 + body.len()).unwrap_or(u8::MAX));
        log.extend_from_slice(&[kind, member, sequence]);
        log.extend_from_slice(body);
    }
    seed("slots", "members", &log)
}

fn seed(target: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(format!("seed_{name}")), bytes)
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..at + N).and_then(|bytes| bytes.try_into().ok()).unwrap_or([0; N])
}

/// The length of the node image that begins with these bytes, if one does.
fn image_len(bytes: &[u8]) -> Option<usize> {
    let (&kind, count) = (bytes.first()?, u16::from_le_bytes(number(bytes, 2)));
    let slots = NODES_HEADER + usize::from(u16::from_le_bytes(number(bytes, 4)));
    // In a file the records lie in the order of their slots, so the last one ends the image.
    let slot = slots + 8 * usize::from(count.checked_sub(1)?);
    let offset = usize::from(u16::from_le_bytes(number(bytes, slot)));
    let suffix = usize::from(u16::from_le_bytes(number(bytes, slot + 2)));
    let payload = match (kind, u16::from_le_bytes(number(bytes, offset + 4))) {
        (2, _) => 24,
        (1, 0xffff) => 6 + 16,
        (1, len) => 6 + usize::from(len),
        _ => return None,
    };
    Some(offset + suffix + payload).filter(|len| *len <= bytes.len())
}

const NODES_HEADER: usize = 88;

/// Every node of a segment by itself; and a tree of a branch with the leaves before it.
fn nodes(file: &[u8]) -> io::Result<()> {
    let mut leaves: Vec<&[u8]> = Vec::new();
    for (place, bytes) in file.chunks(NODES).enumerate().skip(1) {
        let rest = &file[place * NODES..];
        let Some(len) = image_len(rest).filter(|_| bytes[0] <= 2) else { continue };
        let image = &rest[..len];
        seed("node", &format!("{place}_of_{}", file.len()), image)?;
        let mut images = vec![image];
        if image[0] == 2 {
            images.append(&mut leaves);
        } else {
            leaves.push(image);
        }
        images.truncate(5);
        seed("segment", &format!("{place}_of_{}", file.len()), &tree(&images))?;
    }
    Ok(())
}

fn tree(images: &[&[u8]]) -> Vec<u8> {
    let mut input = 40_u64.to_le_bytes().to_vec();
    for image in images {
        input.extend(u16::try_from(image.len()).unwrap_or(u16::MAX).to_le_bytes());
        input.extend(*image);
    }
    input
}

/// The bodies of the frames of a log file.
fn batches(file: &[u8]) -> io::Result<()> {
    let mut at = 72;
    for frame in 0.. {
        let rest = file.get(at..).unwrap_or_default();
        if !rest.starts_with(b"SOPf") {
            return Ok(());
        }
        let len = usize::try_from(u32::from_le_bytes(number(rest, 32))).unwrap_or_default();
        for target in ["batch", "log_body"] {
            seed(target, &format!("frame_{frame}"), &rest[48..48 + len])?;
        }
        at += (48 + len).next_multiple_of(8);
    }
    Ok(())
}

/// Logs of one and two files, which a crash has or has not torn.
fn log_folders() -> io::Result<()> {
    let header = |sequence: u64, first: u64, chain: u64, synced: u64| {
        let numbers = [sequence, first, chain, synced, 512].map(u64::to_le_bytes).concat();
        [&b"SOP log\n\x01\0\0\0\0\0\0\0"[..], &folder::DATABASE, &numbers].concat()
    };
    let mut place = Place { position: 0, sequence: 1, offset: 72, chain: 0 };
    let mut files = [header(1, 1, 0, 0), Vec::new()];
    for body in [&[1, 1, 1, 0x80, 8, 1, 1, b'k', 1, 1, b'v'][..], &[], &[1, 1, 0, 1, 1, b'k', 0]] {
        if place.position == 2 {
            place.sequence = 2;
            files[1] = header(2, 3, place.chain, 1);
        }
        let (frame, chain) = folder::log_frame(place, body);
        let file = &mut files[usize::from(place.sequence == 2)];
        // The next frame overwrites the end.
        file.extend(&frame[..frame.len() - 8]);
        place = Place { position: place.position + 1, chain, ..place };
    }
    let joined = |present: u8, files: &[&[u8]]| {
        let mut input = vec![present];
        for file in files {
            input.extend(u16::try_from(file.len()).unwrap_or(u16::MAX).to_le_bytes());
            input.extend(*file);
        }
        input
    };
    let [first, second] = [&files[0][..], &files[1][..]];
    seed("log_folder", "whole", &joined(0, &[first, second]))?;
    seed("log_folder", "one_file", &joined(0, &[first]))?;
    seed("log_folder", "gap", &joined(4, &[first, second, second]))?;
    seed("log_folder", "torn", &joined(0, &[&first[..first.len() - 9], second]))
}

/// Inputs of which every byte is a choice.
fn operations() -> io::Result<()> {
    let mut random = fastrand::Rng::with_seed(1);
    for (name, len) in [("short", 50), ("middle", 200), ("long", 800)] {
        let bytes: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(len).collect();
        seed("operations", name, &bytes)?;
    }
    Ok(())
}

fn typed_values() -> io::Result<()> {
    let entry = new_entry::<typed::Everything>();
    for number in 0..3 {
        let (key, row) = encoded(&typed::everything(number));
        seed("row", &number.to_string(), &row)?;
        seed("key", &number.to_string(), &key)?;
        seed("schema", &number.to_string(), &typed::joined(&entry, &row))?;
    }
    seed("key", "of_columns", &encoded(&typed::keyed()).0)?;
    seed("cursor", "text", b"0123456789abcdef00ff")?;
    seed("cursor", "entry", &5_u64.to_be_bytes())
}
