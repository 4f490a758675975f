//! The rules of blob fields.

use syn::LitInt;

use super::index::METHODS;
use crate::{
    ast::{BlobField, DefaultValue, Store},
    attr::{BlobAttr, FieldAttrs, plain},
    ctxt::Ctxt,
};

/// The lengths that chunks can have, in bytes, as the engine says.
const CHUNK_LEN: std::ops::RangeInclusive<u32> = 4_096..=16_777_216;

/// Takes the words for blobs, and complains about what cannot be said of one beside.
pub(super) fn take(attrs: &mut [FieldAttrs], ctxt: &mut Ctxt) -> Vec<Option<BlobAttr>> {
    let taken = attrs.iter_mut().map(|attrs| {
        let blob = attrs.blob.take()?;
        let others = !attrs.indexes.is_empty()
            || attrs.default.is_some()
            || !attrs.rules.is_empty()
            || attrs.version.is_some()
            || attrs.soft_delete.is_some()
            || attrs.merge.is_some()
            || attrs.reference.is_some()
            || attrs.vector.is_some();
        if others {
            let message = "a blob is not part of the record: of the other words only `renamed_from` \
                           goes with it";
            ctxt.error(&blob.word, message);
        }
        Some(blob)
    });
    taken.collect()
}

/// All of them, in the order of the fields; last, as their methods have the names of the fields.
pub(super) fn all(
    store: &mut Store,
    attrs: Vec<Option<BlobAttr>>,
    ctxt: &mut Ctxt,
) -> Vec<BlobField> {
    let marked = attrs.into_iter().enumerate().filter_map(|(at, attr)| Some((at, attr?)));
    marked.filter_map(|(at, attr)| blob(store, at, &attr, ctxt)).collect()
}

fn blob(store: &mut Store, at: usize, attr: &BlobAttr, ctxt: &mut Ctxt) -> Option<BlobField> {
    if store.key.contains(&at) {
        ctxt.error(&attr.word, "a key has an order, which blobs have not: mark another field");
        return None;
    }
    let chunk_len = attr.chunk_len.as_ref().map(|len| (len, len.base10_parse::<u32>()));
    let chunk_len = match chunk_len {
        None => None,
        Some((_, Ok(len))) if CHUNK_LEN.contains(&len) => Some(len),
        Some((given, _)) => {
            refuse_len(given, ctxt);
            return None;
        }
    };
    let name = plain(&store.fields.get(at)?.ident);
    let vectors = store.vectors.iter().map(|vector| &vector.index.name);
    let mut others = store.indexes.iter().map(|index| &index.name).chain(vectors);
    if METHODS.contains(&name.as_str()) || others.any(|other| plain(other) == name) {
        let message = format!("a method of the store is called `{name}` already: rename the field");
        ctxt.error(&attr.word, message);
        return None;
    }
    if let Some(field) = store.fields.get_mut(at) {
        field.default = Some(DefaultValue::Trait);
    }
    Some(BlobField { field: at, chunk_len })
}

fn refuse_len(given: &LitInt, ctxt: &mut Ctxt) {
    let (least, most) = (CHUNK_LEN.start(), CHUNK_LEN.end());
    ctxt.error(given, format!("a chunk has {least} to {most} bytes"));
}
