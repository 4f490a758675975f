//! From our own terms to code: tables and thin functions, everything of length is in the library.
//!
//! Nameable items (`ArticleStore`, `NewArticle`, `mod article`) stand beside the struct; the rest
//! is inside of a constant, where the hidden module of the library goes by the name `__sop`. All
//! paths are absolute, so what the surrounding module names `Result` or `std` does not matter.

mod blob;
mod column;
mod debug;
mod embed;
mod entity;
mod fields;
mod handle;
mod index;
mod insert;
mod life;
mod merge;
mod relation;
#[cfg(test)]
mod tests;
mod vector;

pub(crate) use embed::embed;
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::{Ident, Path, spanned::Spanned};

use crate::{
    ast::Store,
    attr::plain,
    names::{pascal_case, snake_case},
};

/// Everything for a stored struct.
pub(crate) fn store(store: &Store) -> TokenStream {
    let names = Names::new(store);
    let handle = handle::expand(store, &names);
    let new = insert::new_struct(store, &names);
    let hidden = hidden(
        &store.library,
        &[
            entity::expand(store, &names),
            insert::expand(store, &names),
            handle::expand_impls(store, &names),
            index::expand(store, &names),
            fields::expand(store, &names),
            debug::expand(store, &names),
            relation::child_indexes(store, &names),
        ],
    );
    quote!(#handle #new #hidden)
}

/// Wraps code so that it sees the library as `__sop` and leaves no names behind.
fn hidden(library: &Path, code: &[TokenStream]) -> TokenStream {
    quote! {
        const _: () = {
            use #library::__private as __sop;
            #(#code)*
        };
    }
}

/// The names of generated items.
struct Names {
    handle: Ident,
    new: Ident,
    module: Ident,
    /// The types of the indexes, in their order.
    markers: Vec<Ident>,
}

impl Names {
    fn new(store: &Store) -> Self {
        let name = plain(&store.ident);
        let marker = |index: &crate::ast::Index| {
            Ident::new(&pascal_case(&plain(&index.name)), index.name.span())
        };
        Self {
            handle: format_ident!("{name}Store", span = store.ident.span()),
            new: format_ident!("New{name}", span = store.ident.span()),
            module: module_ident(&snake_case(&name), store.ident.span()),
            markers: store.indexes.iter().map(marker).collect(),
        }
    }
}

/// An ident of this name, raw where it must be: a struct `Type` has a module `r#type`.
fn module_ident(name: &str, span: Span) -> Ident {
    if syn::parse_str::<Ident>(name).is_ok() {
        Ident::new(name, span)
    } else {
        Ident::new_raw(name, span)
    }
}

/// The place of some tokens, for generated code that the compiler should complain about there. It
/// still counts as generated, so lints of the user's crate leave it alone.
fn at(tokens: &impl ToTokens) -> Span {
    Span::mixed_site().located_at(tokens.span())
}
