//! Version fields: how often a record was updated, for callers that hold on to what they read.

/// A stored type with a field marked `#[sop(version)]`.
///
/// ```
/// use sop_orm::{Entity, Versioned, prelude::*};
///
/// #[derive(SopStore)]
/// struct Page {
///     #[sop(key)]
///     path: String,
///     #[sop(version)]
///     version: u32,
/// }
/// # sop_examples::shop::example(async |_, _| {
/// # let db = Db::builder().store::<Page>().ephemeral().await?;
/// let page = db.run(async |s| s.of::<Page>().insert(NewPage { path: "/".into() }).await).await?;
/// assert_eq!(page.version, 1);
///
/// let change = async |version| {
///     db.run(async |s| s.of::<Page>().edit_at("/", version).await?.save().await).await
/// };
/// assert!(matches!(change(7).await, Err(Error::Stale(_))), "it has another version");
/// # Ok(())
/// # });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no version",
    label = "no field is marked `#[sop(version)]`"
)]
pub trait Versioned {
    /// The type of the field.
    type Version: VersionNumber;
}

/// A number that can count updates.
///
/// ```
/// use sop_orm::VersionNumber;
///
/// assert_eq!(<u32 as VersionNumber>::FIRST, 1);
/// assert_eq!(<i32 as VersionNumber>::new(1 << 40), None, "it does not fit");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a version",
    label = "expected `u64`, `u32`, `i64` or `i32`"
)]
pub trait VersionNumber: Copy + Send + 'static {
    /// The version of a new record.
    const FIRST: Self;

    /// As a number that all versions can be compared as; 0 for what was never a version.
    fn get(self) -> u64;

    /// The version of this number, if it has one.
    fn new(number: u64) -> Option<Self>;
}

macro_rules! version_number {
    ($($type:ty),*) => {$(
        impl VersionNumber for $type {
            const FIRST: Self = 1;

            fn get(self) -> u64 {
                self.try_into().unwrap_or(0)
            }

            fn new(number: u64) -> Option<Self> {
                number.try_into().ok()
            }
        }
    )*};
}

version_number!(u32, i32, i64);

impl VersionNumber for u64 {
    const FIRST: Self = 1;

    fn get(self) -> u64 {
        self
    }

    fn new(number: u64) -> Option<Self> {
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_does_not_fit_is_no_version() {
        assert_eq!(i32::new(2_147_483_648), None);
        assert_eq!(u32::new(u64::from(u32::MAX)), Some(u32::MAX));
        assert_eq!(u64::new(u64::MAX), Some(u64::MAX));
        assert_eq!((-1_i64).get(), 0);
    }
}
