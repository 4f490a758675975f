//! Merge policies: what two sessions made of one field, brought together.
//!
//! When a session commits a record that another one changed meanwhile, there are three rows of it:
//! that which the session began with (*base*), its own (*ours*) and the committed one (*theirs*).
//! Field by field, on encoded bytes: what only one side changed is that side's; what both changed
//! goes by the policy of the field, or is a conflict. Nothing here knows of sessions; what becomes
//! of the merged row is `session/merge.rs`.
//!
//! Dolt merges cells like this, Core Data has named policies, Realm's counters add up; the
//! three-way rules for sets and maps are those of state-based replicated data types with a base.

mod collection;
mod number;

pub use collection::{MergeAppend, MergeMap, MergeSet};
pub use number::MergeAdd;

use std::{
    borrow::Cow,
    cmp::Ordering,
    ops::{BitAnd, BitOr},
};

use crate::{
    error::CodecError,
    field::{Decoder, Encoder, Field},
};

/// What becomes of a record that one session changed and another one deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeleteRace {
    /// A conflict.
    #[default]
    Conflict,
    /// It is deleted.
    DeleteWins,
}

/// What becomes of a field when records are merged.
#[derive(Clone, Copy, Debug)]
pub enum FieldMerge {
    /// Nobody else may have changed it.
    Conflict,
    /// The side that changed it counts; that both did is a conflict.
    Either,
    /// What a policy makes of the three values.
    By(MergeBytes),
}

/// A policy on encoded values; `None` is a conflict.
pub(crate) type MergeBytes = fn(Three<'_>) -> Result<Option<Vec<u8>>, CodecError>;

/// The three values of one field, encoded.
#[derive(Clone, Copy, Debug)]
pub struct Three<'a> {
    /// What the session began with.
    pub base: &'a [u8],
    /// What the session made of it.
    pub ours: &'a [u8],
    /// What was committed meanwhile.
    pub theirs: &'a [u8],
}

/// What a merge function of one's own returns for values that cannot be merged: the session's work
/// is then in conflict, as it would have been without a policy.
///
/// ```
/// use sop_orm::{CannotMerge, prelude::*};
///
/// #[derive(SopStore)]
/// struct Account {
///     #[sop(key)]
///     number: u32,
///     #[sop(merge = custom(balance))]
///     cents: i64,
/// }
///
/// /// Adds up, unless that would leave less than nothing.
/// fn balance(base: &i64, ours: &i64, theirs: i64) -> Result<i64, CannotMerge> {
///     Some(theirs + (ours - base)).filter(|sum| *sum >= 0).ok_or(CannotMerge)
/// }
/// # sop_examples::shop::example(async |_, _| {
/// # let db = Db::builder().store::<Account>().ephemeral().await?;
/// # db.run(async |s| s.of::<Account>().insert(Account { number: 1, cents: 50 }).await).await?;
/// let (one, two) = (db.session(), db.session());
/// for s in [&one, &two] {
///     s.of::<Account>().edit(1).await?.cents -= 30;
/// }
/// one.commit().await?;
/// assert!(matches!(two.commit().await, Err(Error::Conflict(_))));
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CannotMerge;

/// Merges one field; `None` is a conflict.
pub(crate) fn field(
    merge: FieldMerge,
    three: Three<'_>,
) -> Result<Option<Cow<'_, [u8]>>, CodecError> {
    let Three { base, ours, theirs } = three;
    if theirs == base {
        return Ok(Some(Cow::Borrowed(ours)));
    }
    match merge {
        FieldMerge::Conflict => Ok(None),
        _ if ours == base => Ok(Some(Cow::Borrowed(theirs))),
        FieldMerge::By(policy) => Ok(policy(three)?.map(Cow::Owned)),
        FieldMerge::Either if ours == theirs => Ok(Some(Cow::Borrowed(ours))),
        FieldMerge::Either => Ok(None),
    }
}

fn decoded<T: Field>(bytes: &[u8]) -> Result<T, CodecError> {
    let mut input = Decoder::new(bytes);
    let value = T::decode(&mut input)?;
    input.finish()?;
    Ok(value)
}

fn encoded<T: Field>(value: &T) -> Vec<u8> {
    let mut out = Encoder::default();
    value.encode(&mut out);
    out.into_bytes()
}

fn typed<T: Field>(
    three: Three<'_>,
    merge: impl FnOnce(&T, &T, T) -> Option<T>,
) -> Result<Option<Vec<u8>>, CodecError> {
    let (base, ours) = (decoded::<T>(three.base)?, decoded::<T>(three.ours)?);
    Ok(merge(&base, &ours, decoded(three.theirs)?).map(|merged| encoded(&merged)))
}

