//! A type to be stored, in our own terms.

use proc_macro2::{Ident, TokenStream};
use syn::{Attribute, Generics, Member, Path, Type, Visibility};

/// A struct with `#[derive(SopStore)]`, understood and checked.
#[expect(clippy::struct_excessive_bools, reason = "words that are given or not")]
pub(crate) struct Store {
    pub(crate) ident: Ident,
    pub(crate) vis: Visibility,
    /// The library, as generated code names it.
    pub(crate) library: Path,
    /// Name of the store.
    pub(crate) name: String,
    /// Counts the changes of what stored values mean.
    pub(crate) version: u32,
    /// The struct of an earlier version.
    pub(crate) older: Option<Path>,
    pub(crate) fields: Vec<Field>,
    /// Positions of the key fields, in the order of the key's columns.
    pub(crate) key: Vec<usize>,
    pub(crate) indexes: Vec<Index>,
    /// Whether fields without a policy are merged one by one.
    pub(crate) merge_fields: bool,
    /// Whether a record that was deleted stays so.
    pub(crate) delete_wins: bool,
    /// What the `New..` struct derives.
    pub(crate) new_derives: Vec<Path>,
    /// Functions that judge a whole record.
    pub(crate) rules: Vec<Path>,
    /// Whether it implements `Hooks`.
    pub(crate) hooks: bool,
    /// Whether it is given a `Debug` that keeps sensitive values to itself.
    pub(crate) debug: bool,
    pub(crate) has_many: Vec<HasMany>,
    pub(crate) vectors: Vec<VectorIndex>,
    pub(crate) blobs: Vec<BlobField>,
}

/// A field of a [`Store`].
pub(crate) struct Field {
    pub(crate) ident: Ident,
    pub(crate) vis: Visibility,
    pub(crate) ty: Type,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) auto: Option<Auto>,
    pub(crate) default: Option<DefaultValue>,
    pub(crate) renamed_from: Option<Ident>,
    /// Whether its values are kept out of errors.
    pub(crate) sensitive: bool,
    /// Functions that judge its values.
    pub(crate) rules: Vec<Path>,
    /// Whether it counts updates.
    pub(crate) version: bool,
    /// Whether it says when the record was deleted.
    pub(crate) soft_delete: bool,
    pub(crate) merge: Option<Merge>,
    pub(crate) reference: Option<Reference>,
}

/// That the values of a field are keys of records.
pub(crate) struct Reference {
    /// Whether each item of the field is one.
    pub(crate) many: bool,
    /// The stored type, where the field's own does not say.
    pub(crate) target: Option<Path>,
    /// The word that says what becomes of it.
    pub(crate) action: Option<Ident>,
    pub(crate) on_delete: OnDelete,
    /// The index that leads from the target to the record; `None` for the primary key.
    pub(crate) index: Option<usize>,
}

/// What becomes of a reference when its target is deleted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnDelete {
    Restrict,
    Cascade,
    /// It becomes `None`, or goes from the list.
    Release,
}

/// A method that leads to the records that refer to one.
pub(crate) struct HasMany {
    pub(crate) name: Ident,
    /// The type of the index.
    pub(crate) index: Path,
}

/// How changes by two sessions come together.
pub(crate) enum Merge {
    Conflict,
    /// A function of the library.
    Policy(Ident),
    /// A function of the user.
    Custom(Path),
}

/// How a key is made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Auto {
    Uuid7,
    Ulid,
    Increment,
}

/// What a field is if nobody says.
pub(crate) enum DefaultValue {
    /// `#[sop(default)]`
    Trait,
    /// `#[sop(default = ..)]`
    Expression(TokenStream),
    /// `#[sop(version)]`
    FirstVersion,
}

/// A secondary index.
pub(crate) struct Index {
    pub(crate) name: Ident,
    pub(crate) unique: bool,
    pub(crate) columns: Vec<Column>,
    /// The function that says whether a record has entries.
    pub(crate) when: Option<Path>,
    pub(crate) version: u32,
}

