//! The word that makes a field searchable by nearness.

use proc_macro2::Ident;
use syn::{LitInt, Token, ext::IdentExt, parse::ParseStream, punctuated::Punctuated, token::Paren};

use super::{
    form::{parentheses, wrong_form},
    walk::once,
};
use crate::ctxt::did_you_mean;

/// `vector(..)`.
pub(crate) struct VectorAttr {
    pub(crate) word: Ident,
    pub(crate) metric: Option<Ident>,
    pub(crate) partition: Option<Vec<Ident>>,
    pub(crate) filters: Option<Vec<Ident>>,
    pub(crate) version: Option<u32>,
}

const FORM: &str = "#[sop(vector(metric = cosine, partition = tenant, filter = by_date))]";
const WORDS: [&str; 4] = ["metric", "partition", "filter", "version"];

/// Nothing, or `(metric = cosine, partition = field, filter = by_index, version = 1)`.
pub(super) fn vector(word: &Ident, input: ParseStream<'_>) -> syn::Result<VectorAttr> {
    let (metric, partition, filters, version) = (None, None, None, None);
    let mut attr = VectorAttr { word: word.clone(), metric, partition, filters, version };
    if input.is_empty() {
        return Ok(attr);
    }
    let wrong = |error: syn::Error| wrong_form(error.span(), FORM);
    let inner = parentheses(input).map_err(wrong)?;
    while !inner.is_empty() {
        let option = inner.call(Ident::parse_any).map_err(wrong)?;
        match option.to_string().as_str() {
            "metric" => once(&mut attr.metric, &option, metric_name(&inner)?)?,
            "partition" => once(&mut attr.partition, &option, names(&inner)?)?,
            "filter" => once(&mut attr.filters, &option, names(&inner)?)?,
            "version" => {
                inner.parse::<Token![=]>().map_err(wrong)?;
                let number: LitInt = inner.parse().map_err(wrong)?;
                once(&mut attr.version, &option, number.base10_parse().map_err(wrong)?)?;
            }
            name => return Err(unknown(&option, name, &WORDS)),
        }
        if !inner.is_empty() {
            inner.parse::<Token![,]>().map_err(wrong)?;
        }
    }
    Ok(attr)
}

/// `= cosine`, as the library names it.
fn metric_name(input: ParseStream<'_>) -> syn::Result<Ident> {
    let wrong = |error: syn::Error| wrong_form(error.span(), FORM);
    input.parse::<Token![=]>().map_err(wrong)?;
    let given = input.call(Ident::parse_any).map_err(wrong)?;
    let name = match given.to_string().as_str() {
        "cosine" => "Cosine",
        "dot" => "Dot",
        "euclidean" => "Euclidean",
        other => return Err(unknown(&given, other, &["cosine", "dot", "euclidean"])),
    };
    Ok(Ident::new(name, given.span()))
}

/// `= one`, or `(one, two)`.
fn names(input: ParseStream<'_>) -> syn::Result<Vec<Ident>> {
    let wrong = |error: syn::Error| wrong_form(error.span(), FORM);
    if input.peek(Paren) {
        let inner = parentheses(input).map_err(wrong)?;
        let names = Punctuated::<_, Token![,]>::parse_terminated_with(&inner, Ident::parse_any);
        return Ok(names.map_err(wrong)?.into_iter().collect());
    }
    input.parse::<Token![=]>().map_err(wrong)?;
    input.call(Ident::parse_any).map(|name| vec![name]).map_err(wrong)
}

fn unknown(word: &Ident, name: &str, known: &[&str]) -> syn::Error {
    let list = known.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>();
    let message = format!("expected {}, found `{name}`", list.join(" or "));
    syn::Error::new(word.span(), did_you_mean(message, name, known.iter().copied()))
}
