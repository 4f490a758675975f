//! The rules of a stored struct, its hooks, and the field that counts its updates.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::Path;

use super::{at, vector};
use crate::{ast::Store, attr::plain};

/// What the implementation of `Entity` says about them; nothing where there are none.
pub(super) fn methods(store: &Store) -> TokenStream {
    let hooks = store.hooks.then(|| {
        let ident = &store.ident;
        let hooks = quote_spanned!(at(ident)=> __sop::hooks::<#ident>());
        quote! {
            const HOOKS: __sop::core::option::Option<&'static dyn __sop::AnyHooks> = #hooks;
        }
    });
    let (rules, version, soft_delete) = (rules(store), version(store), soft_delete(store));
    quote!(#hooks #rules #version #soft_delete)
}

fn rules(store: &Store) -> TokenStream {
    let mut checks = vector::rules(store);
    for field in &store.fields {
        let (ident, name) = (&field.ident, plain(&field.ident));
        checks.extend(field.rules.iter().map(|rule| {
            // With a place of its own, so that a wrong type is complained about at the rule.
            let (check, value) = parts(rule, &quote!(rule_of));
            quote! {
                let #value = &self.#ident;
                #check(#name, #rule(#value))?;
            }
        }));
    }
    checks.extend(store.rules.iter().map(|rule| {
        let (check, value) = parts(rule, &quote!(rule));
        quote! {
            let #value = self;
            #check(#rule(#value))?;
        }
    }));
    if store.hooks {
        let ident = &store.ident;
        let hooks = quote_spanned!(at(ident)=> <#ident as __sop::Hooks>);
        checks.push(quote!(#hooks::validate(self)?;));
    }
    if checks.is_empty() {
        return TokenStream::new();
    }
    quote! {
        fn validate(&self) -> __sop::core::result::Result<(), __sop::Invalid> {
            #(#checks)*
            __sop::core::result::Result::Ok(())
        }
    }
}

/// What asks a rule, and a name for the value that it judges, both at the place of the rule.
fn parts(rule: &Path, ask: &TokenStream) -> (TokenStream, Ident) {
    (quote_spanned!(at(rule)=> __sop::#ask), Ident::new("__value", at(rule)))
}

fn version(store: &Store) -> TokenStream {
    let Some(field) = store.version() else { return TokenStream::new() };
    let ident = &field.ident;
    let ty = &field.ty;
    let number = quote_spanned!(at(ty)=> <#ty as __sop::VersionNumber>);
    quote! {
        fn version(&self) -> __sop::core::option::Option<__sop::core::primitive::u64> {
            __sop::core::option::Option::Some(#number::get(self.#ident))
        }

        fn set_version(
            &mut self,
            version: __sop::core::primitive::u64,
        ) -> __sop::core::primitive::bool {
            let version = #number::new(version);
            version.map(|version| self.#ident = version).is_some()
        }
    }
}

fn soft_delete(store: &Store) -> Option<TokenStream> {
    let (ident, ty) = store.soft_delete().map(|field| (&field.ident, &field.ty))?;
    let field = quote_spanned!(at(ty)=> <#ty as __sop::DeletedAt>);
    let at = quote!(__sop::core::option::Option<__sop::Timestamp>);
    Some(quote! {
        fn deleted_at(&self) -> #at {
            #field::get(&self.#ident)
        }

        fn set_deleted_at(&mut self, at: #at) {
            #field::set(&mut self.#ident, at);
        }
    })
}

/// Says that records can be deleted so that they can be restored.
pub(super) fn soft_deleted(store: &Store) -> Option<TokenStream> {
    store.soft_delete()?;
    let ident = &store.ident;
    Some(quote! {
        #[automatically_derived]
        impl __sop::SoftDelete for #ident {}
    })
}

/// Says that there is a field that counts updates.
pub(super) fn versioned(store: &Store) -> Option<TokenStream> {
    let (ident, ty) = (&store.ident, &store.version()?.ty);
    Some(quote! {
        #[automatically_derived]
        impl __sop::Versioned for #ident {
            type Version = #ty;
        }
    })
}
