//! The rules of `#[derive(SopStore)]`.

use proc_macro2::Ident;
use syn::{Data, DeriveInput, Fields, LitInt, LitStr, Path};

use super::{
    blob,
    fields::fill_fields,
    index::{self, Owner},
    relation, vector,
};
use crate::{
    ast::{Field, Store},
    attr::{self, FieldAttrs, TypeAttrs, plain},
    ctxt::{Ctxt, did_you_mean},
    names::snake_case,
};

/// Columns that a key or an index can have: so long are the tuples that stand for them.
pub(super) const COLUMNS_MAX: usize = 6;

/// Understands a struct to be stored. `None` if nothing useful can be generated.
pub(crate) fn store(input: DeriveInput, ctxt: &mut Ctxt) -> Option<Store> {
    let attrs = TypeAttrs::of_store(&input.attrs, ctxt);
    if !input.generics.params.is_empty() {
        let message = "a stored struct cannot have parameters: its records are of one type";
        ctxt.error(&input.generics, message);
        return None;
    }
    let Some(declared) = named_fields(&input, ctxt) else {
        let form = "`SopStore` needs a struct with named fields: `struct User { .. }`; values \
                    inside of it may be any type with `SopEmbed`";
        ctxt.error(&input.ident, form);
        return None;
    };
    let (fields, mut field_attrs): (Vec<Field>, Vec<FieldAttrs>) = declared.into_iter().unzip();
    let names: Vec<String> = fields.iter().map(|field| plain(&field.ident)).collect();
    let key = key(&input.ident, &attrs, &fields, &field_attrs, &names, ctxt);
    let owner = Owner { ident: &input.ident, fields: &fields, names: &names };
    let blobs = blob::take(&mut field_attrs, ctxt);
    let indexes = index::all(owner, attrs.indexes, &mut field_attrs, ctxt);
    let (version, older) = version(attrs.version.as_ref(), attrs.from, ctxt);
    let mut store = Store {
        version,
        older,
        name: store_name(attrs.store.as_ref(), &input.ident, ctxt),
        library: super::library(attrs.library),
        merge_fields: attrs.merge_record.is_some(),
        delete_wins: attrs.delete_wins.is_some(),
        new_derives: attrs.new_derives.unwrap_or_default(),
        rules: attrs.rules,
        hooks: attrs.hooks.is_some(),
        debug: attrs.debug.is_some(),
        has_many: Vec::new(),
        vectors: Vec::new(),
        blobs: Vec::new(),
        ident: input.ident,
        vis: input.vis,
        fields,
        key,
        indexes,
    };
    let references = field_attrs.iter_mut().map(|attrs| attrs.reference.take()).collect();
    let vectors = field_attrs.iter_mut().map(|attrs| attrs.vector.take()).collect();
    fill_fields(&mut store, field_attrs, &names, ctxt);
    relation::references(&mut store, references, ctxt);
    store.vectors = vector::all(&store, vectors, &names, ctxt);
    store.blobs = blob::all(&mut store, blobs, ctxt);
    store.has_many = relation::has_many(&store, attrs.has_many, ctxt);
    Some(store)
}

fn named_fields(input: &DeriveInput, ctxt: &mut Ctxt) -> Option<Vec<(Field, FieldAttrs)>> {
    let Data::Struct(data) = &input.data else { return None };
    let Fields::Named(named) = &data.fields else { return None };
    let understood = named.named.iter().filter_map(|field| {
        let plain = Field {
            ident: field.ident.clone()?,
            vis: field.vis.clone(),
            ty: field.ty.clone(),
            docs: attr::docs(&field.attrs),
            auto: None,
            default: None,
            renamed_from: None,
            sensitive: false,
            rules: Vec::new(),
            version: false,
            soft_delete: false,
            merge: None,
            reference: None,
        };
        Some((plain, FieldAttrs::new(&field.attrs, ctxt)))
    });
    Some(understood.collect())
}

fn store_name(given: Option<&LitStr>, ident: &Ident, ctxt: &mut Ctxt) -> String {
    let Some(given) = given else { return snake_case(&plain(ident)) };
    let name = given.value();
    let letter = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
    if name.is_empty() || name.len() > 100 || !name.chars().all(letter) || name.starts_with("sop.")
    {
        ctxt.error(
            given,
            "a store's name has 1 to 100 of the characters `a-z A-Z 0-9 _ - .` and does not begin \
             with `sop.`",
        );
    }
    name
}

/// The version, and the struct of an earlier one.
fn version(
    given: Option<&LitInt>,
    from: Option<(Ident, Path)>,
    ctxt: &mut Ctxt,
) -> (u32, Option<Path>) {
    let version = given.map_or(Ok(1), LitInt::base10_parse);
    let Ok(version @ 1..) = version else {
        ctxt.error(given, "a version is a whole number, 1 for the first one");
        return (1, None);
    };
    if let (1, Some((word, _))) = (version, &from) {
        let form = "`from` needs the version that begins with it: \
                    `#[sop(version = 2, from = v1::Article)]`";
        ctxt.error(word, form);
        return (1, None);
    }
    (version, from.map(|(_, path)| path))
}

/// Positions of the key fields, from the fields or from the struct.
fn key(
    ident: &Ident,
    attrs: &TypeAttrs,
    fields: &[Field],
    field_attrs: &[FieldAttrs],
    names: &[String],
    ctxt: &mut Ctxt,
) -> Vec<usize> {
    let on_fields = field_attrs.iter().enumerate().filter(|(_, attrs)| attrs.key.is_some());
    let on_fields: Vec<usize> = on_fields.map(|(at, _)| at).collect();
    let Some(on_struct) = &attrs.key else {
        // With another mistake around, the key may well be what was meant there.
        if on_fields.is_empty() && ctxt.is_empty() {
            ctxt.error(
                ident,
                "no field is the key: mark one with `#[sop(key)]`, `#[sop(key(auto = uuid7))]` or \
                 `#[sop(key(auto = increment))]`, or several for a key of several columns",
            );
        }
        return refuse_too_many(on_fields, fields, ctxt);
    };
    if !on_fields.is_empty() {
        ctxt.error(&on_struct.word, "the key is given on the struct and on fields: give it once");
    }
    if on_struct.columns.is_empty() {
        ctxt.error(&on_struct.word, "the form is `#[sop(key(first_field, second_field))]`");
    }
    let mut columns = Vec::new();
    for column in &on_struct.columns {
        match position(column, ident, names, ctxt) {
            Some(at) if columns.contains(&at) => ctxt.error(column, "the column is given twice"),
            Some(at) => columns.push(at),
            None => {}
        }
    }
    refuse_too_many(columns, fields, ctxt)
}

/// Complains about what is too much of a key, and leaves it out.
fn refuse_too_many(mut key: Vec<usize>, fields: &[Field], ctxt: &mut Ctxt) -> Vec<usize> {
    if let Some(field) = key.get(COLUMNS_MAX).and_then(|at| fields.get(*at)) {
        ctxt.error(&field.ident, format!("a key has at most {COLUMNS_MAX} columns"));
    }
    key.truncate(COLUMNS_MAX);
    key
}

pub(super) fn position(
    column: &Ident,
    owner: &Ident,
    names: &[String],
    ctxt: &mut Ctxt,
) -> Option<usize> {
    let wanted = plain(column);
    let found = names.iter().position(|name| *name == wanted);
    if found.is_none() {
        let message = format!("`{owner}` has no field `{wanted}`");
        let message = did_you_mean(message, &wanted, names.iter().map(String::as_str));
        ctxt.error(column, message);
    }
    found
}
