//! Typed objects, kept.
#![forbid(unsafe_code)]

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod access;
mod auto;
mod db;
mod entity;
mod error;
mod field;
mod fingerprint;
mod id;
mod index;
mod key;
mod query;
mod retry;
mod row;
mod schema;
mod session;
mod store;
mod timestamp;

pub use access::Access;
pub use db::{Db, DbBuilder};
pub use entity::{Entity, IntoEntity};
pub use error::{CodecError, Conflict, Duplicate, Ended, Error, Invalid, Result, SchemaError};
pub use field::{Decoder, Encoder, Field, NamedSignature, Signature, VariantSignature};
pub use id::Id;
pub use index::{Each, Index, IndexEntries, Prefix};
pub use key::{
    Key, KeyArg, KeyPart, KeyReader, KeyTail, KeyWriter, Order, StartsWith, starts_with,
};
pub use query::{Cursor, Page, Query, Rows};
pub use retry::RetryPolicy;
pub use row::{RowReader, RowWriter};
pub use schema::{Column, FieldSpec, IndexSpec, Schema};
pub use session::{CommitReport, Edit, Session};
pub use sop_core::{ConflictKind, Durability, Isolation, Mode, Options, TransactionOptions};
pub use sop_derive::{SopEmbed, SopStore};
pub use store::StoreHandle;
pub use timestamp::Timestamp;

/// What most programs need.
pub mod prelude {
    pub use crate::{
        Cursor, Db, Edit, Error, Id, Page, Result, Session, SopEmbed, SopStore, Timestamp,
        starts_with, tx,
    };
}
