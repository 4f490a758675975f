//! Everything that generated code names. Not for people: it changes without notice.

pub use ::core;
pub use ::std;

pub use crate::{
    access::Access,
    auto::{AutoNumber, AutoUlid, AutoUuid},
    blob::{BlobContent, BlobSpec, IsBlob},
    deleted::{DeletedAt, SoftDelete},
    entity::{Entity, IntoEntity, read_older},
    error::{CodecError, Error, Invalid, Result},
    field::{Decoder, Encoder, Field, NamedSignature, Signature, VariantSignature},
    hooks::{AnyHooks, Hooks, VersionNumber, Versioned, hooks, rule, rule_of},
    index::{Each, Index, IndexEntries, Inside, Open, Prefix},
    key::{KeyArg, KeyPart, KeyReader, KeyTail, KeyWriter, Order, Unknown},
    layout::{RowReader, RowWriter},
    merge::{DeleteRace, FieldMerge, MergeFields},
    query::{FieldRef, Query},
    relation::{ChildIndex, OnDelete, Reference, RefersTo, Relation, clear, discard},
    retry::{Retry, typed},
    schema::{Column, FieldSpec, IndexSpec, Schema, VectorSpec},
    store::StoreHandle,
    timestamp::Timestamp,
    vector::{AsQuery, Metric, Near, VectorField, vector_rule},
};

/// The merge policies, by the words that name them.
pub mod merge {
    pub use crate::merge::{
        add, and, append, custom, first_writer, last_writer, map, max, min, nested, or, part, union,
    };
}
