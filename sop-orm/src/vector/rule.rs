//! What a vector must be to be searched.

use super::{Metric, VectorField};
use crate::error::Invalid;

/// Refuses a vector that is no direction or no place: one with a component that is not a finite
/// number, or that is zero where angles are compared.
pub fn vector_rule<V: VectorField>(
    field: &'static str,
    metric: Metric,
    vector: &V,
) -> Result<(), Invalid> {
    let Some(components) = vector.components() else { return Ok(()) };
    check(metric, &components).map_err(|message| Invalid::field(field, message))
}

/// Why a vector, stored or searched for, cannot be measured.
pub(super) fn check(metric: Metric, components: &[f32]) -> Result<(), String> {
    if let Some(at) = components.iter().position(|component| !component.is_finite()) {
        let value = components.get(at).copied().unwrap_or_default();
        return Err(format!("component {at} is {value}: a vector has finite components"));
    }
    let length: f32 = components.iter().map(|component| component * component).sum();
    if !length.is_finite() {
        return Err("the components are so large that no distance can be measured".to_owned());
    }
    if metric == Metric::Cosine && length == 0.0 {
        return Err("the vector is zero, which has no direction to compare".to_owned());
    }
    Ok(())
}
