//! The rules of fields that are searched by nearness.

use proc_macro2::Ident;
use quote::format_ident;

use super::{
    index::METHODS,
    store::{COLUMNS_MAX, position},
};
use crate::{
    ast::{Column, Index, Source, Store, VectorIndex},
    attr::{VectorAttr, plain},
    ctxt::{Ctxt, did_you_mean},
};

/// All of them, in the order of the fields; after the indexes, to which they refer.
pub(super) fn all(
    store: &Store,
    attrs: Vec<Option<VectorAttr>>,
    names: &[String],
    ctxt: &mut Ctxt,
) -> Vec<VectorIndex> {
    let marked = attrs.into_iter().enumerate().filter_map(|(at, attr)| Some((at, attr?)));
    marked.filter_map(|(at, attr)| vector(store, at, attr, names, ctxt)).collect()
}

fn vector(
    store: &Store,
    at: usize,
    attr: VectorAttr,
    names: &[String],
    ctxt: &mut Ctxt,
) -> Option<VectorIndex> {
    if store.key.contains(&at) {
        ctxt.error(&attr.word, "a key has an order, which vectors have not: mark another field");
        return None;
    }
    let field = store.fields.get(at)?;
    let name = format_ident!("near_{}", plain(&field.ident), span = field.ident.span());
    for method in [name.clone(), format_ident!("{name}_of")] {
        let taken = store.indexes.iter().any(|index| plain(&index.name) == plain(&method));
        if taken || METHODS.contains(&plain(&method).as_str()) {
            let message = format!("`{method}` searches this field: name the index otherwise");
            ctxt.error(&attr.word, message);
            return None;
        }
    }
    let mut partition = Vec::new();
    for ident in attr.partition.unwrap_or_default() {
        let field = position(&ident, &store.ident, names, ctxt)?;
        if field == at || partition.iter().any(|column: &Column| column.is_field(field)) {
            ctxt.error(&ident, "a partition is made of other fields, each given once");
            return None;
        }
        let source = Source::Field(field);
        partition.push(Column { ident, source, desc: false, each: false });
    }
    if let Some(column) = partition.get(COLUMNS_MAX) {
        ctxt.error(&column.ident, format!("a partition has at most {COLUMNS_MAX} fields"));
        return None;
    }
    let version = attr.version.unwrap_or(0);
    let filters = attr.filters.unwrap_or_default();
    let filters: Option<Vec<_>> = filters
        .iter()
        .map(|ident| {
            let (at, filter) = index(store, ident, ctxt)?;
            let columns = partition.iter().chain(&filter.columns).cloned().collect();
            let name = format_ident!("{name}_{}", plain(&filter.name), span = ident.span());
            let when = filter.when.clone();
            let version = version.wrapping_add(filter.version);
            Some((at, Index { name, unique: false, columns, when, version }))
        })
        .collect();
    let index = Index { name, unique: false, columns: partition, when: None, version };
    let metric = attr.metric.unwrap_or_else(|| Ident::new("Cosine", attr.word.span()));
    Some(VectorIndex { field: at, metric, index, filters: filters? })
}

fn index<'a>(store: &'a Store, ident: &Ident, ctxt: &mut Ctxt) -> Option<(usize, &'a Index)> {
    let wanted = plain(ident);
    let found = store.indexes.iter().position(|index| plain(&index.name) == wanted);
    if found.is_none() {
        let names: Vec<String> = store.indexes.iter().map(|index| plain(&index.name)).collect();
        let message = format!("`{}` has no index `{wanted}`", store.ident);
        ctxt.error(ident, did_you_mean(message, &wanted, names.iter().map(String::as_str)));
    }
    found.and_then(|at| Some((at, store.indexes.get(at)?)))
}
