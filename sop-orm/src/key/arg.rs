//! What callers may pass where a column is asked for: the value, a reference, or `&str` for text.

use super::{KeyPart, KeyWriter, text};
use crate::error::CodecError;

/// A value that can stand for a column of type `C`: `C` itself, `&C`, `&str` for a [`String`] and
/// `&[u8]` for a `Vec<u8>`; for an [`Option`] also what may stand for the value that it holds.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand for a key column of type `{C}`",
    label = "expected `{C}`, a reference to it, or `&str` for text"
)]
pub trait KeyArg<C> {
    /// Appends the encoding that the column of type `C` would have.
    fn write_to(&self, out: &mut KeyWriter) -> Result<(), CodecError>;
}

/// A value that can stand for the last given column of a prefix: a [`KeyArg`], or
/// [`starts_with`] for text.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand for a key column of type `{C}`",
    label = "expected `{C}`, a reference to it, or `&str` and `starts_with(..)` for text"
)]
pub trait KeyTail<C> {
    /// Appends the beginning that the matching encodings have in common.
    fn write_tail(&self, out: &mut KeyWriter) -> Result<(), CodecError>;
}

/// Matches every text that begins with the given one. Made by [`starts_with`].
#[derive(Clone, Copy, Debug)]
pub struct StartsWith<'a>(&'a str);

/// As the last column of a prefix, matches every text that begins with `text`.
///
/// The comparison is by bytes: letter case and composed characters matter.
pub fn starts_with(text: &str) -> StartsWith<'_> {
    StartsWith(text)
}

impl<C, A: KeyArg<C>> KeyTail<C> for A {
    fn write_tail(&self, out: &mut KeyWriter) -> Result<(), CodecError> {
        self.write_to(out)
    }
}

impl KeyTail<String> for StartsWith<'_> {
    fn write_tail(&self, out: &mut KeyWriter) -> Result<(), CodecError> {
        text::write_open(self.0.as_bytes(), out);
        Ok(())
    }
}

impl KeyTail<Option<String>> for StartsWith<'_> {
    fn write_tail(&self, out: &mut KeyWriter) -> Result<(), CodecError> {
        out.push(&[1]);
        text::write_open(self.0.as_bytes(), out);
        Ok(())
    }
}

impl<T: KeyPart> KeyArg<T> for T {
    fn write_to(&self, out: &mut KeyWriter) -> Result<(), CodecError> {
        self.write_part(out)
    }
}

impl<T: KeyPart> KeyArg<T> for &T {
    fn write_to(&self, out: &mut KeyWriter) -> Result<(), CodecError> {
        self.write_part(out)
    }
}

impl<T: KeyPart> KeyArg<Option<T>> for T {
    fn write_to(&self, out: &mut KeyWriter) -> Result<(), CodecError> {
        out.push(&[1]);
        self.write_part(out)
    }
}

impl<T: KeyPart> KeyArg<Option<T>> for &T {
    fn write_to(&self, out: &mut KeyWriter) -> Result<(), CodecError> {
        KeyArg::<Option<T>>::write_to(*self, out)
    }
}

impl KeyArg<String> for &str {
    fn write_to(&self, out: &mut KeyWriter) -> Result<(), CodecError> {
        text::write(self.as_bytes(), out);
        Ok(())
    }
}

impl KeyArg<Option<String>> for &str {
    fn write_to(&self, out: &mut KeyWriter) -> Result<(), CodecError> {
        out.push(&[1]);
        KeyArg::<String>::write_to(self, out)
    }
}

impl KeyArg<Vec<u8>> for &[u8] {
    fn write_to(&self, out: &mut KeyWriter) -> Result<(), CodecError> {
        text::write(self, out);
        Ok(())
    }
}

impl KeyArg<Option<Vec<u8>>> for &[u8] {
    fn write_to(&self, out: &mut KeyWriter) -> Result<(), CodecError> {
        out.push(&[1]);
        KeyArg::<Vec<u8>>::write_to(self, out)
    }
}
