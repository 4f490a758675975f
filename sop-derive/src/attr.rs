//! The words inside `#[sop(..)]`, one by one; whether they fit together is not asked here.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    Attribute, LitInt, LitStr, Path, Token,
    ext::IdentExt,
    parenthesized,
    parse::{ParseBuffer, ParseStream, Parser},
    punctuated::Punctuated,
};

use crate::{
    ast::{Auto, DefaultValue},
    ctxt::{Ctxt, did_you_mean},
};

/// What `#[sop(..)]` on a struct or an enum says.
#[derive(Default)]
pub(crate) struct TypeAttrs {
    pub(crate) store: Option<LitStr>,
    pub(crate) library: Option<Path>,
    pub(crate) key: Option<KeyColumns>,
    pub(crate) indexes: Vec<IndexAttr>,
}

/// `key` or `key(a, b)` on a type.
pub(crate) struct KeyColumns {
    pub(crate) word: Ident,
    pub(crate) columns: Vec<Ident>,
}

/// What `#[sop(..)]` on a field says.
#[derive(Default)]
pub(crate) struct FieldAttrs {
    pub(crate) key: Option<KeyAttr>,
    pub(crate) indexes: Vec<IndexAttr>,
    pub(crate) default: Option<(Ident, DefaultValue)>,
    pub(crate) renamed_from: Option<Ident>,
}

/// `key` or `key(auto = ..)` on a field.
pub(crate) struct KeyAttr {
    pub(crate) word: Ident,
    pub(crate) auto: Option<Auto>,
}

/// `index(..)` or `unique(..)`.
pub(crate) struct IndexAttr {
    pub(crate) name: Ident,
    pub(crate) unique: bool,
    /// On a field there is one column without a name.
    pub(crate) columns: Vec<ColumnAttr>,
}

/// A column with its words.
pub(crate) struct ColumnAttr {
    pub(crate) ident: Option<Ident>,
    pub(crate) desc: bool,
    pub(crate) each: bool,
}

const STORE_WORDS: [&str; 5] = ["store", "key", "unique", "index", "crate"];
const EMBED_WORDS: [&str; 2] = ["key", "crate"];
const FIELD_WORDS: [&str; 5] = ["key", "unique", "index", "default", "renamed_from"];

impl TypeAttrs {
    /// On a struct with `#[derive(SopStore)]`.
    pub(crate) fn of_store(attrs: &[Attribute], ctxt: &mut Ctxt) -> Self {
        let mut found = Self::default();
        each_word(attrs, ctxt, |word, input| match word.to_string().as_str() {
            "store" => once(&mut found.store, &word, value(input, "#[sop(store = \"users\")]")?),
            "crate" => once(&mut found.library, &word, library(input)?),
            "key" => {
                let columns = key_columns(input)?;
                once(&mut found.key, &word, KeyColumns { word: word.clone(), columns })
            }
            "unique" | "index" => {
                found.indexes.push(composite(&word, input)?);
                Ok(())
            }
            _ => Err(unknown(&word, "a stored struct", &STORE_WORDS, &FIELD_WORDS, "a field")),
        });
        found
    }

    /// On a type with `#[derive(SopEmbed)]`.
    pub(crate) fn of_embed(attrs: &[Attribute], ctxt: &mut Ctxt) -> Self {
        let mut found = Self::default();
        each_word(attrs, ctxt, |word, input| match word.to_string().as_str() {
            "crate" => once(&mut found.library, &word, library(input)?),
            "key" => {
                let key = KeyColumns { word: word.clone(), columns: Vec::new() };
                once(&mut found.key, &word, key)
            }
            _ => Err(unknown(&word, "an embedded type", &EMBED_WORDS, &["tag"], "a variant")),
        });
        found
    }
}

impl FieldAttrs {
    /// On a field of a stored struct.
    pub(crate) fn new(attrs: &[Attribute], ctxt: &mut Ctxt) -> Self {
        let mut found = Self::default();
        each_word(attrs, ctxt, |word, input| match word.to_string().as_str() {
            "key" => {
                once(&mut found.key, &word, KeyAttr { word: word.clone(), auto: None })?;
                if let (Some(key), false) = (&mut found.key, input.is_empty()) {
                    key.auto = Some(auto(input)?);
                }
                Ok(())
            }
            "unique" | "index" => {
                found.indexes.push(single(&word, input)?);
                Ok(())
            }
            "default" => {
                let default = default_value(input)?;
                let slot = (word.clone(), default);
                once(&mut found.default, &word, slot)
            }
            "renamed_from" => once(&mut found.renamed_from, &word, value_ident(input)?),
            _ => Err(unknown(&word, "a field", &FIELD_WORDS, &STORE_WORDS, "the struct")),
        });
        found
    }
}

