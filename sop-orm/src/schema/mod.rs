//! Schemas: what a stored type looks like, what the database remembers of it, and how the two are
//! brought together when the database is opened.
//!
//! The catalog is a store of the engine, `sop.schema`, with one entry per typed store: its key
//! columns, every *layout* in which its rows were ever written (names and signatures of fields),
//! and its indexes. Opening compares ([`diff`]) and then does what is needed ([`open`]): a new
//! layout for changed fields, indexes made, filled and dropped. A row carries the number of its
//! layout, so it is read by the plan for just that layout. What takes long, filling a new index
//! ([`backfill`]), goes on in the background.
//!
//! Index entries are always those of the record as the present struct reads it. Where that may
//! differ from what was entered, after a change of a column's type or of the struct's version, the
//! index has another definition and is made anew; and whoever makes an entry from a row that is
//! not of the present layout writes that row anew with it ([`backfill`]), so a default or a
//! conversion that gives another value next time changes nothing any more.

pub(crate) mod backfill;
pub(crate) mod catalog;
pub(crate) mod diff;
pub(crate) mod open;
pub(crate) mod sweep;
pub(crate) mod verify;

use crate::{
    blob::BlobSpec,
    error::CodecError,
    field::Signature,
    key::{self, KeyReader, Order},
    layout::Shape,
    merge::{DeleteRace, FieldMerge},
    relation::Relation,
    vector::{Element, Metric},
};

/// What is shown in the place of a value that is kept out of errors.
pub(crate) const SENSITIVE: &str = "[sensitive]";

/// Describes a stored type. Built by [`SopStore`](crate::SopStore).
#[derive(Debug)]
pub struct Schema {
    /// Name of the Rust type.
    pub type_name: &'static str,
    /// Name of the store.
    pub store: &'static str,
    /// Counts the changes of what stored values mean; 1 at first.
    pub version: u32,
    /// The struct of an earlier version, from which records are converted.
    pub older: Option<&'static Schema>,
    /// Columns of the primary key.
    pub key: &'static [Column],
    /// Fields in the row, in the order of declaration; without those of the key.
    pub fields: &'static [FieldSpec],
    /// Secondary indexes.
    pub indexes: &'static [IndexSpec],
    /// What becomes of a record that one session changed and another one deleted.
    pub on_delete_race: DeleteRace,
    /// Position of the field that says when a record was deleted, if there is one.
    pub soft_delete: Option<usize>,
    /// Whether any field is marked `sensitive`.
    pub sensitive: bool,
    /// Fields that refer to records.
    pub relations: &'static [Relation],
    /// Fields whose content is beside the record.
    pub blobs: &'static [BlobSpec],
}

/// A column of a key or an index.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// The field it comes from, or the name of a computed column.
    pub field: &'static str,
    /// What it is computed from: a function of the record, or a path of fields.
    pub source: Option<&'static str>,
    /// The field's type; for `each` that of an item.
    pub signature: Signature,
    /// The direction it is sorted in.
    pub order: Order,
    /// Whether each item of the field has an entry.
    pub each: bool,
    /// Whether what it comes from is marked `sensitive`.
    pub sensitive: bool,
    /// Reads over one value of the column.
    pub skip: fn(&mut KeyReader<'_>) -> Result<(), CodecError>,
}

/// A field in the row.
#[derive(Clone, Copy, Debug)]
pub struct FieldSpec {
    /// The field's name.
    pub name: &'static str,
    /// The name it had before.
    pub renamed_from: Option<&'static str>,
    /// How it is written.
    pub signature: Signature,
    /// Whether rows without it can be read.
    pub optional: bool,
    /// What becomes of it when two sessions changed the record.
    pub merge: FieldMerge,
}

/// A secondary index.
#[derive(Clone, Copy, Debug)]
pub struct IndexSpec {
    /// The index's name.
    pub name: &'static str,
    /// Whether two records may have equal columns.
    pub unique: bool,
    /// The columns, in the order they are compared.
    pub columns: &'static [Column],
    /// The condition under which a record has entries, as it is written in the program.
    pub when: Option<&'static str>,
    /// Counted up by the program to have the index made anew.
    pub version: u32,
    /// What is to be known of the vectors, if it is an index of such.
    pub vector: Option<VectorSpec>,
}

/// An index of the vectors in one field. Its columns are the partition, and behind them those of
/// another index where it serves conditions on that.
#[derive(Clone, Copy, Debug)]
pub struct VectorSpec {
    /// The field's name.
    pub field: &'static str,
    /// Its position among the fields in the row.
    pub position: usize,
    /// How many components the vectors have.
    pub dimensions: usize,
    /// What the components are.
    pub element: Element,
    /// How the distance of two vectors is measured.
    pub metric: Metric,
    /// How many of the columns are the partition.
    pub partition: usize,
    /// The position of the index whose columns follow.
    pub filter: Option<usize>,
}

impl Schema {
    /// Refuses, when the program is compiled, an earlier form of a struct that is none.
    #[doc(hidden)]
    pub const fn check_older(&self, older: &Self) {
        assert!(
            older.version < self.version,
            "the struct in `from` needs a lower `version` than this one"
        );
        assert!(
            same_text(self.store.as_bytes(), older.store.as_bytes()),
            "the struct in `from` has another store: give both the same `store = \"..\"`"
        );
    }

    /// The engine store that holds the entries of an index.
    pub(crate) fn index_store(&self, index: &str) -> String {
        format!("{}/{index}", self.store)
    }

    /// The engine store that holds the cells of an index of vectors.
    pub(crate) fn cell_store(&self, index: &str) -> String {
        format!("{}/{index}/cells", self.store)
    }

