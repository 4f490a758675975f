//! The keys of an index's cells, all of a partition side by side.
//!
//! | key | value |
//! |---|---|
//! | partition `00` | the number of the next cell, `u32` |
//! | partition `01` cell | spread `f32`, centre `f32` each: see [`Centre`] |
//! | partition `02` cell, primary key | the code of a member |
//! | partition `03` primary key | the cell that the record is a member of |
//! | partition `04` cell | how many members it has, `u32` |
//!
//! Cells are numbers of four bytes, big-endian in keys and in `03`; other numbers are little-endian.

use sop_core::StoreView;

use crate::{
    error::{CodecError, Error},
    query::Span,
    store::invalid,
};

/// The number of a cell.
pub(crate) type Cell = u32;

const HEAD: u8 = 0;
const CENTRE: u8 = 1;
const MEMBER: u8 = 2;
const LOCATION: u8 = 3;
const COUNT: u8 = 4;

/// Makes the keys of one partition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keys<'a>(pub(crate) &'a [u8]);

impl Keys<'_> {
    fn key(self, kind: u8, parts: &[&[u8]]) -> Vec<u8> {
        let mut key = [self.0, &[kind]].concat();
        for part in parts {
            key.extend_from_slice(part);
        }
        key
    }

    /// Is there if the partition has cells.
    pub(crate) fn head(self) -> Vec<u8> {
        self.key(HEAD, &[])
    }

    pub(crate) fn centre(self, cell: Cell) -> Vec<u8> {
        self.key(CENTRE, &[&cell.to_be_bytes()])
    }

    pub(crate) fn centres(self) -> Span {
        Span::prefix(self.key(CENTRE, &[]))
    }

    pub(crate) fn member(self, cell: Cell, primary: &[u8]) -> Vec<u8> {
        self.key(MEMBER, &[&cell.to_be_bytes(), primary])
    }

    pub(crate) fn members(self, cell: Cell) -> Span {
        Span::prefix(self.key(MEMBER, &[&cell.to_be_bytes()]))
    }

    pub(crate) fn location(self, primary: &[u8]) -> Vec<u8> {
        self.key(LOCATION, &[primary])
    }

    pub(crate) fn locations(self) -> Span {
        Span::prefix(self.key(LOCATION, &[]))
    }

    pub(crate) fn count(self, cell: Cell) -> Vec<u8> {
        self.key(COUNT, &[&cell.to_be_bytes()])
    }

    pub(crate) fn counts(self) -> Span {
        Span::prefix(self.key(COUNT, &[]))
    }

    /// The cell that the key of a centre or of a count is for.
    pub(crate) fn cell_of(self, key: &[u8]) -> Result<Cell, CodecError> {
        cell(key.get(self.0.len() + 1..).unwrap_or_default())
    }

    /// The primary key in the key of a member.
    pub(crate) fn primary_of_member(self, key: &[u8]) -> Result<&[u8], CodecError> {
        key.get(self.0.len() + 1 + size_of::<Cell>()..).ok_or(CodecError::UnexpectedEnd)
    }

    /// The primary key in the key of a location.
    pub(crate) fn primary_of_location(self, key: &[u8]) -> Result<&[u8], CodecError> {
        key.get(self.0.len() + 1..).ok_or(CodecError::UnexpectedEnd)
    }
}

/// Whether a key, behind its partition, says where a record is.
pub(crate) fn is_location(behind: &[u8]) -> bool {
    behind.first() == Some(&LOCATION)
}

/// Whether a key, behind its partition, is that of a member.
pub(crate) fn is_member(behind: &[u8]) -> bool {
    behind.first() == Some(&MEMBER)
}

/// The code that a cell has of a record.
pub(crate) fn settled(
    cells: StoreView<'_>,
    keys: Keys<'_>,
    primary: &[u8],
) -> Result<Option<Vec<u8>>, Error> {
    let Some(place) = cells.find(keys.location(primary))? else { return Ok(None) };
    let place = cell(&place).map_err(|error| invalid(&error))?;
    Ok(cells.find(keys.member(place, primary))?.map(|code| code.to_vec()))
}

/// A cell as a location has it.
pub(crate) fn cell(bytes: &[u8]) -> Result<Cell, CodecError> {
    bytes.try_into().map(Cell::from_be_bytes).map_err(|_| CodecError::UnexpectedEnd)
}

/// A count, or the number of the next cell.
pub(crate) fn number(bytes: &[u8]) -> Result<u32, CodecError> {
    bytes.try_into().map(u32::from_le_bytes).map_err(|_| CodecError::UnexpectedEnd)
}

/// The spread and the components of a stored centre.
pub(crate) fn centre_bytes(bytes: &[u8]) -> Option<(f32, &[u8])> {
    let (spread, centre) = bytes.split_first_chunk()?;
    Some((f32::from_le_bytes(*spread), centre))
}

/// Where the members of a cell lie.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Centre {
    pub(crate) cell: Cell,
    /// The root of the mean of the squared distances of members from the centre, when it was made.
    pub(crate) spread: f32,
    pub(crate) place: Vec<f32>,
}

impl Centre {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let numbers = std::iter::once(&self.spread).chain(&self.place);
        numbers.flat_map(|number| number.to_le_bytes()).collect()
    }

    pub(crate) fn from_bytes(
        cell: Cell,
        bytes: &[u8],
        dimensions: usize,
    ) -> Result<Self, CodecError> {
        let (numbers, rest) = bytes.as_chunks();
        let mut numbers = numbers.iter().map(|number| f32::from_le_bytes(*number));
        let spread = numbers.next().ok_or(CodecError::UnexpectedEnd)?;
        let place: Vec<f32> = numbers.collect();
        if place.len() != dimensions || !rest.is_empty() {
            return Err(CodecError::UnexpectedEnd);
        }
        Ok(Self { cell, spread, place })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_lead_back_to_what_they_were_made_of() {
        let keys = Keys(b"rome");
        assert_eq!(keys.cell_of(&keys.centre(7)), Ok(7));
        assert_eq!(keys.cell_of(&keys.count(7)), Ok(7));
        assert_eq!(keys.primary_of_member(&keys.member(7, b"key")), Ok(&b"key"[..]));
        assert_eq!(keys.primary_of_location(&keys.location(b"key")), Ok(&b"key"[..]));
        assert!(keys.members(7).contains(&keys.member(7, b"key")));
        assert!(!keys.members(7).contains(&keys.member(8, b"key")));
        assert!(is_location(&keys.location(b"key")[4..]) && !is_location(&keys.head()[4..]));
        assert_eq!(keys.cell_of(b"rome\x01\x00"), Err(CodecError::UnexpectedEnd));
        assert_eq!(keys.primary_of_member(b"r"), Err(CodecError::UnexpectedEnd));
    }

    #[test]
    fn a_centre_is_read_as_it_was_written_and_only_then() {
        let centre = Centre { cell: 3, spread: 0.5, place: vec![1.0, -2.0] };
        let bytes = centre.to_bytes();
        assert_eq!(Centre::from_bytes(3, &bytes, 2), Ok(centre));
        assert!(Centre::from_bytes(3, &bytes, 3).is_err());
        assert!(Centre::from_bytes(3, &bytes[..11], 2).is_err());
        assert!(Centre::from_bytes(3, &[], 2).is_err());
    }
}
