//! The word that makes a field a blob.

use proc_macro2::Ident;
use syn::{LitInt, Token, ext::IdentExt, parse::ParseStream};

use super::{
    form::{parentheses, wrong_form},
    walk::once,
};

/// `blob` or `blob(chunk_len = ..)`.
pub(crate) struct BlobAttr {
    pub(crate) word: Ident,
    pub(crate) chunk_len: Option<LitInt>,
}

const FORM: &str = "#[sop(blob(chunk_len = 65_536))]";

/// Nothing, or `(chunk_len = 65_536)`.
pub(super) fn blob(word: &Ident, input: ParseStream<'_>) -> syn::Result<BlobAttr> {
    let mut attr = BlobAttr { word: word.clone(), chunk_len: None };
    if input.is_empty() {
        return Ok(attr);
    }
    let wrong = |error: syn::Error| wrong_form(error.span(), FORM);
    let inner = parentheses(input).map_err(wrong)?;
    let option = inner.call(Ident::parse_any).map_err(wrong)?;
    if option != "chunk_len" {
        return Err(wrong_form(option.span(), FORM));
    }
    inner.parse::<Token![=]>().map_err(wrong)?;
    once(&mut attr.chunk_len, &option, inner.parse().map_err(wrong)?)?;
    if inner.is_empty() { Ok(attr) } else { Err(wrong_form(inner.span(), FORM)) }
}