    /// The engine store that holds the content of a blob field.
    pub(crate) fn blob_store(&self, field: &str) -> String {
        format!("{}/{field}/blob", self.store)
    }

    /// Whether a store of the engine has that name, or that of a field that was here once.
    pub(crate) fn is_blob_store(&self, name: &str) -> bool {
        let field = name.strip_prefix(self.store).and_then(|rest| rest.strip_prefix('/'));
        field.and_then(|field| field.strip_suffix("/blob")).is_some_and(|it| !it.contains('/'))
    }

    /// The definition of an index as text; entries made under another definition are of no use.
    /// Records of another version have other values, and so other entries.
    pub(crate) fn definition(&self, index: &IndexSpec) -> String {
        let deleted = self.deleted_at().map(|field| {
            let word = if self.holds_deleted(index) { "if" } else { "unless" };
            format!(" {word} {field}")
        });
        let version = (self.version > 1).then(|| format!(" of version {}", self.version));
        [Some(index.definition()), deleted, version].into_iter().flatten().collect()
    }

    /// Name of the field that says when a record was deleted.
    fn deleted_at(&self) -> Option<&'static str> {
        self.soft_delete.and_then(|at| self.fields.get(at)).map(|field| field.name)
    }

    /// Whether an index holds the deleted records, and not the others.
    fn holds_deleted(&self, index: &IndexSpec) -> bool {
        let is_plain = |column: &Column| column.source.is_none();
        let mut columns = index.columns.iter().filter(|column| is_plain(column));
        columns.any(|column| Some(column.field) == self.deleted_at())
    }

    /// Whether an index, by position, holds no records that are deleted, or none that are not.
    pub(crate) fn leaves_out(&self, index: usize, deleted: bool) -> bool {
        self.soft_delete.is_some()
            && self.indexes.get(index).is_some_and(|index| self.holds_deleted(index) != deleted)
    }

    /// Whether a key of these columns, or of these and the primary key, may be part of an error.
    pub(crate) fn may_show(&self, columns: &[Column]) -> bool {
        !self.key.iter().chain(columns).any(Column::is_sensitive)
    }

    /// Whether values of any field, or anything in them, are kept out of errors.
    pub(crate) fn is_sensitive(&self) -> bool {
        self.sensitive
            || self.key.iter().any(Column::is_sensitive)
            || self.fields.iter().any(|field| field.signature.is_sensitive())
    }

    /// An encoded primary key as text for people.
    pub(crate) fn show_key(&self, key: &[u8]) -> String {
        if self.may_show(&[]) { key::show(key) } else { SENSITIVE.to_owned() }
    }

    /// Whether records that two sessions changed can be merged at all.
    pub(crate) fn merges(&self) -> bool {
        self.on_delete_race == DeleteRace::DeleteWins
            || self.fields.iter().any(|field| !matches!(field.merge, FieldMerge::Conflict))
    }

    /// Names of the key fields.
    pub(crate) fn key_fields(&self) -> Vec<&'static str> {
        self.key.iter().map(|column| column.field).collect()
    }
}

/// Whether two texts are equal, for constants.
const fn same_text(one: &[u8], other: &[u8]) -> bool {
    match (one, other) {
        ([], []) => true,
        ([first, one @ ..], [same, other @ ..]) if *first == *same => same_text(one, other),
        _ => false,
    }
}

impl Column {
    /// Whether values of it are kept out of errors.
    pub(crate) fn is_sensitive(&self) -> bool {
        self.sensitive || self.signature.is_sensitive()
    }
}

impl IndexSpec {
    /// Whether large partitions of it get cells: where codes stand behind columns by which they are
    /// selected, they stay there.
    pub(crate) fn has_cells(&self) -> bool {
        self.vector.is_some_and(|vector| vector.filter.is_none())
    }

    /// Names of the fields.
    pub(crate) fn fields(&self) -> Vec<&'static str> {
        self.columns.iter().map(|column| column.field).collect()
    }

    fn definition(&self) -> String {
        let kind = match &self.vector {
            Some(vector) => vector.definition(),
            None if self.unique => "unique".to_owned(),
            None => "index".to_owned(),
        };
        let when = self.when.map(|when| format!(" when {when}")).unwrap_or_default();
        let counted = (self.version > 0).then(|| format!(" version {}", self.version));
        format!(
            "{kind}({}){when}{}",
            listed(self.columns, Shape::in_order),
            counted.unwrap_or_default()
        )
    }
}

impl VectorSpec {
    fn definition(&self) -> String {
        let Self { field, dimensions, element, metric, .. } = self;
        format!("vector {metric} {field}: [{element}; {dimensions}] ")
    }
}

/// Splits bytes into those of the columns and what follows them.
pub(crate) fn split<'a>(
    columns: &[Column],
    bytes: &'a [u8],
) -> Result<(&'a [u8], &'a [u8]), CodecError> {
    let mut input = KeyReader::new(bytes);
    for column in columns {
        input.column(column.order, column.skip)?;
    }
    let len = bytes.len() - input.left();
    bytes.split_at_checked(len).ok_or(CodecError::UnexpectedEnd)
}

/// Columns as text: `tenant: u32, published_at: option<timestamp> desc`.
pub(crate) fn columns(columns: &[Column]) -> String {
    listed(columns, |shape| shape)
}

fn listed(columns: &[Column], show: impl Fn(Shape) -> Shape) -> String {
    let shown = columns.iter().map(|column| {
        let each = if column.each { " each" } else { "" };
        let desc = if column.order == Order::Descending { " desc" } else { "" };
        let source = column.source.map(|source| format!(" = {source}")).unwrap_or_default();
        format!("{}: {}{source}{each}{desc}", column.field, show(Shape::from(&column.signature)))
    });
    shown.collect::<Vec<_>>().join(", ")
}
