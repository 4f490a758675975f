//! The words that declare an index: its columns, and what it is restricted to.

use proc_macro2::Ident;
use syn::{
    Lit, LitInt, Member, Path, Token, Type, ext::IdentExt, parse::ParseStream,
    punctuated::Punctuated, token::Paren,
};

use super::{
    form::{parentheses, wrong_form},
    walk::once,
};
use crate::ctxt::did_you_mean;

/// `index(..)` or `unique(..)`.
pub(crate) struct IndexAttr {
    pub(crate) name: Ident,
    pub(crate) unique: bool,
    /// On a field there is one column without a name.
    pub(crate) columns: Vec<ColumnAttr>,
    pub(crate) when: Option<Path>,
    pub(crate) version: Option<u32>,
}

/// A column with its words.
#[derive(Default)]
pub(crate) struct ColumnAttr {
    pub(crate) ident: Option<Ident>,
    /// The type and the source of a column that is no field.
    pub(crate) computed: Option<(Type, SourceAttr)>,
    pub(crate) desc: bool,
    pub(crate) each: bool,
}

/// What stands behind the `=` of a column.
pub(crate) enum SourceAttr {
    /// `address.city`
    Nested(Ident, Vec<Member>),
    /// `Self::lower_name`
    Function(Path),
}

impl IndexAttr {
    fn new(word: &Ident, name: Ident, columns: Vec<ColumnAttr>) -> Self {
        Self { name, unique: word == "unique", columns, when: None, version: None }
    }

