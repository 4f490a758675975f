//! Files that nobody damaged by chance: every checksum is right, and what they say is not.

use super::*;

/// Changes the body of the newest manifest, and makes its checksums right again.
fn rewrite_manifest(root: &Path, change: impl FnOnce(&mut [u8])) {
    const BODY: usize = 28;
    let names = std::fs::read_dir(root.join("man")).expect("the folder is there");
    let path = names.map(|name| name.expect("it can be read").path()).max();
    let path = path.expect("there is a manifest");
    let mut file = std::fs::read(&path).expect("it can be read");
    change(&mut file[BODY..]);
    let crc = crc32c::crc32c(&file[BODY..]);
    file[20..24].copy_from_slice(&crc.to_le_bytes());
    let crc = crc32c::crc32c(&file[..24]);
    file[24..28].copy_from_slice(&crc.to_le_bytes());
    std::fs::write(&path, file).expect("it can be written");
}

/// Opens a database whose manifest was changed.
fn open_with_manifest(change: impl FnOnce(&mut [u8])) -> Result<Database> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("db");
    let db = Database::open(&path)?;
    let tx = db.begin()?;
    tx.create_store("s", &StoreOptions::default())?.add("key", "value")?;
    tx.commit()?;
    db.close()?;
    rewrite_manifest(&path, change);
    Database::open(&path)
}

/// Where fields of a manifest's body begin, and where its last segment's number does from the end.
const NUMBERS_OF_NEXT: [usize; 2] = [56, 60];
const LAST_SEGMENT: usize = 21;
const LIVE_FROM_END: usize = 9;

#[test]
fn the_tests_find_the_fields_that_they_change() -> Result<()> {
    open_with_manifest(|body| {
        let number = |at: usize| u32::from_le_bytes(body[at..at + 4].try_into().expect("four"));
        assert_eq!(NUMBERS_OF_NEXT.map(number), [2, 2], "one store and one segment so far");
        assert_eq!(number(body.len() - LAST_SEGMENT), 1);
    })
    .map(drop)
}

/// It took 6 GB for the table of segments.
#[test]
fn a_next_segment_far_from_the_oldest_one_is_refused_before_a_table_is_made_for_it() {
    let opened = open_with_manifest(|body| body[63] = 0x72);
    assert!(matches!(opened, Err(Error::Corrupt { .. })), "{opened:?}");
}

/// Counting on from it overflowed.
#[test]
fn a_number_that_cannot_be_counted_on_from_is_refused() {
    for at in NUMBERS_OF_NEXT {
        let opened = open_with_manifest(|body| body[at..at + 4].fill(0xff));
        assert!(matches!(opened, Err(Error::Corrupt { .. })), "{opened:?}");
    }
}

/// The share of a segment that is live was computed from it, and overflowed.
#[test]
fn a_segment_with_more_live_bytes_than_it_has_is_refused() {
    let opened = open_with_manifest(|body| {
        let live = body.len() - LIVE_FROM_END;
        body[live..live + 8].fill(0xff);
    });
    assert!(matches!(opened, Err(Error::Corrupt { .. })), "{opened:?}");
}
