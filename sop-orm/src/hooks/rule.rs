//! Rules that attributes name: functions that say whether a value is right.

use crate::error::Invalid;

/// What a rule of the whole record says.
pub fn rule<I: Into<Invalid>>(judged: Result<(), I>) -> Result<(), Invalid> {
    judged.map_err(Into::into)
}

/// What a rule of one field says; the field is named unless the rule names one.
pub fn rule_of<I: Into<Invalid>>(
    field: &'static str,
    judged: Result<(), I>,
) -> Result<(), Invalid> {
    judged.map_err(|refusal| {
        let refusal: Invalid = refusal.into();
        Invalid { field: refusal.field.or(Some(field)), ..refusal }
    })
}
