//! The `New..` struct and how it becomes a record.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::{Names, at, debug::new_derives, entity::default};
use crate::ast::{Auto, Field, Store};

/// Whether a new record must be given the field.
pub(super) fn is_required(field: &Field) -> bool {
    field.auto.is_none() && field.default.is_none()
}

/// The struct with the fields that must be given.
pub(super) fn new_struct(store: &Store, names: &Names) -> TokenStream {
    let (vis, new, derives) = (&store.vis, &names.new, new_derives(store));
    let doc = format!(
        " What a new [`{}`] must be given. What is missing here is made or has a default.",
        store.ident
    );
    let fields = store.fields.iter().filter(|field| is_required(field)).map(|field| {
        let Field { ident, vis, ty, docs, .. } = field;
        let docs = if docs.is_empty() {
            let doc = format!(" As in [`{}`].", store.ident);
            quote!(#[doc = #doc])
        } else {
            quote!(#(#docs)*)
        };
        quote!(#docs #vis #ident: #ty)
    });
    let derive = (!derives.is_empty()).then(|| quote!(#[derive(#(#derives),*)]));
    quote! {
        #[doc = #doc]
        #derive
        #[allow(dead_code, reason = "whether records are inserted from it is up to the program")]
        #vis struct #new {
            #(#fields,)*
        }
    }
}

/// The way from there to a record.
pub(super) fn expand(store: &Store, names: &Names) -> TokenStream {
    let (ident, new, name) = (&store.ident, &names.new, &store.name);
    let numbered = store.fields.iter().any(|field| field.auto == Some(Auto::Increment));
    let values = store.fields.iter().map(|field| {
        let (ident, ty) = (&field.ident, &field.ty);
        let value = match field.auto {
            Some(Auto::Uuid7) => quote_spanned!(at(ty)=> <#ty as __sop::AutoUuid>::auto()),
            Some(Auto::Ulid) => quote_spanned!(at(ty)=> <#ty as __sop::AutoUlid>::auto()),
            Some(Auto::Increment) => {
                let auto = quote_spanned!(at(ty)=> <#ty as __sop::AutoNumber>::auto);
                quote!(#auto(#name, number)?)
            }
            None => default(field).unwrap_or_else(|| quote!(self.#ident)),
        };
        quote!(#ident: #value)
    });
    let number = if numbered { quote!(number) } else { quote!(_) };
    quote! {
        #[automatically_derived]
        impl __sop::IntoEntity<#ident> for #new {
            const NUMBERED: __sop::core::primitive::bool = #numbered;

            fn into_entity(
                self,
                #number: __sop::core::primitive::u64,
            ) -> __sop::Result<#ident> {
                __sop::core::result::Result::Ok(#ident { #(#values,)* })
            }
        }
    }
}
