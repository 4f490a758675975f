//! Describing a database before it is opened.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use sop_core::{Builder, Database, Options};

use super::{
    Db, IndexBuilding, cluster,
    indexer::Indexer,
    registry::{Registration, Registry},
};
use crate::{
    entity::Entity, error::Result, relation, schema::open, vector::cells::settle::CELLS_FROM,
};

/// The stored types and the options of a database that is about to be opened.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// use sop_orm::Options;
///
/// let builder = Db::builder()
///     .store::<User>()
///     .store::<Order>()
///     .options(Options::default().checkpoint_dirty_bytes(8 << 20));
/// let db = builder.ephemeral().await?;
/// # Ok(())
/// # });
/// ```
#[derive(Debug)]
#[must_use = "a database is opened by `open` or `ephemeral`"]
pub struct DbBuilder {
    types: Vec<Registration>,
    options: Options,
    cluster: Option<cluster::Asked>,
    mirroring: Mirroring,
    fill_at_once: u64,
    index_building: IndexBuilding,
    cells_from: u64,
}

/// What is to be done about a second folder.
#[derive(Debug)]
enum Mirroring {
    None,
    With(PathBuf),
    Without,
}

impl Default for DbBuilder {
    fn default() -> Self {
        Self {
            types: Vec::new(),
            options: Options::default(),
            cluster: None,
            mirroring: Mirroring::None,
            fill_at_once: 10_000,
            cells_from: CELLS_FROM,
            index_building: IndexBuilding::default(),
        }
    }
}

impl DbBuilder {
    /// Adds a stored type. Twice is the same as once. Sessions refuse a type that was not added, with
    /// [`Error::NotRegistered`](crate::Error::NotRegistered).
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let db = Db::builder().store::<User>().ephemeral().await?;
    /// let forgotten = db.session().of::<Order>().get(1).await;
    /// assert!(matches!(forgotten, Err(Error::NotRegistered { .. })));
    /// # Ok(())
    /// # });
    /// ```
    pub fn store<E: Entity>(mut self) -> Self {
        let registration = Registration::of::<E>();
        if !self.types.iter().any(|known| known.type_id == registration.type_id) {
            self.types.push(registration);
        }
        self
    }

