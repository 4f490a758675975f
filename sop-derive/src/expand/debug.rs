//! `Debug` of generated code, which keeps sensitive values to itself.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::{Member, Path};

use super::{Names, embed::head, insert::is_required};
use crate::{
    ast::{Embed, EmbedField, EmbedFields, Field, Shape, Store},
    attr::plain,
};

/// The implementations for the struct, if it asks for one, and for its `New` struct, if that cannot
/// derive one.
pub(super) fn expand(store: &Store, names: &Names) -> TokenStream {
    let fields = store.fields.iter();
    let own = store.debug.then(|| debug(&store.ident, fields.clone()));
    let new = new_derives(store).len() < store.new_derives.len();
    let new = new.then(|| debug(&names.new, fields.filter(|field| is_required(field))));
    quote!(#own #new)
}

/// What the `New` struct derives: with sensitive fields no `Debug`.
pub(super) fn new_derives(store: &Store) -> Vec<&Path> {
    let sensitive = store.fields.iter().any(|field| field.sensitive && is_required(field));
    let is_debug = |path: &Path| path.segments.last().is_some_and(|last| last.ident == "Debug");
    store.new_derives.iter().filter(|path| !sensitive || !is_debug(path)).collect()
}

fn debug<'a>(ident: &Ident, fields: impl Iterator<Item = &'a Field>) -> TokenStream {
    let name = plain(ident);
    let fields = fields.map(|field| {
        let (ident, name) = (&field.ident, plain(&field.ident));
        if field.sensitive {
            let masked = masked();
            quote!(.field(#name, #masked))
        } else {
            quote!(.field(#name, &self.#ident))
        }
    });
    implementation(
        &quote!(#[automatically_derived] impl __sop::core::fmt::Debug for #ident),
        &quote!(f.debug_struct(#name)#(#fields)*.finish()),
    )
}

/// The implementation for an embedded type, if it asks for one.
pub(super) fn embedded(embed: &Embed) -> Option<TokenStream> {
    if !embed.debug {
        return None;
    }
    let arms = match &embed.shape {
        Shape::Struct(fields) => arm(&quote!(Self), &embed.ident, fields),
        Shape::Enum(variants) => variants
            .iter()
            .map(|variant| {
                let ident = &variant.ident;
                arm(&quote!(Self::#ident), ident, &variant.fields)
            })
            .collect(),
    };
    let debug = quote!(__sop::core::fmt::Debug);
    let (head, _) = head(embed, &debug, &debug);
    Some(implementation(&head, &quote!(match self { #arms })))
}

/// The arm of a struct or of a variant.
fn arm(path: &TokenStream, ident: &Ident, EmbedFields { fields }: &EmbedFields) -> TokenStream {
    let name = plain(ident);
    let tuple = matches!(fields.first(), Some(EmbedField { member: Member::Unnamed(_), .. }));
    let builder = if tuple { quote!(debug_tuple) } else { quote!(debug_struct) };
    let (patterns, calls): (Vec<_>, Vec<_>) = fields
        .iter()
        .enumerate()
        .map(|(at, EmbedField { member, sensitive, .. })| {
            let bound = format_ident!("__field_{at}");
            let (pattern, value) = if *sensitive {
                (quote!(#member: _), masked())
            } else {
                (quote!(#member: #bound), quote!(#bound))
            };
            let call = match member {
                Member::Named(ident) => {
                    let name = plain(ident);
                    quote!(.field(#name, #value))
                }
                Member::Unnamed(_) => quote!(.field(#value)),
            };
            (pattern, call)
        })
        .unzip();
    quote!(#path { #(#patterns),* } => f.#builder(#name)#(#calls)*.finish(),)
}

/// What is shown in the place of a sensitive value.
fn masked() -> TokenStream {
    quote!(&__sop::core::format_args!("[sensitive]"))
}

fn implementation(head: &TokenStream, body: &TokenStream) -> TokenStream {
    quote! {
        #head {
            fn fmt(
                &self,
                f: &mut __sop::core::fmt::Formatter<'_>,
            ) -> __sop::core::fmt::Result {
                #body
            }
        }
    }
}
