//! Fields that are searched by nearness: their indexes, behind all others, and the methods.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};

use super::{
    at, column,
    entity::{entries, index_spec},
};
use crate::{
    ast::{Field, Index, Store, VectorIndex},
    attr::plain,
};

/// An index of vectors, with what the struct knows of it.
struct Resolved<'a> {
    vector: &'a VectorIndex,
    field: &'a Field,
    index: &'a Index,
    /// The index by whose columns it filters.
    filter: Option<usize>,
    /// Among all indexes.
    position: usize,
}

/// All of them, in the order of the schema.
fn all(store: &Store) -> Vec<Resolved<'_>> {
    let indexes = store.vectors.iter().flat_map(|vector| {
        let plain = std::iter::once((None, &vector.index));
        let filtered = vector.filters.iter().map(|(filter, index)| (Some(*filter), index));
        plain.chain(filtered).map(move |(filter, index)| (vector, filter, index))
    });
    let resolved = indexes.zip(store.indexes.len()..).filter_map(|(one, position)| {
        let (vector, filter, index) = one;
        Some(Resolved { vector, field: store.fields.get(vector.field)?, index, filter, position })
    });
    resolved.collect()
}

/// Their entries in the schema.
pub(super) fn specs(store: &Store) -> Vec<TokenStream> {
    all(store).iter().map(|one| index_spec(one.index, store, &one.spec(store))).collect()
}

/// The arms that write their entries.
pub(super) fn arms(store: &Store) -> Vec<TokenStream> {
    all(store).iter().map(|one| entries(one.position, one.index, store, Some(one.field))).collect()
}

/// What says that a vector cannot be searched.
pub(super) fn rules(store: &Store) -> Vec<TokenStream> {
    let rule = |vector: &VectorIndex| {
        let field = store.fields.get(vector.field)?;
        let (ident, name, metric) = (&field.ident, plain(&field.ident), &vector.metric);
        let check = quote_spanned!(at(&field.ty)=> __sop::vector_rule);
        Some(quote!(#check(#name, __sop::Metric::#metric, &self.#ident)?;))
    };
    store.vectors.iter().filter_map(rule).collect()
}

/// The methods that search.
pub(super) fn methods(store: &Store) -> Vec<TokenStream> {
    let all = all(store);
    let searched = all.iter().filter(|one| one.filter.is_none());
    searched.map(|one| one.methods(store)).collect()
}

impl Resolved<'_> {
    fn spec(&self, store: &Store) -> TokenStream {
        let (ty, name, metric) = (&self.field.ty, plain(&self.field.ident), &self.vector.metric);
        let position = store.row_fields().position(|field| field.ident == self.field.ident);
        let partition = self.vector.index.columns.len();
        let filter = self.filter.map_or_else(
            || quote!(__sop::core::option::Option::None),
            |filter| quote!(__sop::core::option::Option::Some(#filter)),
        );
        let field = quote_spanned!(at(ty)=> <#ty as __sop::VectorField>);
        quote! {
            __sop::core::option::Option::Some(__sop::VectorSpec {
                field: #name,
                position: #position,
                dimensions: #field::DIMENSIONS,
                element: #field::ELEMENT,
                metric: __sop::Metric::#metric,
                partition: #partition,
                filter: #filter,
            })
        }
    }

    fn methods(&self, store: &Store) -> TokenStream {
        let (vis, ident, ty) = (&store.vis, &store.ident, &self.field.ty);
        let (name, position) = (&self.index.name, self.position);
        let like = format_ident!("{name}_of");
        let field = plain(&self.field.ident);
        let columns = column::of(self.index, store);
        let columns: Vec<_> =
            columns.iter().map(|one| (one.arg(), one.ty(), one.order())).collect();
        let args = columns.iter().map(|(arg, ty, _)| quote!(#arg: impl __sop::KeyArg<#ty>));
        let writes =
            columns.iter().map(|(arg, ty, order)| quote!(__key.arg::<#ty>(#order, &#arg)?;));
        // Whatever the fields of the partition are called.
        let query = Ident::new("query", Span::mixed_site());
        let as_query = quote_spanned!(at(ty)=> __sop::AsQuery<#ty>);
        let doc = describe(self.index, &field);
        let like_doc = format!(
            " The records whose `{field}` is nearest to that of a record, in the same partition; the \
             record itself is not among them.",
        );
        quote! {
            #[doc = #doc]
            #vis fn #name(
                self,
                #(#args,)*
                #query: &(impl #as_query + ?__sop::core::marker::Sized),
            ) -> __sop::Near<'s, #ident> {
                let #query = __sop::AsQuery::<#ty>::to_query(#query);
                self.0.near(#position, #query, |__key| {
                    #(#writes)*
                    __sop::core::result::Result::Ok(())
                })
            }

            #[doc = #like_doc]
            #vis fn #like(self, record: &#ident) -> __sop::Near<'s, #ident> {
                self.0.near_record(#position, record)
            }
        }
    }
}

fn describe(index: &Index, field: &str) -> String {
    let columns: Vec<_> =
        index.columns.iter().map(|column| format!("`{}`", plain(&column.ident))).collect();
    if columns.is_empty() {
        return format!(" The records whose `{field}` is nearest to a vector.");
    }
    format!(" The records of one {} whose `{field}` is nearest to a vector.", columns.join(" and "))
}
