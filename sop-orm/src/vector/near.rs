//! The search, built step by step.

use std::{fmt, sync::Arc};

use super::{
    Hit, NearCursor, NearExplain,
    recall::{RECALL_DEFAULT, deviations},
    rule,
    search::{Ask, Found, Search, Step},
};
use crate::{
    entity::Entity,
    error::{Error, Invalid, Result},
    fingerprint::fingerprint,
    many::rest,
    query::{self, Filter, Output, Query},
    schema::{IndexSpec, VectorSpec},
    session,
    store::{StoreHandle, invalid},
};

/// How many records a search finds if nobody says.
const K_DEFAULT: usize = 10;

/// A search for the records whose vectors are nearest to one, built step by step and run by the last
/// step. Made by the method `near_..` of a field marked `#[sop(vector(..))]`.
///
/// The search sees what its session has changed. Records for which conditions do not hold are left
/// out before the nearest are chosen: there are [`k`](Self::k) hits whenever so many records
/// qualify. Records of equal distance come in the order of their keys.
///
/// Codes of a few bits for each component tell which records can be among the nearest; these are
/// then measured exactly, so distances and the order of hits are exact, and only the choice of who
/// is measured can miss one, as [`recall`](Self::recall) says. A session that commits depends on
/// the partition it has searched as on a range that it has read.
///
/// ```
/// # use {sop_examples::album::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// use sop_orm::Near;
///
/// /// The photographs of an album that show the same as one of them.
/// fn like<'s>(s: &'s Session, photo: &Photo) -> Near<'s, Photo> {
///     s.of::<Photo>().near_seen_of(photo).k(1)
/// }
/// let boat = s.of::<Photo>().require(1).await?;
/// assert_eq!(like(&s, &boat).first().await?.map(|hit| hit.key), Some(2));
/// # Ok(())
/// # });
/// ```
#[must_use = "a search does nothing until it is run"]
pub struct Near<'s, E: Entity> {
    store: StoreHandle<'s, E>,
    ask: Result<Ask>,
    filters: Vec<Filter<'s, E>>,
    recall: f32,
    exact: bool,
    after: Option<NearCursor>,
}

impl<'s, E: Entity> Near<'s, E> {
    pub(crate) fn new(
        store: StoreHandle<'s, E>,
        index: usize,
        query: Vec<f32>,
        partition: Result<Vec<u8>>,
    ) -> Self {
        let (k, within, after) = (K_DEFAULT, None, None);
        let (deviations, without, condition) = (None, None, None);
        let ask = partition.map(|partition| Ask {
            index,
            partition,
            query,
            k,
            within,
            after,
            deviations,
            recall: 1.0,
            without,
            condition,
            judged: false,
        });
        let (filters, recall, exact) = (Vec::new(), RECALL_DEFAULT, false);
        Self { store, ask, filters, recall, exact, after: None }
    }

    pub(crate) fn of_record(store: StoreHandle<'s, E>, index: usize, record: &E) -> Self {
        let mut near = Self::new(store, index, Vec::new(), Ok(Vec::new()));
        near.ask = near.ask.and_then(|ask| {
            let mut entries = crate::index::IndexEntries::default();
            record.write_index(index, &mut entries).map_err(|error| invalid(&error))?;
            let Some(query) = entries.take_vector() else {
                let message = format!("{}: the record has no vector", Self::spec(index).field);
                return Err(Error::Invalid(message.into()));
            };
            let partition = entries.into_sorted().pop().map(|entry| entry.columns);
            let without = crate::entity::Record::key_bytes(record);
            let without = Some(without.map_err(|error| invalid(&error))?);
            Ok(Ask { partition: partition.unwrap_or_default(), query, without, ..ask })
        });
        near
    }

