//! The rules of `#[derive(SopEmbed)]`.

use std::collections::HashMap;

use quote::ToTokens;
use syn::{Attribute, Data, DeriveInput, Fields, Index, LitInt, Member, Variant};

use crate::{
    ast::{Embed, EmbedField, EmbedFields, EmbedVariant, Shape},
    attr::{self, EmbedFieldAttrs, TypeAttrs},
    ctxt::Ctxt,
};

/// Understands a type to be stored inside of others. `None` if nothing useful can be generated.
pub(crate) fn embed(input: DeriveInput, ctxt: &mut Ctxt) -> Option<Embed> {
    let attrs = TypeAttrs::of_embed(&input.attrs, ctxt);
    if let Some(lifetime) = input.generics.lifetimes().next() {
        ctxt.error(lifetime, "an embedded type owns its parts: it cannot have lifetimes");
        return None;
    }
    let (merge_fields, debug) = (attrs.merge_record.is_some(), attrs.debug.is_some());
    let shape = match input.data {
        Data::Struct(data) => {
            let place = Place { variant: false, merge_fields, debug };
            Shape::Struct(fields(&data.fields, place, ctxt))
        }
        Data::Enum(_) if merge_fields => {
            let message = "only a struct can be merged field by field: leave `merge_record` out";
            ctxt.error(&input.ident, message);
            return None;
        }
        Data::Enum(data) => Shape::Enum(variants(data.variants.iter(), debug, ctxt)),
        Data::Union(data) => {
            ctxt.error(data.union_token, "a union cannot be stored: take an enum");
            return None;
        }
    };
    let (empty, plain) = match &shape {
        Shape::Struct(fields) => (fields.fields.is_empty(), false),
        Shape::Enum(variants) => {
            let plain = variants.iter().all(|variant| variant.fields.fields.is_empty());
            (variants.is_empty(), plain)
        }
    };
    if empty {
        ctxt.error(
            &input.ident,
            "there is nothing to store: a struct needs a field, an enum a variant",
        );
        return None;
    }
    Some(Embed {
        ident: input.ident,
        generics: input.generics,
        library: super::library(attrs.library),
        shape,
        merge_fields,
        key: plain || attrs.key.is_some(),
        debug,
    })
}

fn fields(fields: &Fields, place: Place, ctxt: &mut Ctxt) -> EmbedFields {
    let understood = fields.iter().enumerate().map(|(at, field)| {
        let attrs = place.attrs(&field.attrs, ctxt);
        if let (Some(word), false) = (&attrs.sensitive, place.debug) {
            let message = "whoever prints the type would see it: mark the type `#[sop(debug)]`, in \
                           the place of `#[derive(Debug)]`";
            ctxt.error(word, message);
        }
        let member = match &field.ident {
            Some(ident) => Member::Named(ident.clone()),
            None => Member::Unnamed(Index::from(at)),
        };
        let merge = attrs.merge.map(|(_, merge)| merge);
        EmbedField { member, ty: field.ty.clone(), merge, sensitive: attrs.sensitive.is_some() }
    });
    EmbedFields { fields: understood.collect() }
}

/// Where fields stand, as far as it matters for what may be said of them.
#[derive(Clone, Copy)]
struct Place {
    /// Whether in a variant.
    variant: bool,
    /// Whether the type is merged field by field.
    merge_fields: bool,
    /// Whether the type is given a `Debug`.
    debug: bool,
}

impl Place {
    fn attrs(self, attrs: &[Attribute], ctxt: &mut Ctxt) -> EmbedFieldAttrs {
        if self.variant {
            return EmbedFieldAttrs::of_variant(attrs, ctxt);
        }
        let attrs = EmbedFieldAttrs::of_struct(attrs, ctxt);
        if let (Some((word, _)), false) = (&attrs.merge, self.merge_fields) {
            let message =
                "the struct is merged as a whole: mark it `#[sop(merge_record = fields)]`";
            ctxt.error(word, message);
        }
        attrs
    }
}

fn variants<'a>(
    declared: impl Iterator<Item = &'a Variant>,
    debug: bool,
    ctxt: &mut Ctxt,
) -> Vec<EmbedVariant> {
    let place = Place { variant: true, merge_fields: false, debug };
    let mut known = HashMap::new();
    let mut variants = Vec::new();
    for (at, variant) in declared.enumerate() {
        let tag = attr::tag(&variant.attrs, ctxt);
        let number = number(tag.as_ref(), at, variant, ctxt);
        if let (Some(number), Some(literal)) = (number, &tag)
            && let Some(other) = known.insert(number, &variant.ident)
        {
            ctxt.error(literal, format!("variant `{other}` has the tag {number} already"));
        }
        variants.push(EmbedVariant {
            ident: variant.ident.clone(),
            tag: number.unwrap_or_default(),
            fields: fields(&variant.fields, place, ctxt),
        });
    }
    variants
}

fn number(tag: Option<&LitInt>, at: usize, variant: &Variant, ctxt: &mut Ctxt) -> Option<u16> {
    let Some(literal) = tag else {
        let ident = &variant.ident;
        let discriminant = variant.discriminant.as_ref().map(|(_, value)| value.to_token_stream());
        let likely = discriminant.map_or(at.to_string(), |value| value.to_string());
        ctxt.error(
            ident,
            format!("variant `{ident}` needs a tag that never changes: `#[sop(tag = {likely})]`"),
        );
        return None;
    };
    let number = literal.base10_parse();
    if number.is_err() {
        ctxt.error(literal, "a tag is a number from 0 to 65535");
    }
    number.ok()
}
