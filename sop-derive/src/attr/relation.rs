//! The words of relations: what a field refers to, and which records refer to a struct.

use proc_macro2::Ident;
use syn::{
    Path, Token,
    ext::IdentExt,
    parse::{ParseBuffer, ParseStream},
    punctuated::Punctuated,
};

use super::form::{parentheses, wrong_form};
use crate::{ast::OnDelete, ctxt::did_you_mean};

/// `belongs_to(..)` or `belongs_to_many(..)` on a field.
pub(crate) struct ReferenceAttr {
    pub(crate) word: Ident,
    /// The stored type, where the field's own does not say.
    pub(crate) target: Option<Path>,
    /// What becomes of the reference with its target, and the word for it.
    pub(crate) on_delete: Option<(Ident, OnDelete)>,
}

/// `articles = article::ByAuthor` on a struct.
pub(crate) struct HasManyAttr {
    pub(crate) name: Ident,
    pub(crate) index: Path,
}

/// Nothing, or `(User, on_delete = cascade)` with either part.
pub(super) fn reference(word: &Ident, input: ParseStream<'_>) -> syn::Result<ReferenceAttr> {
    let many = word == "belongs_to_many";
    let last = if many { "remove" } else { "cascade" };
    let form = format!(
        "#[sop({word}(on_delete = restrict))]` or `#[sop({word}(User, on_delete = {last}))]"
    );
    let wrong = |error: syn::Error| wrong_form(error.span(), &form);
    let mut found = ReferenceAttr { word: word.clone(), target: None, on_delete: None };
    if input.is_empty() {
        return Ok(found);
    }
    let inner = parentheses(input).map_err(wrong)?;
    if !(inner.peek(Ident::peek_any) && inner.peek2(Token![=])) {
        found.target = Some(inner.call(Path::parse_mod_style).map_err(wrong)?);
        if !inner.is_empty() {
            inner.parse::<Token![,]>().map_err(wrong)?;
        }
    }
    if !inner.is_empty() {
        let word: Ident = inner.call(Ident::parse_any).map_err(wrong)?;
        if word != "on_delete" {
            return Err(wrong_form(word.span(), &form));
        }
        inner.parse::<Token![=]>().map_err(wrong)?;
        found.on_delete = Some(on_delete(many, &inner)?);
    }
    if inner.is_empty() { Ok(found) } else { Err(wrong_form(inner.span(), &form)) }
}

fn on_delete(many: bool, input: &ParseBuffer<'_>) -> syn::Result<(Ident, OnDelete)> {
    let word = input.call(Ident::parse_any)?;
    let known: &[&str] =
        if many { &["restrict", "remove"] } else { &["restrict", "cascade", "set_null"] };
    let name = word.to_string();
    let action = match name.as_str() {
        "restrict" => OnDelete::Restrict,
        "cascade" if !many => OnDelete::Cascade,
        "set_null" if !many => OnDelete::Release,
        "remove" if many => OnDelete::Release,
        _ => {
            let list = known.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>();
            let message = format!("`on_delete` takes {} here", list.join(", "));
            let message = did_you_mean(message, &name, known.iter().copied());
            return Err(syn::Error::new(word.span(), message));
        }
    };
    Ok((word, action))
}

/// `(articles = article::ByAuthor, comments = comment::ByAuthor)`
pub(super) fn has_many(input: ParseStream<'_>) -> syn::Result<Vec<HasManyAttr>> {
    const FORM: &str = "#[sop(has_many(articles = article::ByAuthor))]";
    let wrong = |error: syn::Error| wrong_form(error.span(), FORM);
    let inner = parentheses(input).map_err(wrong)?;
    if inner.is_empty() {
        return Err(wrong_form(inner.span(), FORM));
    }
    let one = |input: ParseStream<'_>| {
        let name = input.call(Ident::parse_any)?;
        input.parse::<Token![=]>()?;
        Ok(HasManyAttr { name, index: input.call(Path::parse_mod_style)? })
    };
    let all = Punctuated::<_, Token![,]>::parse_terminated_with(&inner, one).map_err(wrong)?;
    Ok(all.into_iter().collect())
}
