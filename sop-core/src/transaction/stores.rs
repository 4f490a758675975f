//! Opening, creating, renaming, dropping and listing stores.

use super::{
    StoreOptions, StoreView,
    catalog::{self, CatalogEntry, check_name},
    draft::{CatalogChange, Draft},
    store::Store,
    view::View,
};
use crate::{
    error::{Error, Result},
    id::StoreId,
    limit::NODE_SIZE_DEFAULT,
    tree::Tree,
};

/// A store in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreInfo {
    /// Its number, the same under whatever name.
    pub id: StoreId,
    /// Its name.
    pub name: String,
    /// The options it was created with.
    pub options: StoreOptions,
    /// Number of entries in the snapshot. What the transaction itself wrote is not counted, and the
    /// number does not count as read; [`StoreView::len`](crate::StoreView::len) does both.
    pub len: u64,
}

impl View {
    /// The store of this name, if there is one, as the transaction sees it. Counts as read.
    fn look_up(&self, name: &str) -> Result<Option<CatalogEntry>> {
        let found = self.look_up_to_create(name)?;
        if found.is_none() {
            self.drafted(|draft| draft.read_name(name, None));
        }
        Ok(found)
    }

    /// The same for somebody who creates the store if there is none: whether the name is still
    /// free is decided at commit, so that it was free does not count as read.
    fn look_up_to_create(&self, name: &str) -> Result<Option<CatalogEntry>> {
        if let Some(Some(own)) = self.drafted(|draft| draft.named(name)) {
            return Ok(own);
        }
        let found = catalog::look_up(&**self.version(), name)?;
        if let Some(entry) = &found {
            self.drafted(|draft| draft.read_name(name, Some(entry.store)));
        }
        Ok(found)
    }

    fn existing(&self, name: &str) -> Result<CatalogEntry> {
        let missing = || Error::StoreNotFound { name: name.to_owned() };
        self.look_up(name)?.ok_or_else(missing)
    }

    pub(crate) fn store(&self, name: &str) -> Result<StoreView<'_>> {
        let entry = self.existing(name)?;
        Ok(self.opened(&entry))
    }

    pub(crate) fn store_by_id(&self, store: StoreId) -> Result<StoreView<'_>> {
        let missing = || Error::StoreNotFound { name: format!("number {store}") };
        if store.is_own() {
            return Err(missing());
        }
        let changes = |draft: &mut Draft| (draft.dropped(store), draft.created_options(store));
        let (dropped, created) = self.drafted(changes).unwrap_or_default();
        match (self.tree(store), created) {
            (Some(tree), _) if !dropped => Ok(StoreView::new(self, store, tree)),
            (None, Some(options)) if !dropped => {
                Ok(StoreView::new(self, store, Tree::empty(options.node_size)))
            }
            _ => Err(missing()),
        }
    }

    /// A store of the database's own.
    pub(crate) fn own_store(&self, store: StoreId) -> StoreView<'_> {
        debug_assert!(store.is_own(), "users' stores have names");
        let tree = self.tree(store).unwrap_or_else(|| Tree::empty(NODE_SIZE_DEFAULT));
        StoreView::new(self, store, tree)
    }

    pub(crate) fn open_store(&self, name: &str, options: &StoreOptions) -> Result<Store<'_>> {
        check_name(name)?;
        options.check()?;
        match self.look_up_to_create(name)? {
            Some(entry) if entry.options == *options => Ok(Store::new(self.opened(&entry))),
            Some(entry) => Err(Error::StoreOptions {
                name: name.to_owned(),
                stored: entry.options.to_string(),
                given: options.to_string(),
            }),
            None => self.create(name, options, false),
        }
    }

    pub(crate) fn create_store(&self, name: &str, options: &StoreOptions) -> Result<Store<'_>> {
        check_name(name)?;
        options.check()?;
        match self.look_up_to_create(name)? {
            Some(_) => Err(Error::StoreExists { name: name.to_owned() }),
            None => self.create(name, options, true),
        }
    }

    fn create(&self, name: &str, options: &StoreOptions, exclusive: bool) -> Result<Store<'_>> {
        let create = |draft: &mut Draft| {
            let store = draft.provisional_id();
            let (name, options) = (name.to_owned(), options.clone());
            draft.change_names(CatalogChange::Create { name, options, store, exclusive });
            store
        };
        let store = self.drafted(create).ok_or(Error::ReadOnly)?;
        Ok(Store::new(StoreView::new(self, store, Tree::empty(options.node_size))))
    }

    pub(crate) fn rename_store(&self, from: &str, to: &str) -> Result<()> {
        check_name(to)?;
        let CatalogEntry { store, options } = self.existing(from)?;
        if from == to {
            return Ok(());
        }
        if self.look_up(to)?.is_some() {
            return Err(Error::StoreExists { name: to.to_owned() });
        }
        let (from, to) = (from.to_owned(), to.to_owned());
        self.drafted(|draft| draft.change_names(CatalogChange::Rename { from, to, store, options }))
            .ok_or(Error::ReadOnly)
    }

    pub(crate) fn drop_store(&self, name: &str) -> Result<()> {
        let store = self.existing(name)?.store;
        let name = name.to_owned();
        self.drafted(|draft| {
            draft.forget_writes(store);
            draft.change_names(CatalogChange::Drop { name, store });
        })
        .ok_or(Error::ReadOnly)
    }

    pub(crate) fn stores(&self) -> Result<Vec<StoreInfo>> {
        let mut stores = catalog::list(&**self.version())?;
        self.drafted(|draft| {
            draft.read_range(StoreId::CATALOG, catalog::EVERYTHING);
            draft.replay_names(&mut stores);
        });
        stores.sort_by(|(a, _), (b, _)| a.cmp(b));
        let info = |(name, entry): (String, CatalogEntry)| {
            let len = self.tree(entry.store).map_or(0, |tree| tree.entries);
            StoreInfo { id: entry.store, name, options: entry.options, len }
        };
        Ok(stores.into_iter().map(info).collect())
    }

    fn opened(&self, entry: &CatalogEntry) -> StoreView<'_> {
        let empty = Tree::empty(entry.options.node_size);
        StoreView::new(self, entry.store, self.tree(entry.store).unwrap_or(empty))
    }

    /// The name of a store, for messages.
    pub(super) fn name_of(&self, store: StoreId) -> String {
        let own = self.drafted(|draft| draft.name_of(store)).flatten();
        own.or_else(|| catalog::name_of(&**self.version(), store))
            .unwrap_or_else(|| format!("number {store}"))
    }
}

