//! A key that nobody knows.

use super::{Key, KeyArg, KeyReader, KeyWriter};
use crate::error::CodecError;

/// Stands for the key of a type whose derive complained about it. It takes every argument, so the
/// places where the key is used are not complained about as well. No program with it compiles.
#[derive(Debug)]
pub struct Unknown;

impl Key for Unknown {
    fn write(&self, _: &mut KeyWriter) -> Result<(), CodecError> {
        Err(CodecError::UnexpectedEnd)
    }

    fn read(_: &mut KeyReader<'_>) -> Result<Self, CodecError> {
        Err(CodecError::UnexpectedEnd)
    }
}

#[diagnostic::do_not_recommend]
impl<A> KeyArg<Unknown> for A {
    fn write_to(&self, _: &mut KeyWriter) -> Result<(), CodecError> {
        Err(CodecError::UnexpectedEnd)
    }
}
