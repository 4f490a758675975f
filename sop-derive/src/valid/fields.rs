//! The rules of what is said about single fields.

use std::collections::HashSet;

use proc_macro2::{Ident, Span};

use crate::{
    ast::{DefaultValue, Merge, Store},
    attr::{FieldAttrs, plain},
    ctxt::Ctxt,
};

/// Moves what the attributes say about single fields to these, where it makes sense.
pub(super) fn fill_fields(
    store: &mut Store,
    attrs: Vec<FieldAttrs>,
    names: &[String],
    ctxt: &mut Ctxt,
) {
    let columns = store.key.len();
    let mut versioned = false;
    let mut old_names = HashSet::new();
    for (at, (field, attrs)) in store.fields.iter_mut().zip(attrs).enumerate() {
        let in_key = store.key.contains(&at);
        field.sensitive = attrs.sensitive.is_some();
        field.rules = attrs.rules;
        if let Some(word) = attrs.version {
            if in_key {
                ctxt.error(&word, "a key never changes: it cannot count updates");
            } else if attrs.default.is_some() {
                ctxt.error(&word, "a version begins with 1: leave `default` out");
            } else if std::mem::replace(&mut versioned, true) {
                ctxt.error(&word, "a record has one version: another field counts already");
            } else {
                field.version = true;
                field.default = Some(DefaultValue::FirstVersion);
            }
        }
        if let Some(key) = attrs.key {
            if key.auto.is_some() && columns > 1 {
                ctxt.error(&key.word, "`auto` needs a key of one column");
            } else {
                field.auto = key.auto;
            }
        }
        if let Some((word, default)) = attrs.default {
            if in_key {
                ctxt.error(&word, "a key has no default: use `#[sop(key(auto = uuid7))]`");
            } else {
                field.default = Some(default);
            }
        }
        if let Some((word, merge)) = attrs.merge {
            if in_key {
                ctxt.error(&word, "a key never changes, so there is nothing to merge");
            } else if field.version {
                ctxt.error(&word, "a version is counted on when a record is merged");
            } else {
                field.merge = Some(merge);
            }
        }
        if let Some(old) = attrs.renamed_from {
            if in_key {
                ctxt.error(&old, "a key field can be renamed freely: leave `renamed_from` out");
            } else if names.contains(&plain(&old)) {
                ctxt.error(&old, format!("`{old}` is a field that is still there"));
            } else if !old_names.insert(plain(&old)) {
                ctxt.error(&old, format!("another field was renamed from `{old}` already"));
            } else {
                field.renamed_from = Some(old);
            }
        }
    }
    // The merged record gets its version afterwards, so this one must only not be in the way.
    if store.merge_fields || store.fields.iter().any(|field| field.merge.is_some()) {
        let last_writer = || Merge::Policy(Ident::new("last_writer", Span::call_site()));
        let version = store.fields.iter_mut().filter(|field| field.version);
        version.for_each(|field| field.merge = Some(last_writer()));
    }
}
