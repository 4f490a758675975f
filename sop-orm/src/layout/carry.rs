//! Carrying what a newer program has put into a row.

use super::{
    plan::Layouts,
    row::{RowReader, RowWriter},
};
use crate::error::CodecError;

/// The row to be written in the place of `before`: `after`, which is of the present layout, and
/// what `before` has and the struct does not know. `None` if there is no such thing.
pub(crate) fn carry(
    layouts: &Layouts,
    before: &[u8],
    after: &[u8],
) -> Result<Option<Vec<u8>>, CodecError> {
    let before = RowReader::new(layouts, before)?;
    let Some(carried) = before.carried() else { return Ok(None) };
    let after = RowReader::new(layouts, after)?;
    let mut row = RowWriter::default();
    for position in 0..layouts.fields {
        row.encoded(after.slice(position)?);
    }
    for position in &carried.fields {
        row.encoded(before.slice(*position)?);
    }
    Ok(Some(row.finish(carried.layout)))
}
