//! What a search does, for people.

use std::fmt;

use super::NearPlan;

/// What [`Near::explain`](super::Near::explain) tells.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NearExplain {
    /// The store's name.
    pub store: &'static str,
    /// The index of vectors.
    pub index: &'static str,
    /// How many records are searched for.
    pub k: usize,
    /// How candidates are found.
    pub plan: NearPlan,
    /// The conditions on indexes, as text.
    pub conditions: Option<String>,
    /// How many filters every candidate has to pass.
    pub filters: usize,
}

impl fmt::Display for NearExplain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} by {}, by {}", self.k, self.store, self.index, self.plan)?;
        if let Some(conditions) = &self.conditions {
            write!(f, ", where {conditions}")?;
        }
        if self.filters > 0 {
            write!(f, ", {} filtered", self.filters)?;
        }
        Ok(())
    }
}
