//! The implementations for a type that is stored inside of others.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::{Ident, Member, parse_quote};

use super::{at, debug, hidden, merge};
use crate::{
    ast::{Embed, EmbedFields, EmbedVariant, Shape},
    attr::plain,
};

/// Everything for an embedded type.
pub(crate) fn embed(embed: &Embed) -> TokenStream {
    let mut code = vec![field(embed)];
    if embed.key {
        code.push(key_part(embed));
    }
    code.extend(merge::fields(embed));
    code.extend(debug::embedded(embed));
    hidden(&embed.library, &code)
}

fn field(embed: &Embed) -> TokenStream {
    let signature = match &embed.shape {
        Shape::Struct(fields) => {
            let fields = signatures(fields);
            quote!(__sop::Signature::Struct(&[#(#fields),*]))
        }
        Shape::Enum(variants) => {
            let variants = variants.iter().map(|variant| {
                let (name, tag) = (plain(&variant.ident), variant.tag);
                let fields = signatures(&variant.fields);
                quote!(__sop::VariantSignature { name: #name, tag: #tag, fields: &[#(#fields),*] })
            });
            quote!(__sop::Signature::Enum(&[#(#variants),*]))
        }
    };
    let encode = write(
        embed,
        |variant| {
            let tag = u32::from(variant.tag);
            quote!(__sop::Field::encode(&#tag, out);)
        },
        |ident| quote!(__sop::Field::encode(#ident, out);),
    );
    let decode = read(
        embed,
        &quote!(<__sop::core::primitive::u32 as __sop::Field>::decode(input)?),
        &quote!(__sop::Field::decode(input)?),
    );
    let bound = quote!(__sop::Field);
    let (impl_head, target) = head(embed, &bound, &bound);
    quote! {
        #impl_head {
            const SIGNATURE: __sop::Signature = #signature;

            fn encode(&self, out: &mut __sop::Encoder) {
                #encode
            }

            fn decode(
                input: &mut __sop::Decoder<'_>,
            ) -> __sop::core::result::Result<#target, __sop::CodecError> {
                #decode
            }
        }
    }
}

fn key_part(embed: &Embed) -> TokenStream {
    let encode = write(
        embed,
        |variant| {
            let tag = variant.tag;
            quote!(__sop::KeyPart::write_part(&#tag, out)?;)
        },
        |ident| quote!(__sop::KeyPart::write_part(#ident, out)?;),
    );
    let decode = read(
        embed,
        &quote! {
            __sop::core::convert::From::from(
                <__sop::core::primitive::u16 as __sop::KeyPart>::read_part(input)?
            )
        },
        &quote!(__sop::KeyPart::read_part(input)?),
    );
    let bound = quote!(__sop::KeyPart);
    let (impl_head, target) = head(embed, &bound, &bound);
    quote! {
        #impl_head {
            fn write_part(
                &self,
                out: &mut __sop::KeyWriter,
            ) -> __sop::core::result::Result<(), __sop::CodecError> {
                #encode
                __sop::core::result::Result::Ok(())
            }

            fn read_part(
                input: &mut __sop::KeyReader<'_>,
            ) -> __sop::core::result::Result<#target, __sop::CodecError> {
                #decode
            }
        }
    }
}

/// `impl<T> Trait for Type<T> where T: Bound`, and the type.
pub(super) fn head(
    embed: &Embed,
    implemented: &TokenStream,
    bound: &TokenStream,
) -> (TokenStream, TokenStream) {
    let mut generics = embed.generics.clone();
    let parameters: Vec<Ident> =
        generics.type_params().map(|parameter| parameter.ident.clone()).collect();
    if !parameters.is_empty() {
        let clause = generics.make_where_clause();
        for parameter in parameters {
            clause.predicates.push(parse_quote!(#parameter: #bound));
        }
    }
    let (ident, (impl_generics, type_generics, clause)) = (&embed.ident, generics.split_for_impl());
    let head = quote! {
        #[automatically_derived]
        impl #impl_generics #implemented for #ident #type_generics #clause
    };
    (head, quote!(#ident #type_generics))
}

fn signatures(fields: &EmbedFields) -> impl Iterator<Item = TokenStream> {
    fields.fields.iter().map(|field| {
        let (ty, sensitive) = (&field.ty, field.sensitive);
        let name = match &field.member {
            Member::Named(ident) => plain(ident),
            Member::Unnamed(at) => at.index.to_string(),
        };
        let signature = quote_spanned!(at(ty)=> <#ty as __sop::Field>::SIGNATURE);
        quote!(__sop::NamedSignature { name: #name, signature: #signature, sensitive: #sensitive })
    })
}

/// A pattern that binds all fields, and the names it binds them to.
fn pattern(path: &TokenStream, fields: &EmbedFields) -> (TokenStream, Vec<Ident>) {
    let bound: Vec<Ident> =
        (0..fields.fields.len()).map(|at| format_ident!("__field_{at}")).collect();
    let members = fields.fields.iter().map(|field| &field.member);
    (quote!(#path { #(#members: #bound),* }), bound)
}

fn write(
    embed: &Embed,
    tag: impl Fn(&EmbedVariant) -> TokenStream,
    field: impl Fn(&Ident) -> TokenStream,
) -> TokenStream {
    match &embed.shape {
        Shape::Struct(fields) => {
            let (pattern, bound) = pattern(&quote!(Self), fields);
            let fields = bound.iter().map(field);
            quote!(let #pattern = self; #(#fields)*)
        }
        Shape::Enum(variants) => {
            let arms = variants.iter().map(|variant| {
                let ident = &variant.ident;
                let (pattern, bound) = pattern(&quote!(Self::#ident), &variant.fields);
                let (tag, fields) = (tag(variant), bound.iter().map(&field));
                quote!(#pattern => { #tag #(#fields)* })
            });
            quote!(match self { #(#arms)* })
        }
    }
}

fn read(embed: &Embed, tag: &TokenStream, field: &TokenStream) -> TokenStream {
    let build = |path: TokenStream, fields: &EmbedFields| {
        let members = fields.fields.iter().map(|field| &field.member);
        let values = fields.fields.iter().map(|_| field);
        quote!(#path { #(#members: #values),* })
    };
    let value = match &embed.shape {
        Shape::Struct(fields) => build(quote!(Self), fields),
        Shape::Enum(variants) => {
            let arms = variants.iter().map(|variant| {
                let (tag, ident) = (u32::from(variant.tag), &variant.ident);
                let value = build(quote!(Self::#ident), &variant.fields);
                quote!(#tag => #value,)
            });
            quote! {{
                let tag: __sop::core::primitive::u32 = #tag;
                match tag {
                    #(#arms)*
                    tag => return __sop::core::result::Result::Err(
                        __sop::CodecError::UnknownTag { tag },
                    ),
                }
            }}
        }
    };
    quote!(__sop::core::result::Result::Ok(#value))
}
