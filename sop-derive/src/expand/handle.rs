//! The typed handle with a method for each index, and the types that stand for indexes.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Visibility;

use super::{
    Names, blob,
    column::{self, path_text},
    relation, vector,
};
use crate::{
    ast::{Index, Store},
    attr::plain,
};

/// The handle and the module of index types.
pub(super) fn expand(store: &Store, names: &Names) -> TokenStream {
    let Store { ident, vis, library, .. } = store;
    let Names { handle, module, markers, .. } = names;
    let doc = format!(
        " The store of [`{ident}`] in a session; has all methods of \
         [`StoreHandle`]({}::__private::StoreHandle) too.",
        quote!(#library).to_string().replace(' ', ""),
    );
    let module_doc =
        format!(" What stands for the indexes and the fields of [`{ident}`](super::{ident}).");
    let key_doc =
        format!(" The primary key: {}.", list(store.key_fields().map(|f| plain(&f.ident))));
    let fields_doc = format!(
        " The fields of [`{ident}`](super::{ident}), for [`select`]({}::__private::Query::select).",
        quote!(#library).to_string().replace(' ', ""),
    );
    let inside = inside(vis);
    let marker_docs = store.indexes.iter().map(|index| describe(index, store));
    // From the root, since a relative path to the library would not hold inside of the module.
    let derives = quote!(#[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]);
    quote! {
        #[doc = #doc]
        #derives
        #vis struct #handle<'s>(#library::__private::StoreHandle<'s, #ident>);

        #[doc = #module_doc]
        #[allow(dead_code, reason = "which indexes are named is up to the program")]
        #vis mod #module {
            #[doc = #key_doc]
            #derives
            #inside struct ByKey;
            #[doc = #fields_doc]
            #derives
            #[allow(non_camel_case_types, reason = "reads like a module of the fields")]
            #inside struct fields;
            #(
                #[doc = #marker_docs]
                #derives
                #inside struct #markers;
            )*
        }
    }
}

/// `unique index of tenant, slug`
fn describe(index: &Index, store: &Store) -> String {
    let kind = if index.unique { "Unique index" } else { "Index" };
    let columns = column::of(index, store);
    let columns = columns.iter().map(|resolved| {
        let column = resolved.column;
        let each = if column.each { " (each item)" } else { "" };
        let desc = if column.desc { " (descending)" } else { "" };
        let source = resolved.source().map(|source| format!(", from `{source}`"));
        format!("{}{}{each}{desc}", plain(&column.ident), source.unwrap_or_default())
    });
    let when = index.when.as_ref();
    let when = when.map(|when| format!("; of the records for which `{}` holds", path_text(when)));
    let (name, columns) = (plain(&index.name), list(columns));
    format!(" {kind} `{name}`: {columns}{}.", when.unwrap_or_default())
}

fn list(names: impl Iterator<Item = String>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

/// What the handle can do.
pub(super) fn expand_impls(store: &Store, names: &Names) -> TokenStream {
    let Store { ident, vis, .. } = store;
    let Names { handle, module, markers, .. } = names;
    let methods = store.indexes.iter().zip(markers).enumerate().map(|(at, (index, marker))| {
        if index.unique {
            unique_method(at, index, store, &quote!(#module::#marker))
        } else {
            let (name, doc) = (&index.name, describe(index, store));
            quote! {
                #[doc = #doc]
                ///
                /// Costs a search in the index and one for each record that is read.
                #vis fn #name(self) -> __sop::Query<'s, #ident, #module::#marker> {
                    self.0.query(#module::#marker)
                }
            }
        }
    });
    let (has_many, near) = (relation::methods(store), vector::methods(store));
    let blobs = blob::methods(store);
    quote! {
        #[automatically_derived]
        impl<'s> __sop::core::convert::From<__sop::StoreHandle<'s, #ident>> for #handle<'s> {
            fn from(handle: __sop::StoreHandle<'s, #ident>) -> Self {
                Self(handle)
            }
        }

        #[automatically_derived]
        impl<'s> __sop::core::ops::Deref for #handle<'s> {
            type Target = __sop::StoreHandle<'s, #ident>;

            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }

        #[automatically_derived]
        #[allow(dead_code, reason = "which indexes are used is up to the program")]
        impl<'s> #handle<'s> {
            /// All records in the order of their primary keys.
            #vis fn by_key(self) -> __sop::Query<'s, #ident, #module::ByKey> {
                self.0.query(#module::ByKey)
            }

            #(#methods)*
            #(#has_many)*
            #(#near)*
            #(#blobs)*
        }
    }
}

fn unique_method(at: usize, index: &Index, store: &Store, marker: &TokenStream) -> TokenStream {
    let (vis, ident, name) = (&store.vis, &store.ident, &index.name);
    let doc = describe(index, store);
    let walk = format!(
        " To walk the index, in its order or a part of it, there is `query({})`.",
        marker.to_string().replace(' ', ""),
    );
    let columns = column::of(index, store);
    let columns: Vec<_> =
        columns.iter().map(|column| (column.arg(), column.ty(), column.order())).collect();
    let args = columns.iter().map(|(arg, ty, _)| quote!(#arg: impl __sop::KeyArg<#ty>));
    let writes = columns.iter().map(|(arg, ty, order)| quote!(__key.arg::<#ty>(#order, &#arg)?;));
    quote! {
        #[doc = #doc]
        ///
        /// The record with these values, if there is one. Costs a search in the index and one for
        /// the record.
        ///
        #[doc = #walk]
        #vis fn #name(
            self,
            #(#args),*
        ) -> __sop::Access<'s, #ident, __sop::core::option::Option<__sop::std::sync::Arc<#ident>>>
        {
            self.0.find_unique(#at, |__key| {
                #(#writes)*
                __sop::core::result::Result::Ok(())
            })
        }
    }
}

/// The visibility of an item in a module of the module it is meant for.
fn inside(vis: &Visibility) -> TokenStream {
    match vis {
        Visibility::Inherited => quote!(pub(super)),
        Visibility::Restricted(restricted) => {
            let path = &restricted.path;
            if path.is_ident("self") {
                quote!(pub(super))
            } else if path.segments.first().is_some_and(|first| first.ident == "super") {
                quote!(pub(in super::#path))
            } else {
                quote!(#vis)
            }
        }
        Visibility::Public(_) => quote!(#vis),
    }
}