    /// `when = path` or `version = 1`; whether it is one of them.
    fn option(&mut self, word: &Ident, input: ParseStream<'_>) -> syn::Result<bool> {
        if word == "when" {
            const FORM: &str = "when = Self::function";
            let wrong = |error: syn::Error| wrong_form(error.span(), FORM);
            input.parse::<Token![=]>().map_err(wrong)?;
            let path = function(input, FORM)?;
            once(&mut self.when, word, path)?;
        } else if word == "version" {
            let wrong = |error: syn::Error| wrong_form(error.span(), "version = 1");
            input.parse::<Token![=]>().map_err(wrong)?;
            let number: LitInt = input.parse().map_err(wrong)?;
            once(&mut self.version, word, number.base10_parse().map_err(wrong)?)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}

/// `(name(a, b desc), when = path)` on the struct.
pub(super) fn composite(word: &Ident, input: ParseStream<'_>) -> syn::Result<IndexAttr> {
    let form = format!("#[sop({word}(by_name(first_field, second_field desc)))]");
    let wrong = |error: syn::Error| wrong_form(error.span(), &form);
    let outer = parentheses(input).map_err(wrong)?;
    let name: Ident = outer.parse().map_err(wrong)?;
    let inner = parentheses(&outer).map_err(wrong)?;
    if inner.peek(Lit) {
        return Err(wrong_form(inner.span(), &form));
    }
    let columns = Punctuated::<_, Token![,]>::parse_terminated_with(&inner, column)?;
    if columns.is_empty() {
        return Err(wrong_form(outer.span(), &form));
    }
    let mut index = IndexAttr::new(word, name, columns.into_iter().collect());
    while !outer.is_empty() {
        outer.parse::<Token![,]>().map_err(wrong)?;
        let option = outer.call(Ident::parse_any).map_err(wrong)?;
        if !index.option(&option, &outer)? {
            return Err(unknown(&option, &["when", "version"]));
        }
    }
    Ok(index)
}

/// `(name)` or `(name, each, when = path)` on a field.
pub(super) fn single(word: &Ident, input: ParseStream<'_>) -> syn::Result<IndexAttr> {
    let form = format!("#[sop({word}(by_name))]");
    let wrong = |error: syn::Error| wrong_form(error.span(), &form);
    if input.is_empty() {
        return Err(wrong_form(word.span(), &form));
    }
    let inner = parentheses(input).map_err(wrong)?;
    let name: Ident = inner.parse().map_err(wrong)?;
    if inner.peek(Paren) {
        let message = format!(
            "an index of several columns belongs on the struct: \
             `#[sop({word}(by_name(first_field, second_field)))]`"
        );
        return Err(inner.error(message));
    }
    let mut index = IndexAttr::new(word, name, Vec::new());
    let mut column = ColumnAttr::default();
    while !inner.is_empty() {
        inner.parse::<Token![,]>().map_err(wrong)?;
        let option = inner.call(Ident::parse_any).map_err(wrong)?;
        if !index.option(&option, &inner)? && !column_word(&option, &mut column)? {
            return Err(unknown(&option, &["desc", "each", "when", "version"]));
        }
    }
    index.columns.push(column);
    Ok(index)
}

/// `field`, or `name: Type = source`, and words.
fn column(input: ParseStream<'_>) -> syn::Result<ColumnAttr> {
    let ident = input.call(Ident::parse_any)?;
    let mut column = ColumnAttr::default();
    if input.peek(Token![.]) || input.peek(Token![::]) || input.peek(Token![=]) {
        let message = "a column that is no field of the record needs a name and a type: \
                       `city: String = address.city` or `lower: String = Self::lower`";
        return Err(syn::Error::new(ident.span(), message));
    }
    if input.parse::<Option<Token![:]>>()?.is_some() {
        const FORM: &str = "column: Type = Self::function` or `column: Type = field.inner";
        let wrong = |error: syn::Error| wrong_form(error.span(), FORM);
        let ty = input.parse().map_err(wrong)?;
        input.parse::<Token![=]>().map_err(wrong)?;
        column.computed = Some((ty, source(input, FORM)?));
    }
    column.ident = Some(ident);
    while input.peek(Ident::peek_any) {
        let word = input.call(Ident::parse_any)?;
        if !column_word(&word, &mut column)? {
            return Err(unknown(&word, &["desc", "each"]));
        }
    }
    Ok(column)
}

fn source(input: ParseStream<'_>, form: &str) -> syn::Result<SourceAttr> {
    if !input.peek2(Token![.]) {
        return function(input, form).map(SourceAttr::Function);
    }
    let wrong = |error: syn::Error| wrong_form(error.span(), form);
    let root = input.call(Ident::parse_any).map_err(wrong)?;
    if root == "self" {
        return Err(syn::Error::new(root.span(), "begin with the field, without `self.`"));
    }
    let mut path = Vec::new();
    while input.parse::<Option<Token![.]>>()?.is_some() {
        path.push(input.parse::<Member>().map_err(wrong)?);
        refuse_call(input)?;
    }
    Ok(SourceAttr::Nested(root, path))
}

fn function(input: ParseStream<'_>, form: &str) -> syn::Result<Path> {
    let path = input.call(Path::parse_mod_style);
    let path = path.map_err(|error| wrong_form(error.span(), form))?;
    refuse_call(input)?;
    Ok(path)
}

fn refuse_call(input: ParseStream<'_>) -> syn::Result<()> {
    if input.peek(Paren) {
        let message = "name a function of the record without calling it: `Self::function`";
        return Err(input.error(message));
    }
    Ok(())
}

/// `desc` or `each`; whether it is one of them.
fn column_word(word: &Ident, column: &mut ColumnAttr) -> syn::Result<bool> {
    let flag = match word.to_string().as_str() {
        "desc" => &mut column.desc,
        "each" => &mut column.each,
        "asc" => {
            let message = "a column is ascending if nothing else is said: leave `asc` out";
            return Err(syn::Error::new(word.span(), message));
        }
        _ => return Ok(false),
    };
    if std::mem::replace(flag, true) {
        return Err(syn::Error::new(word.span(), format!("`{word}` is given twice")));
    }
    Ok(true)
}

fn unknown(word: &Ident, known: &[&str]) -> syn::Error {
    let list = known.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>();
    let message = format!("expected {}, found `{word}`", list.join(" or "));
    let message = did_you_mean(message, &word.to_string(), known.iter().copied());
    syn::Error::new(word.span(), message)
}
