//! Relations: entries of the schema, what makes references go, and the way from one end to the
//! other.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};

use super::{Names, at, column::path_text};
use crate::{
    ast::{Field, HasMany, OnDelete, Reference, Store},
    attr::plain,
};

/// A field that refers to records.
struct Referring<'a> {
    at: usize,
    field: &'a Field,
    reference: &'a Reference,
}

fn referring(store: &Store) -> impl Iterator<Item = Referring<'_>> {
    let fields = store.fields.iter().enumerate();
    fields.filter_map(|(at, field)| {
        Some(Referring { at, field, reference: field.reference.as_ref()? })
    })
}

impl Referring<'_> {
    /// The type of one reference.
    fn ty(&self) -> TokenStream {
        let ty = &self.field.ty;
        if self.reference.many {
            quote_spanned!(at(ty)=> <#ty as __sop::Each>::Item)
        } else {
            quote!(#ty)
        }
    }

    /// The stored type that it refers to.
    fn target(&self) -> TokenStream {
        if let Some(target) = &self.reference.target {
            return quote!(#target);
        }
        let ty = self.ty();
        quote_spanned!(at(&self.field.ty)=> <#ty as __sop::Reference>::Target)
    }

    /// Whether it may refer to nothing.
    fn optional(&self) -> TokenStream {
        let (ty, target) = (self.ty(), self.target());
        quote_spanned!(at(&self.field.ty)=> <#ty as __sop::RefersTo<#target, _>>::OPTIONAL)
    }
}

/// The entries in the schema. What they need to know of types the index says.
pub(super) fn specs(store: &Store, names: &Names) -> impl Iterator<Item = TokenStream> {
    referring(store).map(|one| {
        let (name, module) = (plain(&one.field.ident), &names.module);
        let index = one.reference.index.and_then(|index| names.markers.get(index));
        let index = index.map_or_else(|| quote!(ByKey), ToTokens::to_token_stream);
        let on_delete = match one.reference.on_delete {
            OnDelete::Restrict => quote!(Restrict),
            OnDelete::Cascade => quote!(Cascade),
            OnDelete::Release => quote!(Release),
        };
        quote!(__sop::Relation::new::<_, #module::#index>(#name, __sop::OnDelete::#on_delete))
    })
}

/// The method that makes a record forget what is deleted, if it can.
pub(super) fn release(store: &Store) -> Option<TokenStream> {
    let released = referring(store).enumerate().filter_map(|(position, one)| {
        if one.reference.on_delete != OnDelete::Release {
            return None;
        }
        let ident = &one.field.ident;
        let field = quote!(self.#ident);
        // What the field's type cannot do is complained about at the word that asks for it.
        let span = at(&one.reference.action);
        let field = quote_spanned!(span=> &mut #field);
        Some(if one.reference.many {
            let discard = quote_spanned!(span=> __sop::discard);
            quote!(#position => #discard(#field, target),)
        } else {
            let clear = quote_spanned!(span=> __sop::clear);
            quote!(#position => #clear(#field),)
        })
    });
    let released: Vec<_> = released.collect();
    if released.is_empty() {
        return None;
    }
    Some(quote! {
        fn release(
            &mut self,
            relation: __sop::core::primitive::usize,
            target: &[__sop::core::primitive::u8],
        ) {
            let _ = target;
            match relation {
                #(#released)*
                _ => {}
            }
        }
    })
}

/// What the indexes that are led by references lead from.
pub(super) fn child_indexes(store: &Store, names: &Names) -> TokenStream {
    let module = &names.module;
    let mut code = TokenStream::new();
    for one in referring(store) {
        let (target, optional) = (one.target(), one.optional());
        let led = store.indexes.iter().zip(&names.markers);
        let led = led.filter(|(index, _)| store.is_led_by(index, one.at, one.reference.many));
        let key = (store.key.first() == Some(&one.at)).then(|| quote!(#module::ByKey));
        let markers = key.into_iter().chain(led.map(|(_, marker)| quote!(#module::#marker)));
        for marker in markers {
            code.extend(quote! {
                #[automatically_derived]
                impl __sop::ChildIndex<#target> for #marker {
                    const OPTIONAL: __sop::core::primitive::bool = #optional;
                }
            });
        }
    }
    code
}

/// The methods of the handle that lead to referring records.
pub(super) fn methods(store: &Store) -> impl Iterator<Item = TokenStream> {
    let (vis, ident) = (&store.vis, &store.ident);
    store.has_many.iter().map(move |HasMany { name, index }| {
        let doc = format!(
            " The records that refer to the [`{ident}`] with this key, as a query on `{}`.",
            path_text(index),
        );
        let child = quote_spanned!(at(index)=> <#index as __sop::Index>::Entity);
        let children = quote_spanned!(at(index)=> children);
        quote! {
            #[doc = #doc]
            #vis fn #name(
                self,
                key: impl __sop::KeyArg<<#ident as __sop::Entity>::Key>,
            ) -> __sop::Query<'s, #child, #index> {
                self.0.#children(#index, key)
            }
        }
    })
}
