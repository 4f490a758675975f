//! SOP's vector fields: one struct for searches in partitions, one for searches among all rows.

use super::{DIMENSIONS, Item, K, Layout, NOT_MEASURED, Scope, Vectors};
use crate::{
    Result,
    engines::{Settings, version},
};
use pollster::block_on;
use sop_orm::{Vector, prelude::*};
use std::path::Path;

/// Rows of one transaction of [`Vectors::build`].
const BATCH: usize = 1_000;
/// Vectors from which a partition has cells, where [`Sop`] is to have them early: about so many are read
/// as fast in either way.
const CELLS_FROM: u64 = 1 << 14;
/// What recalls are given in.
const WHOLE_RECALL: f32 = 1_000.0;
/// What it runs with by default.
const OPTIONS: &str = "default options, serializable, a session for each operation; two structs, one \
                       with `partition = tenant`, both with `filter = by_date`; `recall(..)` is raised";
/// What it runs with where it has cells early.
const OPTIONS_WITH_CELLS: &str = "as `sop`, but with `cells_from(16_384)`";

/// A row that is searched for in its partition.
#[derive(Debug, SopStore)]
#[sop(store = "packages")]
struct Package {
    #[sop(key)]
    id: u32,
    name: String,
    tenant: String,
    #[sop(index(by_date))]
    date: u32,
    tags: Vec<String>,
    text: String,
    #[sop(vector(metric = cosine, partition = tenant, filter = by_date))]
    embedding: Vector<DIMENSIONS>,
}

/// A row that is searched for among all.
#[derive(Debug, SopStore)]
#[sop(store = "entries")]
struct Entry {
    #[sop(key)]
    id: u32,
    name: String,
    tenant: String,
    #[sop(index(by_date))]
    date: u32,
    tags: Vec<String>,
    text: String,
    #[sop(vector(metric = cosine, filter = by_date))]
    embedding: Vector<DIMENSIONS>,
}

/// Lets a struct with the fields of a row be made of one.
macro_rules! is_made_of_items {
    ($record:ty) => {
        impl TryFrom<&Item<'_>> for $record {
            type Error = Box<dyn std::error::Error + Send + Sync>;

            fn try_from(Item { row, vector }: &Item<'_>) -> Result<Self> {
                let super::Row { id, name, tenant, date, tags, text } = (*row).clone();
                let embedding = Vector::try_from(*vector)?;
                Ok(Self { id, name, tenant, date, tags, text, embedding })
            }
        }
    };
}
is_made_of_items!(Package);
is_made_of_items!(Entry);

/// An open database: as it is by default, or with cells in partitions of many thousands already.
#[derive(Debug)]
pub(crate) struct Sop<const CELLS: bool> {
    db: Db,
    layout: Layout,
}

impl<const CELLS: bool> Sop<CELLS> {
    async fn insert_all(&self, items: &[Item<'_>]) -> Result<()> {
        let s = self.db.session();
        match self.layout {
            Layout::Whole => {
                let rows = items.iter().map(Entry::try_from).collect::<Result<Vec<_>>>()?;
                s.of::<Entry>().insert_many(rows).await?;
            }
            Layout::Partitioned => {
                let rows = items.iter().map(Package::try_from).collect::<Result<Vec<_>>>()?;
                s.of::<Package>().insert_many(rows).await?;
            }
        }
        s.commit().await?;
        Ok(())
    }

    async fn remove_all(&self, ids: &[u32]) -> Result<()> {
        let s = self.db.session();
        for id in ids {
            match self.layout {
                Layout::Whole => s.of::<Entry>().delete(*id).await?,
                Layout::Partitioned => s.of::<Package>().delete(*id).await?,
            };
        }
        s.commit().await?;
        Ok(())
    }

    async fn nearest(&self, scope: &Scope, query: &[f32], recall: f32) -> Result<Vec<u32>> {
        let (s, query) = (self.db.session(), Vector::<DIMENSIONS>::try_from(query)?);
        let Some(tenant) = &scope.tenant else {
            let entries = s.of::<Entry>();
            let mut search = entries.near_embedding(&query).k(K).recall(recall);
            if let Some(dates) = &scope.dates {
                search = search.among(entries.by_date().range(dates.clone()));
            }
            return Ok(search.all().await?.iter().map(|hit| hit.key).collect());
        };
        let packages = s.of::<Package>();
        let mut search = packages.near_embedding(tenant.as_str(), &query).k(K).recall(recall);
        if let Some(dates) = &scope.dates {
            search = search.among(packages.by_date().range(dates.clone()));
        }
        Ok(search.all().await?.iter().map(|hit| hit.key).collect())
    }
}

impl<const CELLS: bool> Vectors for Sop<CELLS> {
    type Prepared = Scope;

    /// Recalls that are asked for, in thousandths.
    const EFFORTS: &'static [u32] = &[800, 850, 900, 925, 950, 960, 970, 980, 990, 995, 1_000];
    const IS_DURABLE: bool = true;

    fn settings() -> Settings {
        Settings {
            name: format!("sop-orm {}", version("sop-orm")),
            options: if CELLS { OPTIONS_WITH_CELLS } else { OPTIONS },
            durable: "`Durability::Immediate`: one append to the log and one fdatasync for all \
                      commits that wait together",
            relaxed: NOT_MEASURED,
        }
    }

    fn effort(effort: u32) -> String {
        format!("recall={}", recall(effort))
    }

    fn open(folder: &Path, layout: Layout, _: u64) -> Result<Self> {
        let builder = Db::builder().store::<Package>().store::<Entry>();
        let builder = if CELLS { builder.cells_from(CELLS_FROM) } else { builder };
        Ok(Self { db: block_on(builder.open(folder))?, layout })
    }

    fn build(&self, items: &[Item<'_>]) -> Result<()> {
        items.chunks(BATCH).try_for_each(|batch| self.insert(batch))?;
        Ok(block_on(self.db.indexes_ready())?)
    }

    fn prepare(&self, scope: &Scope) -> Result<Scope> {
        Ok(scope.clone())
    }

    fn search(&self, scope: &Scope, query: &[f32], effort: u32) -> Result<Vec<u32>> {
        block_on(self.nearest(scope, query, recall(effort)))
    }

    fn insert(&self, items: &[Item<'_>]) -> Result<()> {
        block_on(self.insert_all(items))
    }

    fn remove(&self, ids: &[u32]) -> Result<bool> {
        block_on(self.remove_all(ids))?;
        Ok(true)
    }

    fn len(&self) -> Result<usize> {
        let s = self.db.session();
        let count = match self.layout {
            Layout::Whole => block_on(s.of::<Entry>().by_key().count())?,
            Layout::Partitioned => block_on(s.of::<Package>().by_key().count())?,
        };
        Ok(usize::try_from(count)?)
    }
}

/// Thousandths as a part of one.
#[expect(clippy::cast_precision_loss, reason = "thousandths are small numbers")]
fn recall(effort: u32) -> f32 {
    effort as f32 / WHOLE_RECALL
}