    fn index(index: usize) -> &'static IndexSpec {
        let index = E::SCHEMA.indexes.get(index);
        index.expect("invariant: generated code names indexes that are there")
    }

    fn spec(index: usize) -> &'static VectorSpec {
        let vector = Self::index(index).vector.as_ref();
        vector.expect("invariant: generated code searches indexes of vectors")
    }

    fn change(mut self, change: impl FnOnce(&mut Ask)) -> Self {
        if let Ok(ask) = &mut self.ask {
            change(ask);
        }
        self
    }

    /// How many records to find at most; 10 unless it is said. Takes memory for as many.
    ///
    /// ```
    /// # use {sop_examples::album::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let hits = s.of::<Photo>().near_seen("Rome", &BOAT).k(2).all().await?;
    /// assert_eq!(hits.iter().map(|hit| hit.key).collect::<Vec<_>>(), [1, 2]);
    /// # Ok(())
    /// # });
    /// ```
    pub fn k(self, k: usize) -> Self {
        self.change(|ask| ask.k = k)
    }

    /// Finds records only that are at most so far; see [`Metric`](crate::Metric) for what distances
    /// mean.
    ///
    /// ```
    /// # use {sop_examples::album::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let hits = s.of::<Photo>().near_seen("Rome", &BOAT).within(0.3).all().await?;
    /// assert_eq!(hits.len(), 2, "the others show hardly a boat");
    /// # Ok(())
    /// # });
    /// ```
    pub fn within(self, distance: f32) -> Self {
        self.change(|ask| ask.within = Some(distance))
    }

    /// Finds records only that a query selects: by its conditions on indexes, and by its filters.
    /// Said several times, all of them must hold. The query must be of the same session, without
    /// `skip`, `limit` and cursor; its direction does not matter.
    ///
    /// A condition on an index that the field names as its `filter` costs as much as what it
    /// selects in the partition. On any other index the cheapest way is chosen by counting:
    /// [`explain`](Self::explain) tells which.
    ///
    /// ```
    /// # use {sop_examples::album::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let late = s.of::<Photo>().by_year().range(2002..);
    /// let hits = s.of::<Photo>().near_seen("Rome", &BOAT).among(late).k(2).all().await?;
    /// assert_eq!(hits.iter().map(|hit| hit.key).collect::<Vec<_>>(), [2, 3]);
    /// # Ok(())
    /// # });
    /// ```
    pub fn among<I, O: Output<E>>(mut self, query: Query<'s, E, I, O>) -> Self {
        let same = std::ptr::eq(self.store.session(), query.handle().session());
        let selection = if same {
            query.into_selection()
        } else {
            Err(Error::Invalid("a search and its conditions must be of the same session".into()))
        };
        self.ask = self.ask.and_then(|mut ask| {
            let (condition, filters) = selection?;
            self.filters.extend(filters);
            ask.condition = Some(match ask.condition.take() {
                Some(known) => known.and(condition),
                None => condition,
            });
            Ok(ask)
        });
        self
    }

    /// Finds records only that a function accepts. It is called for one record after the other, the
    /// nearest first, until there are enough: where it accepts few, many records are read.
    ///
    /// ```
    /// # use {sop_examples::album::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let even = |photo: &Photo| photo.number % 2 == 0;
    /// let hits = s.of::<Photo>().near_seen("Rome", &BOAT).filter(even).all().await?;
    /// assert_eq!(hits.iter().map(|hit| hit.key).collect::<Vec<_>>(), [2, 4]);
    /// # Ok(())
    /// # });
    /// ```
    pub fn filter(mut self, keep: impl Fn(&E) -> bool + Send + Sync + 's) -> Self {
        self.filters.push(Box::new(keep));
        self.change(|ask| ask.judged = true)
    }

    /// Goes on behind a hit of the same search, by distance and key: for results page by page. Costs
    /// as much as finding all the hits before.
    ///
    /// ```
    /// # use {sop_examples::album::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let near = || s.of::<Photo>().near_seen("Rome", &BOAT).k(3);
    /// let first = near().all().await?;
    /// let second = near().after(&first[2].cursor()).all().await?;
    /// assert_eq!((first.len(), second.len()), (3, 1));
    /// # Ok(())
    /// # });
    /// ```
    pub fn after(mut self, cursor: &NearCursor) -> Self {
        self.after = Some(cursor.clone());
        self
    }

    /// Measures all records that qualify, so that none is missed. Costs the reading of all of them.
    ///
    /// ```
    /// # use {sop_examples::album::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let hits = s.of::<Photo>().near_seen("Rome", &BOAT).exact().all().await?;
    /// assert_eq!(hits.len(), 4);
    /// # Ok(())
    /// # });
    /// ```
    pub fn exact(mut self) -> Self {
        self.exact = true;
        self
    }

    /// With which probability each of the true nearest is found at least: 0.99 unless it is said.
    /// Less costs less; 1 is [`exact`](Self::exact). What it bounds is the chance that the
    /// estimate of a distance, whose error is known for each code, is so wrong that the record is
    /// not measured; most of those that it allows to be missed are found all the same.
    ///
    /// ```
    /// # use {sop_examples::album::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let hits = s.of::<Photo>().near_seen("Rome", &BOAT).recall(0.9).all().await?;
    /// assert_eq!(hits[0].key, 1);
    /// # Ok(())
    /// # });
    /// ```
    pub fn recall(mut self, share: f32) -> Self {
        self.recall = share;
        self
    }

    /// What is to be done, or why it cannot be.
    fn asked(&mut self) -> Result<Ask> {
        let taken = Err(Error::Invalid("the search has been run already".into()));
        let mut ask = std::mem::replace(&mut self.ask, taken)?;
        let spec = Self::spec(ask.index);
        check(spec, &ask.query)?;
        if ask.within.is_some_and(f32::is_nan) {
            return Err(Error::Invalid("within: a distance is a number".into()));
        }
        let share = self.recall;
        if !(share > 0.0 && share <= 1.0) {
            let message = format!("recall: {share} is no share: give more than 0 and at most 1");
            return Err(Error::Invalid(message.into()));
        }
        ask.recall = share;
        ask.deviations = if self.exact { None } else { deviations(share) };
        if let Some(cursor) = &self.after {
            let place = cursor.place(mark::<E>(&ask));
            let reason = "it comes from another search";
            let (store, index) = (E::SCHEMA.store, Self::index(ask.index).name);
            ask.after = Some(place.ok_or(Error::Cursor { store, index, reason })?);
        }
        Ok(ask)
    }

    /// Begins the search, with everything that the session has changed.
    fn begin(store: StoreHandle<'s, E>, ask: &Ask) -> Result<Search> {
        let opened = store.opened()?;
        store.session().run(|work, registry| {
            if let Some(condition) = &ask.condition {
                condition.refuse_incomplete(opened, work.position())?;
            }
            work.flush(registry)?;
            Search::begin(ask.clone(), work, opened)
        })
    }

    /// Whether all filters accept a record.
    fn accepts(&self, found: &Found) -> Result<bool> {
        let store = self.store.opened()?;
        let read = self.store.session().run(|work, _| work.get(store, &found.key))?;
        let Some(record): Option<Arc<E>> = read.and_then(session::typed) else { return Ok(false) };
        Ok(self.filters.iter().all(|filter| filter(&record)))
    }

    async fn run(&self, ask: &Ask) -> Result<Vec<Hit<'s, E>>> {
        let store = self.store;
        let opened = store.opened()?;
        let mut search = Self::begin(store, ask)?;
        loop {
            match store.session().run(|work, _| search.step(work, opened))? {
                Step::Pause => rest().await,
                Step::Judge(found) => {
                    if self.accepts(&found)? {
                        search.accept(found);
                    }
                }
                Step::Done => break,
            }
        }
        let origin = (Self::spec(ask.index).metric, mark::<E>(ask));
        let found = search.into_found().into_iter();
        found.map(|found| Hit::new(store, origin, found)).collect()
    }

    /// The hits, the nearest first.
    ///
    /// Fails with [`Error::Invalid`] if the vector has another number of components than the field
    /// or cannot be measured, and with [`Error::IndexBuilding`] while the index is being filled.
    ///
    /// ```
    /// # use {sop_examples::album::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let hits = s.of::<Photo>().near_seen("Rome", &BOAT).all().await?;
    /// assert_eq!(hits.len(), 4);
    /// let wrong = s.of::<Photo>().near_seen("Rome", &vec![1.0, 2.0]).all().await;
    /// assert!(matches!(wrong, Err(Error::Invalid(_))), "two components, where there are three");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn all(mut self) -> Result<Vec<Hit<'s, E>>> {
        let ask = self.asked()?;
        self.run(&ask).await
    }

    /// The nearest hit, if there is one.
    ///
    /// ```
    /// # use {sop_examples::album::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let first = s.of::<Photo>().near_seen("Rome", &BOAT).first().await?;
    /// assert_eq!(first.map(|hit| hit.key), Some(1));
    /// # Ok(())
    /// # });
    /// ```
    pub async fn first(self) -> Result<Option<Hit<'s, E>>> {
        Ok(self.k(1).all().await?.into_iter().next())
    }

    /// The records of the hits, the nearest first.
    ///
    /// ```
    /// # use {sop_examples::album::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let photos = s.of::<Photo>().near_seen("Rome", &BOAT).k(1).records().await?;
    /// assert_eq!(photos[0].year, 2001);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn records(self) -> Result<Vec<Arc<E>>> {
        let hits = self.all().await?;
        let mut records = Vec::with_capacity(hits.len());
        for hit in hits {
            records.push(hit.record().await?);
        }
        Ok(records)
    }

    /// The same search for several vectors, in the place of the one that it was made with: the hits
    /// of each, in their order.
    ///
    /// ```
    /// # use {sop_examples::album::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let near = s.of::<Photo>().near_seen("Rome", &BOAT).k(1);
    /// let hits = near.each([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]).await?;
    /// assert_eq!((hits[0][0].key, hits[1][0].key), (3, 4));
    /// # Ok(())
    /// # });
    /// ```
    pub async fn each<Q: AsRef<[f32]>>(
        mut self,
        queries: impl IntoIterator<Item = Q>,
    ) -> Result<Vec<Vec<Hit<'s, E>>>> {
        if self.after.is_some() {
            let message = "a cursor is of one search: leave `after` out of several";
            return Err(Error::Invalid(message.into()));
        }
        let mut ask = self.asked()?;
        let mut all = Vec::new();
        for query in queries {
            ask.query = query.as_ref().to_vec();
            check(Self::spec(ask.index), &ask.query)?;
            all.push(self.run(&ask).await?);
        }
        Ok(all)
    }

    /// The hits in another order: of the `k` nearest, those first for which `score` is greatest. It
    /// gets the record and its [score](Hit::score). For a mixture of nearness with something else,
    /// such as how recent a record is: take a larger `k` than is wanted, and the first of the
    /// result.
    ///
    /// ```
    /// # use {sop_examples::album::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let near = s.of::<Photo>().near_seen("Rome", &BOAT).k(2);
    /// // Of the two with the most of a boat, the later one first.
    /// let hits = near.ranked_by(|photo, score| score + (photo.year - 2000) as f32).await?;
    /// assert_eq!(hits.iter().map(|hit| hit.key).collect::<Vec<_>>(), [2, 1]);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn ranked_by(self, score: impl Fn(&E, f32) -> f32) -> Result<Vec<Hit<'s, E>>> {
        let mut ranked = Vec::new();
        for hit in self.all().await? {
            let rank = score(&*hit.record().await?, hit.score());
            ranked.push((rank, hit));
        }
        // Equal ones stay in the order of their distances.
        ranked.sort_by(|one, other| other.0.total_cmp(&one.0));
        Ok(ranked.into_iter().map(|(_, hit)| hit).collect())
    }

    /// What the search will do, found by counting what is committed.
    ///
    /// ```
    /// # use {sop_examples::album::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let late = s.of::<Photo>().by_year().range(2002..);
    /// let explained = s.of::<Photo>().near_seen("Rome", &BOAT).among(late).explain().await?;
    /// assert_eq!(
    ///     explained.to_string(),
    ///     "10 photos by near_seen, by 3 codes of near_seen_by_year, where by_year[year >= 2002]",
    /// );
    /// # Ok(())
    /// # });
    /// ```
    #[expect(clippy::unused_async, reason = "like every other operation on a session")]
    pub async fn explain(mut self) -> Result<NearExplain> {
        let ask = self.asked()?;
        let search = Self::begin(self.store, &ask)?;
        let conditions = ask.condition.as_ref().map(|one| query::conditions(one, E::SCHEMA));
        Ok(NearExplain {
            store: E::SCHEMA.store,
            index: Self::index(ask.index).name,
            k: ask.k,
            plan: search.plan().clone(),
            conditions,
            filters: self.filters.len(),
        })
    }
}

/// Refuses a vector that cannot be searched for.
fn check(spec: &VectorSpec, query: &[f32]) -> Result<()> {
    let refuse = |message: String| Error::Invalid(Invalid::field(spec.field, message));
    if query.len() != spec.dimensions {
        let (found, wanted) = (query.len(), spec.dimensions);
        return Err(refuse(format!("searched for {found} components, where there are {wanted}")));
    }
    rule::check(spec.metric, query).map_err(refuse)
}

/// Tells searches apart: only those in one order of distances have the same.
fn mark<E: Entity>(ask: &Ask) -> u64 {
    let index = Near::<E>::index(ask.index);
    let parts = [E::SCHEMA.store, index.name].join(" ").into_bytes();
    let query = ask.query.iter().flat_map(|component| component.to_le_bytes());
    fingerprint(&parts.into_iter().chain(query).chain(ask.partition.clone()).collect::<Vec<_>>())
}

impl<E: Entity> fmt::Debug for Near<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let k = self.ask.as_ref().ok().map(|ask| ask.k);
        f.debug_struct("Near")
            .field("store", &E::SCHEMA.store)
            .field("k", &k)
            .finish_non_exhaustive()
    }
}
