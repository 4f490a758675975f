//! The columns of an index: their types, their entries in the schema, and their values.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Ident, Path, Type};

use super::at;
use crate::{
    ast::{Column, Field, Index, Source, Store},
    attr::plain,
};

/// A column with what the struct knows of it.
pub(super) struct Resolved<'a> {
    pub(super) column: &'a Column,
    /// The field, if the column is one or inside of one.
    field: Option<&'a Field>,
    /// All fields of the struct.
    fields: &'a [Field],
}

/// The columns of an index.
pub(super) fn of<'a>(index: &'a Index, store: &'a Store) -> Vec<Resolved<'a>> {
    let columns = index.columns.iter().map(|column| {
        let field = match &column.source {
            Source::Field(field) | Source::Nested { field, .. } => store.fields.get(*field),
            Source::Function { .. } => None,
        };
        Resolved { column, field, fields: &store.fields }
    });
    columns.collect()
}

pub(super) fn order(desc: bool) -> TokenStream {
    if desc { quote!(__sop::Order::Descending) } else { quote!(__sop::Order::Ascending) }
}

/// The type of a field as a column: its own, or with `each` that of its items.
fn field_type(ty: &Type, each: bool) -> TokenStream {
    if each { quote_spanned!(at(ty)=> <#ty as __sop::Each>::Item) } else { quote!(#ty) }
}

/// The entry of a key column in the schema.
pub(super) fn key_spec(field: &Field) -> TokenStream {
    let (name, declared, ty) = (plain(&field.ident), &field.ty, field.ty.to_token_stream());
    let (desc, each, sensitive) = (false, false, field.sensitive.to_token_stream());
    Spec { name, source: None, declared, ty, desc, each, sensitive }.into_token_stream()
}

impl Resolved<'_> {
    /// Its name as an argument.
    pub(super) fn arg(&self) -> &Ident {
        match (&self.column.source, self.field) {
            (Source::Field(_), Some(field)) => &field.ident,
            _ => &self.column.ident,
        }
    }

    /// The type as the program has it: that of the field, or the one given for the column.
    pub(super) fn declared(&self) -> Option<&Type> {
        match &self.column.source {
            Source::Field(_) => self.field.map(|field| &field.ty),
            Source::Nested { ty, .. } | Source::Function { ty, .. } => Some(ty),
        }
    }

    /// Whether the declared type is that of the field, whose items make the column.
    pub(super) fn is_each_of_field(&self) -> bool {
        self.column.each && matches!(self.column.source, Source::Field(_))
    }

    /// The type of the column.
    pub(super) fn ty(&self) -> TokenStream {
        self.declared().map(|ty| field_type(ty, self.is_each_of_field())).unwrap_or_default()
    }

    pub(super) fn order(&self) -> TokenStream {
        order(self.column.desc)
    }

    /// What it is computed from, as text.
    pub(super) fn source(&self) -> Option<String> {
        match (&self.column.source, self.field) {
            (Source::Nested { path, .. }, Some(field)) => {
                let mut text = plain(&field.ident);
                for member in path {
                    text.push('.');
                    text.push_str(&quote!(#member).to_string());
                }
                Some(text)
            }
            (Source::Function { path, .. }, _) => Some(path_text(path)),
            _ => None,
        }
    }

    /// Its entry in the schema.
    pub(super) fn spec(&self) -> TokenStream {
        let Some(declared) = self.declared() else { return TokenStream::new() };
        let sensitive = self.sensitive();
        let Column { desc, each, .. } = *self.column;
        let (name, source, ty) = (plain(&self.column.ident), self.source(), self.ty());
        Spec { name, source, declared, ty, desc, each, sensitive }.into_token_stream()
    }

    /// Whether what it comes from is kept out of errors, or anything in that. What the column itself
    /// holds is known from its type.
    fn sensitive(&self) -> TokenStream {
        let read = match &self.column.source {
            Source::Field(_) => {
                return self.field.is_some_and(|field| field.sensitive).to_token_stream();
            }
            Source::Nested { .. } => self.field.map(std::slice::from_ref).unwrap_or_default(),
            Source::Function { .. } => self.fields,
        };
        if read.iter().any(|field| field.sensitive) {
            return quote!(true);
        }
        let inside = read.iter().map(|Field { ty, .. }| quote!(<#ty as __sop::Field>::SIGNATURE));
        quote!(false #(|| #inside.is_sensitive())*)
    }

    /// The statement that computes the values of one record, before they are written.
    pub(super) fn prepare(&self, at: usize) -> TokenStream {
        let value = format_ident!("__column_{at}");
        match &self.column.source {
            Source::Field(_) => TokenStream::new(),
            Source::Nested { path, .. } => {
                let field = self.field_ident();
                quote! {
                    let #value = __sop::Inside::new(&self.#field).open()
                        #(.get(|__outer| &__outer.#path).open())*;
                }
            }
            Source::Function { path, .. } => {
                let call = call(path);
                quote!(let #value = #call;)
            }
        }
    }

    /// The items of a column marked `each`.
    pub(super) fn items(&self, at: usize) -> TokenStream {
        let value = format_ident!("__column_{at}");
        match &self.column.source {
            Source::Field(_) => {
                let field = self.field_ident();
                quote!(__sop::Each::each(&self.#field))
            }
            Source::Nested { .. } => quote!(#value.each()),
            Source::Function { .. } => quote!(__sop::Each::each(&#value)),
        }
    }

    /// The statement that writes a value.
    pub(super) fn write(&self, position: usize) -> TokenStream {
        let (ty, order, declared) = (self.ty(), self.order(), self.declared());
        let value = format_ident!("__column_{position}");
        let span = at(&declared);
        match &self.column.source {
            Source::Field(_) => {
                let write = quote_spanned!(span=> __sop::KeyWriter::part);
                let field = self.field_ident();
                let value = if self.column.each { quote!(__each) } else { quote!(&self.#field) };
                quote!(#write(__key, #order, #value)?;)
            }
            Source::Nested { .. } if !self.column.each => {
                let write = quote_spanned!(span=> write::<#ty>);
                quote!(#value.#write(#order, __key)?;)
            }
            _ => {
                let write = quote_spanned!(span=> __sop::KeyWriter::arg::<#ty>);
                let value = if self.column.each { quote!(__each) } else { quote!(#value) };
                let value = quote_spanned!(span=> &#value);
                quote!(#write(__key, #order, #value)?;)
            }
        }
    }

    /// The field's name at the place of the attribute, where editors look for it.
    fn field_ident(&self) -> Ident {
        let mut ident = self.field.map_or(&self.column.ident, |field| &field.ident).clone();
        if matches!(self.column.source, Source::Field(_)) {
            ident.set_span(self.column.ident.span());
        }
        ident
    }
}

/// The call of a function with the record, which is complained about at the function's name.
pub(super) fn call(function: &Path) -> TokenStream {
    let record = quote!(self);
    let arguments = quote_spanned!(at(function)=> (#record));
    quote!(#function #arguments)
}

/// A path as it is written, without spaces.
pub(super) fn path_text(path: &Path) -> String {
    quote!(#path).to_string().replace(' ', "")
}

/// `Some("text")` or `None`.
pub(super) fn optional_text(text: Option<String>) -> TokenStream {
    text.map_or_else(
        || quote!(__sop::core::option::Option::None),
        |text| quote!(__sop::core::option::Option::Some(#text)),
    )
}

/// What the schema says of a column.
struct Spec<'a> {
    name: String,
    source: Option<String>,
    /// The type in the program, which is complained about if it cannot be a column.
    declared: &'a Type,
    /// The type of the column.
    ty: TokenStream,
    desc: bool,
    each: bool,
    sensitive: TokenStream,
}

impl ToTokens for Spec<'_> {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self { name, declared, ty, each, sensitive, .. } = self;
        let (order, source) = (order(self.desc), optional_text(self.source.clone()));
        tokens.extend(quote_spanned! {at(declared)=>
            __sop::Column {
                field: #name,
                source: #source,
                signature: <#ty as __sop::Field>::SIGNATURE,
                order: #order,
                each: #each,
                sensitive: #sensitive,
                skip: <#ty as __sop::KeyPart>::skip_part,
            }
        });
    }
}
