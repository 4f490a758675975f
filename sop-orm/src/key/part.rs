//! What a column of a key must be able to do, and the two ends it is written to and read from.

use super::{KeyArg, KeyTail};
use crate::{error::CodecError, field::Field};

/// A value that can be a column of a key or of an index.
///
/// Implemented for integers, floats, `bool`, `char`, [`String`], `Vec`, arrays, [`Option`],
/// [`Uuid`](uuid::Uuid), [`Id`](crate::Id), [`Timestamp`](crate::Timestamp), `Ulid` with the feature
/// `ulid`, and by
/// [`SopEmbed`](crate::SopEmbed) for enums without data and for types marked `#[sop(key)]`.
///
/// The encoding must be prefix-free (none is the beginning of another one) and must sort, byte by
/// byte, as the values do; `docs/format.md` has a table of those that there are. An encoding that
/// changes makes stored keys unreadable.
///
/// ```
/// use sop_orm::{
///     CodecError, Decoder, Encoder, Field, KeyPart, KeyReader, KeyWriter, Signature, prelude::*,
/// };
///
/// /// A price that sorts the dearest first.
/// #[derive(Clone, Copy, Debug, PartialEq)]
/// struct Dearest(u32);
///
/// impl KeyPart for Dearest {
///     fn write_part(&self, out: &mut KeyWriter) -> Result<(), CodecError> {
///         out.push(&(u32::MAX - self.0).to_be_bytes());
///         Ok(())
///     }
///
///     fn read_part(input: &mut KeyReader<'_>) -> Result<Self, CodecError> {
///         Ok(Self(u32::MAX - u32::from_be_bytes(input.take()?)))
///     }
/// }
///
/// impl Field for Dearest {
///     const SIGNATURE: Signature = u32::SIGNATURE;
///
///     fn encode(&self, out: &mut Encoder) {
///         self.0.encode(out);
///     }
///
///     fn decode(input: &mut Decoder<'_>) -> Result<Self, CodecError> {
///         u32::decode(input).map(Self)
///     }
/// }
///
/// #[derive(SopStore)]
/// struct Offer {
///     #[sop(key)]
///     number: u32,
///     #[sop(index(by_price))]
///     price: Dearest,
/// }
/// # sop_examples::shop::example(async |_, _| {
/// # let db = Db::builder().store::<Offer>().ephemeral().await?;
/// # let s = db.session();
/// let offer = |number| Offer { number, price: Dearest(number * 10) };
/// s.of::<Offer>().insert_many((1..=3).map(offer)).await?;
/// assert_eq!(s.of::<Offer>().by_price().keys().all().await?, [3, 2, 1]);
/// # Ok(())
/// # });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a column of a key or an index",
    label = "has no byte order",
    note = "columns are integers, floats, bool, char, String, Vec<u8>, Uuid, Id, Ulid, Timestamp, \
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
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// use sop_orm::{Entity, Key};
///
/// /// Remembers which records were shown, by keys of any type.
/// struct Shown<K: Key>(Vec<K>);
///
/// impl<K: Key> Shown<K> {
///     fn of<E: Entity<Key = K>>(keys: Vec<K>) -> Self {
///         Self(keys)
///     }
/// }
/// let shown = Shown::of::<Order>(s.of::<Order>().by_key().keys().all().await?);
/// assert_eq!(shown.0, [1, 2, 3]);
/// # Ok(())
/// # });
/// ```
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
///
/// ```
/// # use sop_orm::{CodecError, Decoder, Encoder, Field, KeyPart, KeyReader, KeyWriter, Signature};
/// # use sop_orm::prelude::*;
/// # #[derive(Clone, Copy, Debug, PartialEq)]
/// # struct Version { major: u16, minor: u16 }
/// # impl KeyPart for Version {
/// fn write_part(&self, out: &mut KeyWriter) -> Result<(), CodecError> {
///     self.major.write_part(out)?;
///     out.push(&self.minor.to_be_bytes());
///     Ok(())
/// }
/// # fn read_part(input: &mut KeyReader<'_>) -> Result<Self, CodecError> {
/// #     let major = u16::read_part(input)?;
/// #     Ok(Self { major, minor: u16::from_be_bytes(input.take()?) })
/// # }
/// # }
/// # impl Field for Version {
/// #     const SIGNATURE: Signature = u32::SIGNATURE;
/// #     fn encode(&self, out: &mut Encoder) {
/// #         (u32::from(self.major) << 16 | u32::from(self.minor)).encode(out);
/// #     }
/// #     fn decode(input: &mut Decoder<'_>) -> Result<Self, CodecError> {
/// #         let both = u32::decode(input)?;
/// #         Ok(Self { major: (both >> 16) as u16, minor: both as u16 })
/// #     }
/// # }
/// # #[derive(SopStore)]
/// # struct Release { #[sop(key)] version: Version }
/// # sop_examples::shop::example(async |_, _| {
/// # let db = Db::builder().store::<Release>().ephemeral().await?;
/// # let s = db.session();
/// # let release = |(major, minor)| Release { version: Version { major, minor } };
/// # s.of::<Release>().insert_many([(2, 0), (1, 300), (1, 9)].map(release)).await?;
/// # let keys = s.of::<Release>().by_key().keys().all().await?;
/// # assert_eq!(keys.iter().map(|key| key.minor).collect::<Vec<_>>(), [9, 300, 0]);
/// # Ok(())
/// # });
/// ```
#[derive(Debug, Default)]
pub struct KeyWriter {
    bytes: Vec<u8>,
    mask: u8,
    column_start: usize,
    has_none: bool,
}

