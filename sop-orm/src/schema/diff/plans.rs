//! Plans for all layouts of a store, and the layouts in which unknown fields are carried.

use std::collections::BTreeMap;

use super::{
    super::{
        FieldSpec, Schema,
        catalog::{Layout, LayoutField},
    },
    fields, next_number,
    problem::{self, Age},
};
use crate::layout::{Carried, Plan, Shape, Source, of_field};

/// The plans for rows of all layouts but the present one, which is the last. Adds the layouts that
/// are needed to carry what the struct does not know.
pub(super) fn all(
    schema: &Schema,
    layouts: &mut Vec<Layout>,
    current: u32,
    before: Option<u32>,
) -> Result<BTreeMap<u32, Plan>, Vec<String>> {
    let newer = |layout: &Layout| {
        !layout.mixed && (layout.version, layout.number) > (schema.version, current)
    };
    let newer: Vec<Layout> = layouts.iter().filter(|layout| newer(layout)).cloned().collect();
    let age = if newer.is_empty() { Age::Newest } else { Age::Older };
    let (mut plans, mut problems) = (BTreeMap::new(), Vec::new());
    let mut position = 0;
    // Layouts that are added on the way stand before the last one and get their plans too.
    while let Some(layout) = layouts.get(position).filter(|layout| layout.number != current) {
        let (layout, next) = (layout.clone(), next_number(layouts));
        position += 1;
        let reader = match form_of(schema, layout.version) {
            Ok(form) => Reader { form, schema, age, renames: before == Some(layout.number) },
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        let mut plan = match reader.plan(&layout.fields) {
            Ok(plan) => plan,
            Err(found) => {
                problems.extend(found);
                continue;
            }
        };
        if layout.version == schema.version {
            let unknown = unknown(&plan, &layout, &newer);
            let layout = mixed(schema, &layout, &unknown, next);
            plan.carried = layout
                .map(|wanted| Carried { fields: unknown, layout: add(layouts, wanted, position) });
        }
        plans.insert(layout.number, plan);
    }
    if problems.is_empty() { Ok(plans) } else { Err(problems) }
}

/// The struct, or the earlier form of it, that rows of a version are read as.
fn form_of(schema: &Schema, version: u32) -> Result<&Schema, String> {
    let mut forms = std::iter::successors(Some(schema), |form| form.older);
    forms.find(|form| form.version == version).ok_or_else(|| problem::version(schema, version))
}

/// Positions of the fields that a newer program has put into rows of a layout.
fn unknown(plan: &Plan, layout: &Layout, newer: &[Layout]) -> Vec<usize> {
    let read = |at: usize| {
        plan.sources.iter().any(|source| match source {
            Source::Read(from) | Source::Convert(from, _) => *from == at,
            Source::Default => false,
        })
    };
    let is_newer = |field: &LayoutField| newer.iter().any(|layout| layout.fields.contains(field));
    let fields = layout.fields.iter().enumerate();
    fields.filter(|(at, field)| !read(*at) && is_newer(field)).map(|(at, _)| at).collect()
}

/// The layout of rows with the fields of the struct and unknown ones, if there are any.
fn mixed(schema: &Schema, layout: &Layout, unknown: &[usize], number: u32) -> Option<Layout> {
    let mut fields = fields(schema.fields);
    fields.extend(unknown.iter().filter_map(|at| layout.fields.get(*at)).cloned());
    (!unknown.is_empty()).then_some(Layout { number, version: schema.version, mixed: true, fields })
}

/// The number of a layout with these fields, which is added if there is none.
fn add(layouts: &mut Vec<Layout>, wanted: Layout, position: usize) -> u32 {
    let same = |known: &&Layout| known.version == wanted.version && known.fields == wanted.fields;
    if let Some(known) = layouts.iter().find(same) {
        return known.number;
    }
    let number = wanted.number;
    layouts.insert(position, wanted);
    number
}

/// What reads rows of a layout.
struct Reader<'a> {
    /// The form of the struct that has their version.
    form: &'a Schema,
    /// The struct of today.
    schema: &'a Schema,
    age: Age,
    /// What went since the last opening may have been renamed; what went earlier is gone.
    renames: bool,
}

impl Reader<'_> {
    /// How rows of a layout are read, or why they cannot be.
    fn plan(&self, stored: &[LayoutField]) -> Result<Plan, Vec<String>> {
        let (mut sources, mut problems) = (Vec::new(), Vec::new());
        for field in self.form.fields {
            match self.source(field, stored) {
                Ok(source) => sources.push(source),
                Err(problem) => problems.push(problem),
            }
        }
        let (version, stored) = (self.form.version, stored.len());
        if problems.is_empty() {
            Ok(Plan { version, stored, sources, carried: None })
        } else {
            Err(problems)
        }
    }

    fn source(&self, field: &FieldSpec, stored: &[LayoutField]) -> Result<Source, String> {
        let Some(at) = find(field, stored) else {
            let renamed = self.renames.then(|| renamed(field, self.form.fields, stored)).flatten();
            return match renamed {
                Some(old) => Err(problem::renamed(field, old, self.age)),
                None if field.optional => Ok(Source::Default),
                None => Err(problem::absent(field, self.age)),
            };
        };
        let found = stored.get(at).map_or("", |found| found.signature.as_str());
        let (signature, target) = (field.signature.to_string(), Shape::from(&field.signature));
        if found == signature {
            return Ok(Source::Read(at));
        }
        let conversion = Shape::parse(found).map(|stored| of_field(&stored, &target));
        match conversion {
            Some(Ok(conversion)) => Ok(Source::Convert(at, conversion)),
            Some(Err(mismatch)) => {
                Err(problem::retyped(self.schema, field, stored.get(at), Some(&mismatch), self.age))
            }
            None => Err(problem::retyped(self.schema, field, stored.get(at), None, self.age)),
        }
    }
}

/// Where a layout has a field, under its name or the one before.
fn find(field: &FieldSpec, stored: &[LayoutField]) -> Option<usize> {
    let position = |name: &str| stored.iter().position(|candidate| candidate.name == name);
    position(field.name).or_else(|| field.renamed_from.and_then(position))
}

/// A stored field that is not in the struct and may be the one that is new there.
fn renamed<'a>(
    field: &FieldSpec,
    fields: &[FieldSpec],
    stored: &'a [LayoutField],
) -> Option<&'a LayoutField> {
    let signature = field.signature.to_string();
    let dropped = |candidate: &&LayoutField| {
        candidate.signature == signature
            && !fields.iter().any(|field| {
                field.name == candidate.name || field.renamed_from == Some(candidate.name.as_str())
            })
    };
    stored.iter().find(dropped)
}
