//! What is stored and cannot be read as the program has it.

use std::fmt;

/// Stored records and a struct that do not fit together. See [`Error::Schema`](super::Error::Schema).
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// # mod now {
/// #     #[derive(sop_orm::SopStore)]
/// #     #[sop(store = "orders")]
/// #     pub struct Order { #[sop(key)] number: u64, total: String, tags: Vec<String> }
/// # }
/// # let opened = earlier(&[10], Db::builder().store::<now::Order>()).await;
/// // The struct says that totals are text now.
/// match opened {
///     Err(Error::Schema(error)) => assert!(error.problems[0].contains("total")),
///     other => panic!("no number is read as text: {other:?}"),
/// }
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SchemaError {
    /// The store's name.
    pub store: String,
    /// One line for each thing that does not fit, with what to do about it.
    pub problems: Vec<String>,
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "store {:?} cannot be opened:", self.store)?;
        for problem in &self.problems {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

/// Bytes that cannot be read, or a value that cannot be written.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// use sop_orm::CodecError;
///
/// let cursor = "0123".parse::<Cursor>();
/// assert_eq!(cursor, Err(CodecError::UnexpectedEnd));
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// There are fewer bytes than the value takes.
    #[error("the bytes end too early")]
    UnexpectedEnd,
    /// There are more bytes than the value takes.
    #[error("there are bytes left over")]
    TrailingBytes,
    /// A length is more than what is left.
    #[error("a length is larger than what is left")]
    LengthTooBig,
    /// A byte or number that stands for nothing.
    #[error("the tag {tag} stands for nothing")]
    UnknownTag {
        /// The number found.
        tag: u32,
    },
    /// Text that is not UTF-8.
    #[error("text is not UTF-8")]
    NotUtf8,
    /// NaN has no place in the order of keys.
    #[error("NaN cannot be a key: it has no place in the order")]
    NotANumber,
    /// A row of a layout that the catalog does not know.
    #[error("row layout {layout} is not in the catalog")]
    UnknownLayout {
        /// The layout's number.
        layout: u32,
    },
    /// Some other flaw.
    #[error("{reason}")]
    Malformed {
        /// What is wrong.
        reason: String,
    },
}