/// A field that is searched by nearness.
pub(crate) struct VectorIndex {
    /// The position of the field.
    pub(crate) field: usize,
    /// How distances are measured, as the library names it.
    pub(crate) metric: Ident,
    /// Its columns are the partition.
    pub(crate) index: Index,
    /// The same with the columns of another index behind them, whose position stands beside it.
    pub(crate) filters: Vec<(usize, Index)>,
}

/// A field whose content is beside the record.
pub(crate) struct BlobField {
    /// The position of the field.
    pub(crate) field: usize,
    /// Of its chunks, in bytes, where the attribute says so.
    pub(crate) chunk_len: Option<u32>,
}

/// A column of an index.
#[derive(Clone)]
pub(crate) struct Column {
    /// Its name, where the attribute gives it; that of the field if it is one.
    pub(crate) ident: Ident,
    pub(crate) source: Source,
    pub(crate) desc: bool,
    pub(crate) each: bool,
}

/// Where the values of a column come from.
#[derive(Clone)]
pub(crate) enum Source {
    /// The field at a position.
    Field(usize),
    /// A field inside of the field at a position.
    Nested { field: usize, path: Vec<Member>, ty: Box<Type> },
    /// A function of the record.
    Function { path: Path, ty: Box<Type> },
}

impl Column {
    /// Whether it is the field at a position, or its items.
    pub(crate) fn is_field(&self, position: usize) -> bool {
        matches!(self.source, Source::Field(at) if at == position)
    }
}

impl Store {
    /// The fields in the row: all but those of the key.
    pub(crate) fn row_fields(&self) -> impl Iterator<Item = &Field> {
        let fields = self.fields.iter().enumerate();
        fields.filter(|(at, _)| !self.key.contains(at)).map(|(_, field)| field)
    }

    /// The field that counts updates.
    pub(crate) fn version(&self) -> Option<&Field> {
        self.fields.iter().find(|field| field.version)
    }

    /// The field that says when a record was deleted.
    pub(crate) fn soft_delete(&self) -> Option<&Field> {
        self.fields.iter().find(|field| field.soft_delete)
    }

    /// The column of an index that makes it hold deleted records, and no others.
    pub(crate) fn deleted_column<'a>(&self, index: &'a Index) -> Option<&'a Column> {
        let marked = self.fields.iter().position(|field| field.soft_delete)?;
        index.columns.iter().find(|column| column.is_field(marked))
    }

    /// Whether an index holds all records that are not deleted, in the order of a field or of its
    /// items.
    pub(crate) fn is_led_by(&self, index: &Index, field: usize, each: bool) -> bool {
        let leads = |first: &Column| first.is_field(field) && !first.desc && first.each == each;
        index.when.is_none()
            && index.columns.first().is_some_and(leads)
            && self.deleted_column(index).is_none()
    }

    /// The fields of the key, in the order of its columns.
    pub(crate) fn key_fields(&self) -> impl Iterator<Item = &Field> {
        self.key.iter().filter_map(|at| self.fields.get(*at))
    }
}

/// A type with `#[derive(SopEmbed)]`, understood and checked.
pub(crate) struct Embed {
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) library: Path,
    pub(crate) shape: Shape,
    /// Whether it is merged field by field.
    pub(crate) merge_fields: bool,
    /// Whether it can be a column of a key.
    pub(crate) key: bool,
    /// Whether it is given a `Debug` that keeps sensitive values to itself.
    pub(crate) debug: bool,
}

/// The two kinds of embedded types.
pub(crate) enum Shape {
    Struct(EmbedFields),
    Enum(Vec<EmbedVariant>),
}

/// Fields with or without names.
pub(crate) struct EmbedFields {
    pub(crate) fields: Vec<EmbedField>,
}

/// A field of an embedded type.
pub(crate) struct EmbedField {
    /// How code names it: an ident or a number.
    pub(crate) member: Member,
    pub(crate) ty: Type,
    pub(crate) merge: Option<Merge>,
    /// Whether its values are kept out of errors.
    pub(crate) sensitive: bool,
}

/// A variant of an embedded enum.
pub(crate) struct EmbedVariant {
    pub(crate) ident: Ident,
    pub(crate) tag: u16,
    pub(crate) fields: EmbedFields,
}
