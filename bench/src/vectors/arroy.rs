//! arroy: trees in LMDB, through heed; a forest for all rows, or one for each partition. The rows
//! lie in a table beside them, and one writer at a time changes both.

use super::{DIMENSIONS, Item, K, Layout, NOT_MEASURED, Row, Scope, Vectors};
use crate::{
    Result,
    engines::{Settings, version},
};
use arroy::{Reader, Writer, distances::Cosine};
use heed::{
    AnyTls, CommitOrAbort, Database, Env, EnvOpenOptions, RoTxn, RwTxn,
    byteorder::BigEndian,
    types::{Bytes, Str, U16, U32},
};
use rand::{SeedableRng, rngs::SmallRng};
use roaring::RoaringBitmap;
use std::{
    collections::BTreeSet,
    num::NonZeroUsize,
    path::Path,
    sync::{Mutex, PoisonError},
};

/// Address space, not memory or disk; nothing is taken before it is written.
const MAP: usize = 64 << 30;
const TABLES: u32 = 3;
/// The forest of all rows.
const ALL: u16 = 0;
/// Whatever the planes between vectors are drawn by.
const SEED: u64 = 17;

/// The tables of an environment.
#[derive(Clone, Copy)]
struct Tables {
    vectors: arroy::Database<'static, Cosine>,
    /// Each row as JSON, by its id.
    rows: Database<'static, U32<BigEndian>, Bytes>,
    /// The numbers of forests by their partitions.
    tenants: Database<'static, Str, U16<BigEndian>>,
}

/// An open environment.
pub(crate) struct Arroy {
    environment: Env,
    layout: Layout,
    tables: Tables,
    /// Draws the planes between vectors, and goes on from one transaction to the next.
    random: Mutex<SmallRng>,
}

impl Arroy {
    /// The number of a partition's forest, if there is one.
    fn known(&self, transaction: &RoTxn<'_, AnyTls>, tenant: &str) -> Result<Option<u16>> {
        match self.layout {
            Layout::Whole => Ok(Some(ALL)),
            Layout::Partitioned => Ok(self.tables.tenants.get(transaction, tenant)?),
        }
    }

    /// The number of a partition's forest, which there is from now on.
    fn forest(&self, transaction: &mut RwTxn<'_>, tenant: &str) -> Result<u16> {
        if let Some(forest) = self.known(transaction, tenant)? {
            return Ok(forest);
        }
        let forest = self.tables.tenants.len(transaction)?.try_into()?;
        self.tables.tenants.put(transaction, tenant, &forest)?;
        Ok(forest)
    }

    fn writer(&self, forest: u16) -> Writer<Cosine> {
        Writer::new(self.tables.vectors, forest, DIMENSIONS)
    }

    /// Makes forests searchable again, and commits.
    fn finish(&self, mut transaction: RwTxn<'_>, forests: BTreeSet<u16>) -> Result<()> {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        for forest in forests {
            self.writer(forest).builder(&mut *random).build(&mut transaction)?;
        }
        Ok(transaction.commit()?)
    }
}

fn open(folder: &Path) -> Result<Env> {
    let mut options = EnvOpenOptions::new();
    options.map_size(MAP).max_dbs(TABLES);
    #[expect(unsafe_code, reason = "heed cannot know who else writes to the file")]
    // SAFETY: the folder is private to this process, which opens it once and alone.
    Ok(unsafe { options.open(folder) }?)
}

impl Vectors for Arroy {
    /// The forest, and which rows of it have a date that is searched if not all have.
    type Prepared = (u16, Option<RoaringBitmap>);