/// `add`: theirs and what we added to base; a conflict where that is no value of the type.
pub fn add<T: Field + MergeAdd>(three: Three<'_>) -> Result<Option<Vec<u8>>, CodecError> {
    typed(three, T::merge_add)
}

/// `max`: the greater of the two.
pub fn max<T: Field + PartialOrd>(three: Three<'_>) -> Result<Option<Vec<u8>>, CodecError> {
    Ok(order::<T>(three)?
        .map(|order| if order.is_lt() { three.theirs } else { three.ours }.to_vec()))
}

/// `min`: the lesser of the two.
pub fn min<T: Field + PartialOrd>(three: Three<'_>) -> Result<Option<Vec<u8>>, CodecError> {
    Ok(order::<T>(three)?
        .map(|order| if order.is_gt() { three.theirs } else { three.ours }.to_vec()))
}

/// How ours compares with theirs, if at all.
fn order<T: Field + PartialOrd>(three: Three<'_>) -> Result<Option<Ordering>, CodecError> {
    Ok(decoded::<T>(three.ours)?.partial_cmp(&decoded::<T>(three.theirs)?))
}

/// `or`: what either side has set.
pub fn or<T: Field + BitOr<Output = T>>(three: Three<'_>) -> Result<Option<Vec<u8>>, CodecError> {
    Ok(Some(encoded(&(decoded::<T>(three.ours)? | decoded(three.theirs)?))))
}

/// `and`: what both sides have set.
pub fn and<T: Field + BitAnd<Output = T>>(three: Three<'_>) -> Result<Option<Vec<u8>>, CodecError> {
    Ok(Some(encoded(&(decoded::<T>(three.ours)? & decoded(three.theirs)?))))
}

/// `union`: what either side added, without what either side removed.
pub fn union<T: Field + MergeSet>(three: Three<'_>) -> Result<Option<Vec<u8>>, CodecError> {
    typed(three, |base, ours, theirs| Some(T::merge_set(base, ours, theirs)))
}

/// `map`: key by key the side that changed it; a conflict where both gave a key different values.
pub fn map<T: Field + MergeMap>(three: Three<'_>) -> Result<Option<Vec<u8>>, CodecError> {
    typed(three, T::merge_map)
}

/// `append`: theirs, and then what we appended; a conflict if we did something else.
pub fn append<T: Field + MergeAppend>(three: Three<'_>) -> Result<Option<Vec<u8>>, CodecError> {
    typed(three, T::merge_append)
}

/// `last_writer`: ours.
pub fn last_writer<T: Field>(three: Three<'_>) -> Result<Option<Vec<u8>>, CodecError> {
    Ok(Some(three.ours.to_vec()))
}

/// `first_writer`: theirs.
pub fn first_writer<T: Field>(three: Three<'_>) -> Result<Option<Vec<u8>>, CodecError> {
    Ok(Some(three.theirs.to_vec()))
}

/// `nested`: field by field of an embedded struct.
pub fn nested<T: MergeFields>(three: Three<'_>) -> Result<Option<Vec<u8>>, CodecError> {
    let (base, ours, theirs) =
        (decoded::<T>(three.base)?, decoded::<T>(three.ours)?, decoded::<T>(three.theirs)?);
    Ok(T::merge_fields(&base, &ours, &theirs)?.map(|merged| encoded(&merged)))
}

/// `custom(path)`: a function of base, ours and theirs.
pub fn custom<T: Field>(
    three: Three<'_>,
    merge: fn(&T, &T, T) -> Result<T, CannotMerge>,
) -> Result<Option<Vec<u8>>, CodecError> {
    typed(three, |base, ours, theirs| merge(base, ours, theirs).ok())
}

/// An embedded struct whose fields are merged one by one.
///
/// [`SopEmbed`](crate::SopEmbed) implements it for structs marked `#[sop(merge_record = fields)]`.
#[diagnostic::on_unimplemented(
    message = "the fields of `{Self}` cannot be merged one by one",
    label = "not an embedded struct that merges",
    note = "add #[sop(merge_record = fields)] to a struct with #[derive(SopEmbed)]"
)]
pub trait MergeFields: Field {
    /// Merges; `None` is a conflict.
    fn merge_fields(base: &Self, ours: &Self, theirs: &Self) -> Result<Option<Self>, CodecError>;
}

/// One field of an embedded struct; `None` is a conflict.
#[doc(hidden)]
pub fn part<T: Field>(
    merge: FieldMerge,
    base: &T,
    ours: &T,
    theirs: &T,
) -> Result<Option<T>, CodecError> {
    let (base, ours, theirs) = (encoded(base), encoded(ours), encoded(theirs));
    let three = Three { base: &base, ours: &ours, theirs: &theirs };
    field(merge, three)?.map(|bytes| decoded(&bytes)).transpose()
}

#[cfg(test)]
mod tests;
