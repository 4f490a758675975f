//! Rows: the fields of one record, each to be found without reading the others.
//!
//! ```text
//! format u8 | layout varint | n varint | end offset of each field, n x u16 or u32 | fields
//! ```
//!
//! The *format* says how wide the offsets are: 1 for `u16`, 2 for `u32`, little-endian, counted
//! from the first field. The *layout* is a small number under which the catalog keeps names and
//! signatures of the fields (see the schema), so a row written by an older program is still read
//! right, or not at all. Key fields are not repeated in the row; they are in the key.

use std::collections::BTreeMap;

use crate::{
    error::CodecError,
    field::{Decoder, Encoder, Field},
};

const NARROW: u8 = 1;
const WIDE: u8 = 2;

/// A row in the making.
#[derive(Debug, Default)]
pub struct RowWriter {
    fields: Encoder,
    ends: Vec<u32>,
}

impl RowWriter {
    /// Appends the next field.
    pub fn field<T: Field>(&mut self, value: &T) {
        value.encode(&mut self.fields);
        // A row that long is refused by the engine, so the exact offset does not matter.
        self.ends.push(u32::try_from(self.fields.len()).unwrap_or(u32::MAX));
    }

    /// Appends the next field as it is encoded.
    pub(crate) fn encoded(&mut self, bytes: &[u8]) {
        self.fields.push(bytes);
        self.ends.push(u32::try_from(self.fields.len()).unwrap_or(u32::MAX));
    }

    /// The finished row.
    pub(crate) fn finish(self, layout: u32) -> Vec<u8> {
        let narrow = u16::try_from(self.fields.len()).is_ok();
        let mut out = Encoder::default();
        out.push(&[if narrow { NARROW } else { WIDE }]);
        layout.encode(&mut out);
        out.push_len(self.ends.len());
        for end in self.ends {
            let bytes = end.to_le_bytes();
            let [low, high, ..] = bytes;
            if narrow { out.push(&[low, high]) } else { out.push(&bytes) }
        }
        out.push(&self.fields.into_bytes());
        out.into_bytes()
    }
}

/// Where each field of a struct is found in the rows of one layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Number of fields in a row of the layout.
    pub(crate) stored: usize,
    /// For each field of the struct its position in the row; `None` if the row lacks it.
    pub(crate) sources: Vec<Option<usize>>,
}

/// The layouts in which rows of one store may be found, and the one they are written in.
#[derive(Clone, Debug)]
pub(crate) struct Layouts {
    pub(crate) current: u32,
    pub(crate) plans: BTreeMap<u32, Plan>,
}

/// The fields of a stored row.
#[derive(Debug)]
pub struct RowReader<'a> {
    plan: &'a Plan,
    offsets: &'a [u8],
    offset_len: usize,
    fields: &'a [u8],
}

impl<'a> RowReader<'a> {
    /// Looks at the head of a row and checks what can be checked without reading the fields.
    pub(crate) fn new(layouts: &'a Layouts, row: &'a [u8]) -> Result<Self, CodecError> {
        let mut head = Decoder::new(row);
        let [format] = head.take()?;
        let offset_len = match format {
            NARROW => 2,
            WIDE => 4,
            tag => return Err(CodecError::UnknownTag { tag: tag.into() }),
        };
        let layout = u32::decode(&mut head)?;
        let plan = layouts.plans.get(&layout).ok_or(CodecError::UnknownLayout { layout })?;
        if head.take_len()? != plan.stored {
            return Err(CodecError::Malformed {
                reason: format!("a row of layout {layout} has another number of fields"),
            });
        }
        let (offsets, fields) = head
            .rest()
            .split_at_checked(plan.stored * offset_len)
            .ok_or(CodecError::UnexpectedEnd)?;
        let reader = Self { plan, offsets, offset_len, fields };
        if reader.end(plan.stored)? == fields.len() {
            Ok(reader)
        } else {
            Err(CodecError::TrailingBytes)
        }
    }

    /// The field at a position in the struct.
    pub fn field<T: Field>(&self, position: usize) -> Result<T, CodecError> {
        match self.stored(position)? {
            Some(bytes) => read(bytes),
            None => T::absent().ok_or(CodecError::UnexpectedEnd),
        }
    }

