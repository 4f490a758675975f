//! What can stand for leading columns of an index.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{GenericArgument, PathArguments, Type};

use super::{
    Names,
    entity::{column_type, order},
};
use crate::ast::{Field, Store};

/// A column: its type and its direction.
struct Typed {
    ty: TokenStream,
    /// The type as the user wrote it, where it is written at all: an implementation cannot be for
    /// the item of a collection, only for what stands between its brackets.
    written: Option<TokenStream>,
    order: TokenStream,
}

impl Typed {
    fn new(field: &Field, desc: bool, each: bool) -> Self {
        let ty = &field.ty;
        let written = if each { item(ty).map(|item| quote!(#item)) } else { Some(quote!(#ty)) };
        Self { ty: column_type(field, each), written, order: order(desc) }
    }
}

/// `T` of `Vec<T>` and of other collections that are written out.
fn item(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let PathArguments::AngleBracketed(arguments) = &path.path.segments.last()?.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

pub(super) fn expand(store: &Store, names: &Names) -> TokenStream {
    let module = &names.module;
    let key = store.key_fields().map(|field| Typed::new(field, false, false));
    let none = quote!(__sop::core::option::Option::None);
    let mut code = index(store, &quote!(#module::ByKey), &none, &key.collect::<Vec<_>>());
    for (at, (declared, marker)) in store.indexes.iter().zip(&names.markers).enumerate() {
        let columns = declared.columns.iter().filter_map(|column| {
            let field = store.fields.get(column.field)?;
            Some(Typed::new(field, column.desc, column.each))
        });
        let position = quote!(__sop::core::option::Option::Some(#at));
        let columns: Vec<_> = columns.collect();
        code.extend(index(store, &quote!(#module::#marker), &position, &columns));
    }
    code
}

fn index(
    store: &Store,
    marker: &TokenStream,
    position: &TokenStream,
    columns: &[Typed],
) -> TokenStream {
    let Some(Typed { ty: first, written, order: first_order }) = columns.first() else {
        return TokenStream::new();
    };
    let ident = &store.ident;
    let by_value = written.as_ref().map(|written| {
        quote! {
            #[automatically_derived]
            impl __sop::Prefix<#written> for #marker {
                const COLUMNS: __sop::core::primitive::usize = 1;

                fn write_prefix(
                    prefix: &#written,
                    out: &mut __sop::KeyWriter,
                ) -> __sop::core::result::Result<(), __sop::CodecError> {
                    out.arg::<#first>(#first_order, prefix)
                }
            }
        }
    });
    let tuples = (1..=columns.len()).filter_map(|len| Some(tuple(marker, columns.get(..len)?)));
    quote! {
        #[automatically_derived]
        impl __sop::Index for #marker {
            type Entity = #ident;
            type First = #first;

            const POSITION: __sop::core::option::Option<__sop::core::primitive::usize> = #position;
        }

        #by_value

        #[automatically_derived]
        impl<'__a, __B: ?__sop::core::marker::Sized> __sop::Prefix<&'__a __B> for #marker
        where
            &'__a __B: __sop::KeyArg<#first>,
        {
            const COLUMNS: __sop::core::primitive::usize = 1;

            fn write_prefix(
                prefix: &&'__a __B,
                out: &mut __sop::KeyWriter,
            ) -> __sop::core::result::Result<(), __sop::CodecError> {
                out.arg::<#first>(#first_order, prefix)
            }
        }

        #(#tuples)*
    }
}

/// A tuple of the first columns, of which the last one may be given in part.
fn tuple(marker: &TokenStream, columns: &[Typed]) -> TokenStream {
    let len = columns.len();
    let parameters: Vec<_> = (0..len).map(|at| format_ident!("__{}", format!("P{at}"))).collect();
    let last = len - 1;
    let mut bounds = Vec::new();
    let mut writes = Vec::new();
    for (at, (Typed { ty, order, .. }, parameter)) in columns.iter().zip(&parameters).enumerate() {
        let position = syn::Index::from(at);
        if at == last {
            bounds.push(quote!(#parameter: __sop::KeyTail<#ty>));
            writes.push(quote!(out.tail::<#ty>(#order, &prefix.#position)));
        } else {
            bounds.push(quote!(#parameter: __sop::KeyArg<#ty>));
            writes.push(quote!(out.arg::<#ty>(#order, &prefix.#position)?;));
        }
    }
    quote! {
        #[automatically_derived]
        impl<#(#bounds),*> __sop::Prefix<(#(#parameters,)*)> for #marker {
            const COLUMNS: __sop::core::primitive::usize = #len;

            fn write_prefix(
                prefix: &(#(#parameters,)*),
                out: &mut __sop::KeyWriter,
            ) -> __sop::core::result::Result<(), __sop::CodecError> {
                #(#writes)*
            }
        }
    }
}
