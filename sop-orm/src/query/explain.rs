//! What a query does, for people: which indexes it asks for what, and what that has cost.

use std::{fmt, ops::Bound};

use super::condition::{Condition, Leaf};
use crate::{
    deleted::Deleted,
    key::describe::describe,
    schema::{Column, Schema},
};

/// What a query has cost.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// let mut rows = s.of::<Order>().by_total().filter(|order| order.total != 20).stream();
/// while rows.try_next().await?.is_some() {}
/// let stats = rows.stats();
/// assert_eq!((stats.entries_scanned, stats.rows_read, stats.returned), (3, 3, 2));
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueryStats {
    /// Entries of indexes, or of the primary key, that were looked at.
    pub entries_scanned: u64,
    /// Records or rows that were looked up by their keys.
    pub rows_read: u64,
    /// Results.
    pub returned: u64,
}

/// What a query does, and what it has cost. Made by [`Query::explain`](crate::Query::explain) and
/// [`Query::explain_analyze`](crate::Query::explain_analyze).
///
/// Its `Display` form is one line. Values of fields marked `sensitive` are not in it.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// let explain = s.of::<User>().by_city().prefix("Rome").desc().explain().await?;
/// assert_eq!((explain.order, explain.reverse, explain.filters), ("by_city", true, 0));
/// assert_eq!(explain.conditions, r#"by_city[city = "Rome"]"#);
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Explain {
    /// The store's name.
    pub store: &'static str,
    /// The index whose order the results have: its name, or `primary key`.
    pub order: &'static str,
    /// Whether the results come in the reverse of that order.
    pub reverse: bool,
    /// What the indexes are asked for.
    pub conditions: String,
    /// The part of the conditions for which no index is walked: the records that the other ones
    /// leave over are read and asked.
    pub probed: Vec<String>,
    /// Number of filters, for which records are read.
    pub filters: usize,
    /// Results left out at the beginning.
    pub skip: u64,
    /// The most results that come.
    pub limit: Option<u64>,
    /// What it has cost, if it was run.
    pub stats: Option<QueryStats>,
}

impl fmt::Display for Explain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { store, order, conditions, .. } = self;
        let reverse = if self.reverse { " in reverse" } else { "" };
        write!(f, "{store} by {order}{reverse}, where {conditions}")?;
        if !self.probed.is_empty() {
            write!(f, ", asking records for {}", self.probed.join(" and "))?;
        }
        if self.filters > 0 {
            write!(f, ", {} filtered", self.filters)?;
        }
        if self.skip > 0 {
            write!(f, ", skip {}", self.skip)?;
        }
        if let Some(limit) = self.limit {
            write!(f, ", limit {limit}")?;
        }
        if let Some(stats) = self.stats {
            let QueryStats { entries_scanned, rows_read, returned } = stats;
            write!(f, ": {entries_scanned} entries scanned, {rows_read} rows read")?;
            write!(f, ", {returned} returned")?;
        }
        Ok(())
    }
}

/// An explanation that is sent as an event when the query has ended.
pub(super) struct Report(Explain);

impl Report {
    /// Made only if somebody listens.
    pub(super) fn new(explain: impl FnOnce() -> Explain) -> Option<Self> {
        tracing::enabled!(tracing::Level::DEBUG).then(|| Self(explain()))
    }

    pub(super) fn send(self, stats: QueryStats) {
        let Explain { store, order, reverse, conditions, filters, skip, limit, .. } = self.0;
        tracing::debug!(
            store,
            order,
            reverse,
            conditions,
            filters,
            skip,
            limit,
            entries_scanned = stats.entries_scanned,
            rows_read = stats.rows_read,
            returned = stats.returned,
            "query"
        );
    }
}

/// What a span was made of.
#[derive(Clone)]
pub(super) enum Asked {
    Prefix(Vec<u8>),
    Range(Bound<Vec<u8>>, Bound<Vec<u8>>),
}

/// A condition as people would say it.
pub(crate) fn conditions(condition: &Condition, schema: &Schema) -> String {
    let joined = |parts: &[Condition], word: &str| {
        let parts = parts.iter().map(|part| match part {
            Condition::Leaf(_) => conditions(part, schema),
            _ => format!("({})", conditions(part, schema)),
        });
        parts.collect::<Vec<_>>().join(word)
    };
    match condition {
        Condition::Leaf(leaf) => self::leaf(leaf, schema),
        Condition::All(parts) => joined(parts, " and "),
        Condition::Any(parts) => joined(parts, " or "),
    }
}

/// The name of an index, or of what stands for it.
pub(super) fn index_name(index: Option<usize>, schema: &Schema) -> &'static str {
    let index = index.and_then(|position| schema.indexes.get(position));
    index.map_or("primary key", |index| index.name)
}

fn leaf(leaf: &Leaf, schema: &Schema) -> String {
    let index = leaf.index.and_then(|position| schema.indexes.get(position));
    let columns = index.map_or(schema.key, |index| index.columns);
    let mut parts = Vec::new();
    for asked in &leaf.asked {
        match asked {
            Asked::Prefix(prefix) => parts.extend(prefix_parts(columns, prefix)),
            Asked::Range(low, high) => parts.extend(range_parts(columns, low, high)),
        }
    }
    let parts = if parts.is_empty() { "all".to_owned() } else { parts.join(", ") };
    let deleted = if leaf.deleted == Deleted::Shown { " with deleted" } else { "" };
    format!("{}[{parts}]{deleted}", index_name(leaf.index, schema))
}

fn prefix_parts(columns: &[Column], prefix: &[u8]) -> Vec<String> {
    let described = describe(columns, prefix).into_iter();
    let part = described.map(|one| {
        let is = if one.is_beginning { "begins with" } else { "=" };
        format!("{} {is} {}", one.field, one.value)
    });
    part.collect()
}

/// The columns before the last one are equal on both ends; the last one has a sign.
fn range_parts(columns: &[Column], low: &Bound<Vec<u8>>, high: &Bound<Vec<u8>>) -> Vec<String> {
    let mut parts = Vec::new();
    for (bound, included, excluded) in [(low, ">=", ">"), (high, "<=", "<")] {
        let (bytes, sign) = match bound {
            Bound::Included(bytes) => (bytes, included),
            Bound::Excluded(bytes) => (bytes, excluded),
            Bound::Unbounded => continue,
        };
        let mut described = describe(columns, bytes);
        let last = described.pop();
        if parts.is_empty() {
            parts.extend(described.iter().map(|one| format!("{} = {}", one.field, one.value)));
        }
        parts.extend(last.map(|last| format!("{} {sign} {}", last.field, last.value)));
    }
    parts
}