    const EFFORTS: &'static [u32] = &[
        100, 250, 500, 1_000, 2_000, 3_000, 4_000, 6_000, 8_000, 12_000, 16_000, 24_000, 32_000,
        64_000, 128_000,
    ];
    const IS_DURABLE: bool = true;

    fn settings() -> Settings {
        Settings {
            name: format!("arroy {} through heed {}", version("arroy"), version("heed")),
            options: "trees in LMDB, as many as it makes by default, one forest for all rows or \
                      one for each partition, `build()` in each transaction that inserts or \
                      removes, as nothing can be searched before; a reader is opened for each \
                      search; dates are a bitmap of ids, which it compares with one by one where \
                      they are fewer than half; names and texts are JSON in a table beside; \
                      search_k is raised",
            durable: "LMDB's default flags, one writer at a time: per commit one fdatasync of the \
                      data and one write of the meta page through `O_DSYNC`",
            relaxed: NOT_MEASURED,
        }
    }

    fn effort(effort: u32) -> String {
        format!("search_k={effort}")
    }

    fn open(folder: &Path, layout: Layout, _: u64) -> Result<Self> {
        let environment = open(folder)?;
        let transaction = environment.write_txn()?;
        let created =
            environment.create_databases_and_commit(transaction, |opener, transaction| {
                let vectors = opener.create_database(transaction, Some("vectors"))?;
                let rows = opener.create_database(transaction, Some("rows"))?;
                let tenants = opener.create_database(transaction, Some("tenants"))?;
                Ok::<_, heed::Error>(CommitOrAbort::<_, ()>::Commit((vectors, rows, tenants)))
            })?;
        let (vectors, rows, tenants) = created.unwrap_commit();
        let tables = Tables { vectors, rows, tenants };
        let random = Mutex::new(SmallRng::seed_from_u64(SEED));
        Ok(Self { environment, layout, tables, random })
    }

    fn build(&self, items: &[Item<'_>]) -> Result<()> {
        self.insert(items)
    }

    fn prepare(&self, scope: &Scope) -> Result<Self::Prepared> {
        let transaction = self.environment.read_txn()?;
        let tenant = scope.tenant.as_deref().unwrap_or_default();
        let forest = self.known(&transaction, tenant)?.ok_or("there is no such partition")?;
        if scope.dates.is_none() {
            return Ok((forest, None));
        }
        let mut ids = RoaringBitmap::new();
        for entry in self.tables.rows.iter(&transaction)? {
            let (id, row) = entry?;
            if scope.holds(&serde_json::from_slice(row)?) {
                ids.insert(id);
            }
        }
        Ok((forest, Some(ids)))
    }

    fn search(&self, scope: &Self::Prepared, query: &[f32], effort: u32) -> Result<Vec<u32>> {
        let transaction = self.environment.read_txn()?;
        let (forest, ids) = scope;
        let reader = Reader::open(&transaction, *forest, self.tables.vectors)?;
        let mut nearest = reader.nns(K);
        nearest.search_k(NonZeroUsize::try_from(usize::try_from(effort)?)?);
        if let Some(ids) = ids {
            nearest.candidates(ids);
        }
        let found = nearest.by_vector(&transaction, query)?;
        Ok(found.into_iter().map(|(id, _)| id).collect())
    }

    fn insert(&self, items: &[Item<'_>]) -> Result<()> {
        let mut transaction = self.environment.write_txn()?;
        let mut forests = BTreeSet::new();
        for Item { row, vector } in items {
            let forest = self.forest(&mut transaction, &row.tenant)?;
            self.writer(forest).add_item(&mut transaction, row.id, vector)?;
            self.tables.rows.put(&mut transaction, &row.id, &serde_json::to_vec(row)?)?;
            forests.insert(forest);
        }
        self.finish(transaction, forests)
    }

    fn remove(&self, ids: &[u32]) -> Result<bool> {
        let mut transaction = self.environment.write_txn()?;
        let mut forests = BTreeSet::new();
        for id in ids {
            let Some(row) = self.tables.rows.get(&transaction, id)? else { continue };
            let row: Row = serde_json::from_slice(row)?;
            let forest = self.forest(&mut transaction, &row.tenant)?;
            self.writer(forest).del_item(&mut transaction, *id)?;
            self.tables.rows.delete(&mut transaction, id)?;
            forests.insert(forest);
        }
        self.finish(transaction, forests)?;
        Ok(true)
    }

    fn len(&self) -> Result<usize> {
        let transaction = self.environment.read_txn()?;
        let forests = match self.layout {
            Layout::Whole => 1,
            Layout::Partitioned => self.tables.tenants.len(&transaction)?.try_into()?,
        };
        let found = (0..forests)
            .map(|forest| Ok(Reader::open(&transaction, forest, self.tables.vectors)?.n_items()));
        Ok(found.sum::<Result<u64>>()?.try_into()?)
    }
}