/// The tag of a variant, if the attributes give one.
pub(crate) fn tag(attrs: &[Attribute], ctxt: &mut Ctxt) -> Option<LitInt> {
    let mut found = None;
    each_word(attrs, ctxt, |word, input| match word.to_string().as_str() {
        "tag" => once(&mut found, &word, value(input, "#[sop(tag = 1)]")?),
        _ => Err(unknown(&word, "a variant", &["tag"], &EMBED_WORDS, "the type")),
    });
    found
}

/// Refuses attributes where there is nothing to say.
pub(crate) fn none(attrs: &[Attribute], place: &str, ctxt: &mut Ctxt) {
    each_word(attrs, ctxt, |word, _| Err(unknown(&word, place, &[], &[], "")));
}

/// Calls `read` for each word of all `#[sop(..)]`. A bad word spoils none of the others.
fn each_word(
    attrs: &[Attribute],
    ctxt: &mut Ctxt,
    mut read: impl FnMut(Ident, ParseStream<'_>) -> syn::Result<()>,
) {
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("sop")) {
        let tokens = match attr.meta.require_list() {
            Ok(list) if !list.tokens.is_empty() => list.tokens.clone(),
            _ => {
                ctxt.error(attr, "`sop` takes words in parentheses: `#[sop(..)]`");
                continue;
            }
        };
        for item in split_at_commas(tokens) {
            let parsed = Parser::parse2(
                |input: ParseStream<'_>| {
                    let word = input.call(Ident::parse_any)?;
                    read(word, input)?;
                    if input.is_empty() { Ok(()) } else { Err(input.error("expected a comma")) }
                },
                item,
            );
            if let Err(error) = parsed {
                ctxt.syn_error(error);
            }
        }
    }
}

fn split_at_commas(tokens: TokenStream) -> Vec<TokenStream> {
    let mut items = vec![TokenStream::new()];
    for token in tokens {
        match (&token, items.last_mut()) {
            (TokenTree::Punct(punct), _) if punct.as_char() == ',' => {
                items.push(TokenStream::new());
            }
            (_, Some(item)) => item.extend([token]),
            (_, None) => {}
        }
    }
    items.retain(|item| !item.is_empty());
    items
}

fn once<T>(slot: &mut Option<T>, word: &Ident, value: T) -> syn::Result<()> {
    if slot.replace(value).is_some() {
        return Err(syn::Error::new(word.span(), format!("`{word}` is given twice")));
    }
    Ok(())
}

fn unknown(
    word: &Ident,
    place: &str,
    known: &[&str],
    elsewhere: &[&str],
    other_place: &str,
) -> syn::Error {
    let name = word.to_string();
    let message = if elsewhere.contains(&name.as_str()) {
        format!("`{name}` belongs on {other_place}, not on {place}")
    } else if known.is_empty() {
        format!("{place} takes no `sop` attribute")
    } else {
        let known_list = known.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>();
        let message =
            format!("unknown word `{name}`: on {place}, `sop` takes {}", known_list.join(", "));
        did_you_mean(message, &name, known.iter().copied())
    };
    syn::Error::new(word.span(), message)
}

/// `= value`
fn value<T: syn::parse::Parse>(input: ParseStream<'_>, form: &str) -> syn::Result<T> {
    let wrong = |error: syn::Error| wrong_form(error.span(), form);
    input.parse::<Token![=]>().map_err(wrong)?;
    input.parse().map_err(wrong)
}

fn value_ident(input: ParseStream<'_>) -> syn::Result<Ident> {
    let form = "#[sop(renamed_from = old_name)]";
    let wrong = |error: syn::Error| wrong_form(error.span(), form);
    input.parse::<Token![=]>().map_err(wrong)?;
    input.call(Ident::parse_any).map_err(wrong)
}

fn library(input: ParseStream<'_>) -> syn::Result<Path> {
    let form = "#[sop(crate = path::to::sop_orm)]";
    let wrong = |error: syn::Error| wrong_form(error.span(), form);
    input.parse::<Token![=]>().map_err(wrong)?;
    input.call(Path::parse_mod_style).map_err(wrong)
}

fn wrong_form(span: Span, form: &str) -> syn::Error {
    syn::Error::new(span, format!("the form is `{form}`"))
}

