//! What may stand behind a word, and the right form to name when it does not.

use proc_macro2::{Ident, Span};
use syn::{
    LitInt, Path, Token,
    ext::IdentExt,
    parenthesized,
    parse::{Parse, ParseBuffer, ParseStream},
    punctuated::Punctuated,
};

use crate::ast::{Auto, DefaultValue};

/// `= value`
pub(super) fn value<T: Parse>(input: ParseStream<'_>, form: &str) -> syn::Result<T> {
    let wrong = |error: syn::Error| wrong_form(error.span(), form);
    let equals = input.parse::<Token![=]>().map_err(wrong)?;
    if input.is_empty() {
        return Err(wrong_form(equals.span, form));
    }
    input.parse().map_err(wrong)
}

pub(super) fn value_ident(input: ParseStream<'_>) -> syn::Result<Ident> {
    let form = "#[sop(renamed_from = old_name)]";
    let wrong = |error: syn::Error| wrong_form(error.span(), form);
    input.parse::<Token![=]>().map_err(wrong)?;
    input.call(Ident::parse_any).map_err(wrong)
}

pub(super) fn library(input: ParseStream<'_>) -> syn::Result<Path> {
    value_path(input, "#[sop(crate = path::to::sop_orm)]")
}

pub(super) fn older(input: ParseStream<'_>) -> syn::Result<Path> {
    value_path(input, "#[sop(version = 2, from = v1::Article)]")
}

/// `= 2` on the struct, which is another thing than the word alone on a field.
pub(super) fn layout_version(word: &Ident, input: ParseStream<'_>) -> syn::Result<LitInt> {
    const FORM: &str = "#[sop(version = 2)]";
    if input.is_empty() {
        let message = format!(
            "on the struct `version` says which form of it this is: `{FORM}`; a count of updates \
             is a field marked `#[sop(version)]`"
        );
        return Err(syn::Error::new(word.span(), message));
    }
    value(input, FORM)
}

/// Nothing, on the field that counts updates.
pub(super) fn update_version(word: &Ident, input: ParseStream<'_>) -> syn::Result<Ident> {
    if input.is_empty() {
        return Ok(word.clone());
    }
    let message = "on a field `version` stands alone, `#[sop(version)]`, and counts updates; the \
                   number of the struct's form, `#[sop(version = 2)]`, belongs on the struct";
    Err(syn::Error::new(word.span(), message))
}

/// The function that judges.
pub(super) fn rule(word: &Ident, input: ParseStream<'_>) -> syn::Result<Path> {
    let form = "#[sop(validate = path::to::function)]";
    if input.is_empty() { Err(wrong_form(word.span(), form)) } else { value_path(input, form) }
}

fn value_path(input: ParseStream<'_>, form: &str) -> syn::Result<Path> {
    let wrong = |error: syn::Error| wrong_form(error.span(), form);
    input.parse::<Token![=]>().map_err(wrong)?;
    input.call(Path::parse_mod_style).map_err(wrong)
}

pub(super) fn wrong_form(span: Span, form: &str) -> syn::Error {
    syn::Error::new(span, format!("the form is `{form}`"))
}

/// `= expression`, or nothing at all.
pub(super) fn default_value(input: ParseStream<'_>) -> syn::Result<DefaultValue> {
    if input.is_empty() {
        return Ok(DefaultValue::Trait);
    }
    let form = "#[sop(default)]` or `#[sop(default = expression)]";
    let equals = input.parse::<Token![=]>().map_err(|error| wrong_form(error.span(), form))?;
    if input.is_empty() {
        return Err(wrong_form(equals.span, form));
    }
    input.parse().map(DefaultValue::Expression)
}

/// `(auto = uuid7)`
pub(super) fn auto(input: ParseStream<'_>) -> syn::Result<Auto> {
    const FORM: &str = "#[sop(key(auto = uuid7))]`, `#[sop(key(auto = ulid))]` or \
                        `#[sop(key(auto = increment))]";
    let parse = |input: ParseStream<'_>| {
        let inner;
        parenthesized!(inner in input);
        let word: Ident = inner.parse()?;
        if word != "auto" {
            return Err(syn::Error::new(word.span(), ""));
        }
        inner.parse::<Token![=]>()?;
        let how: Ident = inner.parse()?;
        let auto = match how.to_string().as_str() {
            "uuid7" => Auto::Uuid7,
            "ulid" => Auto::Ulid,
            "increment" => Auto::Increment,
            _ => return Err(syn::Error::new(how.span(), "")),
        };
        if inner.is_empty() { Ok(auto) } else { Err(inner.error("")) }
    };
    parse(input).map_err(|error: syn::Error| wrong_form(error.span(), FORM))
}

/// `(a, b)` on the struct.
pub(super) fn key_columns(input: ParseStream<'_>) -> syn::Result<Vec<Ident>> {
    const FORM: &str = "#[sop(key(first_field, second_field))]`; on a field it is `#[sop(key)]` \
                        or `#[sop(key(auto = uuid7))]";
    let parse = |input: ParseStream<'_>| {
        let inner;
        parenthesized!(inner in input);
        if inner.peek2(Token![=]) {
            return Err(inner.error(""));
        }
        let columns =
            Punctuated::<Ident, Token![,]>::parse_terminated_with(&inner, Ident::parse_any)?;
        Ok(columns.into_iter().collect())
    };
    parse(input).map_err(|error: syn::Error| wrong_form(error.span(), FORM))
}

/// `(derive(Debug, Clone))`
pub(super) fn new_derives(input: ParseStream<'_>) -> syn::Result<Vec<Path>> {
    let wrong = |error: syn::Error| wrong_form(error.span(), "#[sop(new(derive(Debug, Clone)))]");
    let outer = parentheses(input).map_err(wrong)?;
    let word: Ident = outer.parse().map_err(wrong)?;
    let inner = parentheses(&outer).map_err(wrong)?;
    let derives =
        Punctuated::<Path, Token![,]>::parse_terminated_with(&inner, Path::parse_mod_style);
    if word != "derive" || !outer.is_empty() {
        return Err(wrong(syn::Error::new(word.span(), "")));
    }
    Ok(derives.map_err(wrong)?.into_iter().collect())
}

pub(super) fn parentheses(input: ParseStream<'_>) -> syn::Result<ParseBuffer<'_>> {
    let inner;
    parenthesized!(inner in input);
    Ok(inner)
}
