//! What refers to a field, for queries that read some fields only.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::{Names, at, entity::read_field};
use crate::{
    ast::{Field, Store},
    attr::plain,
};

/// A constant for each field, as visible as the field. They belong to a type and not to a module,
/// because default values see the names around the struct.
pub(super) fn expand(store: &Store, names: &Names) -> TokenStream {
    let module = &names.module;
    let key = store.key_fields().map(|field| {
        // As in the other places, so that a type that cannot be a key is complained about once.
        let (name, ty) = (plain(&field.ident), &field.ty);
        let read = quote_spanned!(at(ty)=> <#ty as __sop::KeyPart>::read_part);
        constant(store, field, &quote!(__sop::FieldRef::key(#name, #read)))
    });
    let row = store.row_fields().enumerate().map(|(position, field)| {
        let (name, read) = (plain(&field.ident), read_field(position, field));
        constant(store, field, &quote!(__sop::FieldRef::row(#name, |row| #read)))
    });
    quote! {
        #[automatically_derived]
        #[allow(dead_code, reason = "which fields are selected is up to the program")]
        #[allow(non_upper_case_globals, reason = "constants are named like their fields")]
        impl #module::fields {
            #(#key)*
            #(#row)*
        }
    }
}

fn constant(store: &Store, field: &Field, value: &TokenStream) -> TokenStream {
    let (owner, Field { ident, vis, ty, .. }) = (&store.ident, field);
    let doc = format!("The field `{}`.", plain(ident));
    quote! {
        #[doc = #doc]
        #vis const #ident: __sop::FieldRef<#owner, #ty> = #value;
    }
}
