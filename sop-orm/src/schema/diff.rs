//! Comparing a struct with what the database remembers: pure functions from two descriptions to
//! reading plans, or to a list of what does not fit and what to do about it.

use std::collections::BTreeMap;

use super::{
    FieldSpec, IndexSpec, Schema,
    catalog::{CatalogEntry, Filling, IndexRecord, Layout, LayoutField},
};
use crate::row::{Layouts, Plan};

/// The entry that the catalog gets for `schema`, given the one it has, and the plans to read by.
pub(crate) fn update(
    schema: &Schema,
    stored: Option<&CatalogEntry>,
) -> Result<(CatalogEntry, Layouts), Vec<String>> {
    let key: Vec<String> = schema.key.iter().map(|column| super::columns(&[*column])).collect();
    let mut layouts = stored.map(|entry| entry.layouts.clone()).unwrap_or_default();
    let before = layouts.last().map(|layout| layout.number);
    let current = current_layout(schema, &mut layouts);
    let mut problems = stored.map(|stored| key_problems(schema, stored, &key)).unwrap_or_default();
    let mut plans = BTreeMap::new();
    for layout in &layouts {
        // What went since the last opening may have been renamed; what went earlier is gone.
        let renames = before == Some(layout.number);
        match plan(schema.fields, &layout.fields, renames) {
            Ok(plan) => drop(plans.insert(layout.number, plan)),
            Err(found) => problems.extend(found),
        }
    }
    problems.dedup();
    if problems.is_empty() {
        let indexes = schema.indexes.iter().map(|spec| index_record(spec, stored)).collect();
        Ok((CatalogEntry { key, layouts, indexes }, Layouts { current, plans }))
    } else {
        Err(problems)
    }
}

/// The number of the layout that `schema` writes. It becomes the last of the known ones.
fn current_layout(schema: &Schema, layouts: &mut Vec<Layout>) -> u32 {
    let fields: Vec<LayoutField> = schema
        .fields
        .iter()
        .map(|field| LayoutField {
            name: field.name.to_owned(),
            signature: field.signature.to_string(),
        })
        .collect();
    let known = layouts.iter().position(|layout| layout.fields == fields);
    let next = layouts.iter().map(|layout| layout.number).max().unwrap_or(0) + 1;
    let layout = known.map(|at| layouts.remove(at)).unwrap_or(Layout { number: next, fields });
    let number = layout.number;
    layouts.push(layout);
    number
}

fn key_problems(schema: &Schema, stored: &CatalogEntry, key: &[String]) -> Vec<String> {
    let column_type = |column: &String| column.split_once(": ").map(|(_, kind)| kind.to_owned());
    let types = |columns: &[String]| columns.iter().map(column_type).collect::<Vec<_>>();
    if types(&stored.key) == types(key) {
        return Vec::new();
    }
    vec![format!(
        "- key ({})\n  + key ({})\n    the key of stored records cannot change: copy them to a new \
         store with #[sop(store = \"{}_2\")]",
        stored.key.join(", "),
        key.join(", "),
        schema.store,
    )]
}

/// How rows of a stored layout are read as the struct, or why they cannot be.
fn plan(fields: &[FieldSpec], stored: &[LayoutField], renames: bool) -> Result<Plan, Vec<String>> {
    let mut problems = Vec::new();
    let sources: Vec<Option<usize>> = fields
        .iter()
        .map(|field| {
            let source = find(field, stored);
            problems.extend(match source.and_then(|source| stored.get(source)) {
                Some(found) => type_problem(field, found),
                None => renames
                    .then(|| rename_problem(field, fields, stored))
                    .flatten()
                    .or_else(|| absence_problem(field)),
            });
            source
        })
        .collect();
    if problems.is_empty() { Ok(Plan { stored: stored.len(), sources }) } else { Err(problems) }
}

/// Where a layout has a field, under its name or the one before.
fn find(field: &FieldSpec, stored: &[LayoutField]) -> Option<usize> {
    let position = |name: &str| stored.iter().position(|candidate| candidate.name == name);
    position(field.name).or_else(|| field.renamed_from.and_then(position))
}

fn type_problem(field: &FieldSpec, found: &LayoutField) -> Option<String> {
    let signature = field.signature.to_string();
    (found.signature != signature).then(|| {
        format!(
            "- {}: {}\n  + {}: {signature}\n    the type of a stored field cannot change: keep the \
             old field and add one of another name",
            found.name, found.signature, field.name,
        )
    })
}

fn rename_problem(
    field: &FieldSpec,
    fields: &[FieldSpec],
    stored: &[LayoutField],
) -> Option<String> {
    let signature = field.signature.to_string();
    let dropped = |candidate: &&LayoutField| {
        candidate.signature == signature
            && !fields.iter().any(|field| {
                field.name == candidate.name || field.renamed_from == Some(candidate.name.as_str())
            })
    };
    stored.iter().find(dropped).map(|old| {
        format!(
            "- {0}: {signature}\n  + {1}: {signature}\n    if {0} is now {1}, add \
             #[sop(renamed_from = {0})]; if not, open once without both",
            old.name, field.name,
        )
    })
}

fn absence_problem(field: &FieldSpec) -> Option<String> {
    (!field.optional).then(|| {
        format!(
            "+ {}: {}\n    stored records lack it: add #[sop(default)] or #[sop(default = ..)], \
             or make it an Option",
            field.name, field.signature,
        )
    })
}

