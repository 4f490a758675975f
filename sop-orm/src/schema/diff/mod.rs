//! Comparing a struct with what the database remembers: pure functions from two descriptions to
//! reading plans, or to a list of what does not fit and what to do about it.

mod plans;
mod problem;
#[cfg(test)]
mod tests;

use super::{
    FieldSpec, IndexSpec, Schema,
    catalog::{CatalogEntry, Filling, IndexRecord, Layout, LayoutField, RelationRecord},
};
use crate::{
    blob::is_blob,
    layout::{Layouts, Shape, of_field},
    relation::Relation,
};

/// The entry that the catalog gets for `schema`, given the one it has, and the plans to read by.
pub(crate) fn update(
    schema: &Schema,
    stored: Option<&CatalogEntry>,
) -> Result<(CatalogEntry, Layouts), Vec<String>> {
    let key: Vec<String> = schema.key.iter().map(|column| super::columns(&[*column])).collect();
    let mut layouts = stored.map(|entry| entry.layouts.clone()).unwrap_or_default();
    let before = layouts.last().map(|layout| layout.number);
    let current = current_layout(schema, &mut layouts);
    let mut problems = chain_problems(schema, &key);
    problems.extend(unmarked_blobs(schema));
    problems.extend(stored.and_then(|stored| key_problem(schema, &stored.key, &key)));
    match plans::all(schema, &mut layouts, current, before) {
        Ok(others) if problems.is_empty() => {
            let indexes = schema.indexes.iter().map(|spec| index_record(schema, spec, stored));
            let indexes = indexes.collect();
            let sweep = stored.filter(|_| before == Some(current));
            let sweep = sweep.and_then(|stored| stored.sweep.clone());
            let fields = schema.fields.len();
            let relations = schema.relations.iter().map(relation_record).collect();
            let entry = CatalogEntry { key, layouts, indexes, sweep, relations };
            Ok((entry, Layouts { current, fields, others }))
        }
        Ok(_) => Err(problems),
        Err(found) => {
            problems.extend(found);
            problems.dedup();
            Err(problems)
        }
    }
}

/// The number of the layout that `schema` writes. It becomes the last of the known ones.
fn current_layout(schema: &Schema, layouts: &mut Vec<Layout>) -> u32 {
    let (version, fields) = (schema.version, fields(schema.fields));
    let same = |layout: &Layout| layout.version == version && layout.fields == fields;
    let known = layouts.iter().position(same);
    let next = next_number(layouts);
    let known = known.map(|at| layouts.remove(at));
    let layout = known.unwrap_or(Layout { number: next, version, mixed: false, fields });
    let number = layout.number;
    // A program of this very struct has written it, whatever it was made for.
    layouts.push(Layout { mixed: false, ..layout });
    number
}

fn next_number(layouts: &[Layout]) -> u32 {
    layouts.iter().map(|layout| layout.number).max().unwrap_or(0) + 1
}

fn fields(specs: &[FieldSpec]) -> Vec<LayoutField> {
    let field = |field: &FieldSpec| LayoutField {
        name: field.name.to_owned(),
        signature: field.signature.to_string(),
    };
    specs.iter().map(field).collect()
}

/// Fields whose content nothing leads to.
fn unmarked_blobs(schema: &Schema) -> Vec<String> {
    let fields = schema.fields.iter().enumerate().filter(|(at, field)| {
        is_blob(&field.signature.to_string())
            && schema.blobs.iter().all(|blob| blob.position != *at)
    });
    fields.map(|(_, field)| problem::unmarked_blob(field)).collect()
}

/// Older forms of the struct whose key is another one.
fn chain_problems(schema: &Schema, key: &[String]) -> Vec<String> {
    let forms = std::iter::successors(schema.older, |form| form.older);
    let problems = forms.filter_map(|form| {
        let old: Vec<String> = form.key.iter().map(|column| super::columns(&[*column])).collect();
        key_problem(schema, &old, key)
    });
    problems.collect()
}

/// A key that would have other bytes now.
fn key_problem(schema: &Schema, stored: &[String], key: &[String]) -> Option<String> {
    let column_type = |column: &str| column.split_once(": ").map(|(_, kind)| kind.to_owned());
    let same = |(stored, column): (&String, &String)| {
        let (stored, column) = (column_type(stored)?, column_type(column)?);
        Some(stored == column || copies(&stored, &column))
    };
    let fits =
        stored.len() == key.len() && stored.iter().zip(key).all(|pair| same(pair).unwrap_or(false));
    (!fits).then(|| problem::key(schema, stored, key))
}

/// Whether values of one type have the same bytes as values of the other one.
fn copies(stored: &str, target: &str) -> bool {
    let shapes = Shape::parse(stored).zip(Shape::parse(target));
    shapes.is_some_and(|(stored, target)| {
        of_field(&stored, &target).is_ok_and(|conversion| conversion.is_copy())
    })
}

fn relation_record(relation: &Relation) -> RelationRecord {
    let target = (relation.target)().schema.store.to_owned();
    RelationRecord { field: relation.field.to_owned(), target }
}

/// The catalog's record of an index: the one it has if the definition is the same, else a fresh one.
fn index_record(schema: &Schema, spec: &IndexSpec, stored: Option<&CatalogEntry>) -> IndexRecord {
    let fresh = IndexRecord {
        name: spec.name.to_owned(),
        definition: schema.definition(spec),
        filling: stored.map(|_| Filling::default()),
    };
    let mut known = stored.into_iter().flat_map(|entry| &entry.indexes);
    let same =
        |known: &&IndexRecord| known.name == fresh.name && known.definition == fresh.definition;
    known.find(same).cloned().unwrap_or(fresh)
}

/// Indexes of the catalog that the struct does not have, or has with another definition.
pub(crate) fn outdated<'a>(
    stored: &'a CatalogEntry,
    wanted: &'a CatalogEntry,
) -> impl Iterator<Item = &'a str> {
    let same = |known: &IndexRecord| {
        wanted
            .indexes
            .iter()
            .any(|index| index.name == known.name && index.definition == known.definition)
    };
    stored.indexes.iter().filter(move |known| !same(known)).map(|known| known.name.as_str())
}
