//! What can stand for leading columns of an index.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{GenericArgument, PathArguments, PathSegment, Type};

use super::{
    Names, at,
    column::{self, Resolved},
};
use crate::ast::{Field, Store};

/// A column: its type and its direction.
struct Typed {
    ty: TokenStream,
    /// The type as the user wrote it, where it is written at all: an implementation cannot be for
    /// the item of a collection, only for what stands between its brackets.
    written: Option<TokenStream>,
    /// What an `Option` holds, where both are written.
    held: Option<TokenStream>,
    order: TokenStream,
}

impl Typed {
    fn key(field: &Field) -> Self {
        let ty = &field.ty;
        Self::new(quote!(#ty), Some(ty), column::order(false))
    }

    fn column(column: &Resolved<'_>) -> Self {
        let declared = column.declared();
        let written = if column.is_each_of_field() { declared.and_then(item) } else { declared };
        Self::new(column.ty(), written, column.order())
    }

    fn new(ty: TokenStream, written: Option<&Type>, order: TokenStream) -> Self {
        let held = written.and_then(optional).map(ToTokens::to_token_stream);
        let written = written.map(ToTokens::to_token_stream);
        Self { ty, written, held, order }
    }
}

/// `T` of `Vec<T>` and of other collections that are written out.
fn item(ty: &Type) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &last_segment(ty)?.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// `T` of an `Option<T>` that is written out.
fn optional(ty: &Type) -> Option<&Type> {
    let named = last_segment(ty)?.ident == "Option";
    if named { item(ty) } else { None }
}

fn last_segment(ty: &Type) -> Option<&PathSegment> {
    let Type::Path(path) = ty else { return None };
    path.path.segments.last()
}

pub(super) fn expand(store: &Store, names: &Names) -> TokenStream {
    let module = &names.module;
    let key = store.key_fields().map(Typed::key);
    let none = quote!(__sop::core::option::Option::None);
    let mut code = index(store, &quote!(#module::ByKey), &none, &key.collect::<Vec<_>>());
    for (at, (declared, marker)) in store.indexes.iter().zip(&names.markers).enumerate() {
        let columns: Vec<_> = column::of(declared, store).iter().map(Typed::column).collect();
        let position = quote!(__sop::core::option::Option::Some(#at));
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
    let ident = &store.ident;
    let first = columns.first().map(|first| first_column(marker, first));
    let tuples = (1..=columns.len()).filter_map(|len| Some(tuple(marker, columns.get(..len)?)));
    quote! {
        #[automatically_derived]
        impl __sop::Index for #marker {
            type Entity = #ident;

            const POSITION: __sop::core::option::Option<__sop::core::primitive::usize> = #position;
        }

        #first
        #(#tuples)*
    }
}

/// The first column alone, as a value or a reference, or as the value that an option holds.
fn first_column(marker: &TokenStream, first: &Typed) -> TokenStream {
    let Typed { ty, written, held, order } = first;
    let by_value = written.as_ref().map(|written| {
        let write = quote_spanned!(at(ty)=> __sop::KeyWriter::arg);
        let write = quote!(#write::<#ty>(out, #order, prefix));
        prefix(marker, &quote!(), written, &quote!(), 1, &write)
    });
    let by_reference = prefix(
        marker,
        &quote!(<'__a, __B: ?__sop::core::marker::Sized>),
        &quote!(&'__a __B),
        &quote!(where &'__a __B: __sop::KeyArg<#ty>),
        1,
        &quote!(out.arg::<#ty>(#order, prefix)),
    );
    // The clause holds for the `Option` that everybody knows. For a type of the same name it is
    // not met, which is no error only because it is quantified.
    let by_held = held.as_ref().map(|held| {
        let clause = quote!(where for<'__a> #held: __sop::KeyArg<#ty>);
        prefix(marker, &quote!(), held, &clause, 1, &quote!(out.arg::<#ty>(#order, prefix)))
    });
    quote!(#by_value #by_held #by_reference)
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
    let generics = quote!(<#(#bounds),*>);
    let target = quote!((#(#parameters,)*));
    prefix(marker, &generics, &target, &quote!(), len, &quote!(#(#writes)*))
}

fn prefix(
    marker: &TokenStream,
    generics: &TokenStream,
    target: &TokenStream,
    clause: &TokenStream,
    columns: usize,
    write: &TokenStream,
) -> TokenStream {
    quote! {
        #[automatically_derived]
        impl #generics __sop::Prefix<#target> for #marker #clause {
            const COLUMNS: __sop::core::primitive::usize = #columns;

            fn write_prefix(
                prefix: &#target,
                out: &mut __sop::KeyWriter,
            ) -> __sop::core::result::Result<(), __sop::CodecError> {
                #write
            }
        }
    }
}
