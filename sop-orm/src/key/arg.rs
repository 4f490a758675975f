//! What callers may pass where a column is asked for: the value, a reference, or `&str` for text.

use super::{KeyPart, KeyWriter, text};
use crate::error::CodecError;

/// A value that can stand for a column of type `C`: `C` itself, `&C`, `&str` for a [`String`] and
/// `&[u8]` for a `Vec<u8>`; for an [`Option`] also what may stand for the value that it holds.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// use sop_orm::{CodecError, KeyArg, KeyWriter};
///
/// /// An address as it is looked up, whatever case it was typed in.
/// struct Typed(String);
///
/// impl KeyArg<String> for Typed {
///     fn write_to(&self, out: &mut KeyWriter) -> Result<(), CodecError> {
///         KeyArg::<String>::write_to(&self.0.to_lowercase(), out)
///     }
/// }
/// # #[derive(SopStore)]
/// # struct Member { #[sop(key)] email: String }
/// # let db = Db::builder().store::<Member>().ephemeral().await?;
/// # let s = db.session();
/// s.of::<Member>().insert(Member { email: "ann@x.io".to_owned() }).await?;
/// assert!(s.of::<Member>().exists(Typed("Ann@X.io".to_owned())).await?);
/// # Ok(())
/// # });
/// ```
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
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// use sop_orm::StartsWith;
///
/// fn a_to_c() -> [StartsWith<'static>; 3] {
///     [starts_with("a"), starts_with("b"), starts_with("c")]
/// }
/// for beginning in a_to_c() {
///     assert_eq!(s.of::<User>().query(user::ByEmail).prefix((beginning,)).count().await?, 1);
/// }
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Copy, Debug)]
pub struct StartsWith<'a>(&'a str);

/// As the last column of a prefix, matches every text that begins with `text`.
///
/// The comparison is by bytes: letter case and composed characters matter.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// # #[derive(SopStore)]
/// # #[sop(index(by_name(country, name)))]
/// # struct City { #[sop(key)] number: u32, country: String, name: String }
/// # let db = Db::builder().store::<City>().ephemeral().await?;
/// # let s = db.session();
/// # let city = |(number, name): (u32, &str)| City {
/// #     number, country: "IT".to_owned(), name: name.to_owned()
/// # };
/// # s.of::<City>().insert_many([(1, "Rome"), (2, "Rovigo"), (3, "Turin")].map(city)).await?;
/// // With the index `by_name(country, name)`:
/// let found = s.of::<City>().by_name().prefix(("IT", starts_with("Ro")));
/// assert_eq!(found.count().await?, 2);
/// # Ok(())
/// # });
/// ```
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
