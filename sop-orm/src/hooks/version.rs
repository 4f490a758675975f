//! Version fields: how often a record was updated, for callers that hold on to what they read.

/// A stored type with a field marked `#[sop(version)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no version",
    label = "no field is marked `#[sop(version)]`"
)]
pub trait Versioned {
    /// The type of the field.
    type Version: VersionNumber;
}

/// A number that can count updates.
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
