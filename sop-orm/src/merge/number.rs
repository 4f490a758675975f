//! Numbers to which two sessions added.

use std::time::Duration;

/// A number whose changes add up: `merge = add`.
#[diagnostic::on_unimplemented(
    message = "changes of `{Self}` do not add up",
    label = "not a number",
    note = "`merge = add` takes integers, f32, f64 and Duration"
)]
pub trait MergeAdd: Sized {
    /// `theirs + (ours - base)`; none if that is no value of the type.
    fn merge_add(base: &Self, ours: &Self, theirs: Self) -> Option<Self>;
}

/// By way of a wider type, so that only the sum must fit.
macro_rules! narrow {
    ($($ty:ty),*) => {$(
        impl MergeAdd for $ty {
            fn merge_add(base: &Self, ours: &Self, theirs: Self) -> Option<Self> {
                let sum = i128::from(theirs) + (i128::from(*ours) - i128::from(*base));
                sum.try_into().ok()
            }
        }
    )*};
}

narrow!(u8, u16, u32, u64, i8, i16, i32, i64);

impl MergeAdd for u128 {
    fn merge_add(base: &Self, ours: &Self, theirs: Self) -> Option<Self> {
        let difference = ours.abs_diff(*base);
        if ours >= base { theirs.checked_add(difference) } else { theirs.checked_sub(difference) }
    }
}

impl MergeAdd for i128 {
    fn merge_add(base: &Self, ours: &Self, theirs: Self) -> Option<Self> {
        let difference = ours.abs_diff(*base);
        if ours >= base {
            theirs.checked_add_unsigned(difference)
        } else {
            theirs.checked_sub_unsigned(difference)
        }
    }
}

macro_rules! float {
    ($($ty:ty),*) => {$(
        impl MergeAdd for $ty {
            fn merge_add(base: &Self, ours: &Self, theirs: Self) -> Option<Self> {
                let sum = theirs + (ours - base);
                sum.is_finite().then_some(sum)
            }
        }
    )*};
}

float!(f32, f64);

impl MergeAdd for Duration {
    fn merge_add(base: &Self, ours: &Self, theirs: Self) -> Option<Self> {
        match ours.checked_sub(*base) {
            Some(more) => theirs.checked_add(more),
            None => theirs.checked_sub(base.checked_sub(*ours)?),
        }
    }
}
