//! The two ends that fields are written to and read from.

use bincode::{
    Decode, Encode,
    config::standard,
    de::{DecoderImpl, read::Reader},
    enc::{EncoderImpl, write::Writer},
    error::{DecodeError, EncodeError},
};

use crate::error::CodecError;

/// Bytes in the making.
///
/// ```
/// # use sop_orm::{CodecError, Decoder, Encoder, Field, Signature, prelude::*};
/// # #[derive(Clone, Debug, PartialEq)]
/// # struct Bits { len: u8, bytes: Vec<u8> }
/// # impl Field for Bits {
/// #     const SIGNATURE: Signature = Signature::Leaf("bits");
/// fn encode(&self, out: &mut Encoder) {
///     out.push(&[self.len]);
///     out.push_len(self.bytes.len());
///     out.push(&self.bytes);
/// }
/// # fn decode(input: &mut Decoder<'_>) -> Result<Self, CodecError> {
/// #     let [len] = input.take()?;
/// #     let bytes = input.take_len()?;
/// #     Ok(Self { len, bytes: input.take_slice(bytes)?.to_vec() })
/// # }
/// # }
/// # #[derive(SopStore)]
/// # struct Map { #[sop(key)] number: u32, bits: Bits }
/// # sop_examples::shop::example(async |_, _| {
/// # let db = Db::builder().store::<Map>().ephemeral().await?;
/// # let bits = || Bits { len: 12, bytes: vec![0xAB, 0xC0] };
/// # db.run(async |s| s.of::<Map>().insert(Map { number: 1, bits: bits() }).await).await?;
/// # assert_eq!(db.session().of::<Map>().require(1).await?.bits, bits());
/// # Ok(())
/// # });
/// ```
#[derive(Debug, Default)]
pub struct Encoder {
    bytes: Vec<u8>,
}

impl Encoder {
    /// With room for so many bytes.
    pub(crate) fn with_capacity(len: usize) -> Self {
        Self { bytes: Vec::with_capacity(len) }
    }

    /// Appends bytes as they are.
    ///
    /// ```
    /// # use sop_orm::{CodecError, Decoder, Encoder, Field, Signature, prelude::*};
    /// # #[derive(Clone, Debug, PartialEq)]
    /// # struct Rgb([u8; 3]);
    /// # impl Field for Rgb {
    /// #     const SIGNATURE: Signature = <[u8; 3]>::SIGNATURE;
    /// fn encode(&self, out: &mut Encoder) {
    ///     out.push(&self.0);
    /// }
    /// # fn decode(input: &mut Decoder<'_>) -> Result<Self, CodecError> {
    /// #     Ok(Self(input.take()?))
    /// # }
    /// # }
    /// # #[derive(SopStore)]
    /// # struct Lamp { #[sop(key)] number: u32, colour: Rgb }
    /// # sop_examples::shop::example(async |_, _| {
    /// # let db = Db::builder().store::<Lamp>().ephemeral().await?;
    /// # let new = || Lamp { number: 1, colour: Rgb([7, 8, 9]) };
    /// # db.run(async |s| s.of::<Lamp>().insert(new()).await).await?;
    /// # assert_eq!(db.session().of::<Lamp>().require(1).await?.colour, Rgb([7, 8, 9]));
    /// # Ok(())
    /// # });
    /// ```
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends the number of items or bytes that follow.
    ///
    /// ```
    /// # use sop_orm::{CodecError, Decoder, Encoder, Field, Signature, prelude::*};
    /// # #[derive(Clone, Debug, PartialEq)]
    /// # struct Ascii(String);
    /// # impl Field for Ascii {
    /// #     const SIGNATURE: Signature = Signature::Leaf("ascii");
    /// fn encode(&self, out: &mut Encoder) {
    ///     out.push_len(self.0.len());
    ///     out.push(self.0.as_bytes());
    /// }
    /// # fn decode(input: &mut Decoder<'_>) -> Result<Self, CodecError> {
    /// #     let len = input.take_len()?;
    /// #     let text = str::from_utf8(input.take_slice(len)?).map_err(|_| CodecError::NotUtf8)?;
    /// #     Ok(Self(text.to_owned()))
    /// # }
    /// # }
    /// # #[derive(SopStore)]
    /// # struct Lamp { #[sop(key)] number: u32, name: Ascii }
    /// # sop_examples::shop::example(async |_, _| {
    /// # let db = Db::builder().store::<Lamp>().ephemeral().await?;
    /// # let new = || Lamp { number: 1, name: Ascii("desk".to_owned()) };
    /// # db.run(async |s| s.of::<Lamp>().insert(new()).await).await?;
    /// # assert_eq!(db.session().of::<Lamp>().require(1).await?.name.0, "desk");
    /// # Ok(())
    /// # });
    /// ```
    pub fn push_len(&mut self, len: usize) {
        self.push_leaf(&(len as u64));
    }

