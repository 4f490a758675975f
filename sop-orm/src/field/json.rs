//! JSON as a field: for what has no shape that the program knows.

use std::ops::Deref;

use serde_json::Value;

use super::{Decoder, Encoder, Field, NamedSignature, Signature};
use crate::error::{CodecError, Invalid};

/// A JSON value as a field, with the feature `json`: for what has no shape that the program knows.
/// It is stored as text and parsed whenever its record is read; what has a shape is smaller, faster
/// and checked as a type with [`SopEmbed`](crate::SopEmbed).
///
/// ```
/// use serde_json::json;
/// use sop_orm::{Json, prelude::*};
///
/// #[derive(SopStore)]
/// struct Event {
///     #[sop(key(auto = increment))]
///     number: u64,
///     payload: Json,
/// }
/// # sop_examples::shop::example(async |_, _| {
/// # let db = Db::builder().store::<Event>().ephemeral().await?;
/// let s = db.session();
/// let payload = Json::new(json!({ "kind": "click", "at": [3, 4.5] }))?;
/// s.of::<Event>().insert(NewEvent { payload }).await?;
/// s.commit().await?;
/// let event = db.session().of::<Event>().require(1).await?;
/// assert_eq!(event.payload["at"][1], 4.5);
/// # Ok(())
/// # });
/// ```
///
/// It is changed as a whole: take it out, change the value, and put a new one in its place. Numbers
/// come back as they were, to the last bit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Json(Value);

impl Json {
    /// How deep lists and objects may stand inside of each other.
    pub const DEPTH_MAX: usize = 100;

    /// Takes a value. Fails if it is nested deeper than [`DEPTH_MAX`](Self::DEPTH_MAX), which could
    /// not be read back.
    pub fn new(value: Value) -> Result<Self, Invalid> {
        if fits(&value, Self::DEPTH_MAX) {
            Ok(Self(value))
        } else {
            Err(format!("JSON that is nested deeper than {}", Self::DEPTH_MAX).into())
        }
    }

    /// The value, to be changed.
    pub fn into_value(self) -> Value {
        self.0
    }
}

/// Whether no part of it is nested deeper.
fn fits(value: &Value, depth: usize) -> bool {
    let inner = |inner: &Value| depth > 0 && fits(inner, depth - 1);
    match value {
        Value::Array(items) => items.iter().all(inner),
        Value::Object(entries) => entries.values().all(inner),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

impl Deref for Json {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.0
    }
}

impl TryFrom<Value> for Json {
    type Error = Invalid;

    fn try_from(value: Value) -> Result<Self, Invalid> {
        Self::new(value)
    }
}

impl Field for Json {
    const SIGNATURE: Signature = Signature::Struct(&[NamedSignature {
        name: "json",
        signature: String::SIGNATURE,
        sensitive: false,
    }]);

    fn encode(&self, out: &mut Encoder) {
        self.0.to_string().encode(out);
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, CodecError> {
        let parsed = serde_json::from_str(&String::decode(input)?);
        parsed.map(Self).map_err(|error| CodecError::Malformed { reason: error.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn again(json: &Json) -> Json {
        let mut out = Encoder::default();
        json.encode(&mut out);
        let bytes = out.into_bytes();
        let mut input = Decoder::new(&bytes);
        let read = Json::decode(&mut input).unwrap();
        input.finish().unwrap();
        read
    }

    #[test]
    fn what_is_nested_too_deep_to_be_read_back_is_refused() {
        let nested = |depth| (0..depth).fold(json!(1), |inner, _| json!([inner]));
        let deepest = Json::new(nested(Json::DEPTH_MAX)).unwrap();
        assert_eq!(again(&deepest), deepest);
        assert!(Json::new(nested(Json::DEPTH_MAX + 1)).is_err());
    }

    #[test]
    fn text_that_is_no_json_is_an_error() {
        let mut out = Encoder::default();
        "{".to_owned().encode(&mut out);
        let bytes = out.into_bytes();
        let read = Json::decode(&mut Decoder::new(&bytes));
        assert!(matches!(read, Err(CodecError::Malformed { .. })));
    }

    proptest! {
        #[test]
        fn numbers_and_texts_come_back_as_they_were(
            real in any::<f64>(), whole in any::<i64>(), large in any::<u64>(), text in any::<String>(),
        ) {
            let json = Json::new(json!({ "a": [real, whole, null], text: large })).unwrap();
            prop_assert_eq!(again(&json), json);
        }
    }
}
