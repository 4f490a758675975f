//! All relations between the stores of a database.

use std::collections::HashMap;

use super::Relation;
use crate::{
    db::registry::{OpenStore, Registration},
    error::{Error, Invalid, Result, SchemaError},
    schema::catalog::CatalogEntry,
};

/// A relation between two open stores, which are given by their positions in the registry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenRelation {
    pub(crate) spec: &'static Relation,
    /// Position among the relations of the child's schema.
    pub(crate) number: usize,
    pub(crate) child: usize,
    pub(crate) parent: usize,
}

/// The relations of each store, by its position.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    to_parents: Vec<Vec<OpenRelation>>,
    to_children: Vec<Vec<OpenRelation>>,
    /// Names of stores whose records may refer to this one and whose types are not registered.
    unknown: Vec<Vec<String>>,
}

impl Graph {
    /// Between the stores of these types. `others` is what the catalog has of all other stores.
    pub(crate) fn new(registrations: &[Registration], others: &[(String, CatalogEntry)]) -> Self {
        let by_type: HashMap<_, _> =
            registrations.iter().zip(0..).map(|(one, at)| (one.type_id, at)).collect();
        let len = registrations.len();
        let mut graph = Self {
            to_parents: vec![Vec::new(); len],
            to_children: vec![Vec::new(); len],
            unknown: vec![Vec::new(); len],
        };
        for (child, registration) in registrations.iter().enumerate() {
            for (number, spec) in registration.schema.relations.iter().enumerate() {
                let Some(&parent) = by_type.get(&(spec.target)().type_id) else { continue };
                let relation = OpenRelation { spec, number, child, parent };
                add(&mut graph.to_parents, child, relation);
                add(&mut graph.to_children, parent, relation);
            }
        }
        for (name, entry) in others {
            for relation in &entry.relations {
                let target =
                    registrations.iter().position(|one| one.schema.store == relation.target);
                if let Some(unknown) = target.and_then(|at| graph.unknown.get_mut(at)) {
                    unknown.push(name.clone());
                }
            }
        }
        graph
    }

    /// The relations in which the records of a store are children.
    pub(crate) fn to_parents(&self, child: &OpenStore) -> &[OpenRelation] {
        self.to_parents.get(child.position).map_or(&[], Vec::as_slice)
    }

    /// The relations in which the records of a store are parents.
    pub(crate) fn to_children(&self, parent: &OpenStore) -> &[OpenRelation] {
        self.to_children.get(parent.position).map_or(&[], Vec::as_slice)
    }

    /// Whether records may refer to those of a store, of types that are registered or not.
    pub(crate) fn is_parent(&self, store: &OpenStore) -> bool {
        let unknown = self.unknown.get(store.position).is_some_and(|unknown| !unknown.is_empty());
        unknown || !self.to_children(store).is_empty()
    }

    /// Refuses to delete records to which others may refer that this program cannot look after.
    pub(crate) fn refuse_unknown_children(&self, parent: &OpenStore) -> Result<()> {
        match self.unknown.get(parent.position).and_then(|unknown| unknown.first()) {
            None => Ok(()),
            Some(child) => {
                let store = parent.schema.store;
                let message = format!(
                    "records of store {child:?} may refer to this one, and their type is not \
                     registered: add it with .store::<..>() where the database is opened"
                );
                Err(Error::Invalid(Invalid { store: Some(store), field: None, message }))
            }
        }
    }
}

fn add(relations: &mut [Vec<OpenRelation>], at: usize, relation: OpenRelation) {
    if let Some(relations) = relations.get_mut(at) {
        relations.push(relation);
    }
}

/// Refuses types that refer to others which are not registered.
pub(crate) fn refuse_unregistered(types: &[Registration]) -> Result<()> {
    for registration in types {
        let missing = registration.schema.relations.iter().filter_map(|relation| {
            let target = (relation.target)();
            let known = types.iter().any(|one| one.type_id == target.type_id);
            (!known).then(|| {
                let name = target.schema.type_name;
                format!(
                    "`{}` refers to {name}, which is not registered: add .store::<{name}>()",
                    relation.field,
                )
            })
        });
        let problems: Vec<String> = missing.collect();
        if !problems.is_empty() {
            let store = registration.schema.store.to_owned();
            return Err(Error::Schema(SchemaError { store, problems }));
        }
    }
    Ok(())
}
