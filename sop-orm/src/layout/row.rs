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

use std::borrow::Cow;

use super::plan::{Carried, Layouts, Plan, Source};
use crate::{
    error::CodecError,
    field::{Decoder, Encoder, Field},
};

const NARROW: u8 = 1;
const WIDE: u8 = 2;

/// Bytes set aside for a field, so that most rows are written without moving.
const FIELD_LEN: usize = 16;

/// A row in the making.
#[derive(Debug, Default)]
pub struct RowWriter {
    fields: Encoder,
    ends: Vec<u32>,
}

impl RowWriter {
    /// For a row of so many fields.
    pub(crate) fn with_fields(count: usize) -> Self {
        let fields = Encoder::with_capacity(count * FIELD_LEN);
        Self { fields, ends: Vec::with_capacity(count) }
    }

    /// Appends the next field.
    pub fn field<T: Field>(&mut self, value: &T) {
        value.encode(&mut self.fields);
        self.end();
    }

    /// Appends the next field as it is encoded.
    pub(crate) fn encoded(&mut self, bytes: &[u8]) {
        self.fields.push(bytes);
        self.end();
    }

    fn end(&mut self) {
        // A row that long is refused by the engine, so the exact offset does not matter.
        self.ends.push(u32::try_from(self.fields.len()).unwrap_or(u32::MAX));
    }

    /// The finished row.
    pub(crate) fn finish(self, layout: u32) -> Vec<u8> {
        let narrow = u16::try_from(self.fields.len()).is_ok();
        let head_len = FIELD_LEN + self.ends.len() * if narrow { 2 } else { 4 };
        let mut out = Encoder::with_capacity(head_len + self.fields.len());
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

/// The fields of a stored row.
#[derive(Debug)]
pub struct RowReader<'a> {
    /// `None` for rows of the present layout, whose fields are those of the struct.
    plan: Option<&'a Plan>,
    ends: Ends<'a>,
    fields: &'a [u8],
}

/// Where each field ends, as the row has it.
#[derive(Debug)]
enum Ends<'a> {
    Narrow(&'a [[u8; 2]]),
    Wide(&'a [[u8; 4]]),
}

impl Ends<'_> {
    #[inline]
    fn get(&self, field: usize) -> Option<usize> {
        match self {
            Self::Narrow(ends) => ends.get(field).map(|end| u16::from_le_bytes(*end).into()),
            Self::Wide(ends) => ends.get(field).map(|end| u32::from_le_bytes(*end) as usize),
        }
    }
}

impl<'a> RowReader<'a> {
    /// Looks at the head of a row and checks what can be checked without reading the fields.
    pub(crate) fn new(layouts: &'a Layouts, row: &'a [u8]) -> Result<Self, CodecError> {
        let mut head = Decoder::new(row);
        let [format] = head.take()?;
        let is_wide = match format {
            NARROW => false,
            WIDE => true,
            tag => return Err(CodecError::UnknownTag { tag: tag.into() }),
        };
        let layout = u32::decode(&mut head)?;
        let (plan, count) = if layout == layouts.current {
            (None, layouts.fields)
        } else {
            let plan = layouts.others.get(&layout);
            let plan = plan.ok_or(CodecError::UnknownLayout { layout })?;
            (Some(plan), plan.stored)
        };
        if head.take_len()? != count {
            return Err(CodecError::Malformed {
                reason: format!("a row of layout {layout} has another number of fields"),
            });
        }
        let ends = if is_wide {
            Ends::Wide(head.take_slice(count * 4)?.as_chunks().0)
        } else {
            Ends::Narrow(head.take_slice(count * 2)?.as_chunks().0)
        };
        let reader = Self { plan, ends, fields: head.rest() };
        if reader.end(count)? == reader.fields.len() {
            Ok(reader)
        } else {
            Err(CodecError::TrailingBytes)
        }
    }

    /// The version of the struct that wrote the row; `None` if it is certainly the present one.
    pub(crate) fn version(&self) -> Option<u32> {
        self.plan.map(|plan| plan.version)
    }

    pub(super) fn carried(&self) -> Option<&'a Carried> {
        self.plan.and_then(|plan| plan.carried.as_ref())
    }

    /// The field at a position in the struct.
    pub fn field<T: Field>(&self, position: usize) -> Result<T, CodecError> {
        if self.plan.is_none() {
            return read(self.slice(position)?);
        }
        match self.stored(position)? {
            Some(bytes) => read(&bytes),
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
            Some(bytes) => read(&bytes),
            None => Ok(default()),
        }
    }

    /// The bytes of the field at a position in the struct, if the row has it.
    pub(crate) fn stored(&self, position: usize) -> Result<Option<Cow<'a, [u8]>>, CodecError> {
        match self.plan {
            None => self.slice(position).map(|bytes| Some(Cow::Borrowed(bytes))),
            Some(plan) => self.planned(plan, position),
        }
    }

    #[cold]
    fn planned(&self, plan: &Plan, position: usize) -> Result<Option<Cow<'a, [u8]>>, CodecError> {
        match plan.sources.get(position) {
            None | Some(Source::Default) => Ok(None),
            Some(Source::Read(at)) => self.slice(*at).map(|bytes| Some(Cow::Borrowed(bytes))),
            Some(Source::Convert(at, conversion)) => {
                let mut input = Decoder::new(self.slice(*at)?);
                let mut out = Encoder::default();
                conversion.apply(&mut input, &mut out)?;
                input.finish()?;
                Ok(Some(Cow::Owned(out.into_bytes())))
            }
        }
    }

    /// The bytes of the field at a position in the row.
    pub(super) fn slice(&self, position: usize) -> Result<&'a [u8], CodecError> {
        let range = self.end(position)?..self.end(position + 1)?;
        self.fields.get(range).ok_or(CodecError::LengthTooBig)
    }

    /// Where the first `count` fields end.
    fn end(&self, count: usize) -> Result<usize, CodecError> {
        let Some(last) = count.checked_sub(1) else { return Ok(0) };
        self.ends.get(last).ok_or(CodecError::UnexpectedEnd)
    }
}

fn read<T: Field>(bytes: &[u8]) -> Result<T, CodecError> {
    let mut input = Decoder::new(bytes);
    let value = T::decode(&mut input)?;
    input.finish()?;
    Ok(value)
}

/// The layout that a row says it has.
pub(crate) fn layout_of(row: &[u8]) -> Result<u32, CodecError> {
    let mut head = Decoder::new(row);
    let [_] = head.take()?;
    u32::decode(&mut head)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The present layout is 4, with as many fields as there are sources for rows of layout 3.
    fn layouts(sources: Vec<Source>) -> Layouts {
        let (fields, plan) =
            (sources.len(), Plan { version: 1, stored: 2, sources, carried: None });
        Layouts { current: 4, fields, others: [(3, plan)].into() }
    }

    fn present() -> Layouts {
        Layouts { current: 3, fields: 2, others: [].into() }
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
        let sources = vec![Source::Read(1), Source::Default, Source::Read(0)];
        let (row, layouts) = (row("hi"), layouts(sources));
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
        let (row, layouts) = (row(&text), present());
        assert_eq!(row.first(), Some(&WIDE));
        let reader = RowReader::new(&layouts, &row).unwrap();
        assert_eq!(reader.field::<String>(1), Ok(text));
    }

    #[test]
    fn a_damaged_row_is_an_error_never_a_panic() {
        let (good, layouts) = (row("hello"), present());
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
