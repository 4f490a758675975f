//! The rules of relations.

use proc_macro2::Ident;

use super::index::METHODS;
use crate::{
    ast::{Column, HasMany, Index, OnDelete, Reference, Source, Store},
    attr::{HasManyAttr, ReferenceAttr, plain},
    ctxt::Ctxt,
    names::pascal_case,
};

/// What fields refer to. Each needs an index that leads from the target to the record: where there
/// is none yet, it is made.
pub(super) fn references(store: &mut Store, attrs: Vec<Option<ReferenceAttr>>, ctxt: &mut Ctxt) {
    for (at, attr) in attrs.into_iter().enumerate() {
        let Some(attr) = attr else { continue };
        let reference = reference(store, at, attr, ctxt);
        if let (Some(reference), Some(field)) = (reference, store.fields.get_mut(at)) {
            field.reference = Some(reference);
        }
    }
}

fn reference(
    store: &mut Store,
    at: usize,
    attr: ReferenceAttr,
    ctxt: &mut Ctxt,
) -> Option<Reference> {
    let ReferenceAttr { word, target, on_delete } = attr;
    let many = word == "belongs_to_many";
    if store.key.contains(&at) {
        if many {
            ctxt.error(&word, "a key has one value: use `belongs_to`, or move the list out of it");
            return None;
        }
        if let Some((action, OnDelete::Release)) = &on_delete {
            ctxt.error(action, "a key never changes: use `restrict` or `cascade`");
            return None;
        }
    }
    let index = if store.key.first() == Some(&at) {
        None
    } else {
        Some(match store.indexes.iter().position(|index| store.is_led_by(index, at, many)) {
            Some(known) => known,
            None => make_index(store, at, &word, many, ctxt)?,
        })
    };
    let (action, on_delete) = on_delete.unzip();
    let on_delete = on_delete.unwrap_or(OnDelete::Restrict);
    Some(Reference { many, target, action, on_delete, index })
}

/// The index `by_author` of a field `author`.
fn make_index(
    store: &mut Store,
    at: usize,
    word: &Ident,
    each: bool,
    ctxt: &mut Ctxt,
) -> Option<usize> {
    let field = store.fields.get(at)?.ident.clone();
    let name = format!("by_{}", plain(&field));
    let marker = pascal_case(&name);
    let is_taken = |index: &Index| pascal_case(&plain(&index.name)) == marker;
    if marker == "ByKey" || store.indexes.iter().any(is_taken) {
        let form = if each { "index(by_name, each)" } else { "index(by_name)" };
        let message = format!(
            "the index `{name}`, which is made for this, has a name that is taken: add \
             `#[sop({form})]` with another one",
        );
        ctxt.error(word, message);
        return None;
    }
    let column = Column { ident: field, source: Source::Field(at), desc: false, each };
    let (name, columns) = (Ident::new(&name, word.span()), vec![column]);
    store.indexes.push(Index { name, unique: false, columns, when: None, version: 0 });
    Some(store.indexes.len() - 1)
}

/// The methods that lead from a record to those that refer to it.
pub(super) fn has_many(store: &Store, attrs: Vec<HasManyAttr>, ctxt: &mut Ctxt) -> Vec<HasMany> {
    let mut all: Vec<HasMany> = Vec::new();
    for HasManyAttr { name, index } in attrs {
        let text = plain(&name);
        if METHODS.contains(&text.as_str()) {
            let message = format!("`{text}` is a method of every store: take another name");
            ctxt.error(&name, message);
        } else if store.indexes.iter().any(|index| plain(&index.name) == text) {
            ctxt.error(&name, format!("`{text}` is an index of the struct: take another name"));
        } else if all.iter().any(|known| plain(&known.name) == text) {
            ctxt.error(&name, format!("`{text}` is given twice"));
        } else {
            all.push(HasMany { name, index });
        }
    }
    all
}
