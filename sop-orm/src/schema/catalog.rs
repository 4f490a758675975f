//! The catalog's entry of one typed store.
//!
//! ```text
//! format u8 (1) | key columns, list of string
//! | layouts, list of (number u32, version u32, mixed bool, fields)
//! | indexes, list of (name string, definition string, filling option<(list<u8>, u64)>)
//! | sweep option<(after list<u8>, done u64, upgraded u64)>
//! | relations, list of (field string, target string)
//! ```
//!
//! The fields of a layout are a list of (name string, signature string). A *mixed* layout is that
//! of rows in which an older program carries what it does not know.
//!
//! The filling of an index is `None` when it is complete. Before, it is the key up to which all
//! records have their entries (empty before the first), and the number of records passed.

use sop_core::{StoreView, Transaction};

use crate::{
    db::registry::OpenStore,
    error::{CodecError, Error, Result as Outcome, SchemaError},
    field::{Decoder, Encoder, Field},
};

/// The engine store that holds the catalog, by name of the typed store.
pub(crate) const STORE: &str = "sop.schema";

const FORMAT: u8 = 1;

/// Layouts have lower numbers. Some are left above, for those that an opening adds.
const NUMBER_END: u32 = 1 << 31;

/// What the database remembers of a typed store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CatalogEntry {
    pub(crate) key: Vec<String>,
    pub(crate) layouts: Vec<Layout>,
    pub(crate) indexes: Vec<IndexRecord>,
    /// How far the rows have been brought to the last layout, while that is being done.
    pub(crate) sweep: Option<Sweep>,
    pub(crate) relations: Vec<RelationRecord>,
}

/// How far a migration has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sweep {
    /// The key of the last row that was looked at.
    pub(crate) after: Vec<u8>,
    /// Number of rows that were looked at.
    pub(crate) done: u64,
    /// Number of rows that were written anew.
    pub(crate) upgraded: u64,
}

/// The fields of rows written in one layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) number: u32,
    /// The version of the struct.
    pub(crate) version: u32,
    /// Whether the struct of an older program and fields that it does not know make it up.
    pub(crate) mixed: bool,
    pub(crate) fields: Vec<LayoutField>,
}

/// A field of a layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LayoutField {
    pub(crate) name: String,
    pub(crate) signature: String,
}

/// An index and how far it has been filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IndexRecord {
    pub(crate) name: String,
    pub(crate) definition: String,
    /// `None` if it is complete.
    pub(crate) filling: Option<Filling>,
}

/// How far an index has been filled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filling {
    /// Records up to this key have their entries; empty before the first one.
    pub(crate) to: Vec<u8>,
    /// Number of records that were passed.
    pub(crate) records: u64,
}

/// A field that refers to records of another store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RelationRecord {
    pub(crate) field: String,
    /// The other store's name.
    pub(crate) target: String,
}

impl CatalogEntry {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Encoder::default();
        FORMAT.encode(&mut out);
        self.key.encode(&mut out);
        out.push_len(self.layouts.len());
        for layout in &self.layouts {
            layout.number.encode(&mut out);
            layout.version.encode(&mut out);
            layout.mixed.encode(&mut out);
            out.push_len(layout.fields.len());
            for field in &layout.fields {
                field.name.encode(&mut out);
                field.signature.encode(&mut out);
            }
        }
        out.push_len(self.indexes.len());
        for index in &self.indexes {
            index.name.encode(&mut out);
            index.definition.encode(&mut out);
            let filling = index.filling.clone();
            filling.map(|filling| (filling.to, filling.records)).encode(&mut out);
        }
        let sweep = self.sweep.clone();
        sweep.map(|Sweep { after, done, upgraded }| (after, done, upgraded)).encode(&mut out);
        out.push_len(self.relations.len());
        for relation in &self.relations {
            relation.field.encode(&mut out);
            relation.target.encode(&mut out);
        }
        out.into_bytes()
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut input = Decoder::new(bytes);
        let format = u8::decode(&mut input)?;
        if format != FORMAT {
            return Err(CodecError::UnknownTag { tag: format.into() });
        }
        let entry = Self {
            key: Vec::decode(&mut input)?,
            layouts: list(&mut input, |input| {
                let number = u32::decode(input)?;
                if number >= NUMBER_END {
                    let reason = "a layout of a number that is never given out".to_owned();
                    return Err(CodecError::Malformed { reason });
                }
                let (version, mixed) = (u32::decode(input)?, bool::decode(input)?);
                Ok(Layout { number, version, mixed, fields: list(input, LayoutField::read)? })
            })?,
            indexes: list(&mut input, IndexRecord::read)?,
            sweep: Option::decode(&mut input)?.map(|(after, done, upgraded)| Sweep {
                after,
                done,
                upgraded,
            }),
            relations: list(&mut input, |input| {
                Ok(RelationRecord { field: String::decode(input)?, target: String::decode(input)? })
            })?,
        };
        input.finish()?;
        Ok(entry)
    }
}

