//! `hnsw_rs`: a graph in memory; one for all rows, or one for each partition.

use super::{Item, K, Layout, NOT_MEASURED, Scope, Vectors, kernel};
use crate::{
    Result,
    engines::{Settings, version},
};
use hnsw_rs::prelude::{Distance, Hnsw};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{PoisonError, RwLock},
};

/// Neighbours of a vector in each layer (M).
const NEIGHBOURS: usize = 16;
const LAYERS: usize = 16;
/// Candidates looked at when a vector is inserted.
const EF_CONSTRUCTION: usize = 128;
/// So many are made room for.
const ROOM: usize = 30_000;

/// One minus the product, with the same instructions that the exact search has: the distances that
/// the crate comes with use none of them without features of its own.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cosine;

impl Distance<f32> for Cosine {
    fn eval(&self, one: &[f32], other: &[f32]) -> f32 {
        // Rounding must not make it negative, which the crate refuses.
        (1.0 - kernel::dot(one, other)).max(0.0)
    }
}

type Index = Hnsw<'static, f32, Cosine>;

/// The dates of rows, and the graph of each partition, or of all rows under no name.
struct State {
    dates: BTreeMap<u32, u32>,
    graphs: BTreeMap<String, Index>,
}

/// A graph for each partition, or one for all rows.
pub(crate) struct Graph {
    layout: Layout,
    state: RwLock<State>,
}

impl Graph {
    fn tenant<'a>(&self, tenant: &'a str) -> &'a str {
        if self.layout == Layout::Partitioned { tenant } else { "" }
    }
}

fn empty(room: usize) -> Index {
    Hnsw::new(NEIGHBOURS, room, LAYERS, EF_CONSTRUCTION, Cosine)
}

impl Vectors for Graph {
    /// The partition, and for each id whether its date is searched, if not all are.
    type Prepared = (String, Option<Vec<bool>>);

    const EFFORTS: &'static [u32] =
        &[16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1_024, 2_048];
    const IS_DURABLE: bool = false;

    fn settings() -> Settings {
        Settings {
            name: format!("hnsw_rs {}", version("hnsw_rs")),
            options: "M 16, ef_construction 128, products with the processor's instructions \
                      (pulp), one graph for all rows or one for each partition; dates are a filter \
                      by a bitmap of ids; ef is raised",
            durable: "in memory only, nothing is durable: `_volatile`; it cannot remove",
            relaxed: NOT_MEASURED,
        }
    }

    fn effort(effort: u32) -> String {
        format!("ef={effort}")
    }

    fn open(_: &Path, layout: Layout, _: u64) -> Result<Self> {
        let state = State { dates: BTreeMap::new(), graphs: BTreeMap::new() };
        Ok(Self { layout, state: RwLock::new(state) })
    }

    fn build(&self, items: &[Item<'_>]) -> Result<()> {
        if self.layout == Layout::Partitioned {
            return self.insert(items);
        }
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.dates.extend(items.iter().map(|item| (item.row.id, item.row.date)));
        let graph = state.graphs.entry(String::new()).or_insert_with(|| empty(ROOM));
        let vectors: Result<Vec<(&[f32], usize)>> =
            items.iter().map(|item| Ok((item.vector, usize::try_from(item.row.id)?))).collect();
        graph.parallel_insert_slice(&vectors?);
        Ok(())
    }

    fn prepare(&self, scope: &Scope) -> Result<Self::Prepared> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let tenant = self.tenant(scope.tenant.as_deref().unwrap_or_default()).to_owned();
        let Some(dates) = &scope.dates else { return Ok((tenant, None)) };
        let mut is_searched = Vec::new();
        // In the order of the ids.
        for (id, date) in &state.dates {
            is_searched.resize(usize::try_from(*id)?, false);
            is_searched.push(dates.contains(date));
        }
        Ok((tenant, Some(is_searched)))
    }

    fn search(&self, scope: &Self::Prepared, query: &[f32], effort: u32) -> Result<Vec<u32>> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let (tenant, is_searched) = scope;
        let graph = state.graphs.get(tenant).ok_or("there is no such partition")?;
        let effort = usize::try_from(effort)?;
        let found = match is_searched {
            None => graph.search(query, K, effort),
            Some(is_searched) => {
                let is_wanted = |id: &usize| is_searched.get(*id).is_some_and(|wanted| *wanted);
                graph.search_filter(query, K, effort, Some(&is_wanted))
            }
        };
        found.into_iter().map(|neighbour| Ok(neighbour.d_id.try_into()?)).collect()
    }

    fn insert(&self, items: &[Item<'_>]) -> Result<()> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        for Item { row, vector } in items {
            let tenant = self.tenant(&row.tenant);
            let room = if self.layout == Layout::Whole { ROOM } else { K };
            let graph = state.graphs.entry(tenant.to_owned()).or_insert_with(|| empty(room));
            graph.insert((vector, usize::try_from(row.id)?));
            state.dates.insert(row.id, row.date);
        }
        Ok(())
    }

    fn remove(&self, _: &[u32]) -> Result<bool> {
        Ok(false)
    }

    fn len(&self) -> Result<usize> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        Ok(state.graphs.values().map(Hnsw::get_nb_point).sum())
    }
}
