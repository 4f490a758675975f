//! What is said about changes that rows cannot be read through: the difference, why, and what to
//! write instead.

use super::super::{FieldSpec, Schema, catalog::LayoutField};
use crate::layout::Mismatch;

/// Whether the struct is the newest that the database has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    Newest,
    /// A program with another struct came after the one with this struct.
    Older,
}

/// What to do where nothing is wrong but the program's age.
const OLDER: &str = "this struct is older than the records: take the program that wrote them";

/// The difference with the advice for this struct.
fn difference(lines: &str, age: Age, advice: &str) -> String {
    let advice = if age == Age::Older { OLDER } else { advice };
    format!("{lines}\n    {advice}")
}

pub(super) fn key(schema: &Schema, stored: &[String], key: &[String]) -> String {
    format!(
        "- key ({})\n  + key ({})\n    the key of stored records cannot change: copy them to a new \
         store with #[sop(store = \"{}_2\")]",
        stored.join(", "),
        key.join(", "),
        schema.store,
    )
}

/// A blob that no method leads to.
pub(super) fn unmarked_blob(field: &FieldSpec) -> String {
    let name = field.name;
    format!(
        "+ {name}: blob\n    mark the field with #[sop(blob)]: its content is reached by `{name}(key)`"
    )
}

/// Records of a version that nothing here reads.
pub(super) fn version(schema: &Schema, stored: u32) -> String {
    let Schema { type_name, version, .. } = schema;
    if stored > *version {
        return format!(
            "there are records of version {stored}, and {type_name} has version {version} here\n    \
             {OLDER}"
        );
    }
    let mut oldest = schema;
    while let Some(older) = oldest.older.filter(|older| older.version > stored) {
        oldest = older;
    }
    format!(
        "there are records of version {stored}, which {type_name} of version {} does not come \
         from\n    keep the struct as it was then, write From<v{stored}::{type_name}>, and add \
         #[sop(version = {}, from = v{stored}::{type_name})]",
        oldest.version, oldest.version,
    )
}

/// A field of another type that stored values do not become by themselves.
pub(super) fn retyped(
    schema: &Schema,
    field: &FieldSpec,
    found: Option<&LayoutField>,
    mismatch: Option<&Mismatch>,
    age: Age,
) -> String {
    let (name, stored) = found.map_or(("", ""), |found| (&found.name, &found.signature));
    let lines = format!("- {name}: {stored}\n  + {}: {}", field.name, field.signature);
    let reason = mismatch.map_or_else(
        || format!("{stored:?} is no type that this program knows"),
        Mismatch::to_string,
    );
    let Schema { type_name, version, .. } = schema;
    let advice = format!(
        "{reason}\n    or convert records: keep the struct as it was in a module v{version}, write \
         From<v{version}::{type_name}>, and add #[sop(version = {}, from = v{version}::{type_name})]",
        version + 1,
    );
    difference(&lines, age, &advice)
}

/// A field that is not in the rows and may have had another name.
pub(super) fn renamed(field: &FieldSpec, old: &LayoutField, age: Age) -> String {
    let (old, name, signature) = (&old.name, field.name, &old.signature);
    let advice = format!(
        "if {old} is now {name}, add #[sop(renamed_from = {old})]; if not, open once without both"
    );
    difference(&format!("- {old}: {signature}\n  + {name}: {signature}"), age, &advice)
}

/// A field that is not in the rows.
pub(super) fn absent(field: &FieldSpec, age: Age) -> String {
    let advice = "stored records lack it: add #[sop(default)] or #[sop(default = ..)], or make it \
                  an Option";
    difference(&format!("+ {}: {}", field.name, field.signature), age, advice)
}
