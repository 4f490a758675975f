//! All blobs of a store.

use std::{fmt, ops::Deref};

use super::{Blob, BlobOptions, BlobView, header::Header, key::BlobKey};
use crate::{
    error::{Error, Result},
    transaction::{Cursor, Store, StoreView},
};

/// Reading of a store of blobs: in a snapshot, or in a transaction together with its own writes.
///
/// A small handle to copy about. Names of blobs are any bytes up to
/// [`BLOB_NAME_LEN_MAX`](crate::limit::BLOB_NAME_LEN_MAX), ordered as bytes; no bytes are a name.
#[derive(Clone, Copy, Debug)]
pub struct BlobStoreView<'t> {
    store: StoreView<'t>,
}

impl<'t> BlobStoreView<'t> {
    pub(crate) fn new(store: StoreView<'t>) -> Self {
        Self { store }
    }

    /// The blob of a name, if there is one.
    pub fn find(&self, name: impl AsRef<[u8]>) -> Result<Option<BlobView<'t>>> {
        BlobView::find(self.store, BlobKey::new(name.as_ref())?)
    }

    /// Whether there is a blob of this name.
    pub fn contains(&self, name: impl AsRef<[u8]>) -> Result<bool> {
        self.store.contains(BlobKey::new(name.as_ref())?.header())
    }

    /// The name of the blob that a key of such a store belongs to, as a
    /// [`Conflict`](crate::Conflict) names it; none if it is no blob's.
    ///
    /// ```
    /// # use sop_core::{BlobOptions, BlobStoreView, Database, Error};
    /// # let db = Database::builder().in_memory()?;
    /// # let tx = db.begin()?;
    /// tx.open_blobs("films", &BlobOptions::default())?.create("one")?.append(b"content")?;
    /// let films = tx.store("films")?;
    /// let mut entries = films.range_cursor::<&[u8]>(..)?;
    /// assert!(entries.first()?);
    /// assert_eq!(entries.key().and_then(BlobStoreView::name_of), Some(b"one".to_vec()));
    /// # Ok::<_, Error>(())
    /// ```
    pub fn name_of(key: &[u8]) -> Option<Vec<u8>> {
        BlobKey::of(key)?.name()
    }

    /// The names of all blobs, in their order. Costs a search for each.
    pub fn names(&self) -> Result<BlobNames<'t>> {
        let keys = self.store.keys::<Vec<u8>>(..)?;
        Ok(BlobNames { store: self.store, keys, from: Some(Vec::new()) })
    }
}

/// The names of the blobs of a store; see [`BlobStoreView::names`].
pub struct BlobNames<'t> {
    store: StoreView<'t>,
    keys: Cursor<'t>,
    /// Where to look for the next one; nothing after the last one.
    from: Option<Vec<u8>>,
}

impl fmt::Debug for BlobNames<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobNames").field("store", &self.store.id()).finish_non_exhaustive()
    }
}

impl BlobNames<'_> {
    fn advance(&mut self) -> Result<Option<Vec<u8>>> {
        let Some(from) = self.from.take() else { return Ok(None) };
        if !self.keys.seek(&from)? {
            return Ok(None);
        }
        let key = self.keys.key().and_then(BlobKey::of);
        let named = key.and_then(|key| Some((key.behind(), key.name()?)));
        let (behind, name) = named.ok_or_else(|| {
            let reason = "a key that is no blob's".to_owned();
            Error::Corrupt {
                path: format!("store {}", self.store.name()).into(),
                offset: 0,
                reason,
            }
        })?;
        self.from = Some(behind);
        Ok(Some(name))
    }
}

impl Iterator for BlobNames<'_> {
    type Item = Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}

/// A store of blobs in a transaction: content of any length under names.
///
/// Derefs to [`BlobStoreView`] for reading, which sees the writes made so far. It is a store like any
/// other; what is written to it by other means may not be readable as blobs any more.
///
/// ```
/// # use sop_core::{BlobOptions, Database, Error};
/// # let db = Database::builder().in_memory()?;
/// let tx = db.begin()?;
/// let films = tx.open_blobs("films", &BlobOptions::default())?;
/// let film = films.create("casablanca")?;
/// film.append(b"Of all the gin joints")?;
/// film.set_metadata(b"1942")?;
/// tx.commit()?;
///
/// let now = db.snapshot()?;
/// let film = now.blobs("films")?.find("casablanca")?.expect("it is there");
/// assert_eq!((film.len()?, film.metadata()?), (21, b"1942".to_vec()));
/// # Ok::<_, Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct BlobStore<'t> {
    view: BlobStoreView<'t>,
    store: Store<'t>,
    options: BlobOptions,
}

impl<'t> Deref for BlobStore<'t> {
    type Target = BlobStoreView<'t>;

    fn deref(&self) -> &BlobStoreView<'t> {
        &self.view
    }
}

impl<'t> BlobStore<'t> {
    /// A store in whose transaction values may be placed.
    pub(crate) fn new(store: Store<'t>, options: BlobOptions) -> Self {
        Self { view: BlobStoreView::new(*store), store, options }
    }

    /// Creates a blob without content; [`Error::KeyExists`] if there is one of this name.
    pub fn create(&self, name: impl AsRef<[u8]>) -> Result<Blob<'t>> {
        let (name, options) = (name.as_ref(), self.options);
        let key = BlobKey::new(name)?;
        if !self.store.add_if_absent(key.header(), Header::new(options.chunk_len)?.encode())? {
            return Err(Error::KeyExists { store: self.store.name(), key: name.to_vec() });
        }
        self.open(name)
    }

    /// Opens a blob; [`Error::KeyNotFound`] if there is none of this name.
    pub fn open(&self, name: impl AsRef<[u8]>) -> Result<Blob<'t>> {
        let name = name.as_ref();
        let missing = || Error::KeyNotFound { store: self.store.name(), key: name.to_vec() };
        let view = self.find(name)?.ok_or_else(missing)?;
        Ok(Blob::new(view, self.store, self.options))
    }

    /// Deletes a blob; whether there was one. Costs a write for each of its chunks.
    ///
    /// If there was none, another transaction that creates one conflicts, under any isolation.
    pub fn delete(&self, name: impl AsRef<[u8]>) -> Result<bool> {
        let name = name.as_ref();
        match self.find(name)? {
            Some(view) => Blob::new(view, self.store, self.options).delete().map(|()| true),
            None => self.store.require_unchanged(BlobKey::new(name)?.only_header()).map(|()| false),
        }
    }

    /// Creates a blob with the content and the metadata of another one, which is read and written;
    /// [`Error::KeyNotFound`] if there is none of the first name, [`Error::KeyExists`] if there is one
    /// of the second.
    pub fn copy(&self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> Result<Blob<'t>> {
        let from = self.open(from)?;
        let to = self.create(to)?;
        let metadata = from.metadata()?;
        if !metadata.is_empty() {
            to.set_metadata(&metadata)?;
        }
        let (mut reader, mut writer) = (from.reader(), to.writer(0)?);
        let mut part = vec![0; to.chunk_len()];
        loop {
            match reader.read_some(&mut part)? {
                0 => break,
                len => writer.put(&part[..len])?,
            }
        }
        writer.finish()?;
        Ok(to)
    }
}