    /// Bytes written so far.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Appends a value that consists of one number.
    pub(super) fn push_leaf(&mut self, value: &impl Encode) {
        value
            .encode(&mut EncoderImpl::new(Sink(&mut self.bytes), standard()))
            .expect("invariant: appending a number to a vector cannot fail");
    }
}

struct Sink<'a>(&'a mut Vec<u8>);

impl Writer for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// What is left to read of some bytes.
///
/// ```
/// # use sop_orm::{CodecError, Decoder, Encoder, Field, Signature, prelude::*};
/// # #[derive(Clone, Debug, PartialEq)]
/// # struct Bits { len: u8, bytes: Vec<u8> }
/// # impl Field for Bits {
/// #     const SIGNATURE: Signature = Signature::Leaf("bits");
/// # fn encode(&self, out: &mut Encoder) {
/// #     out.push(&[self.len]);
/// #     out.push_len(self.bytes.len());
/// #     out.push(&self.bytes);
/// # }
/// fn decode(input: &mut Decoder<'_>) -> Result<Self, CodecError> {
///     let [len] = input.take()?;
///     let bytes = input.take_len()?;
///     Ok(Self { len, bytes: input.take_slice(bytes)?.to_vec() })
/// }
/// # }
/// # #[derive(SopStore)]
/// # struct Map { #[sop(key)] number: u32, bits: Bits }
/// # sop_examples::shop::example(async |_, _| {
/// # let db = Db::builder().store::<Map>().ephemeral().await?;
/// # let bits = || Bits { len: 12, bytes: vec![0xAB, 0xC0] };
/// # db.run(async |s| s.of::<Map>().insert(Map { number: 1, bits: bits() }).await).await?;
/// # assert_eq!(db.session().of::<Map>().require(1).await?.bits, bits());
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct Decoder<'a> {
    bytes: &'a [u8],
}

