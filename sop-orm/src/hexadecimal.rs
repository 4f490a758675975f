//! Bytes as hexadecimal digits, as cursors leave the program.

use crate::error::CodecError;

/// The bytes that a text of two digits for each stands for.
pub(crate) fn decode(text: &[u8]) -> Result<Vec<u8>, CodecError> {
    let digit = |byte: u8| {
        let digit = char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        digit.ok_or_else(|| CodecError::Malformed { reason: "not hexadecimal".to_owned() })
    };
    let (pairs, odd) = text.as_chunks();
    if !odd.is_empty() {
        return Err(CodecError::UnexpectedEnd);
    }
    pairs.iter().map(|[high, low]| Ok(digit(*high)? << 4 | digit(*low)?)).collect()
}
