//! What a search gives out.

use std::{fmt, str::FromStr, sync::Arc};

use super::{Metric, search::Found};
use crate::{
    entity::Entity,
    error::{CodecError, Error, Result},
    fingerprint::fingerprint,
    session,
    store::StoreHandle,
};

/// A record that a search has found, and how near it is. The record itself is read when it is asked
/// for.
///
/// ```
/// # use {sop_examples::album::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// for hit in s.of::<Photo>().near_seen("Rome", &BOAT).k(2).all().await? {
///     println!("{} is {} far", hit.key, hit.distance);
///     assert!(hit.record().await?.seen[0] >= 0.7);
/// }
/// # Ok(())
/// # });
/// ```
pub struct Hit<'s, E: Entity> {
    /// The primary key.
    pub key: E::Key,
    /// How far the record's vector is from the one that was searched for; see [`Metric`].
    pub distance: f32,
    store: StoreHandle<'s, E>,
    metric: Metric,
    mark: u64,
    bytes: Vec<u8>,
}

impl<'s, E: Entity> Hit<'s, E> {
    pub(super) fn new(
        store: StoreHandle<'s, E>,
        (metric, mark): (Metric, u64),
        found: Found,
    ) -> Result<Self> {
        let unreadable = |source| Error::Codec { store: E::SCHEMA.store, source };
        let key = crate::key::decode(&found.key).map_err(unreadable)?;
        Ok(Self { key, distance: found.distance, store, metric, mark, bytes: found.key })
    }

    /// How near the record is: the greater the nearer. See [`Metric::score`].
    ///
    /// ```
    /// use sop_orm::Metric;
    ///
    /// assert_eq!(Metric::Cosine.score(0.25), 0.75);
    /// ```
    pub fn score(&self) -> f32 {
        self.metric.score(self.distance)
    }

    /// The record, as the session sees it now. Costs a search by the key unless the session has it
    /// already. Fails with [`Error::NotFound`] if the session has deleted it since.
    ///
    /// ```
    /// # use {sop_examples::album::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let hits = s.of::<Photo>().near_seen("Rome", &BOAT).all().await?;
    /// assert_eq!(hits[0].record().await?.number, 1);
    /// s.of::<Photo>().delete(1).await?;
    /// assert!(matches!(hits[0].record().await, Err(Error::NotFound { .. })));
    /// # Ok(())
    /// # });
    /// ```
    #[expect(clippy::unused_async, reason = "like every other operation on a session")]
    pub async fn record(&self) -> Result<Arc<E>> {
        let store = self.store.opened()?;
        let found = self.store.session().run(|work, _| work.get(store, &self.bytes))?;
        let shown = found.filter(|record| !self.store.deleted().hides(&**record));
        let record = shown.and_then(session::typed);
        record.ok_or_else(|| Error::not_found::<E>(E::SCHEMA.show_key(&self.bytes)))
    }

    /// Where to go on behind this hit, with [`Near::after`](super::Near::after).
    ///
    /// ```
    /// # use {sop_examples::album::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let near = || s.of::<Photo>().near_seen("Rome", &BOAT).k(2);
    /// let first = near().all().await?;
    /// let second = near().after(&first[1].cursor()).all().await?;
    /// assert_eq!(second.iter().map(|hit| hit.key).collect::<Vec<_>>(), [3, 4]);
    /// # Ok(())
    /// # });
    /// ```
    pub fn cursor(&self) -> NearCursor {
        let found = Found { distance: self.distance, key: self.bytes.clone() };
        NearCursor { mark: self.mark, found }
    }
}

impl<E: Entity> Clone for Hit<'_, E>
where
    E::Key: Clone,
{
    fn clone(&self) -> Self {
        let (key, bytes) = (self.key.clone(), self.bytes.clone());
        Self { key, bytes, ..*self }
    }
}

impl<E: Entity> fmt::Debug for Hit<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hit")
            .field("key", &E::SCHEMA.show_key(&self.bytes))
            .field("distance", &self.distance)
            .finish_non_exhaustive()
    }
}

/// A place in the order of distances from one vector. Becomes text and back, to leave the program.
///
/// ```
/// # use {sop_examples::album::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// use sop_orm::NearCursor;
///
/// let hits = s.of::<Photo>().near_seen("Rome", &BOAT).all().await?;
/// let text = hits[0].cursor().to_string();
/// assert_eq!(text.parse::<NearCursor>()?, hits[0].cursor());
/// # Ok(())
/// # });
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct NearCursor {
    /// Tells searches apart.
    mark: u64,
    found: Found,
}

impl NearCursor {
    /// The place, if it is one of the search with this mark.
    pub(super) fn place(&self, mark: u64) -> Option<Found> {
        (self.mark == mark).then(|| self.found.clone())
    }

    fn to_bytes(&self) -> Vec<u8> {
        let Found { distance, key } = &self.found;
        let mut bytes = [&self.mark.to_be_bytes()[..], &distance.to_be_bytes(), key].concat();
        bytes.splice(..0, fingerprint(&bytes).to_be_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        let (check, rest) = bytes.split_first_chunk().ok_or(CodecError::UnexpectedEnd)?;
        if u64::from_be_bytes(*check) != fingerprint(rest) {
            return Err(CodecError::Malformed { reason: "the cursor is damaged".to_owned() });
        }
        let (mark, rest) = rest.split_first_chunk().ok_or(CodecError::UnexpectedEnd)?;
        let (distance, key) = rest.split_first_chunk().ok_or(CodecError::UnexpectedEnd)?;
        let found = Found { distance: f32::from_be_bytes(*distance), key: key.to_vec() };
        Ok(Self { mark: u64::from_be_bytes(*mark), found })
    }
}

impl fmt::Debug for NearCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NearCursor").finish_non_exhaustive()
    }
}

/// As hexadecimal digits.
impl fmt::Display for NearCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for NearCursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bytes = crate::hexadecimal::decode(text.as_bytes());
        let cursor = bytes.and_then(|bytes| Self::from_bytes(&bytes));
        cursor.map_err(|error| crate::store::invalid(&error))
    }
}
