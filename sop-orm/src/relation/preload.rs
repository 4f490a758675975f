//! The other ends of many records at once.
//!
//! Asking for the parent of each child in turn, or for the children of each parent, costs a query
//! per record. Here all keys are known before the first search: they are sorted, each is looked
//! for once, and what was found is handed out by record.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    marker::PhantomData,
    sync::Arc,
    vec,
};

use super::{ChildIndex, reference};
use crate::{
    db::registry::{OpenStore, Registry},
    entity::{Entity, Record},
    error::{CodecError, Result},
    index::Index,
    key::{self, KeyArg},
    many,
    query::{QueryStats, Span},
    session::Work,
    store::{StoreHandle, invalid},
};

/// Entries looked at before other tasks have their turn.
const BATCH_LEN: usize = 1024;

/// The parents of some records. See [`StoreHandle::preload_parents`].
///
/// ```
/// # use {sop_examples::blog::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// let all = s.of::<Article>().by_key().all().await?;
/// let authors = s.of::<Article>().preload_parents(article::ByAuthor, &all).await?;
/// assert_eq!(authors.of(&all[0]).map(|user| user.name.as_str()), Some("Ann"));
/// assert_eq!(authors.all_of(&all[0]).count(), 1);
/// assert!(authors.get("Ann").is_some());
/// assert!(authors.get("Bob").is_none(), "no article is his");
/// assert_eq!(authors.iter().count(), 1);
/// assert_eq!(authors.stats().rows_read, 1);
/// # Ok(())
/// # });
/// ```
pub struct Parents<I, P> {
    by_key: BTreeMap<Vec<u8>, Arc<P>>,
    stats: QueryStats,
    index: PhantomData<fn() -> I>,
}

/// The children of some records. See [`StoreHandle::preload_children`].
///
/// ```
/// # use {sop_examples::blog::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// let users = s.of::<User>().by_key().all().await?;
/// let articles = s.of::<User>().preload_children(article::ByAuthor, &users).await?;
/// let titles: Vec<&str> = articles.get("Ann").iter().map(|one| one.title.as_str()).collect();
/// assert_eq!(titles, ["Trees", "Logs"]);
/// assert!(articles.get("Bob").is_empty());
/// assert_eq!(articles.iter().count(), 2);
/// assert_eq!(articles.stats().rows_read, 2);
/// # Ok(())
/// # });
/// ```
pub struct Children<P, C> {
    by_parent: BTreeMap<Vec<u8>, Vec<Arc<C>>>,
    stats: QueryStats,
    parent: PhantomData<fn() -> P>,
}

impl<C: Entity> StoreHandle<'_, C> {
    /// The records that these records refer to, found together: each once, in the order of their
    /// store, however many refer to it. They are the instances that the session has already, where
    /// it has them.
    ///
    /// The index names the relation, it is not read. Parents that are
    /// [deleted](crate::SoftDelete) are not among them, and children that are have none.
    ///
    /// ```
    /// # use {sop_examples::blog::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let newest = s.of::<Article>().by_key().desc().limit(20).all().await?;
    /// let authors = s.of::<Article>().preload_parents(article::ByAuthor, &newest).await?;
    /// for article in &newest {
    ///     let author = authors.of(article).expect("no author is deleted");
    ///     assert_eq!(author.name, "Ann");
    /// }
    /// assert_eq!(authors.stats().rows_read, 1);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn preload_parents<P: Entity, I: ChildIndex<P, Entity = C>, R: AsRef<C>>(
        self,
        index: I,
        children: impl IntoIterator<Item = R>,
    ) -> Result<Parents<I, P>> {
        let _ = index;
        let mut keys = BTreeSet::new();
        for child in children {
            keys.extend(parents_of::<I>(child.as_ref()).map_err(|error| invalid(&error))?);
        }
        let keys: Vec<Vec<u8>> = keys.into_iter().collect();
        let handle = StoreHandle::<P>::new(self.session());
        let found = many::get(handle, keys.clone()).await?;
        let rows_read = keys.len() as u64;
        let by_key: BTreeMap<_, _> =
            keys.into_iter().zip(found).filter_map(|(key, found)| Some((key, found?))).collect();
        let stats =
            QueryStats { rows_read, returned: by_key.len() as u64, ..QueryStats::default() };
        report::<C>("parents", stats);
        Ok(Parents { by_key, stats, index: PhantomData })
    }
}

impl<P: Entity> StoreHandle<'_, P> {
    /// The records that refer to these records, found together: in one pass through the index, in
    /// the order of the parents' keys, and one through the children's store.
    ///
    /// ```
    /// # use {sop_examples::blog::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let users = s.of::<User>().by_key().limit(20).all().await?;
    /// let articles = s.of::<User>().preload_children(article::ByAuthor, &users).await?;
    /// let written: Vec<usize> = users.iter().map(|user| articles.of(user).len()).collect();
    /// assert_eq!(written, [2, 0]);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// All of them are in memory then; where a parent may have very many, take
    /// [`children`](Self::children) and its pages. Fails like a query on the index.
    pub async fn preload_children<I: ChildIndex<P>, R: AsRef<P>>(
        self,
        index: I,
        parents: impl IntoIterator<Item = R>,
    ) -> Result<Children<P, I::Entity>> {
        let _ = index;
        let keys = parents.into_iter().map(|parent| Record::key_bytes(parent.as_ref()));
        let keys: Result<BTreeSet<_>, _> = keys.collect();
        let mut pass = Pass::new(I::POSITION, I::OPTIONAL, keys.map_err(|error| invalid(&error))?);
        let handle = StoreHandle::<I::Entity>::new(self.session());
        let store = handle.opened()?;
        while self.session().run(|work, registry| pass.go(work, registry, store))? {
            many::rest().await;
        }
        let (parents, keys): (Vec<_>, Vec<_>) = pass.found.into_iter().unzip();
        let entries_scanned = keys.len() as u64;
        let rows_read = keys.iter().collect::<BTreeSet<_>>().len() as u64;
        let mut by_parent: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut returned = 0;
        for (parent, child) in parents.into_iter().zip(many::get(handle, keys).await?) {
            if let Some(child) = child {
                returned += 1;
                by_parent.entry(parent).or_default().push(child);
            }
        }
        let stats = QueryStats { entries_scanned, rows_read, returned };
        report::<I::Entity>("children", stats);
        Ok(Children { by_parent, stats, parent: PhantomData })
    }
}