/// The catalog's record of an index: the one it has if the definition is the same, else a fresh one.
fn index_record(spec: &IndexSpec, stored: Option<&CatalogEntry>) -> IndexRecord {
    let fresh = IndexRecord {
        name: spec.name.to_owned(),
        definition: spec.definition(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        field::Signature,
        key::{KeyPart as _, Order},
        merge::{DeleteRace, FieldMerge},
        schema::Column,
    };

    fn column(field: &'static str) -> Column {
        Column {
            field,
            source: None,
            signature: Signature::Leaf("u32"),
            order: Order::Ascending,
            each: false,
            sensitive: false,
            skip: u32::skip_part,
        }
    }

    fn field(name: &'static str, kind: &'static str, optional: bool) -> FieldSpec {
        FieldSpec {
            name,
            renamed_from: None,
            signature: Signature::Leaf(kind),
            optional,
            merge: FieldMerge::Conflict,
        }
    }

    fn schema(fields: Vec<FieldSpec>) -> Schema {
        Schema {
            type_name: "T",
            store: "t",
            key: vec![column("id")].leak(),
            fields: fields.leak(),
            indexes: &[],
            on_delete_race: DeleteRace::Conflict,
        }
    }

    /// Opens with each schema in turn.
    fn reopen(schemas: &[Schema]) -> Result<(CatalogEntry, Layouts), Vec<String>> {
        let mut last = update(&schemas[0], None)?;
        for schema in &schemas[1..] {
            last = update(schema, Some(&last.0))?;
        }
        Ok(last)
    }

    #[test]
    fn an_added_optional_field_is_read_as_absent_from_old_rows() {
        let old = schema(vec![field("a", "u32", false)]);
        let new = schema(vec![field("b", "u8", true), field("a", "u32", false)]);
        let (entry, layouts) = reopen(&[old, new]).unwrap();
        assert_eq!(entry.layouts.len(), 2);
        assert_eq!(layouts.current, 2);
        assert_eq!(layouts.plans[&1], Plan { stored: 1, sources: vec![None, Some(0)] });
        assert_eq!(layouts.plans[&2], Plan { stored: 2, sources: vec![Some(0), Some(1)] });
    }

    #[test]
    fn a_known_layout_is_used_again() {
        let old = || schema(vec![field("a", "u32", false)]);
        let new = schema(vec![field("a", "u32", false), field("b", "u8", true)]);
        let (entry, layouts) = reopen(&[old(), new, old()]).unwrap();
        assert_eq!((entry.layouts.len(), layouts.current), (2, 1));
    }

    #[test]
    fn reordered_fields_are_read_by_name() {
        let old = schema(vec![field("a", "u32", false), field("b", "u32", false)]);
        let new = schema(vec![field("b", "u32", false), field("a", "u32", false)]);
        let (_, layouts) = reopen(&[old, new]).unwrap();
        assert_eq!(layouts.plans[&1].sources, [Some(1), Some(0)]);
    }

    #[test]
    fn a_required_field_that_old_rows_lack_is_a_problem_that_names_the_attribute() {
        let old = schema(vec![field("a", "u32", false)]);
        let new = schema(vec![field("a", "u32", false), field("b", "u8", false)]);
        let problems = reopen(&[old, new]).unwrap_err();
        assert_eq!(problems.len(), 1);
        assert!(problems[0].starts_with("+ b: u8") && problems[0].contains("#[sop(default"));
    }

    #[test]
    fn a_changed_type_is_a_problem() {
        let old = schema(vec![field("a", "u32", false)]);
        let problems = reopen(&[old, schema(vec![field("a", "u64", true)])]).unwrap_err();
        assert!(problems[0].starts_with("- a: u32\n  + a: u64"), "{problems:?}");
    }

    #[test]
    fn what_looks_like_a_rename_is_asked_about() {
        let old = || schema(vec![field("title", "string", false)]);
        let problems = reopen(&[old(), schema(vec![field("name", "string", true)])]).unwrap_err();
        assert!(problems[0].contains("#[sop(renamed_from = title)]"), "{problems:?}");

        let mut renamed = field("name", "string", false);
        renamed.renamed_from = Some("title");
        let (_, layouts) = reopen(&[old(), schema(vec![renamed])]).unwrap();
        assert_eq!(layouts.plans[&1].sources, [Some(0)]);
    }

    #[test]
    fn a_field_that_went_before_the_last_opening_is_not_taken_for_renamed() {
        let with = |name| schema(vec![field(name, "u32", true)]);
        let (_, layouts) = reopen(&[with("a"), schema(vec![]), with("b")]).unwrap();
        assert_eq!(layouts.plans[&1].sources, [None]);
    }

    #[test]
    fn a_changed_key_is_a_problem_but_a_renamed_key_field_is_not() {
        let with_key = |column: Column| Schema { key: vec![column].leak(), ..schema(vec![]) };
        reopen(&[schema(vec![]), with_key(column("number"))]).unwrap();
        let text = Column { signature: Signature::Leaf("string"), ..column("id") };
        let problems = reopen(&[schema(vec![]), with_key(text)]).unwrap_err();
        assert!(problems[0].contains("- key (id: u32)"), "{problems:?}");
    }

    #[test]
    fn an_index_with_another_definition_is_made_anew() {
        let with_index = |unique| Schema {
            indexes: vec![IndexSpec {
                name: "by_id",
                unique,
                columns: vec![column("id")].leak(),
                when: None,
                version: 0,
            }]
            .leak(),
            ..schema(vec![])
        };
        let (before, _) = reopen(&[with_index(false)]).unwrap();
        assert_eq!(before.indexes[0].filling, None, "a new store has nothing to fill in");
        let (after, _) = reopen(&[with_index(false), with_index(true)]).unwrap();
        assert_eq!(after.indexes[0].filling, Some(Filling::default()));
        assert_eq!(outdated(&before, &after).collect::<Vec<_>>(), ["by_id"]);
        assert_eq!(outdated(&before, &before).count(), 0);
    }
}
