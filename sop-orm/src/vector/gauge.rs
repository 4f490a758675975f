//! Exact distances, measured on the bytes of rows.

use super::{Element, Metric};
use crate::{
    db::registry::OpenStore,
    error::{CodecError, Result},
    layout::RowReader,
    schema::VectorSpec,
    session::Work,
};

/// Measures how far the vectors of records are from one that is searched for.
pub(super) struct Gauge {
    metric: Metric,
    element: Element,
    position: usize,
    /// Bytes of a vector.
    len: usize,
    query: Vec<f32>,
    norm2: f32,
}

impl Gauge {
    pub(super) fn new(spec: &VectorSpec, query: &[f32]) -> Self {
        let norm2 = query.iter().map(|component| component * component).sum();
        let len = spec.dimensions * spec.element.size();
        let VectorSpec { metric, element, position, .. } = *spec;
        Self { metric, element, position, len, query: query.to_vec(), norm2 }
    }

    /// The distance of the record with this key; `None` if it has no vector, or is not there.
    pub(super) fn distance(
        &self,
        work: &Work,
        store: &OpenStore,
        key: &[u8],
    ) -> Result<Option<f32>> {
        let Some(row) = work.row(store, key)? else { return Ok(None) };
        self.of_row(store, &row).map_err(|source| store.unreadable(source))
    }

    fn of_row(&self, store: &OpenStore, row: &[u8]) -> Result<Option<f32>, CodecError> {
        let reader = RowReader::new(&store.layouts, row)?;
        let Some(stored) = reader.stored(self.position)? else { return Ok(None) };
        // An `Option` has a byte before its value, and nothing behind it if there is none.
        let Some(start) = stored.len().checked_sub(self.len) else { return Ok(None) };
        let bytes = stored.get(start..).unwrap_or_default();
        let distance = self.metric.distance(self.element, &self.query, self.norm2, bytes);
        distance.map(Some).ok_or(CodecError::UnexpectedEnd)
    }
}

/// The vector in a row, if it has one.
pub(crate) fn components(
    spec: &VectorSpec,
    store: &OpenStore,
    row: &[u8],
) -> Result<Option<Vec<f32>>, CodecError> {
    let reader = RowReader::new(&store.layouts, row)?;
    let Some(stored) = reader.stored(spec.position)? else { return Ok(None) };
    let start = stored.len().checked_sub(spec.dimensions * spec.element.size());
    let bytes = start.and_then(|start| stored.get(start..));
    Ok(bytes.map(|bytes| spec.element.numbers(bytes)))
}