impl<'a> Decoder<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// The next `N` bytes. Fails if there are fewer.
    ///
    /// ```
    /// # use sop_orm::{CodecError, Decoder, Encoder, Field, Signature, prelude::*};
    /// # #[derive(Clone, Debug, PartialEq)]
    /// # struct Rgb([u8; 3]);
    /// # impl Field for Rgb {
    /// #     const SIGNATURE: Signature = <[u8; 3]>::SIGNATURE;
    /// # fn encode(&self, out: &mut Encoder) {
    /// #     out.push(&self.0);
    /// # }
    /// fn decode(input: &mut Decoder<'_>) -> Result<Self, CodecError> {
    ///     Ok(Self(input.take()?))
    /// }
    /// # }
    /// # #[derive(SopStore)]
    /// # struct Lamp { #[sop(key)] number: u32, colour: Rgb }
    /// # sop_examples::shop::example(async |_, _| {
    /// # let db = Db::builder().store::<Lamp>().ephemeral().await?;
    /// # let new = || Lamp { number: 1, colour: Rgb([7, 8, 9]) };
    /// # db.run(async |s| s.of::<Lamp>().insert(new()).await).await?;
    /// # assert_eq!(db.session().of::<Lamp>().require(1).await?.colour, Rgb([7, 8, 9]));
    /// # Ok(())
    /// # });
    /// ```
    pub fn take<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let (taken, rest) = self.bytes.split_first_chunk().ok_or(CodecError::UnexpectedEnd)?;
        self.bytes = rest;
        Ok(*taken)
    }

    /// The next `len` bytes, where they lie. Fails if there are fewer.
    ///
    /// ```
    /// # use sop_orm::{CodecError, Decoder, Encoder, Field, Signature, prelude::*};
    /// # #[derive(Clone, Debug, PartialEq)]
    /// # struct Ascii(String);
    /// # impl Field for Ascii {
    /// #     const SIGNATURE: Signature = Signature::Leaf("ascii");
    /// # fn encode(&self, out: &mut Encoder) {
    /// #     out.push_len(self.0.len());
    /// #     out.push(self.0.as_bytes());
    /// # }
    /// fn decode(input: &mut Decoder<'_>) -> Result<Self, CodecError> {
    ///     let len = input.take_len()?;
    ///     let text = str::from_utf8(input.take_slice(len)?).map_err(|_| CodecError::NotUtf8)?;
    ///     Ok(Self(text.to_owned()))
    /// }
    /// # }
    /// # #[derive(SopStore)]
    /// # struct Lamp { #[sop(key)] number: u32, name: Ascii }
    /// # sop_examples::shop::example(async |_, _| {
    /// # let db = Db::builder().store::<Lamp>().ephemeral().await?;
    /// # let new = || Lamp { number: 1, name: Ascii("desk".to_owned()) };
    /// # db.run(async |s| s.of::<Lamp>().insert(new()).await).await?;
    /// # assert_eq!(db.session().of::<Lamp>().require(1).await?.name.0, "desk");
    /// # Ok(())
    /// # });
    /// ```
    pub fn take_slice(&mut self, len: usize) -> Result<&'a [u8], CodecError> {
        let (taken, rest) = self.bytes.split_at_checked(len).ok_or(CodecError::UnexpectedEnd)?;
        self.bytes = rest;
        Ok(taken)
    }

    /// The number of items that follow. Fails if there are fewer bytes left than that, so memory
    /// for so many may be reserved.
    ///
    /// ```
    /// # use sop_orm::{CodecError, Decoder, Encoder, Field, Signature, prelude::*};
    /// # #[derive(Clone, Debug, PartialEq)]
    /// # struct Ascii(String);
    /// # impl Field for Ascii {
    /// #     const SIGNATURE: Signature = Signature::Leaf("ascii");
    /// # fn encode(&self, out: &mut Encoder) {
    /// #     out.push_len(self.0.len());
    /// #     out.push(self.0.as_bytes());
    /// # }
    /// fn decode(input: &mut Decoder<'_>) -> Result<Self, CodecError> {
    ///     let len = input.take_len()?;
    ///     let text = str::from_utf8(input.take_slice(len)?).map_err(|_| CodecError::NotUtf8)?;
    ///     Ok(Self(text.to_owned()))
    /// }
    /// # }
    /// # #[derive(SopStore)]
    /// # struct Lamp { #[sop(key)] number: u32, name: Ascii }
    /// # sop_examples::shop::example(async |_, _| {
    /// # let db = Db::builder().store::<Lamp>().ephemeral().await?;
    /// # let new = || Lamp { number: 1, name: Ascii("desk".to_owned()) };
    /// # db.run(async |s| s.of::<Lamp>().insert(new()).await).await?;
    /// # assert_eq!(db.session().of::<Lamp>().require(1).await?.name.0, "desk");
    /// # Ok(())
    /// # });
    /// ```
    pub fn take_len(&mut self) -> Result<usize, CodecError> {
        match usize::try_from(self.take_leaf::<u64>()?) {
            Ok(len) if len <= self.bytes.len() => Ok(len),
            _ => Err(CodecError::LengthTooBig),
        }
    }

    /// A value that consists of one number.
    pub(super) fn take_leaf<T: Decode<()>>(&mut self) -> Result<T, CodecError> {
        Ok(T::decode(&mut DecoderImpl::new(Source(&mut self.bytes), standard(), ()))?)
    }

    /// The number of bytes that are left.
    pub(crate) fn left(&self) -> usize {
        self.bytes.len()
    }

    /// All bytes that are left.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.bytes
    }

    pub(crate) fn finish(self) -> Result<(), CodecError> {
        if self.bytes.is_empty() { Ok(()) } else { Err(CodecError::TrailingBytes) }
    }
}

struct Source<'d, 'a>(&'d mut &'a [u8]);

impl Reader for Source<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> Result<(), DecodeError> {
        let Some((taken, rest)) = self.0.split_at_checked(into.len()) else {
            return Err(DecodeError::UnexpectedEnd { additional: into.len() - self.0.len() });
        };
        into.copy_from_slice(taken);
        *self.0 = rest;
        Ok(())
    }
}

impl From<DecodeError> for CodecError {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::UnexpectedEnd { .. } => Self::UnexpectedEnd,
            DecodeError::Utf8 { .. } | DecodeError::InvalidCharEncoding(_) => Self::NotUtf8,
            DecodeError::InvalidBooleanValue(byte) => Self::UnknownTag { tag: byte.into() },
            other => Self::Malformed { reason: other.to_string() },
        }
    }
}
