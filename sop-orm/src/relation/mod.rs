//! Relations: fields whose values are keys of records, in the same store or another one, and what
//! keeps them true.
//!
//! A field marked `belongs_to` refers to a record, the *parent*; whoever has the field is a
//! *child*. Each relation has an index of the children that is led by the field, or the children's
//! primary key if that is. It answers everything: which children a parent has ([`navigate`],
//! [`preload`]), and which must be looked after when it is deleted. Types are forgotten here as
//! elsewhere: a reference is the first column of an entry, which has the bytes of the parent's key.
//!
//! What keeps references true is in the session, `session/references.rs` and
//! `session/cascade.rs`:
//!
//! - A child that is inserted, or gets another parent, *requires* its parent's row: it must be
//!   there when the session commits, whatever becomes of its fields meanwhile.
//! - Deleting a parent looks through its children and requires that no others come meanwhile.
//!
//! Of records that can be restored: while a parent's row is there, references to it are true, so one
//! that is deleted goes on being referred to until it is purged. A child that is deleted refers to
//! nothing, as the indexes say, which do not hold it; restoring it is like inserting it.
//!
//! So of two sessions of which one adds a child and the other deletes its parent, one loses. A
//! session that only changes the parent is in nobody's way.

mod field;
mod graph;
pub(crate) mod navigate;
mod preload;
mod refusal;
pub(crate) mod verify;

use std::{any::TypeId, collections::BTreeSet};

pub use field::{Reference, RefersTo, clear, discard};
pub(crate) use graph::{Graph, OpenRelation, refuse_unregistered};
pub use navigate::ChildIndex;
pub use preload::{Children, Parents};
pub use refusal::{BrokenReference, StillReferenced};
pub use verify::ReferenceReport;

use crate::{
    entity::{Entity, Record},
    error::CodecError,
    query::Span,
    schema::{self, Column, SENSITIVE, Schema},
};

/// A relation, as the schema of the children has it.
#[derive(Clone, Copy, Debug)]
pub struct Relation {
    /// The field that refers to parents.
    pub field: &'static str,
    /// The parents' type.
    pub target: fn() -> Target,
    /// Position of the index that is led by the field; `None` for the primary key.
    pub index: Option<usize>,
    /// Whether the field is an `Option` of the parent's key.
    pub optional: bool,
    /// What becomes of children when their parent is deleted.
    pub on_delete: OnDelete,
}

/// What becomes of children when their parent is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDelete {
    /// The parent is not deleted while there are any.
    Restrict,
    /// They are deleted too.
    Cascade,
    /// The field becomes `None`, or the key goes from the list.
    Release,
}

/// A stored type that is forgotten.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Target {
    pub(crate) type_id: TypeId,
    pub(crate) schema: &'static Schema,
}

fn target<P: Entity>() -> Target {
    Target { type_id: TypeId::of::<P>(), schema: P::SCHEMA }
}

impl Relation {
    /// The one in which `I` leads from a `P` to its children.
    #[doc(hidden)]
    pub const fn new<P: Entity, I: ChildIndex<P>>(
        field: &'static str,
        on_delete: OnDelete,
    ) -> Self {
        let (index, optional) = (I::POSITION, I::OPTIONAL);
        Self { field, target: target::<P>, index, optional, on_delete }
    }

    /// The column that refers to parents, alone.
    pub(crate) fn column(&self, child: &'static Schema) -> &'static [Column] {
        let columns = match self.index {
            Some(index) => child.indexes.get(index).map_or(&[][..], |index| index.columns),
            None => child.key,
        };
        columns.get(..1).unwrap_or_default()
    }

    /// The key of a parent as text for people, as far as it may be known that a child refers to it.
    pub(crate) fn show_parent(
        &self,
        child: &'static Schema,
        (parent, key): (&'static Schema, &[u8]),
    ) -> String {
        if child.may_show(self.column(child)) { parent.show_key(key) } else { SENSITIVE.to_owned() }
    }

    /// The parent's key in an entry of the index.
    pub(crate) fn parent_in(
        &self,
        child: &'static Schema,
        entry: &[u8],
    ) -> Result<Option<Vec<u8>>, CodecError> {
        let column = self.column(child);
        let (value, _) = schema::split(column, entry)?;
        Ok(match (self.optional, value) {
            (true, [1, key @ ..]) | (false, key) => Some(key.to_vec()),
            (true, _) => None,
        })
    }

    /// Keys of the parents of a record. One that is deleted has none: it refers to nothing until it
    /// is restored.
    pub(crate) fn parents_of(
        &self,
        child: &'static Schema,
        record: &dyn Record,
    ) -> Result<BTreeSet<Vec<u8>>, CodecError> {
        if record.is_deleted() {
            return Ok(BTreeSet::new());
        }
        let Some(index) = self.index else {
            return Ok(self.parent_in(child, &record.key_bytes()?)?.into_iter().collect());
        };
        let entries = record.index_entries(index)?.into_sorted().into_iter();
        let parents = entries.map(|entry| self.parent_in(child, &entry.columns));
        parents.filter_map(Result::transpose).collect()
    }

    /// The entries of the children of a parent.
    pub(crate) fn children_of(&self, parent: &[u8]) -> Span {
        Span::prefix(reference(self.optional, parent))
    }
}

/// The bytes of a reference as a column.
pub(crate) fn reference(optional: bool, key: &[u8]) -> Vec<u8> {
    let some: &[u8] = if optional { &[1] } else { &[] };
    [some, key].concat()
}
