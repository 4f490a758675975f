//! The way in for fuzzers: a function for each decoder of the typed layer.
//!
//! Compiled only with `--cfg fuzzing`. Each function takes any bytes, for any stored type, and must
//! neither panic nor hang nor allocate more than there is to decode. What is decoded must come out
//! the same again when it is encoded and decoded once more.

use crate::{
    entity::{self, Entity, Record},
    key,
    layout::Layouts,
    query::Cursor,
    schema::{self, catalog::CatalogEntry, diff},
    vector::NearCursor,
};

/// The key of a record.
pub fn key<E: Entity>(bytes: &[u8]) {
    let skipped = schema::split(E::SCHEMA.key, bytes);
    let Ok(key) = key::decode::<E::Key>(bytes) else { return };
    assert_eq!(skipped, Ok((bytes, &[][..])), "skipping ends where reading does");
    let mut out = key::KeyWriter::default();
    key::Key::write(&key, &mut out).expect("what was read can be written");
    assert_eq!(out.into_bytes(), bytes, "equal keys have equal bytes");
}

/// A row under a key, as it is written now.
pub fn row<E: Entity>(key: &[u8], bytes: &[u8]) {
    let (_, layouts) = diff::update(E::SCHEMA, None).expect("a new store fits its type");
    read::<E>(&layouts, key, bytes);
}

/// The catalog's entry of a store, and a row that is read by it.
pub fn schema<E: Entity>(entry: &[u8], key: &[u8], row: &[u8]) {
    let Ok(entry) = CatalogEntry::from_bytes(entry) else { return };
    assert_eq!(CatalogEntry::from_bytes(&entry.to_bytes()).as_ref(), Ok(&entry));
    if let Ok((wanted, layouts)) = diff::update(E::SCHEMA, Some(&entry)) {
        assert!(diff::outdated(&entry, &wanted).count() <= entry.indexes.len());
        read::<E>(&layouts, key, row);
    }
}

/// The catalog's entry of a store that has just been made, to begin from.
pub fn new_entry<E: Entity>() -> Vec<u8> {
    diff::update(E::SCHEMA, None).expect("a new store fits its type").0.to_bytes()
}

/// Key and row of a record, to begin from.
pub fn encoded<E: Entity>(record: &E) -> (Vec<u8>, Vec<u8>) {
    (record.key_bytes().expect("the key has a place in the order"), record.row_bytes(1))
}

/// The text of a cursor, of either kind.
pub fn cursor(text: &str) {
    if let Ok(cursor) = text.parse::<NearCursor>() {
        assert_eq!(cursor.to_string(), text.to_lowercase());
    }
    if let Ok(cursor) = text.parse::<Cursor>() {
        assert_eq!(cursor.to_string(), text.to_lowercase());
    }
}

/// The cursor of the same index after another entry.
pub fn cursor_at(cursor: &Cursor, entry: &[u8]) -> Cursor {
    cursor.at(entry)
}

fn read<E: Entity>(layouts: &Layouts, key: &[u8], row: &[u8]) {
    let Ok(record) = entity::read::<E>(layouts, key, row) else { return };
    let again = record.row_bytes(layouts.current);
    let reread = entity::read::<E>(layouts, key, &again).expect("what was written can be read");
    assert_eq!(reread.row_bytes(layouts.current), again, "equal records have equal bytes");
    for index in 0..E::SCHEMA.indexes.len() {
        // A number that is none has no place in an index, which is an error of its own.
        drop(record.index_entries(index));
    }
}
