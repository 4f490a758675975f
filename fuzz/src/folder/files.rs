//! The files of a database as bytes, by `docs/format.md`.

use super::Hostile;

/// The identity of every database here.
pub const DATABASE: [u8; 16] = *b"a fuzzed databas";

const LOG_HEADER_LEN: usize = 72;
const FRAME_HEADER_LEN: usize = 48;
const FRAME_MAGIC: [u8; 4] = *b"SOPf";

/// A body in the envelope of small files.
#[must_use]
pub fn sealed(magic: [u8; 8], body: &[u8]) -> Vec<u8> {
    let mut out = magic.to_vec();
    out.extend(1_u32.to_le_bytes());
    out.extend((body.len() as u64).to_le_bytes());
    out.extend(crc32c::crc32c(body).to_le_bytes());
    out.extend(crc32c::crc32c(&out).to_le_bytes());
    out.extend(body);
    out
}

/// Where a frame goes.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Number of the frame before.
    pub position: u64,
    /// The file.
    pub sequence: u64,
    /// Where in the file, in bytes.
    pub offset: usize,
    /// What the frame carries as proof of its predecessor.
    pub chain: u64,
}

const START: Place = Place { position: 0, sequence: 1, offset: LOG_HEADER_LEN, chain: 0 };

fn number_at(bytes: &[u8], at: usize) -> u64 {
    let number = bytes.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
    number.map(u64::from_le_bytes).unwrap_or_default()
}

/// Where the log goes on behind a manifest.
pub(super) fn place_after(manifest: &[u8]) -> Place {
    const BODY: usize = 28;
    let number = |at| number_at(manifest, BODY + at);
    let offset = usize::try_from(number(40)).expect("the sample is short");
    Place { position: number(24), sequence: number(32), offset, chain: number(48) }
}

/// A frame and the end behind it, and the chain of the next one.
#[must_use]
pub fn log_frame(place: Place, body: &[u8]) -> (Vec<u8>, u64) {
    let mut frame = FRAME_MAGIC.to_vec();
    frame.extend([0; 4]);
    frame.extend((place.position + 1).to_le_bytes());
    frame.extend(place.chain.to_le_bytes());
    frame.extend([0; 8]);
    frame.extend(u32::try_from(body.len()).unwrap_or_default().to_le_bytes());
    frame.extend(crc32c::crc32c(body).to_le_bytes());
    frame.extend((place.sequence & 0xffff_ffff).to_le_bytes());
    frame.extend(body);
    let chain = seal_frame(&mut frame);
    frame.resize(frame.len().next_multiple_of(8) + 8, 0);
    (frame, chain)
}

/// Fills in the checksum of a frame's header; gives the chain of the next frame.
fn seal_frame(frame: &mut [u8]) -> u64 {
    let crc = crc32c::crc32c(&frame[8..FRAME_HEADER_LEN]);
    frame[4..8].copy_from_slice(&crc.to_le_bytes());
    let body_crc = number_at(frame, 32) >> 32;
    u64::from(crc) << 32 | body_crc
}

/// The first file of a log, with a frame of this body.
pub(super) fn log_file(body: &[u8]) -> Vec<u8> {
    let mut file = b"SOP log\n".to_vec();
    file.extend(1_u32.to_le_bytes());
    file.extend([0; 4]);
    file.extend(DATABASE);
    file.extend([1_u64, 1, 0, 0, 4096].map(u64::to_le_bytes).concat());
    file.extend(log_frame(START, body).0);
    let len = file.len().next_multiple_of(4096);
    file.resize(len, 0);
    seal_log_header(&mut file);
    file
}

fn seal_log_header(file: &mut [u8]) {
    file[12..16].fill(0);
    let crc = crc32c::crc32c(&file[..LOG_HEADER_LEN]);
    file[12..16].copy_from_slice(&crc.to_le_bytes());
}

/// Computes the checksums of a log file, and the chain of its frames; a frame that has other than
/// a zero in the last byte of its header is left as it is.
pub(super) fn fix_log_file(bytes: &[u8]) -> Vec<u8> {
    let mut file = bytes.to_vec();
    if file.len() < LOG_HEADER_LEN {
        return file;
    }
    seal_log_header(&mut file);
    let mut chain = number_at(&file, 48);
    let mut at = LOG_HEADER_LEN;
    while at + FRAME_HEADER_LEN <= file.len() {
        let frame = &mut file[at..];
        if !frame.starts_with(&FRAME_MAGIC) || frame[FRAME_HEADER_LEN - 1] != 0 {
            at += 8;
            continue;
        }
        let len = usize::try_from(number_at(frame, 32) & 0xffff_ffff).unwrap_or_default();
        if let Some(body) = frame.get(FRAME_HEADER_LEN..FRAME_HEADER_LEN + len) {
            let crc = crc32c::crc32c(body);
            frame[36..40].copy_from_slice(&crc.to_le_bytes());
        }
        frame[16..24].copy_from_slice(&chain.to_le_bytes());
        chain = seal_frame(frame);
        at += (FRAME_HEADER_LEN + len).next_multiple_of(8);
    }
    file.resize(file.len().next_multiple_of(4096) + 4096, 0);
    file
}

fn put_varint(out: &mut Vec<u8>, mut number: usize) {
    while number > 0x7f {
        out.push(0x80 | u8::try_from(number & 0x7f).expect("seven bits"));
        number >>= 7;
    }
    out.push(u8::try_from(number).expect("seven bits"));
}

/// A batch that gives a name in the catalog this value.
pub(super) fn catalog_write(name: &str, value: &[u8]) -> Vec<u8> {
    let mut batch = vec![1, 0, 0, 1];
    for (tag, bytes) in [(None, name.as_bytes()), (Some(1), value)] {
        batch.extend(tag);
        put_varint(&mut batch, bytes.len());
        batch.extend(bytes);
    }
    batch
}

/// The body of a first manifest, with an empty catalog, and store 1 with a tree if there is one.
pub(super) fn manifest(tree: Option<&Hostile>) -> Vec<u8> {
    let mut body = DATABASE.to_vec();
    body.extend(
        [1, START.position, START.sequence, 72, START.chain].map(u64::to_le_bytes).concat(),
    );
    body.extend([2_u32, 2].map(u32::to_le_bytes).concat());
    let put_tree = |body: &mut Vec<u8>, store: u32, entries: u64, levels: u8| {
        body.extend(store.to_le_bytes());
        body.extend(8192_u32.to_le_bytes());
        body.extend(entries.to_le_bytes());
        body.push(levels);
    };
    body.push(1 + u8::from(tree.is_some()));
    put_tree(&mut body, 0, 0, 0);
    let Some(tree) = tree else {
        body.push(0);
        return body;
    };
    put_tree(&mut body, 1, tree.entries(), tree.levels());
    body.extend(tree.root());
    body.push(1);
    body.extend(1_u32.to_le_bytes());
    let len = tree.file().len() as u64;
    body.extend([len, len].map(u64::to_le_bytes).concat());
    body.push(1);
    body
}
