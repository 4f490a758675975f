//! Pairs of schemas, and what becomes of them.

use super::*;
use crate::{
    field::{Signature, VariantSignature},
    key::{KeyPart as _, Order},
    layout::Source,
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
        version: 1,
        older: None,
        key: vec![column("id")].leak(),
        fields: fields.leak(),
        indexes: &[],
        on_delete_race: DeleteRace::Conflict,
        soft_delete: None,
        sensitive: false,
        relations: &[],
        blobs: &[],
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
    assert_eq!(layouts.others[&1].sources, [Source::Default, Source::Read(0)]);
    assert_eq!(layouts.fields, 2);
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
    assert_eq!(layouts.others[&1].sources, [Source::Read(1), Source::Read(0)]);
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
fn a_widened_type_is_read_by_conversion() {
    let with = |kind| schema(vec![field("a", kind, false)]);
    let (entry, layouts) = reopen(&[with("u32"), with("u64")]).unwrap();
    assert_eq!((entry.layouts.len(), layouts.current), (2, 2));
    assert!(matches!(layouts.others[&1].sources[..], [Source::Convert(0, _)]));
    assert!(!layouts.is_settled(1) && layouts.is_settled(2));
}

#[test]
fn a_changed_type_is_a_problem_that_says_how_to_convert() {
    let with = |kind| schema(vec![field("a", kind, true)]);
    let problems = reopen(&[with("u64"), with("u32")]).unwrap_err();
    let [problem] = problems.as_slice() else { panic!("{problems:?}") };
    assert!(problem.starts_with("- a: u64\n  + a: u32\n    not every u64 is a u32"), "{problem}");
    assert!(problem.contains("#[sop(version = 2, from = v1::T)]"), "{problem}");
    let problems = reopen(&[with("u64<"), with("u32")]).unwrap_err();
    assert!(problems[0].contains("is no type that this program knows"), "{problems:?}");
}

#[test]
fn an_older_program_carries_what_a_newer_one_has_added_and_drops_what_it_has_dropped() {
    let old = || schema(vec![field("a", "u32", true), field("b", "u32", true)]);
    let new = || schema(vec![field("c", "u8", true), field("b", "u32", true)]);
    let (entry, layouts) = reopen(&[old(), new(), old()]).unwrap();
    assert_eq!((layouts.current, entry.layouts.len()), (1, 3));
    let carried = layouts.others[&2].carried.as_ref().unwrap();
    assert_eq!((carried.fields.as_slice(), carried.layout), (&[0][..], 3));
    assert_eq!(layouts.others[&2].sources, [Source::Default, Source::Read(1)]);
    let carried = layouts.others[&3].carried.as_ref().unwrap();
    assert_eq!((carried.fields.as_slice(), carried.layout), (&[2][..], 3));
    assert!(layouts.is_settled(3) && !layouts.is_settled(2));
    let again = update(&old(), Some(&entry)).unwrap();
    assert_eq!(again, (entry.clone(), layouts), "opening again changes nothing");

    let (_, layouts) = update(&new(), Some(&entry)).unwrap();
    assert!(!layouts.carry_any(), "the newest program knows that `a` went");
    assert_eq!(layouts.others[&3].sources, [Source::Read(2), Source::Read(1)]);
}

#[test]
fn an_older_program_that_cannot_read_newer_rows_is_told_so() {
    let with = |kind| schema(vec![field("a", kind, false)]);
    for newer in [with("u64"), schema(vec![])] {
        let problems = reopen(&[with("u32"), newer, with("u32")]).unwrap_err();
        assert!(problems[0].contains("this struct is older than the records"), "{problems:?}");
    }
}

#[test]
fn rows_of_a_version_are_read_by_the_struct_that_had_it() {
    let one: &'static Schema = Box::leak(Box::new(schema(vec![field("a", "u8", false)])));
    let with = |version, older, fields| Schema { version, older, ..schema(fields) };
    let two = || with(2, Some(one), vec![field("b", "string", false)]);
    let widened = schema(vec![field("a", "u8", false), field("x", "u8", true)]);
    let (entry, layouts) = reopen(&[widened, two()]).unwrap();
    assert_eq!(layouts.others[&1].version, 1);
    assert_eq!(layouts.others[&1].sources, [Source::Read(0)]);
    let three = |older| with(3, older, vec![field("b", "string", false)]);
    let problems = update(&three(None), Some(&entry)).unwrap_err();
    assert!(problems[0].contains("#[sop(version = 3, from = v1::T)]"), "{problems:?}");
    assert!(problems[1].contains("#[sop(version = 3, from = v2::T)]"), "{problems:?}");
    let problems = update(&three(Some(one)), Some(&entry)).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    let problems = update(one, Some(&entry)).unwrap_err();
    assert!(problems[0].starts_with("there are records of version 2"), "{problems:?}");
    let two: &'static Schema = Box::leak(Box::new(two()));
    let (_, layouts) = update(&three(Some(two)), Some(&entry)).unwrap();
    assert_eq!((layouts.others[&1].version, layouts.others[&2].version), (1, 2));
}

#[test]
fn a_new_version_makes_indexes_anew() {
    let one: &'static Schema = Box::leak(Box::new(schema(vec![])));
    let with = |version, older| Schema {
        version,
        older,
        indexes: vec![IndexSpec {
            name: "by_id",
            unique: false,
            columns: vec![column("id")].leak(),
            when: None,
            version: 0,
            vector: None,
        }]
        .leak(),
        ..schema(vec![])
    };
    let (before, _) = update(&with(1, None), None).unwrap();
    let (after, _) = update(&with(2, Some(one)), Some(&before)).unwrap();
    assert_eq!(outdated(&before, &after).collect::<Vec<_>>(), ["by_id"]);
    assert_eq!(after.indexes[0].filling, Some(Filling::default()));
}

#[test]
fn a_variant_can_be_appended_to_a_column_of_the_key_and_none_be_taken_away() {
    let with = |tags: &[u16]| {
        let variant = |tag: &u16| VariantSignature { tag: *tag, name: "ABC", fields: &[] };
        let variants: Vec<_> = tags.iter().map(variant).collect();
        let names = ["A", "B", "C"];
        let named =
            variants.into_iter().zip(names).map(|(one, name)| VariantSignature { name, ..one });
        let signature = Signature::Enum(named.collect::<Vec<_>>().leak());
        Schema { key: vec![Column { signature, ..column("id") }].leak(), ..schema(vec![]) }
    };
    let (entry, _) = reopen(&[with(&[0, 1]), with(&[0, 1, 2])]).unwrap();
    assert_eq!(entry.key, ["id: enum{0 A, 1 B, 2 C}"]);
    assert!(update(&with(&[0, 1]), Some(&entry)).is_err());
}

#[test]
fn a_sweep_is_begun_anew_when_the_struct_changes() {
    let with = |kind| schema(vec![field("a", kind, false)]);
    let (mut entry, _) = update(&with("u8"), None).unwrap();
    entry.sweep = Some(crate::schema::catalog::Sweep { after: vec![1], done: 1, upgraded: 1 });
    assert_eq!(update(&with("u8"), Some(&entry)).unwrap().0.sweep, entry.sweep);
    assert_eq!(update(&with("u16"), Some(&entry)).unwrap().0.sweep, None);
}

#[test]
fn what_looks_like_a_rename_is_asked_about() {
    let old = || schema(vec![field("title", "string", false)]);
    let problems = reopen(&[old(), schema(vec![field("name", "string", true)])]).unwrap_err();
    assert!(problems[0].contains("#[sop(renamed_from = title)]"), "{problems:?}");

    let mut renamed = field("name", "string", false);
    renamed.renamed_from = Some("title");
    let (_, layouts) = reopen(&[old(), schema(vec![renamed])]).unwrap();
    assert_eq!(layouts.others[&1].sources, [Source::Read(0)]);
}

#[test]
fn a_field_that_went_before_the_last_opening_is_not_taken_for_renamed() {
    let with = |name| schema(vec![field(name, "u32", true)]);
    let (_, layouts) = reopen(&[with("a"), schema(vec![]), with("b")]).unwrap();
    assert_eq!(layouts.others[&1].sources, [Source::Default]);
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
            vector: None,
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