/// Keys of the parents of a record.
fn parents_of<I: Index>(child: &I::Entity) -> Result<BTreeSet<Vec<u8>>, CodecError> {
    let schema = <I::Entity as Entity>::SCHEMA;
    let mut relations = schema.relations.iter();
    let led = |index: Option<usize>| match index.and_then(|at| schema.indexes.get(at)) {
        Some(index) => index.columns.first().map(|column| column.field),
        None => schema.key.first().map(|column| column.field),
    };
    let field = led(I::POSITION);
    match relations.find(|relation| Some(relation.field) == field) {
        Some(relation) => relation.parents_of(schema, child),
        None => Ok(BTreeSet::new()),
    }
}

fn report<C: Entity>(what: &'static str, stats: QueryStats) {
    let QueryStats { entries_scanned, rows_read, returned } = stats;
    let store = C::SCHEMA.store;
    tracing::debug!(store, what, entries_scanned, rows_read, returned, "preload");
}

/// One pass through an index, in the order of the parents.
struct Pass {
    index: Option<usize>,
    optional: bool,
    parents: vec::IntoIter<Vec<u8>>,
    /// The parent whose entries are being read, and what is left of them.
    current: Option<(Vec<u8>, Span)>,
    /// Keys of parents and children.
    found: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Pass {
    fn new(index: Option<usize>, optional: bool, parents: BTreeSet<Vec<u8>>) -> Self {
        let parents: Vec<_> = parents.into_iter().collect();
        Self { index, optional, parents: parents.into_iter(), current: None, found: Vec::new() }
    }

    /// Reads some entries. Returns whether there may be more.
    fn go(&mut self, work: &mut Work, registry: &Registry, store: &OpenStore) -> Result<bool> {
        work.flush(registry)?;
        let entries = store.entries_of(self.index, work.position())?;
        let view = work.view(entries)?;
        let mut budget = BATCH_LEN;
        while budget > 0 {
            budget -= 1;
            let (parent, mut span) = match self.current.take() {
                Some(current) => current,
                None => match self.parents.next() {
                    Some(parent) => {
                        let span = Span::prefix(reference(self.optional, &parent));
                        (parent, span)
                    }
                    None => return Ok(false),
                },
            };
            let mut last = None;
            for entry in view.range::<&[u8]>(span.bounds())?.take(budget) {
                let (key, value) = entry?;
                let child = store.primary_key(self.index, &key, &value)?.to_vec();
                self.found.push((parent.clone(), child));
                last = Some(key);
                budget -= 1;
            }
            if let (0, Some(last)) = (budget, last) {
                span.cut_at(last, false);
                self.current = Some((parent, span));
            }
        }
        Ok(true)
    }
}

impl<I: Index, P: Entity> Parents<I, P> {
    /// The parent of a record, if it refers to one; of one that refers to several, that with the
    /// least key.
    pub fn of(&self, child: &I::Entity) -> Option<&Arc<P>> {
        self.all_of(child).next()
    }

    /// All parents of a record, in the order of their keys.
    pub fn all_of(&self, child: &I::Entity) -> impl Iterator<Item = &Arc<P>> {
        let keys = parents_of::<I>(child).unwrap_or_default();
        keys.into_iter().filter_map(|key| self.by_key.get(&key))
    }

    /// The parent with this key.
    #[expect(clippy::needless_pass_by_value, reason = "callers give away what they ask for")]
    pub fn get(&self, key: impl KeyArg<P::Key>) -> Option<&Arc<P>> {
        self.by_key.get(&key::encode(&key).ok()?)
    }

    /// All of them, each once, in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<P>> {
        self.by_key.values()
    }

    /// What finding them has cost.
    pub fn stats(&self) -> QueryStats {
        self.stats
    }
}

impl<P: Entity, C: Entity> Children<P, C> {
    /// The children of a record, in the order of the index.
    pub fn of(&self, parent: &P) -> &[Arc<C>] {
        let key = Record::key_bytes(parent).unwrap_or_default();
        self.by_parent.get(&key).map_or(&[], Vec::as_slice)
    }

    /// The children of the record with this key, in the order of the index.
    #[expect(clippy::needless_pass_by_value, reason = "callers give away what they ask for")]
    pub fn get(&self, key: impl KeyArg<P::Key>) -> &[Arc<C>] {
        let key = key::encode(&key).unwrap_or_default();
        self.by_parent.get(&key).map_or(&[], Vec::as_slice)
    }

    /// All of them, parent by parent.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<C>> {
        self.by_parent.values().flatten()
    }

    /// What finding them has cost.
    pub fn stats(&self) -> QueryStats {
        self.stats
    }
}

impl<I, P> fmt::Debug for Parents<I, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parents").field("len", &self.by_key.len()).finish_non_exhaustive()
    }
}

impl<P, C> fmt::Debug for Children<P, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Children").field("parents", &self.by_parent.len()).finish_non_exhaustive()
    }
}