impl KeyWriter {
    /// Appends bytes to the column being written.
    ///
    /// ```
    /// # use sop_orm::{CodecError, Decoder, Encoder, Field, KeyPart, KeyReader, KeyWriter};
    /// # use sop_orm::{Signature, prelude::*};
    /// # #[derive(Clone, Copy, Debug, PartialEq)]
    /// # struct Grade { level: u8, points: u16 }
    /// # impl KeyPart for Grade {
    /// fn write_part(&self, out: &mut KeyWriter) -> Result<(), CodecError> {
    ///     out.push(&[self.level]);
    ///     out.push(&self.points.to_be_bytes()); // the most significant byte first, to sort
    ///     Ok(())
    /// }
    /// # fn read_part(input: &mut KeyReader<'_>) -> Result<Self, CodecError> {
    /// #     let level = input.byte()?;
    /// #     Ok(Self { level, points: u16::from_be_bytes(input.take()?) })
    /// # }
    /// # }
    /// # impl Field for Grade {
    /// #     const SIGNATURE: Signature = <(u8, u16)>::SIGNATURE;
    /// #     fn encode(&self, out: &mut Encoder) {
    /// #         (self.level, self.points).encode(out);
    /// #     }
    /// #     fn decode(input: &mut Decoder<'_>) -> Result<Self, CodecError> {
    /// #         <(u8, u16)>::decode(input).map(|(level, points)| Self { level, points })
    /// #     }
    /// # }
    /// # #[derive(SopStore)]
    /// # struct Pupil { #[sop(key)] grade: Grade }
    /// # sop_examples::shop::example(async |_, _| {
    /// # let db = Db::builder().store::<Pupil>().ephemeral().await?;
    /// # let s = db.session();
    /// # let pupil = |(level, points)| Pupil { grade: Grade { level, points } };
    /// # s.of::<Pupil>().insert_many([(2, 0), (1, 300), (1, 9)].map(pupil)).await?;
    /// # let keys = s.of::<Pupil>().by_key().keys().all().await?;
    /// # assert_eq!(keys.iter().map(|key| key.points).collect::<Vec<_>>(), [9, 300, 0]);
    /// # Ok(())
    /// # });
    /// ```
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
///
/// ```
/// # use sop_orm::{CodecError, Decoder, Encoder, Field, KeyPart, KeyReader, KeyWriter, Signature};
/// # use sop_orm::prelude::*;
/// # #[derive(Clone, Copy, Debug, PartialEq)]
/// # struct Version { major: u16, minor: u16 }
/// # impl KeyPart for Version {
/// # fn write_part(&self, out: &mut KeyWriter) -> Result<(), CodecError> {
/// #     self.major.write_part(out)?;
/// #     out.push(&self.minor.to_be_bytes());
/// #     Ok(())
/// # }
/// fn read_part(input: &mut KeyReader<'_>) -> Result<Self, CodecError> {
///     let major = u16::read_part(input)?;
///     Ok(Self { major, minor: u16::from_be_bytes(input.take()?) })
/// }
/// # }
/// # impl Field for Version {
/// #     const SIGNATURE: Signature = u32::SIGNATURE;
/// #     fn encode(&self, out: &mut Encoder) {
/// #         (u32::from(self.major) << 16 | u32::from(self.minor)).encode(out);
/// #     }
/// #     fn decode(input: &mut Decoder<'_>) -> Result<Self, CodecError> {
/// #         let both = u32::decode(input)?;
/// #         Ok(Self { major: (both >> 16) as u16, minor: both as u16 })
/// #     }
/// # }
/// # #[derive(SopStore)]
/// # struct Release { #[sop(key)] version: Version }
/// # sop_examples::shop::example(async |_, _| {
/// # let db = Db::builder().store::<Release>().ephemeral().await?;
/// # let s = db.session();
/// # let release = |(major, minor)| Release { version: Version { major, minor } };
/// # s.of::<Release>().insert_many([(2, 0), (1, 300), (1, 9)].map(release)).await?;
/// # let keys = s.of::<Release>().by_key().keys().all().await?;
/// # assert_eq!(keys.iter().map(|key| key.minor).collect::<Vec<_>>(), [9, 300, 0]);
/// # Ok(())
/// # });
/// ```
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

