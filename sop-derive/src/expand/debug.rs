//! `Debug` of generated code, which keeps sensitive values to itself.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::Path;

use super::{Names, insert::is_required};
use crate::{
    ast::{Field, Store},
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
            quote!(.field(#name, &__sop::core::format_args!("[sensitive]")))
        } else {
            quote!(.field(#name, &self.#ident))
        }
    });
    quote! {
        #[automatically_derived]
        impl __sop::core::fmt::Debug for #ident {
            fn fmt(
                &self,
                f: &mut __sop::core::fmt::Formatter<'_>,
            ) -> __sop::core::fmt::Result {
                f.debug_struct(#name)#(#fields)*.finish()
            }
        }
    }
}
