//! Folders of databases with made-up files: opened, read, written to, and opened again.
//!
//! Files are put together as `docs/format.md` describes them, apart from the engine. Checksums are
//! computed over the made-up bytes, so that what lies behind them is reached. Whatever a folder
//! holds, an error is as good an answer as any; only a panic, a hang or unbounded memory is wrong.

mod files;
mod nodes;
mod usage;

use std::sync::OnceLock;

use sop_tests::Image;

pub use files::{DATABASE, Place, log_frame, sealed};
use files::{catalog_write, fix_log_file, log_file, manifest, place_after};
pub use nodes::Hostile;
pub use usage::sample;
use usage::{open_and_use, opens};

const FORMAT_FILE: [u8; 8] = *b"SOPdata\n";
const MANIFEST: [u8; 8] = *b"SOPmani\n";

/// The folder of a small database, as the engine left it.
fn sample_image() -> &'static Image {
    static SAMPLE: OnceLock<Image> = OnceLock::new();
    SAMPLE.get_or_init(|| sample().expect("a disk in memory does not fail"))
}

/// Any content of `FORMAT`, and any body of it in its envelope.
pub fn format_file(bytes: &[u8]) {
    for content in [bytes.to_vec(), sealed(FORMAT_FILE, bytes)] {
        let mut image = sample_image().clone();
        image.files.insert("FORMAT".into(), content);
        opens(&image);
    }
}

/// Any body of the manifest, beside the segments and the log of the sample.
pub fn manifest_file(bytes: &[u8]) {
    let mut image = sample_image().clone();
    image.files.retain(|path, _| !path.starts_with("man"));
    // The number that the body says is that of the name, or the manifest is passed over.
    let number = bytes.get(16..24).and_then(|number| number.try_into().ok());
    let number = u64::from_le_bytes(number.unwrap_or_default());
    image.files.insert(format!("man/{number:016x}.man").into(), sealed(MANIFEST, bytes));
    open_and_use(&image);
}

/// Any files of a log: their number and which are missing, then for each its length and bytes.
pub fn log_folder(bytes: &[u8]) {
    let Some((&[present], mut rest)) = bytes.split_first_chunk() else { return };
    let mut image = sample_image().clone();
    image.files.retain(|path, _| !path.starts_with("log") && !path.starts_with("man"));
    image.files.insert("man/0000000000000001.man".into(), sealed(MANIFEST, &manifest(None)));
    for sequence in 1..=4_u64 {
        let Some((len, left)) = rest.split_first_chunk() else { break };
        let len = usize::from(u16::from_le_bytes(*len)).min(left.len());
        let (file, left) = left.split_at(len);
        rest = left;
        if present >> sequence & 1 == 0 {
            let name = format!("log/{sequence:016x}.log");
            image.files.insert(name.into(), fix_log_file(file));
        }
    }
    open_and_use(&image);
}

/// Any batch in the log behind the checkpoint of the sample.
pub fn log_body(bytes: &[u8]) {
    let mut image = sample_image().clone();
    append(&mut image, bytes);
    open_and_use(&image);
}

/// Any value in the catalog of stores.
pub fn catalog(bytes: &[u8]) {
    log_body(&catalog_write("hostile", bytes));
}

fn append(image: &mut Image, body: &[u8]) {
    let manifest = image.files.iter().find(|(path, _)| path.starts_with("man"));
    let (_, manifest) = manifest.expect("the sample has a manifest");
    let place = place_after(manifest);
    let name = format!("log/{:016x}.log", place.sequence);
    let file = image.files.get_mut(std::path::Path::new(&name));
    let file = file.expect("the sample has the log that its manifest names");
    let (frame, at) = (log_frame(place, body).0, place.offset);
    file.truncate(at);
    file.extend(frame);
    let len = file.len().next_multiple_of(4096).max(128 << 10);
    file.resize(len, 0);
}

/// Any tree of nodes in a segment, with links between them that have the right checksums.
pub fn segment(bytes: &[u8]) {
    let Some(hostile) = Hostile::from_bytes(bytes) else { return };
    let mut image = Image::default();
    let mut body = DATABASE.to_vec();
    body.push(0);
    image.files.insert("FORMAT".into(), sealed(FORMAT_FILE, &body));
    image.files.insert("LOCK".into(), Vec::new());
    let tree = manifest(Some(&hostile));
    image.files.insert("man/0000000000000001.man".into(), sealed(MANIFEST, &tree));
    image.files.insert("seg/00000001.seg".into(), hostile.file());
    image
        .files
        .insert("log/0000000000000001.log".into(), log_file(&catalog_write("s", &[1, 0x80, 0x40])));
    open_and_use(&image);
}
