//! The words of merge policies.

use proc_macro2::Ident;
use syn::{Path, Token, ext::IdentExt, parenthesized, parse::ParseStream};

use crate::{ast::Merge, ctxt::did_you_mean};

const POLICIES: [&str; 12] = [
    "conflict",
    "add",
    "max",
    "min",
    "or",
    "and",
    "union",
    "map",
    "nested",
    "append",
    "last_writer",
    "first_writer",
];

/// `= policy` or `= custom(path)` on a field.
pub(super) fn policy(input: ParseStream<'_>) -> syn::Result<Merge> {
    let wrong = |error: syn::Error| {
        let form = "the form is `#[sop(merge = add)]` or `#[sop(merge = custom(function))]`";
        syn::Error::new(error.span(), form)
    };
    input.parse::<Token![=]>().map_err(wrong)?;
    let word = input.call(Ident::parse_any).map_err(wrong)?;
    let name = word.to_string();
    if name == "custom" {
        let path = custom(input).map_err(wrong)?;
        return Ok(Merge::Custom(path));
    }
    match name.as_str() {
        "conflict" => Ok(Merge::Conflict),
        known if POLICIES.contains(&known) => Ok(Merge::Policy(word)),
        other => {
            let known: Vec<_> = POLICIES.iter().map(|word| format!("`{word}`")).collect();
            let message = format!(
                "unknown policy `{other}`: `merge` takes {} and `custom(function)`",
                known.join(", ")
            );
            Err(syn::Error::new(word.span(), did_you_mean(message, other, POLICIES)))
        }
    }
}

fn custom(input: ParseStream<'_>) -> syn::Result<Path> {
    let inner;
    parenthesized!(inner in input);
    let path = inner.parse()?;
    if inner.is_empty() { Ok(path) } else { Err(inner.error("")) }
}

/// `= fields` on a type.
pub(super) fn record(input: ParseStream<'_>) -> syn::Result<()> {
    one_word(input, "fields", "#[sop(merge_record = fields)]")
}

/// `= delete_wins` on a stored struct.
pub(super) fn delete_race(input: ParseStream<'_>) -> syn::Result<()> {
    one_word(input, "delete_wins", "#[sop(on_delete_race = delete_wins)]")
}

fn one_word(input: ParseStream<'_>, only: &str, form: &str) -> syn::Result<()> {
    let wrong = |span| syn::Error::new(span, format!("the form is `{form}`"));
    input.parse::<Token![=]>().map_err(|error| wrong(error.span()))?;
    let word = input.call(Ident::parse_any).map_err(|error| wrong(error.span()))?;
    if word == only { Ok(()) } else { Err(wrong(word.span())) }
}