    /// The field at a position in the struct, or `default` in rows that lack it.
    pub fn field_or<T: Field>(
        &self,
        position: usize,
        default: impl FnOnce() -> T,
    ) -> Result<T, CodecError> {
        match self.stored(position)? {
            Some(bytes) => read(bytes),
            None => Ok(default()),
        }
    }

    /// The bytes of the field at a position in the struct, if the row has it.
    pub(crate) fn stored(&self, position: usize) -> Result<Option<&'a [u8]>, CodecError> {
        let Some(source) = self.plan.sources.get(position).copied().flatten() else {
            return Ok(None);
        };
        let range = self.end(source)?..self.end(source + 1)?;
        self.fields.get(range).map(Some).ok_or(CodecError::LengthTooBig)
    }

    /// Where the first `count` fields end.
    fn end(&self, count: usize) -> Result<usize, CodecError> {
        let Some(last) = count.checked_sub(1) else { return Ok(0) };
        let start = last * self.offset_len;
        let bytes = self.offsets.get(start..start + self.offset_len);
        let bytes = bytes.ok_or(CodecError::UnexpectedEnd)?;
        Ok(bytes.iter().rev().fold(0, |end, byte| end << 8 | usize::from(*byte)))
    }
}

fn read<T: Field>(bytes: &[u8]) -> Result<T, CodecError> {
    let mut input = Decoder::new(bytes);
    let value = T::decode(&mut input)?;
    input.finish()?;
    Ok(value)
}

/// Whether a row is written in the layout that is current.
pub(crate) fn is_current(layouts: &Layouts, row: &[u8]) -> bool {
    let mut head = Decoder::new(row);
    let layout = head.take::<1>().and_then(|_| u32::decode(&mut head));
    layout == Ok(layouts.current)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layouts(sources: Vec<Option<usize>>, stored: usize) -> Layouts {
        Layouts { current: 3, plans: BTreeMap::from([(3, Plan { stored, sources })]) }
    }

    fn row(text: &str) -> Vec<u8> {
        let mut row = RowWriter::default();
        row.field(&7_u32);
        row.field(&text.to_owned());
        row.finish(3)
    }

    #[test]
    fn a_row_has_the_documented_bytes() {
        assert_eq!(row("hi"), [1, 3, 2, 1, 0, 4, 0, 7, 2, b'h', b'i']);
    }

    #[test]
    fn fields_are_found_wherever_the_layout_has_them() {
        let (row, layouts) = (row("hi"), layouts(vec![Some(1), None, Some(0)], 2));
        let reader = RowReader::new(&layouts, &row).unwrap();
        assert_eq!(reader.field::<String>(0), Ok("hi".to_owned()));
        assert_eq!(reader.field::<Option<u8>>(1), Ok(None));
        assert_eq!(reader.field_or(1, || 9_u8), Ok(9));
        assert_eq!(reader.field::<u8>(1), Err(CodecError::UnexpectedEnd));
        assert_eq!(reader.field::<u32>(2), Ok(7));
    }

    #[test]
    fn long_rows_have_wide_offsets() {
        let text = "x".repeat(1 << 17);
        let (row, layouts) = (row(&text), layouts(vec![Some(0), Some(1)], 2));
        assert_eq!(row.first(), Some(&WIDE));
        let reader = RowReader::new(&layouts, &row).unwrap();
        assert_eq!(reader.field::<String>(1), Ok(text));
    }

    #[test]
    fn a_damaged_row_is_an_error_never_a_panic() {
        let (good, layouts) = (row("hello"), layouts(vec![Some(0), Some(1)], 2));
        let read_all = |bytes: &[u8]| -> Result<(u32, String), CodecError> {
            let reader = RowReader::new(&layouts, bytes)?;
            Ok((reader.field(0)?, reader.field(1)?))
        };
        for cut in 0..good.len() {
            assert!(read_all(&good[..cut]).is_err(), "cut at {cut}");
        }
        for position in 0..good.len() {
            for byte in 0..=u8::MAX {
                let mut bad = good.clone();
                bad[position] = byte;
                let in_value = position == 7 || position > 8;
                assert!(in_value || bad == good || read_all(&bad).is_err(), "{position}: {byte}");
            }
        }
    }
}
