//! Everything that generated code names. Not for people: it changes without notice.

pub use ::core;
pub use ::std;

pub use crate::{
    access::Access,
    auto::{AutoNumber, AutoUuid},
    entity::{Entity, IntoEntity},
    error::{CodecError, Error, Result},
    field::{Decoder, Encoder, Field, NamedSignature, Signature, VariantSignature},
    index::{Each, Index, IndexEntries, Inside, Open, Prefix},
    key::{KeyArg, KeyPart, KeyReader, KeyTail, KeyWriter, Order, Unknown},
    query::Query,
    retry::{Retry, RetryPolicy, typed},
    row::{RowReader, RowWriter},
    schema::{Column, FieldSpec, IndexSpec, Schema},
    store::StoreHandle,
};