impl Draft {
    /// What the transaction itself made of a name: nothing, or what it names now, if anything.
    #[expect(clippy::option_option, reason = "two different nothings: untouched, and gone")]
    fn named(&self, name: &str) -> Option<Option<CatalogEntry>> {
        let mut named = None;
        for change in &self.catalog {
            match change {
                CatalogChange::Create { name: at, options, store, .. }
                | CatalogChange::Rename { to: at, options, store, .. }
                    if at == name =>
                {
                    named = Some(Some(CatalogEntry { store: *store, options: options.clone() }));
                }
                CatalogChange::Rename { from: at, .. } | CatalogChange::Drop { name: at, .. }
                    if at == name =>
                {
                    named = Some(None);
                }
                _ => {}
            }
        }
        named
    }

    /// Notes what a name named in the snapshot, unless the transaction itself changed it.
    fn read_name(&mut self, name: &str, store: Option<StoreId>) {
        if self.named(name).is_none() {
            self.names.insert(name.to_owned(), store);
        }
    }

    /// Makes the same changes to a list of names.
    fn replay_names(&self, stores: &mut Vec<(String, CatalogEntry)>) {
        for change in &self.catalog {
            match change {
                CatalogChange::Create { name, options, store, .. } => {
                    let entry = CatalogEntry { store: *store, options: options.clone() };
                    stores.push((name.clone(), entry));
                }
                CatalogChange::Rename { from, to, .. } => {
                    for (name, _) in stores.iter_mut().filter(|(name, _)| name == from) {
                        name.clone_from(to);
                    }
                }
                CatalogChange::Drop { name, .. } => stores.retain(|(at, _)| at != name),
            }
        }
    }

    pub(super) fn created(&self, store: StoreId) -> bool {
        self.created_options(store).is_some()
    }

    fn created_options(&self, store: StoreId) -> Option<StoreOptions> {
        self.catalog.iter().find_map(|change| match change {
            CatalogChange::Create { options, store: at, .. } if *at == store => {
                Some(options.clone())
            }
            _ => None,
        })
    }

    pub(super) fn dropped(&self, store: StoreId) -> bool {
        let is_drop = |change: &CatalogChange| matches!(change, CatalogChange::Drop { store: at, .. } if *at == store);
        self.catalog.iter().any(is_drop)
    }

    fn name_of(&self, store: StoreId) -> Option<String> {
        self.catalog.iter().rev().find_map(|change| match change {
            CatalogChange::Create { name, store: at, .. }
            | CatalogChange::Rename { to: name, store: at, .. }
                if *at == store =>
            {
                Some(name.clone())
            }
            _ => None,
        })
    }
}
