//! Columns of keys as people read them, for explanations of queries. Types are forgotten here, so
//! values are read by their signatures.

use uuid::Uuid;

use super::{KeyPart, KeyReader, show};
use crate::{
    error::CodecError,
    field::{NamedSignature, Signature},
    schema::{self, Column, SENSITIVE},
    timestamp::Timestamp,
};

/// A column of a key, to be read by people.
pub(crate) struct Described {
    pub(crate) field: &'static str,
    /// The value; of a text that was given in part its beginning.
    pub(crate) value: String,
    pub(crate) is_beginning: bool,
}

/// The leading columns that `bytes` hold.
pub(crate) fn describe(columns: &[Column], bytes: &[u8]) -> Vec<Described> {
    let (mut described, mut rest) = (Vec::new(), bytes);
    for column in columns {
        if rest.is_empty() {
            break;
        }
        let split = schema::split(std::slice::from_ref(column), rest);
        let is_beginning = split.is_err();
        let (own, after) = split.unwrap_or((rest, &[]));
        let value = if column.is_sensitive() {
            SENSITIVE.to_owned()
        } else if is_beginning {
            beginning(column, own)
        } else {
            let mut input = KeyReader::new(own);
            let value = input.column(column.order, |input| value(&column.signature, input));
            value.unwrap_or_else(|_| show(own))
        };
        described.push(Described { field: column.field, value, is_beginning });
        rest = after;
    }
    described
}

/// A text without its end.
fn beginning(column: &Column, bytes: &[u8]) -> String {
    let mut input = KeyReader::new(bytes);
    let text = input.column(column.order, |input| {
        if matches!(column.signature, Signature::Option(_)) {
            input.byte()?;
        }
        let mut text = Vec::new();
        while input.left() > 0 {
            let byte = input.byte()?;
            if byte == 0 {
                input.byte()?;
            }
            text.push(byte);
        }
        Ok(text)
    });
    text.map_or_else(|_| show(bytes), |text| format!("{:?}", String::from_utf8_lossy(&text)))
}

fn value(signature: &Signature, input: &mut KeyReader<'_>) -> Result<String, CodecError> {
    match signature {
        Signature::Leaf(name) => leaf(name, input),
        Signature::Option(inner) => match input.byte()? {
            0 => Ok("None".to_owned()),
            _ => value(inner, input),
        },
        Signature::List(Signature::Leaf("u8")) => Ok(show(&Vec::<u8>::read_part(input)?)),
        Signature::List(item) => {
            let mut items = Vec::new();
            while input.byte()? != 0 {
                items.push(value(item, input)?);
            }
            Ok(format!("[{}]", items.join(", ")))
        }
        Signature::Array(item, len) => {
            let items: Vec<_> = (0..*len).map(|_| value(item, input)).collect::<Result<_, _>>()?;
            Ok(format!("[{}]", items.join(", ")))
        }
        Signature::Struct(fields) => braced(fields, input),
        Signature::Enum(variants) => {
            let tag = u16::read_part(input)?;
            let variant = variants.iter().find(|variant| variant.tag == tag);
            let variant = variant.ok_or(CodecError::UnknownTag { tag: tag.into() })?;
            let fields = if variant.fields.is_empty() {
                String::new()
            } else {
                braced(variant.fields, input)?
            };
            Ok(format!("{}{fields}", variant.name))
        }
        Signature::Map(..) | Signature::Tuple(_) => {
            Err(CodecError::Malformed { reason: "not the type of a column".to_owned() })
        }
    }
}

fn braced(fields: &[NamedSignature], input: &mut KeyReader<'_>) -> Result<String, CodecError> {
    let fields = fields
        .iter()
        .map(|field| Ok(format!("{}: {}", field.name, value(&field.signature, input)?)));
    Ok(format!("{{{}}}", fields.collect::<Result<Vec<_>, CodecError>>()?.join(", ")))
}

fn leaf(name: &str, input: &mut KeyReader<'_>) -> Result<String, CodecError> {
    fn text<T: KeyPart + ToString>(input: &mut KeyReader<'_>) -> Result<String, CodecError> {
        T::read_part(input).map(|value| value.to_string())
    }
    match name {
        "u8" => text::<u8>(input),
        "u16" => text::<u16>(input),
        "u32" => text::<u32>(input),
        "u64" => text::<u64>(input),
        "u128" => text::<u128>(input),
        "i8" => text::<i8>(input),
        "i16" => text::<i16>(input),
        "i32" => text::<i32>(input),
        "i64" => text::<i64>(input),
        "i128" => text::<i128>(input),
        "f32" => text::<f32>(input),
        "f64" => text::<f64>(input),
        "bool" => text::<bool>(input),
        "uuid" => text::<Uuid>(input),
        #[cfg(feature = "ulid")]
        "ulid" => text::<ulid::Ulid>(input),
        "timestamp" => text::<Timestamp>(input),
        "char" => char::read_part(input).map(|value| format!("{value:?}")),
        "string" => String::read_part(input).map(|value| format!("{value:?}")),
        _ => Err(CodecError::Malformed { reason: format!("a column of type {name}") }),
    }
}
