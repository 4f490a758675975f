//! The rules of indexes.

use std::collections::HashMap;

use proc_macro2::Ident;

use super::store::{COLUMNS_MAX, position};
use crate::{
    ast::{Column, Field, Index, Source},
    attr::{ColumnAttr, FieldAttrs, IndexAttr, SourceAttr, plain},
    ctxt::Ctxt,
    names::pascal_case,
};

/// Methods of every store, which an index must not hide.
pub(super) const METHODS: [&str; 24] = [
    "by_key",
    "children",
    "clone",
    "delete",
    "delete_at",
    "deref",
    "edit",
    "edit_at",
    "exists",
    "from",
    "get",
    "get_many",
    "insert",
    "insert_many",
    "insert_or_ignore",
    "preload_children",
    "preload_parents",
    "purge",
    "query",
    "require",
    "restore",
    "session",
    "upsert",
    "with_deleted",
];

/// The struct that the indexes are of.
#[derive(Clone, Copy)]
pub(super) struct Owner<'a> {
    pub(super) ident: &'a Ident,
    pub(super) fields: &'a [Field],
    pub(super) names: &'a [String],
}

/// All indexes, those of fields first.
pub(super) fn all(
    owner: Owner<'_>,
    on_struct: Vec<IndexAttr>,
    field_attrs: &mut [FieldAttrs],
    ctxt: &mut Ctxt,
) -> Vec<Index> {
    let on_fields = field_attrs.iter_mut().zip(owner.fields).flat_map(|(attrs, field)| {
        std::mem::take(&mut attrs.indexes).into_iter().map(|mut index| {
            for column in &mut index.columns {
                column.ident = Some(field.ident.clone());
            }
            index
        })
    });
    let all: Vec<IndexAttr> = on_fields.chain(on_struct).collect();
    let mut seen = HashMap::new();
    let mut indexes = Vec::new();
    for attr in all {
        let name = plain(&attr.name);
        let marker = pascal_case(&name);
        if METHODS.contains(&name.as_str()) {
            let message =
                format!("`{name}` is a method of every store: give the index another name");
            ctxt.error(&attr.name, message);
        } else if syn::parse_str::<Ident>(&marker).is_err() {
            let message = format!("`{name}` gives no name for a type: call the index `by_..`");
            ctxt.error(&attr.name, message);
        } else if marker == "ByKey" {
            let message = "the type `ByKey` stands for the primary key: take another name";
            ctxt.error(&attr.name, message);
        } else if let Some(other) = seen.insert(marker.clone(), name.clone()) {
            let message = if other == name {
                "two indexes have this name".to_owned()
            } else {
                format!("the index `{other}` has the type `{marker}` already")
            };
            ctxt.error(&attr.name, message);
        } else if let Some(index) = index(attr, owner, ctxt) {
            indexes.push(index);
        }
    }
    indexes
}

fn index(attr: IndexAttr, owner: Owner<'_>, ctxt: &mut Ctxt) -> Option<Index> {
    let mut columns: Vec<Column> = Vec::new();
    let mut sound = true;
    for attr in attr.columns {
        let Some(column) = column(attr, owner, ctxt) else {
            sound = false;
            continue;
        };
        let ident = &column.ident;
        if columns.iter().any(|known| plain(&known.ident) == plain(ident)) {
            ctxt.error(ident, "the column is given twice");
        } else if column.each && columns.iter().any(|known| known.each) {
            ctxt.error(ident, "only one column of an index can be `each`");
        } else if columns.len() == COLUMNS_MAX {
            ctxt.error(ident, format!("an index has at most {COLUMNS_MAX} columns"));
        } else {
            columns.push(column);
        }
    }
    let IndexAttr { name, unique, when, version, .. } = attr;
    sound.then_some(Index { name, unique, columns, when, version: version.unwrap_or(0) })
}

fn column(attr: ColumnAttr, owner: Owner<'_>, ctxt: &mut Ctxt) -> Option<Column> {
    let ColumnAttr { ident, computed, desc, each } = attr;
    let ident = ident?;
    let mut field = |ident: &Ident| position(ident, owner.ident, owner.names, ctxt);
    let source = match computed {
        None => Source::Field(field(&ident)?),
        Some((ty, SourceAttr::Nested(root, path))) => {
            Source::Nested { field: field(&root)?, path, ty: Box::new(ty) }
        }
        Some((ty, SourceAttr::Function(path))) => {
            let name = path.get_ident().map(plain).unwrap_or_default();
            if owner.names.contains(&name) {
                let message = format!(
                    "`{name}` is a field: make it a column as it is, `{name}`, or name a function \
                     of the record, `Self::function`",
                );
                ctxt.error(&path, message);
                return None;
            }
            Source::Function { path, ty: Box::new(ty) }
        }
    };
    Some(Column { ident, source, desc, each })
}