/// The entries of all typed stores but some.
pub(crate) fn others(
    catalog: StoreView<'_>,
    known: impl Fn(&str) -> bool,
) -> Outcome<Vec<(String, CatalogEntry)>> {
    let mut others = Vec::new();
    for entry in catalog.iter()? {
        let (name, bytes) = entry?;
        let name = String::from_utf8_lossy(&name).into_owned();
        if known(&name) {
            continue;
        }
        let entry = CatalogEntry::from_bytes(&bytes).map_err(|error| {
            let problems = vec![format!("what the catalog has of it cannot be read: {error}")];
            Error::Schema(SchemaError { store: name.clone(), problems })
        })?;
        others.push((name, entry));
    }
    Ok(others)
}

/// The entry of an open store.
pub(crate) fn read(catalog: StoreView<'_>, store: &OpenStore) -> Outcome<CatalogEntry> {
    let bytes = catalog.find(store.schema.store)?;
    CatalogEntry::from_bytes(bytes.as_deref().unwrap_or_default())
        .map_err(|source| store.unreadable(source))
}

/// Puts another entry in its place.
pub(crate) fn write(
    transaction: &Transaction,
    store: &OpenStore,
    entry: &CatalogEntry,
) -> Outcome<()> {
    Ok(transaction.store(STORE)?.upsert(store.schema.store, entry.to_bytes())?)
}

impl LayoutField {
    fn read(input: &mut Decoder<'_>) -> Result<Self, CodecError> {
        Ok(Self { name: String::decode(input)?, signature: String::decode(input)? })
    }
}

impl IndexRecord {
    fn read(input: &mut Decoder<'_>) -> Result<Self, CodecError> {
        let (name, definition) = (String::decode(input)?, String::decode(input)?);
        let filling = Option::decode(input)?.map(|(to, records)| Filling { to, records });
        Ok(Self { name, definition, filling })
    }
}

fn list<T>(
    input: &mut Decoder<'_>,
    read: impl Fn(&mut Decoder<'_>) -> Result<T, CodecError>,
) -> Result<Vec<T>, CodecError> {
    let len = input.take_len()?;
    (0..len).map(|_| read(input)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_survives_its_bytes_and_a_damaged_one_is_an_error() {
        let entry = CatalogEntry {
            key: vec!["id: uuid".to_owned()],
            layouts: vec![Layout {
                number: 1,
                version: 2,
                mixed: true,
                fields: vec![LayoutField { name: "a".into(), signature: "u32".into() }],
            }],
            indexes: vec![IndexRecord {
                name: "by_a".to_owned(),
                definition: "index(a: u32)".to_owned(),
                filling: Some(Filling { to: vec![1, 2], records: 7 }),
            }],
            sweep: Some(Sweep { after: vec![3], done: 4, upgraded: 5 }),
            relations: vec![RelationRecord { field: "a".into(), target: "others".into() }],
        };
        let bytes = entry.to_bytes();
        assert_eq!(CatalogEntry::from_bytes(&bytes).as_ref(), Ok(&entry));
        for cut in 0..bytes.len() {
            assert!(CatalogEntry::from_bytes(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert_eq!(CatalogEntry::from_bytes(&longer), Err(CodecError::TrailingBytes));
    }

    #[test]
    fn a_layout_after_which_there_is_no_number_is_refused() {
        let layout = |number| Layout { number, version: 1, mixed: false, fields: Vec::new() };
        let entry = |number| CatalogEntry {
            key: Vec::new(),
            layouts: vec![layout(number)],
            indexes: Vec::new(),
            sweep: None,
            relations: Vec::new(),
        };
        assert!(CatalogEntry::from_bytes(&entry(NUMBER_END - 1).to_bytes()).is_ok());
        assert!(CatalogEntry::from_bytes(&entry(NUMBER_END).to_bytes()).is_err());
    }
}
