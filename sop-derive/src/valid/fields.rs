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
    let (mut versioned, mut marked) = (false, false);
    let mut old_names = HashSet::new();
    for (at, (field, mut attrs)) in store.fields.iter_mut().zip(attrs).enumerate() {
        let in_key = store.key.contains(&at);
        field.sensitive = attrs.sensitive.is_some();
        field.rules = std::mem::take(&mut attrs.rules);
        if is_version(&attrs, in_key, &mut versioned, ctxt) {
            field.version = true;
            field.default = Some(DefaultValue::FirstVersion);
        }
        if is_soft_delete(&attrs, in_key, &mut marked, ctxt) {
            field.soft_delete = true;
            field.default = Some(DefaultValue::Trait);
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
            } else if field.soft_delete {
                let message = "what becomes of a record that is deleted while it is changed is said \
                               on the struct: `#[sop(on_delete_race = delete_wins)]`";
                ctxt.error(&word, message);
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
    refuse_unique_deletion(store, ctxt);
}

/// Whether a field counts updates, and may.
fn is_version(attrs: &FieldAttrs, in_key: bool, known: &mut bool, ctxt: &mut Ctxt) -> bool {
    let Some(word) = &attrs.version else { return false };
    let wrong = if in_key {
        "a key never changes: it cannot count updates"
    } else if attrs.default.is_some() {
        "a version begins with 1: leave `default` out"
    } else if std::mem::replace(known, true) {
        "a record has one version: another field counts already"
    } else {
        return true;
    };
    ctxt.error(word, wrong);
    false
}

/// Whether a field says when the record was deleted, and may.
fn is_soft_delete(attrs: &FieldAttrs, in_key: bool, known: &mut bool, ctxt: &mut Ctxt) -> bool {
    let Some(word) = &attrs.soft_delete else { return false };
    let wrong = if in_key {
        "a key never changes: it cannot say when a record was deleted"
    } else if attrs.default.is_some() {
        "a new record is not deleted: leave `default` out"
    } else if attrs.version.is_some() {
        "a field counts updates or says when the record was deleted, not both"
    } else if std::mem::replace(known, true) {
        "one field says when a record was deleted: another one does already"
    } else {
        return true;
    };
    ctxt.error(word, wrong);
    false
}

/// Deleted records hold no unique values.
fn refuse_unique_deletion(store: &Store, ctxt: &mut Ctxt) {
    for index in store.indexes.iter().filter(|index| index.unique) {
        if let Some(column) = store.deleted_column(index) {
            let message = "deleted records hold no unique values, others leave them out by \
                           themselves: take the field out of the index, or make it an `index`";
            ctxt.error(&column.ident, message);
        }
    }
}
