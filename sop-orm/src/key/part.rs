//! What a column of a key must be able to do, and the two ends it is written to and read from.

use super::{KeyArg, KeyTail};
use crate::{error::CodecError, field::Field};

/// A value that can be a column of a key or of an index.
///
/// Implemented for integers, floats, `bool`, `char`, [`String`], `Vec`, arrays, [`Option`],
/// [`Uuid`](uuid::Uuid), [`Id`](crate::Id), [`Timestamp`](crate::Timestamp), and by
/// [`SopEmbed`](crate::SopEmbed) for enums without data and for types marked `#[sop(key)]`.
///
/// The encoding must be prefix-free and must sort as the values do; see the table in the
/// documentation of the format. An order that changes would make stored keys unreadable.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a column of a key or an index",
    label = "has no byte order",
    note = "columns are integers, floats, bool, char, String, Vec<u8>, Uuid, Id, Timestamp, \
            Option of these, or types with #[derive(SopEmbed)] that are enums without data or \
            marked #[sop(key)]; the items of a collection are indexed with `each`: \
            #[sop(index(by_x, each))]"
)]
pub trait KeyPart: Field {
    /// Appends the value. Fails for a value without a place in the order, such as NaN.
    fn write_part(&self, out: &mut KeyWriter) -> Result<(), CodecError>;

    /// Reads what [`write_part`](Self::write_part) wrote. Any bytes may come in; none may panic.
    fn read_part(input: &mut KeyReader<'_>) -> Result<Self, CodecError>;

    /// Reads over a value without keeping it.
    fn skip_part(input: &mut KeyReader<'_>) -> Result<(), CodecError> {
        Self::read_part(input).map(drop)
    }

    /// Appends a list of values.
    #[doc(hidden)]
    fn write_list(list: &[Self], out: &mut KeyWriter) -> Result<(), CodecError> {
        for item in list {
            out.push(&[ITEM]);
            item.write_part(out)?;
        }
        out.push(&[END]);
        Ok(())
    }

    /// Reads a list of values.
    #[doc(hidden)]
    fn read_list(input: &mut KeyReader<'_>) -> Result<Vec<Self>, CodecError> {
        let mut list = Vec::new();
        loop {
            match input.byte()? {
                END => return Ok(list),
                ITEM => list.push(Self::read_part(input)?),
                tag => return Err(CodecError::UnknownTag { tag: tag.into() }),
            }
        }
    }
}

const END: u8 = 0;
const ITEM: u8 = 2;

/// A complete primary key: one [`KeyPart`], or a tuple of up to six.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a primary key",
    label = "not a key column nor a tuple of them"
)]
pub trait Key: Sized + Send + Sync + 'static {
    /// Appends all columns.
    #[doc(hidden)]
    fn write(&self, out: &mut KeyWriter) -> Result<(), CodecError>;

    /// Reads all columns.
    #[doc(hidden)]
    fn read(input: &mut KeyReader<'_>) -> Result<Self, CodecError>;
}

impl<T: KeyPart> Key for T {
    fn write(&self, out: &mut KeyWriter) -> Result<(), CodecError> {
        self.write_part(out)
    }

    fn read(input: &mut KeyReader<'_>) -> Result<Self, CodecError> {
        T::read_part(input)
    }
}

/// In which direction a column is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Smallest first.
    #[default]
    Ascending,
    /// Largest first.
    Descending,
}

impl Order {
    fn mask(self) -> u8 {
        match self {
            Self::Ascending => 0,
            Self::Descending => u8::MAX,
        }
    }
}

/// A key in the making.
#[derive(Debug, Default)]
pub struct KeyWriter {
    bytes: Vec<u8>,
    mask: u8,
    column_start: usize,
    has_none: bool,
}

impl KeyWriter {
    /// Appends bytes to the column being written.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes.iter().map(|byte| byte ^ self.mask));
    }

    /// Writes one column in the given order.
    #[doc(hidden)]
    pub fn column(
        &mut self,
        order: Order,
        write: impl FnOnce(&mut Self) -> Result<(), CodecError>,
    ) -> Result<(), CodecError> {
        self.column_start = self.bytes.len();
        self.mask = order.mask();
        let written = write(self);
        self.mask = 0;
        written
    }

    /// Writes a column.
    #[doc(hidden)]
    pub fn part<T: KeyPart>(&mut self, order: Order, value: &T) -> Result<(), CodecError> {
        self.column(order, |out| value.write_part(out))
    }

    /// Writes a column of type `C` from what may stand for it.
    #[doc(hidden)]
    pub fn arg<C>(&mut self, order: Order, arg: &impl KeyArg<C>) -> Result<(), CodecError> {
        self.column(order, |out| arg.write_to(out))
    }

    /// Writes the last given column of a prefix, of type `C`.
    #[doc(hidden)]
    pub fn tail<C>(&mut self, order: Order, tail: &impl KeyTail<C>) -> Result<(), CodecError> {
        self.column(order, |out| tail.write_tail(out))
    }

    /// Notes that a column is `None`, which keeps a unique index from comparing the entry.
    pub(super) fn note_none(&mut self) {
        self.has_none = true;
    }

    pub(crate) fn has_none(&self) -> bool {
        self.has_none
    }

    /// Where the column written last begins.
    pub(crate) fn column_start(&self) -> usize {
        self.column_start
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// What is left to read of a key.
#[derive(Debug)]
pub struct KeyReader<'a> {
    bytes: &'a [u8],
    mask: u8,
}

impl<'a> KeyReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, mask: 0 }
    }

    /// Reads one column that was written in the given order.
    #[doc(hidden)]
    pub fn column<T>(
        &mut self,
        order: Order,
        read: impl FnOnce(&mut Self) -> Result<T, CodecError>,
    ) -> Result<T, CodecError> {
        self.mask = order.mask();
        let value = read(self);
        self.mask = 0;
        value
    }

    /// The next byte.
    pub fn byte(&mut self) -> Result<u8, CodecError> {
        self.take().map(|[byte]| byte)
    }

    /// The next `N` bytes.
    pub fn take<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let (taken, rest) = self.bytes.split_first_chunk().ok_or(CodecError::UnexpectedEnd)?;
        self.bytes = rest;
        Ok(taken.map(|byte| byte ^ self.mask))
    }

    /// Number of bytes left.
    pub(crate) fn left(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn finish(self) -> Result<(), CodecError> {
        if self.bytes.is_empty() { Ok(()) } else { Err(CodecError::TrailingBytes) }
    }
}
