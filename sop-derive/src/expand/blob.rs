//! Blob fields: their places in the schema, and the methods that lead to the content.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};

use super::at;
use crate::{ast::Store, attr::plain};

/// Their entries in the schema.
pub(super) fn specs(store: &Store) -> Vec<TokenStream> {
    let spec = |blob: &crate::ast::BlobField| {
        let field = store.fields.get(blob.field)?;
        let (ty, name) = (&field.ty, plain(&field.ident));
        let position = store.row_fields().position(|row| row.ident == field.ident)?;
        let chunk_len = blob.chunk_len.map_or_else(
            || quote!(__sop::core::option::Option::None),
            |len| quote!(__sop::core::option::Option::Some(#len)),
        );
        // Only this type will do.
        let new = quote_spanned!(at(ty)=> __sop::BlobSpec::new::<#ty>);
        Some(quote!(#new(#name, #position, #chunk_len)))
    };
    store.blobs.iter().filter_map(spec).collect()
}

/// The methods that give the content of one record's field.
pub(super) fn methods(store: &Store) -> Vec<TokenStream> {
    let method = |(position, blob): (usize, &crate::ast::BlobField)| {
        let field = store.fields.get(blob.field)?;
        let (vis, ident, name) = (&store.vis, &store.ident, &field.ident);
        let doc = format!(" The content of `{}` of the record with a key.", plain(name));
        let key = Ident::new("key", Span::mixed_site());
        Some(quote! {
            #[doc = #doc]
            #vis fn #name(
                self,
                #key: impl __sop::KeyArg<<#ident as __sop::Entity>::Key>,
            ) -> __sop::BlobContent<'s> {
                self.0.blob(#position, #key)
            }
        })
    };
    store.blobs.iter().enumerate().filter_map(method).collect()
}
