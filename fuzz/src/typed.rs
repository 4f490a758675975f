//! Stored types with every kind of field, and the bytes of their rows, keys and schemas.
#![expect(missing_docs, reason = "the derive makes public items of private types")]

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::OnceLock,
    time::Duration,
};

use sop_orm::{fuzzing, prelude::*};
use uuid::Uuid;

/// A field of several kinds.
#[derive(SopEmbed, Clone, Debug)]
pub enum Shape {
    #[sop(tag = 0)]
    Point,
    #[sop(tag = 7)]
    Circle { radius: f64 },
    #[sop(tag = 300)]
    Line { from: (i32, i32), marks: Vec<u16> },
}

/// A field inside of a field.
#[derive(SopEmbed, Clone, Debug)]
pub struct Part {
    pub name: String,
    pub sizes: [u32; 3],
    pub parts: Vec<Option<String>>,
}

/// A record with a field of every kind.
#[derive(SopStore, Clone, Debug)]
#[sop(store = "everything")]
pub struct Everything {
    #[sop(key)]
    pub number: u64,
    pub small: (u8, i8, u16, i16),
    pub large: (u128, i128),
    pub real: (f32, f64),
    pub letter: char,
    pub is_set: bool,
    #[sop(index(by_text))]
    pub text: String,
    pub bytes: Vec<u8>,
    pub shape: Shape,
    pub parts: Vec<Part>,
    #[sop(index(by_tag, each))]
    pub tags: BTreeSet<String>,
    pub hashed: HashSet<u32>,
    pub map: BTreeMap<String, Vec<i64>>,
    pub hash_map: HashMap<u8, String>,
    #[sop(unique(by_uuid))]
    pub uuid: Option<Uuid>,
    #[sop(index(by_time))]
    pub time: Timestamp,
    pub duration: Duration,
    pub boxed: Box<Option<i32>>,
    #[sop(default)]
    pub added_later: Option<u32>,
}

/// A key of several columns.
#[derive(SopStore, Clone, Debug)]
#[sop(store = "keyed", key(text, real, flags, list, maybe, letter))]
pub struct Keyed {
    pub text: String,
    pub real: f64,
    pub flags: [bool; 2],
    pub list: Vec<i16>,
    pub maybe: Option<Vec<u8>>,
    pub letter: char,
}

/// A sample of everything.
#[must_use]
pub fn everything(number: u64) -> Everything {
    let part =
        Part { name: "part".into(), sizes: [1, 2, 300], parts: vec![None, Some("x".into())] };
    Everything {
        number,
        small: (1, -1, 1_000, -1_000),
        large: (1 << 100, -(1 << 90)),
        real: (0.5, -1.5e300),
        letter: 'z',
        is_set: true,
        text: format!("text {number}"),
        bytes: vec![0, 1, 255],
        shape: match number % 3 {
            0 => Shape::Point,
            1 => Shape::Circle { radius: 2.0 },
            _ => Shape::Line { from: (1, -1), marks: vec![3, 400] },
        },
        parts: vec![part.clone(), part],
        tags: ["a".to_owned(), "b".to_owned()].into(),
        hashed: [1, 70_000].into(),
        map: [("key".to_owned(), vec![1, -2])].into(),
        hash_map: [(1, "one".to_owned())].into(),
        uuid: number.is_multiple_of(2).then(|| Uuid::from_u128(number.into())),
        time: Timestamp::from_micros(1_700_000_000_000_000),
        duration: Duration::new(5, 6),
        boxed: Box::new(Some(-5)),
        added_later: Some(1),
    }
}

/// A sample of a key of several columns.
#[must_use]
pub fn keyed() -> Keyed {
    Keyed {
        text: "a\0b".into(),
        real: -2.5,
        flags: [true, false],
        list: vec![-1, 1],
        maybe: Some(vec![0, 1]),
        letter: 'k',
    }
}

/// Splits the input at a length that its first two bytes say.
fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    let Some((len, rest)) = bytes.split_first_chunk::<2>() else { return (&[], &[]) };
    rest.split_at(usize::from(u16::from_le_bytes(*len)).min(rest.len()))
}

/// The inverse of [`split`].
///
/// # Panics
/// If the first part is longer than 64 KiB.
#[must_use]
pub fn joined(first: &[u8], second: &[u8]) -> Vec<u8> {
    let len = u16::try_from(first.len()).expect("samples are short");
    [&len.to_le_bytes(), first, second].concat()
}

/// A row of a record.
pub fn row(bytes: &[u8]) {
    fuzzing::row::<Everything>(&[0; 8], bytes);
}

/// Keys of one column and of several.
pub fn key(bytes: &[u8]) {
    fuzzing::key::<Everything>(bytes);
    fuzzing::key::<Keyed>(bytes);
}

/// What the catalog knows of a type, and a row that is read by it.
pub fn schema(bytes: &[u8]) {
    let (entry, row) = split(bytes);
    fuzzing::schema::<Everything>(entry, &[0; 8], row);
}

/// A cursor of a page, as text; and one with the right mark, which a query goes on from.
///
/// # Panics
/// If the query fails, or the text comes out otherwise than it went in.
pub fn cursor(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        fuzzing::cursor(text);
    }
    let (db, cursors) = pages();
    for (index, cursor) in cursors.iter().enumerate() {
        let cursor = fuzzing::cursor_at(cursor, bytes);
        pollster::block_on(go_on(db, index, cursor)).expect("any entry can be gone on from");
    }
}

async fn go_on(db: &Db, index: usize, after: Cursor) -> Result<()> {
    let session = db.session();
    let records = session.of::<Everything>();
    let page = match index {
        0 => records.by_key().page(3, Some(after)).await?,
        1 => records.by_text().page(3, Some(after)).await?,
        2 => records.by_time().desc().page(3, Some(after)).await?,
        _ => records.by_tag().page(3, Some(after)).await?,
    };
    assert!(page.items.len() <= 3);
    Ok(())
}

/// A database of some records, and for each way through them a cursor.
fn pages() -> &'static (Db, Vec<Cursor>) {
    static PAGES: OnceLock<(Db, Vec<Cursor>)> = OnceLock::new();
    PAGES.get_or_init(|| pollster::block_on(fill()).expect("a database in memory cannot fail"))
}

async fn fill() -> Result<(Db, Vec<Cursor>)> {
    let db = Db::builder().store::<Everything>().ephemeral().await?;
    let session = db.session();
    session.of::<Everything>().insert_many((0..20).map(everything)).await?;
    session.commit().await?;
    let session = db.session();
    let records = session.of::<Everything>();
    let next = [
        records.by_key().page(1, None).await?.next,
        records.by_text().page(1, None).await?.next,
        records.by_time().desc().page(1, None).await?.next,
        records.by_tag().page(1, None).await?.next,
    ];
    Ok((db, next.into_iter().flatten().collect()))
}
