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
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends the number of items or bytes that follow.
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
#[derive(Clone, Debug)]
pub struct Decoder<'a> {
    bytes: &'a [u8],
}

impl<'a> Decoder<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// The next `N` bytes.
    pub fn take<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let (taken, rest) = self.bytes.split_first_chunk().ok_or(CodecError::UnexpectedEnd)?;
        self.bytes = rest;
        Ok(*taken)
    }

    /// The next `len` bytes.
    pub fn take_slice(&mut self, len: usize) -> Result<&'a [u8], CodecError> {
        let (taken, rest) = self.bytes.split_at_checked(len).ok_or(CodecError::UnexpectedEnd)?;
        self.bytes = rest;
        Ok(taken)
    }

    /// The number of items that follow. There are at least as many bytes left.
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
