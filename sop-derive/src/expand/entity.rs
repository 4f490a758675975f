//! The implementation of `Entity`: the schema as a table, and a line per field.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};

use super::{
    Names, at, blob,
    column::{self, Resolved},
    life, merge, relation, vector,
};
use crate::{
    ast::{DefaultValue, Field, Index, Source, Store},
    attr::plain,
};

pub(super) fn expand(store: &Store, names: &Names) -> TokenStream {
    let (ident, Names { handle, new, .. }) = (&store.ident, names);
    let key = key_type(store);
    let schema = schema(store, names);
    let write_key = store.key_fields().map(|field| {
        let name = &field.ident;
        let write = quote_spanned!(at(&field.ty)=> __sop::KeyPart::write_part);
        quote!(#write(&self.#name, out)?;)
    });
    let write_fields = store.row_fields().map(|field| {
        let name = &field.ident;
        let write = quote_spanned!(at(&field.ty)=> __sop::RowWriter::field);
        quote!(#write(row, &self.#name);)
    });
    let read = read(store);
    let nested = store.indexes.iter().flat_map(|index| &index.columns);
    let nested = nested.into_iter().any(|column| matches!(column.source, Source::Nested { .. }));
    let open = nested.then(|| {
        quote!(
            use __sop::Open as _;
        )
    });
    let (read_older, check_older) = (read_older(store), check_older(store));
    let release = relation::release(store);
    let plain = store.indexes.iter().enumerate();
    let entries = plain.map(|(at, index)| entries(at, index, store, None));
    let entries = entries.chain(vector::arms(store));
    let life = life::methods(store);
    let (versioned, soft_deleted) = (life::versioned(store), life::soft_deleted(store));
    quote! {
        #check_older
        #versioned
        #soft_deleted

        #[automatically_derived]
        impl __sop::Entity for #ident {
            type Key = #key;
            type New = #new;
            type Store<'s> = #handle<'s>;

            const SCHEMA: &'static __sop::Schema = &#schema;

            #life

            fn write_key(
                &self,
                out: &mut __sop::KeyWriter,
            ) -> __sop::core::result::Result<(), __sop::CodecError> {
                #(#write_key)*
                __sop::core::result::Result::Ok(())
            }

            fn write_fields(&self, row: &mut __sop::RowWriter) {
                #(#write_fields)*
            }

            fn read(
                key: #key,
                row: &__sop::RowReader<'_>,
            ) -> __sop::core::result::Result<Self, __sop::CodecError> {
                #read
            }

            #read_older

            fn write_index(
                &self,
                index: __sop::core::primitive::usize,
                out: &mut __sop::IndexEntries,
            ) -> __sop::core::result::Result<(), __sop::CodecError> {
                #open
                match index {
                    #(#entries)*
                    _ => __sop::core::result::Result::Ok(()),
                }
            }

            #release
        }
    }
}

/// How rows of earlier versions are read, if there are any.
fn read_older(store: &Store) -> Option<TokenStream> {
    let older = store.older.as_ref()?;
    let read = quote_spanned!(at(older)=> __sop::read_older::<Self, #older>);
    Some(quote! {
        fn read_older(
            version: __sop::core::primitive::u32,
            key: &[__sop::core::primitive::u8],
            row: &__sop::RowReader<'_>,
        ) -> __sop::core::result::Result<Self, __sop::CodecError> {
            #read(version, key, row)
        }
    })
}

fn check_older(store: &Store) -> Option<TokenStream> {
    let (ident, older) = (&store.ident, store.older.as_ref()?);
    let check = quote_spanned! {at(older)=>
        __sop::Schema::check_older(
            <#ident as __sop::Entity>::SCHEMA,
            <#older as __sop::Entity>::SCHEMA,
        )
    };
    Some(quote!(const _: () = #check;))
}

/// One type, or a tuple.
fn key_type(store: &Store) -> TokenStream {
    let types: Vec<_> = store.key_fields().map(|field| &field.ty).collect();
    match types.as_slice() {
        [] => quote!(__sop::Unknown),
        [one] => quote!(#one),
        many => quote!((#(#many,)*)),
    }
}

fn schema(store: &Store, names: &Names) -> TokenStream {
    let (type_name, name, version) = (plain(&store.ident), &store.name, store.version);
    let none = || quote!(__sop::core::option::Option::None);
    let older = store.older.as_ref().map_or_else(none, |older| {
        let schema = quote_spanned!(at(older)=> <#older as __sop::Entity>::SCHEMA);
        quote!(__sop::core::option::Option::Some(#schema))
    });
    let key = store.key_fields().map(column::key_spec);
    let fields = store.row_fields().map(|field| field_spec(field, store));
    let indexes = store.indexes.iter().map(|index| index_spec(index, store, &none()));
    let vectors = vector::specs(store);
    let blobs = blob::specs(store);
    let relations = relation::specs(store, names);
    let on_delete_race = if store.delete_wins {
        quote!(__sop::DeleteRace::DeleteWins)
    } else {
        quote!(__sop::DeleteRace::Conflict)
    };
    let sensitive = store.fields.iter().any(|field| field.sensitive);
    let soft_delete = store.row_fields().position(|field| field.soft_delete);
    let soft_delete = soft_delete
        .map_or_else(none, |position| quote!(__sop::core::option::Option::Some(#position)));
    quote! {
        __sop::Schema {
            type_name: #type_name,
            store: #name,
            version: #version,
            older: #older,
            key: &[#(#key),*],
            fields: &[#(#fields),*],
            indexes: &[#(#indexes,)* #(#vectors),*],
            on_delete_race: #on_delete_race,
            soft_delete: #soft_delete,
            sensitive: #sensitive,
            relations: &[#(#relations),*],
            blobs: &[#(#blobs),*],
        }
    }
}

fn field_spec(field: &Field, store: &Store) -> TokenStream {
    let (name, ty) = (plain(&field.ident), &field.ty);
    let renamed_from = field.renamed_from.as_ref().map(plain).map_or_else(
        || quote!(__sop::core::option::Option::None),
        |old| quote!(__sop::core::option::Option::Some(#old)),
    );
    let stored = quote_spanned!(at(ty)=> <#ty as __sop::Field>);
    let merge = merge::policy(field.merge.as_ref(), store.merge_fields, ty);
    let optional = if field.default.is_some() { quote!(true) } else { quote!(#stored::OPTIONAL) };
    quote! {
        __sop::FieldSpec {
            name: #name,
            renamed_from: #renamed_from,
            signature: #stored::SIGNATURE,
            optional: #optional,
            merge: #merge,
        }
    }
}

pub(super) fn index_spec(index: &Index, store: &Store, vector: &TokenStream) -> TokenStream {
    let (name, unique, version) = (plain(&index.name), index.unique, index.version);
    let columns = column::of(index, store);
    let columns = columns.iter().map(Resolved::spec);
    let when = column::optional_text(index.when.as_ref().map(column::path_text));
    quote! {
        __sop::IndexSpec {
            name: #name,
            unique: #unique,
            columns: &[#(#columns),*],
            when: #when,
            version: #version,
            vector: #vector,
        }
    }
}

fn read(store: &Store) -> TokenStream {
    let key: Vec<_> = (0..store.key.len()).map(|at| format_ident!("__key_{at}")).collect();
    let unpack = match key.as_slice() {
        [one] => quote!(let #one = key;),
        many => quote!(let (#(#many,)*) = key;),
    };
    let unpack = if key.is_empty() { quote!(let _ = key;) } else { unpack };
    let key_idents = store.key_fields().map(|field| &field.ident);
    let row_idents = store.row_fields().map(|field| &field.ident);
    let values =
        store.row_fields().enumerate().map(|(position, field)| read_field(position, field));
    quote! {
        #unpack
        __sop::core::result::Result::Ok(Self {
            #(#key_idents: #key,)*
            #(#row_idents: #values?,)*
        })
    }
}

/// Reads a field from `row`.
pub(super) fn read_field(position: usize, field: &Field) -> TokenStream {
    if let Some(default) = default(field) {
        let read = quote_spanned!(at(&field.ty)=> __sop::RowReader::field_or);
        let ty = &field.ty;
        quote!(#read::<#ty>(row, #position, || #default))
    } else {
        let read = quote_spanned!(at(&field.ty)=> __sop::RowReader::field);
        quote!(#read(row, #position))
    }
}

/// The value that a field has if nobody says.
pub(super) fn default(field: &Field) -> Option<TokenStream> {
    Some(match field.default.as_ref()? {
        DefaultValue::Trait => {
            quote_spanned!(at(&field.ty)=> __sop::core::default::Default::default())
        }
        DefaultValue::Expression(expression) => expression.clone(),
        DefaultValue::FirstVersion => {
            let ty = &field.ty;
            quote_spanned!(at(ty)=> <#ty as __sop::VersionNumber>::FIRST)
        }
    })
}

/// The arm that writes the entries of one index, which may be of the vectors of a field.
pub(super) fn entries(
    position: usize,
    index: &Index,
    store: &Store,
    vector: Option<&Field>,
) -> TokenStream {
    let columns = column::of(index, store);
    let each = columns.iter().enumerate().find(|(_, column)| column.column.each);
    let plain = columns.iter().all(|column| column.source().is_none()) && index.when.is_none();
    let writes = columns.iter().enumerate().map(|(at, column)| column.write(at));
    let entry = quote! {
        out.entry(|__key| {
            #(#writes)*
            __sop::core::result::Result::Ok(())
        })
    };
    if plain && each.is_none() && vector.is_none() {
        return quote!(#position => #entry,);
    }
    let entry = if let Some((at, column)) = each {
        let items = column.items(at);
        quote! {
            for __each in #items {
                #entry?;
            }
            __sop::core::result::Result::Ok(())
        }
    } else {
        entry
    };
    let prepare = columns.iter().enumerate().map(|(at, column)| column.prepare(at));
    let when = index.when.as_ref().map(|when| {
        let when = column::call(when);
        quote! {
            let __holds: __sop::core::primitive::bool = #when;
            if !__holds {
                return __sop::core::result::Result::Ok(());
            }
        }
    });
    let vector = vector.map(|field| {
        let (ident, ty) = (&field.ident, &field.ty);
        let components = quote_spanned!(at(ty)=> <#ty as __sop::VectorField>::components);
        quote! {
            let __sop::core::option::Option::Some(__components) = #components(&self.#ident) else {
                return __sop::core::result::Result::Ok(());
            };
            out.vector(__components);
        }
    });
    quote! {
        #position => {
            #when
            #vector
            #(#prepare)*
            #entry
        }
    }
}
