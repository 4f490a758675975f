//! Numbers to which two sessions added.

use std::time::Duration;

/// A number whose changes add up: `merge = add`.
///
/// ```
/// use sop_orm::{MergeAdd, prelude::*};
///
/// #[derive(SopEmbed, Clone, Debug, PartialEq)]
/// struct Money {
///     cents: i64,
/// }
///
/// impl MergeAdd for Money {
///     fn merge_add(base: &Self, ours: &Self, theirs: Self) -> Option<Self> {
///         Some(Self { cents: i64::merge_add(&base.cents, &ours.cents, theirs.cents)? })
///     }
/// }
///
/// #[derive(SopStore)]
/// struct Account {
///     #[sop(key)]
///     number: u32,
///     #[sop(merge = add)]
///     balance: Money,
/// }
/// # sop_examples::shop::example(async |_, _| {
/// # let db = Db::builder().store::<Account>().ephemeral().await?;
/// # let new = || Account { number: 1, balance: Money { cents: 50 } };
/// # db.run(async |s| s.of::<Account>().insert(new()).await).await?;
/// let (one, two) = (db.session(), db.session());
/// one.of::<Account>().edit(1).await?.balance.cents += 7;
/// two.of::<Account>().edit(1).await?.balance.cents -= 20;
/// one.commit().await?;
/// two.commit().await?;
/// assert_eq!(db.session().of::<Account>().require(1).await?.balance.cents, 37);
/// # Ok(())
/// # });
/// ```
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
