//! A rule that a record breaks.

use std::fmt;

use super::Error;

/// A broken rule. See [`Error::Invalid`]. Made from a `&str` or a [`String`].
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// fn check(age: u8) -> Result<()> {
///     if age < 18 {
///         return Err(Error::Invalid("only grown-ups may order".into()));
///     }
///     Ok(())
/// }
/// assert_eq!(check(17).unwrap_err().to_string(), "only grown-ups may order");
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Invalid {
    /// The store of the record, once it is known.
    pub store: Option<&'static str>,
    /// The field at fault, where it is one.
    pub field: Option<&'static str>,
    /// What is wrong and what would be right.
    pub message: String,
}

impl<T: Into<String>> From<T> for Invalid {
    fn from(message: T) -> Self {
        Self { store: None, field: None, message: message.into() }
    }
}

impl Invalid {
    /// A rule about one field that is broken.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let refused = sop_orm::Invalid::field("age", "must be at least 18");
    /// assert_eq!(refused.to_string(), "age: must be at least 18");
    /// # Ok(())
    /// # });
    /// ```
    pub fn field(field: &'static str, message: impl Into<String>) -> Self {
        Self { store: None, field: Some(field), message: message.into() }
    }
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl std::error::Error for Invalid {}

/// `articles: title: is empty`
impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for place in [self.store, self.field].into_iter().flatten() {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.message)
    }
}