/// `= expression`, or nothing at all.
fn default_value(input: ParseStream<'_>) -> syn::Result<DefaultValue> {
    if input.is_empty() {
        return Ok(DefaultValue::Trait);
    }
    let form = "#[sop(default)]` or `#[sop(default = expression)]";
    input.parse::<Token![=]>().map_err(|error| wrong_form(error.span(), form))?;
    if input.is_empty() {
        return Err(wrong_form(input.span(), form));
    }
    input.parse().map(DefaultValue::Expression)
}

/// `(auto = uuid7)`
fn auto(input: ParseStream<'_>) -> syn::Result<Auto> {
    const FORM: &str = "#[sop(key(auto = uuid7))]` or `#[sop(key(auto = increment))]";
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
            "increment" => Auto::Increment,
            _ => return Err(syn::Error::new(how.span(), "")),
        };
        if inner.is_empty() { Ok(auto) } else { Err(inner.error("")) }
    };
    parse(input).map_err(|error: syn::Error| wrong_form(error.span(), FORM))
}

/// `(a, b)` on the struct.
fn key_columns(input: ParseStream<'_>) -> syn::Result<Vec<Ident>> {
    let parse = |input: ParseStream<'_>| {
        let inner;
        parenthesized!(inner in input);
        let columns =
            Punctuated::<Ident, Token![,]>::parse_terminated_with(&inner, Ident::parse_any)?;
        Ok(columns.into_iter().collect())
    };
    parse(input).map_err(|error: syn::Error| {
        wrong_form(error.span(), "#[sop(key(first_field, second_field))]")
    })
}

/// `(name(a, b desc))` on the struct.
fn composite(word: &Ident, input: ParseStream<'_>) -> syn::Result<IndexAttr> {
    let parse = |input: ParseStream<'_>| {
        let (outer, inner);
        parenthesized!(outer in input);
        let name: Ident = outer.parse()?;
        parenthesized!(inner in outer);
        let columns = Punctuated::<_, Token![,]>::parse_terminated_with(&inner, column)?;
        if columns.is_empty() || !outer.is_empty() {
            return Err(outer.error(""));
        }
        Ok(IndexAttr { name, unique: word == "unique", columns: columns.into_iter().collect() })
    };
    parse(input).map_err(|error: syn::Error| {
        if error.to_string().starts_with("expected `desc`") {
            return error;
        }
        wrong_form(
            error.span(),
            &format!("#[sop({word}(by_name(first_field, second_field desc)))]"),
        )
    })
}

fn column(input: ParseStream<'_>) -> syn::Result<ColumnAttr> {
    let mut column =
        ColumnAttr { ident: Some(input.call(Ident::parse_any)?), desc: false, each: false };
    while input.peek(Ident::peek_any) {
        let word = input.call(Ident::parse_any)?;
        column_word(&word, &mut column)?;
    }
    Ok(column)
}

fn column_word(word: &Ident, column: &mut ColumnAttr) -> syn::Result<()> {
    match word.to_string().as_str() {
        "desc" => column.desc = true,
        "each" => column.each = true,
        other => {
            let message = format!("expected `desc` or `each`, found `{other}`");
            let message = did_you_mean(message, other, ["desc", "each"]);
            return Err(syn::Error::new(word.span(), message));
        }
    }
    Ok(())
}

/// `(name)` or `(name, each)` on a field.
fn single(word: &Ident, input: ParseStream<'_>) -> syn::Result<IndexAttr> {
    let form = format!("#[sop({word}(by_name))]");
    let wrong = |error: syn::Error| wrong_form(error.span(), &form);
    if input.is_empty() {
        return Err(wrong_form(word.span(), &form));
    }
    let inner = parentheses(input).map_err(wrong)?;
    let name: Ident = inner.parse().map_err(wrong)?;
    let mut column = ColumnAttr { ident: None, desc: false, each: false };
    while !inner.is_empty() {
        inner.parse::<Token![,]>().map_err(wrong)?;
        column_word(&inner.call(Ident::parse_any).map_err(wrong)?, &mut column)?;
    }
    Ok(IndexAttr { name, unique: word == "unique", columns: vec![column] })
}

fn parentheses(input: ParseStream<'_>) -> syn::Result<ParseBuffer<'_>> {
    let inner;
    parenthesized!(inner in input);
    Ok(inner)
}

/// The doc comments among the attributes.
pub(crate) fn docs(attrs: &[Attribute]) -> Vec<Attribute> {
    attrs.iter().filter(|attr| attr.path().is_ident("doc")).cloned().collect()
}

/// An ident as text, without the `r#` of a raw one.
pub(crate) fn plain(ident: &Ident) -> String {
    ident.unraw().to_token_stream().to_string()
}