    /// Opens the folder together with any number of other processes, on any number of machines that
    /// share its file system. All of them open it so, from the first one on. Nothing else changes.
    ///
    /// The files alone decide what is committed. A Redis server makes it faster: its address, such as
    /// `redis://user:password@host:6379`, is that of `docs/redis.md`. Nothing is lost or wrong if the
    /// server fails, and with `None` there is none. A wrong address, or one without the feature
    /// `redis`, makes opening fail.
    ///
    /// `docs/cluster.md` says what file systems will do, and what it costs.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |_, _| {
    /// # let folder = tempfile::tempdir().unwrap();
    /// let open = async || Db::builder().store::<Order>().cluster(None).open(&folder).await;
    /// let (one, other) = (open().await?, open().await?); // in one process here
    /// one.run(async |s| s.of::<Order>().insert(NewOrder { total: 10 }).await).await?;
    /// assert_eq!(other.session().of::<Order>().by_key().count().await?, 1);
    /// # Ok(())
    /// # });
    /// ```
    pub fn cluster<'a>(mut self, redis: impl Into<Option<&'a str>>) -> Self {
        self.cluster = Some(cluster::Asked::new(redis.into()));
        self
    }

    /// Keeps a complete second copy of the database in another folder, best on another disk. Every
    /// commit is durable in both before it is acknowledged, and either is enough to go on.
    ///
    /// A folder that is lost or damaged, while the database is open or closed, is told of by an error
    /// in the log of the program and by [`Db::mirror`], and by nothing else. From then on the database
    /// is always opened with both folders, one of which may be gone. What is there is never taken for a
    /// mirror that it is not: then opening fails with the engine's
    /// [`Error::Mirror`](sop_core::Error::Mirror).
    ///
    /// Not together with [`cluster`](Self::cluster). Files are read into a cache instead of mapped, as
    /// the engine's [`Builder::mirror`](sop_core::Builder::mirror) says.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |_, _| {
    /// # let folder = folder();
    /// # let [path, mirror] = ["shop", "mirror"].map(|name| folder.path().join(name));
    /// let open = || Db::builder().store::<Order>().mirror(&mirror).open(&path);
    /// let db = open().await?;
    /// db.run(async |s| s.of::<Order>().insert(NewOrder { total: 40 }).await).await?;
    /// db.close().await?;
    ///
    /// // A disk fails.
    /// std::fs::remove_dir_all(&path).unwrap();
    /// let db = open().await?;
    /// assert_eq!(db.session().of::<Order>().require(1).await?.total, 40);
    /// # Ok(())
    /// # });
    /// ```
    pub fn mirror(mut self, path: impl AsRef<Path>) -> Self {
        self.mirroring = Mirroring::With(path.as_ref().to_owned());
        self
    }

    /// Opens one of two mirrored folders without the other, which falls behind from then on and is
    /// rebuilt when the database is opened with both again.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |_, _| {
    /// # let folder = folder();
    /// # let [path, mirror] = ["shop", "mirror"].map(|name| folder.path().join(name));
    /// # drop(Db::builder().store::<Order>().mirror(&mirror).open(&path).await?);
    /// let refused = Db::builder().store::<Order>().open(&mirror).await;
    /// assert!(refused.is_err(), "it is one of two");
    /// let db = Db::builder().store::<Order>().without_mirror().open(&mirror).await?;
    /// # Ok(())
    /// # });
    /// ```
    pub fn without_mirror(mut self) -> Self {
        self.mirroring = Mirroring::Without;
        self
    }

    /// Options of the engine, such as how much is kept in memory between checkpoints.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// use sop_orm::Options;
    ///
    /// let options = Options::default().checkpoint_log_bytes(16 << 20);
    /// let db = Db::builder().store::<Order>().options(options).ephemeral().await?;
    /// # Ok(())
    /// # });
    /// ```
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// From how many vectors on a partition gets cells, by which searches read a part of it only;
    /// 131,072 unless this says otherwise. Cells are made in the background, or by
    /// [`Db::build_indexes`], and a partition that has them keeps them.
    ///
    /// With the recall that searches have unless they say otherwise, 0.99, fewer make them no faster
    /// on usual machines. If they ask for 0.95, cells pay from some 30,000 on, and for 0.9 from 15,000.
    ///
    /// ```
    /// # use {sop_examples::album::*, sop_orm::prelude::*};
    /// # example(async |_, _| {
    /// // Searches read everything, however large partitions become.
    /// let db = Db::builder().store::<Photo>().cells_from(u64::MAX).ephemeral().await?;
    /// # Ok(())
    /// # });
    /// ```
    pub fn cells_from(mut self, vectors: u64) -> Self {
        self.cells_from = vectors.max(2);
        self
    }

    /// Up to how many records a new index is filled with before the opening ends; 10,000 unless
    /// this says otherwise. Indexes of larger stores are filled in the background, and 0 leaves
    /// all of them to it.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// // However many orders there are, the opening waits for their new indexes.
    /// let builder = Db::builder().store::<Order>().fill_at_once(u64::MAX);
    /// # let db = earlier(&[10, 20, 30], builder).await?;
    /// assert_eq!(db.session().of::<Order>().by_total().count().await?, 3);
    /// # Ok(())
    /// # });
    /// ```
    pub fn fill_at_once(mut self, records: u64) -> Self {
        self.fill_at_once = records;
        self
    }

    /// Who fills new indexes. With [`IndexBuilding::ByHand`] the opening fills none, and no thread
    /// is started.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// use sop_orm::IndexBuilding;
    ///
    /// let builder = Db::builder().store::<Order>().index_building(IndexBuilding::ByHand);
    /// # let db = earlier(&[10, 20, 30], builder).await?;
    /// while db.build_indexes(1_000)? {}
    /// # Ok(())
    /// # });
    /// ```
    pub fn index_building(mut self, building: IndexBuilding) -> Self {
        self.index_building = building;
        self
    }

    /// Opens the database in a folder, and creates it if it is missing.
    ///
    /// Replays what the last process left in the log, and brings the stored types up to date:
    /// changes of fields are noted, removed indexes dropped, new and changed ones filled from the
    /// records that exist. With many records that goes on in the background, and until it is done
    /// queries on the index fail with [`Error::IndexBuilding`](crate::Error::IndexBuilding):
    /// [`Db::indexes_ready`] waits for it, [`Db::index_progress`] tells how far it is.
    ///
    /// Fails with [`Error::Schema`](crate::Error::Schema) if stored records cannot be read as the
    /// type given for them, and with [`Error::Busy`](crate::Error::Busy) if another handle or
    /// process has the folder open. That records are not unique in a new unique index is no reason
    /// to fail: the index stays unfinished and says why.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// # let folder = folder();
    /// let db = Db::builder().store::<Order>().open(folder.path()).await?;
    /// let second = Db::builder().store::<Order>().open(folder.path()).await;
    /// assert!(matches!(second, Err(Error::Busy(_))));
    /// # Ok(())
    /// # });
    /// ```
    pub async fn open(self, path: impl AsRef<Path>) -> Result<Db> {
        let engine = self.engine()?.open(path)?;
        self.assemble(engine).await
    }

    /// Makes a database in memory, without files. It is gone when the last clone is dropped.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let db = Db::builder().store::<Order>().ephemeral().await?;
    /// assert!(db.recovery().created);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn ephemeral(self) -> Result<Db> {
        let engine = self.engine()?.in_memory()?;
        self.assemble(engine).await
    }

    /// Puts the stored types on a database of the engine that is open already, for what its own
    /// builder can do: another disk, another clock.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let engine = sop_core::Database::builder().in_memory()?;
    /// let db = Db::builder().store::<Order>().attach(engine).await?;
    /// db.run(async |s| s.of::<Order>().insert(NewOrder { total: 40 }).await).await?;
    /// # Ok(())
    /// # });
    /// ```
    pub async fn attach(self, engine: Database) -> Result<Db> {
        self.assemble(engine).await
    }

    /// The engine's builder, for whoever adds something to it before [`attach`](Self::attach).
    pub(crate) fn engine(&self) -> Result<Builder> {
        let builder = Database::builder().options(self.options.clone());
        let builder = match &self.mirroring {
            Mirroring::None => builder,
            Mirroring::With(path) => builder.mirror(path),
            Mirroring::Without => builder.without_mirror(),
        };
        self.cluster
            .as_ref()
            .map_or(Ok(builder.clone()), |asked| asked.configure(builder, &self.options))
    }

    async fn assemble(self, engine: Database) -> Result<Db> {
        relation::refuse_unregistered(&self.types)?;
        let stores = open::open(&engine, &self.types).await?;
        let relations = open::relations(&engine, &self.types)?;
        let registry = Arc::new(Registry::new(&self.types, stores, relations));
        let indexer = Indexer::new(
            engine.clone(),
            Arc::clone(&registry),
            (self.index_building, self.cells_from),
        );
        if self.index_building == IndexBuilding::Background && is_writable(&engine)? {
            indexer.fill_small(self.fill_at_once);
            indexer.start()?;
        }
        Ok(Db::new(engine, registry, indexer))
    }
}

fn is_writable(engine: &Database) -> Result<bool> {
    match engine.begin() {
        Ok(_) => Ok(true),
        Err(sop_core::Error::ReadOnly) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