    /// The next byte. Fails if there is none.
    ///
    /// ```
    /// # use sop_orm::{CodecError, Decoder, Encoder, Field, KeyPart, KeyReader, KeyWriter};
    /// # use sop_orm::{Signature, prelude::*};
    /// # #[derive(Clone, Copy, Debug, PartialEq)]
    /// # struct Grade { level: u8, points: u16 }
    /// # impl KeyPart for Grade {
    /// # fn write_part(&self, out: &mut KeyWriter) -> Result<(), CodecError> {
    /// #     out.push(&[self.level]);
    /// #     out.push(&self.points.to_be_bytes()); // the most significant byte first, to sort
    /// #     Ok(())
    /// # }
    /// fn read_part(input: &mut KeyReader<'_>) -> Result<Self, CodecError> {
    ///     let level = input.byte()?;
    ///     Ok(Self { level, points: u16::from_be_bytes(input.take()?) })
    /// }
    /// # }
    /// # impl Field for Grade {
    /// #     const SIGNATURE: Signature = <(u8, u16)>::SIGNATURE;
    /// #     fn encode(&self, out: &mut Encoder) {
    /// #         (self.level, self.points).encode(out);
    /// #     }
    /// #     fn decode(input: &mut Decoder<'_>) -> Result<Self, CodecError> {
    /// #         <(u8, u16)>::decode(input).map(|(level, points)| Self { level, points })
    /// #     }
    /// # }
    /// # #[derive(SopStore)]
    /// # struct Pupil { #[sop(key)] grade: Grade }
    /// # sop_examples::shop::example(async |_, _| {
    /// # let db = Db::builder().store::<Pupil>().ephemeral().await?;
    /// # let s = db.session();
    /// # let pupil = |(level, points)| Pupil { grade: Grade { level, points } };
    /// # s.of::<Pupil>().insert_many([(2, 0), (1, 300), (1, 9)].map(pupil)).await?;
    /// # let keys = s.of::<Pupil>().by_key().keys().all().await?;
    /// # assert_eq!(keys.iter().map(|key| key.points).collect::<Vec<_>>(), [9, 300, 0]);
    /// # Ok(())
    /// # });
    /// ```
    pub fn byte(&mut self) -> Result<u8, CodecError> {
        self.take().map(|[byte]| byte)
    }

    /// The next `N` bytes. Fails if there are fewer.
    ///
    /// ```
    /// # use sop_orm::{CodecError, Decoder, Encoder, Field, KeyPart, KeyReader, KeyWriter};
    /// # use sop_orm::{Signature, prelude::*};
    /// # #[derive(Clone, Copy, Debug, PartialEq)]
    /// # struct Grade { level: u8, points: u16 }
    /// # impl KeyPart for Grade {
    /// # fn write_part(&self, out: &mut KeyWriter) -> Result<(), CodecError> {
    /// #     out.push(&[self.level]);
    /// #     out.push(&self.points.to_be_bytes()); // the most significant byte first, to sort
    /// #     Ok(())
    /// # }
    /// fn read_part(input: &mut KeyReader<'_>) -> Result<Self, CodecError> {
    ///     let level = input.byte()?;
    ///     Ok(Self { level, points: u16::from_be_bytes(input.take()?) })
    /// }
    /// # }
    /// # impl Field for Grade {
    /// #     const SIGNATURE: Signature = <(u8, u16)>::SIGNATURE;
    /// #     fn encode(&self, out: &mut Encoder) {
    /// #         (self.level, self.points).encode(out);
    /// #     }
    /// #     fn decode(input: &mut Decoder<'_>) -> Result<Self, CodecError> {
    /// #         <(u8, u16)>::decode(input).map(|(level, points)| Self { level, points })
    /// #     }
    /// # }
    /// # #[derive(SopStore)]
    /// # struct Pupil { #[sop(key)] grade: Grade }
    /// # sop_examples::shop::example(async |_, _| {
    /// # let db = Db::builder().store::<Pupil>().ephemeral().await?;
    /// # let s = db.session();
    /// # let pupil = |(level, points)| Pupil { grade: Grade { level, points } };
    /// # s.of::<Pupil>().insert_many([(2, 0), (1, 300), (1, 9)].map(pupil)).await?;
    /// # let keys = s.of::<Pupil>().by_key().keys().all().await?;
    /// # assert_eq!(keys.iter().map(|key| key.points).collect::<Vec<_>>(), [9, 300, 0]);
    /// # Ok(())
    /// # });
    /// ```
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
