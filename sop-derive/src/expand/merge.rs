//! Merge policies as constants, and embedded structs that merge field by field.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Type;

use super::at;
use crate::ast::{Embed, EmbedFields, Merge, Shape};

/// The policy of a field, in a record that merges field by field or not.
pub(super) fn policy(merge: Option<&Merge>, by_fields: bool, ty: &Type) -> TokenStream {
    match merge {
        None if by_fields => quote!(__sop::FieldMerge::Either),
        None | Some(Merge::Conflict) => quote!(__sop::FieldMerge::Conflict),
        Some(Merge::Policy(word)) => {
            quote_spanned!(at(ty)=> __sop::FieldMerge::By(__sop::merge::#word::<#ty>))
        }
        Some(Merge::Custom(path)) => {
            // A call, so that a function of `&str` does for a `String`.
            let call = quote_spanned! {at(path)=>
                __sop::merge::custom::<#ty>(three, |base, ours, theirs| #path(base, ours, theirs))
            };
            quote_spanned!(Span::mixed_site()=> __sop::FieldMerge::By(|three| #call))
        }
    }
}

/// The implementation of `MergeFields`, if the type asks for it.
pub(super) fn fields(embed: &Embed) -> Option<TokenStream> {
    let Shape::Struct(EmbedFields { fields }) = &embed.shape else { return None };
    if !embed.merge_fields {
        return None;
    }
    let parts = fields.iter().map(|field| {
        let (member, ty) = (&field.member, &field.ty);
        let policy = policy(field.merge.as_ref(), true, ty);
        quote! {
            #member: match __sop::merge::part(
                #policy, &base.#member, &ours.#member, &theirs.#member,
            )? {
                __sop::core::option::Option::Some(merged) => merged,
                __sop::core::option::Option::None => {
                    return __sop::core::result::Result::Ok(__sop::core::option::Option::None);
                }
            },
        }
    });
    let (head, target) =
        super::embed::head(embed, &quote!(__sop::MergeFields), &quote!(__sop::Field));
    Some(quote! {
        #head {
            fn merge_fields(
                base: &Self,
                ours: &Self,
                theirs: &Self,
            ) -> __sop::core::result::Result<
                __sop::core::option::Option<#target>,
                __sop::CodecError,
            > {
                __sop::core::result::Result::Ok(__sop::core::option::Option::Some(Self {
                    #(#parts)*
                }))
            }
        }
    })
}
