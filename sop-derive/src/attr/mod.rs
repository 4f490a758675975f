//! The words inside `#[sop(..)]`, one by one; whether they fit together is not asked here.

mod blob;
mod form;
mod index;
mod merge;
mod relation;
mod vector;
mod walk;

pub(crate) use blob::BlobAttr;
use form::{
    auto, default_value, key_columns, layout_version, library, new_derives, older, rule,
    update_version, value, value_ident,
};
pub(crate) use index::{ColumnAttr, IndexAttr, SourceAttr};
use proc_macro2::Ident;
pub(crate) use relation::{HasManyAttr, ReferenceAttr};
use syn::{Attribute, LitInt, LitStr, Path, Token, ext::IdentExt, token};
pub(crate) use vector::VectorAttr;
use walk::{each_word, once, unknown};

use crate::{
    ast::{Auto, DefaultValue, Merge},
    ctxt::Ctxt,
};

/// What `#[sop(..)]` on a struct or an enum says.
#[derive(Default)]
pub(crate) struct TypeAttrs {
    pub(crate) store: Option<LitStr>,
    pub(crate) library: Option<Path>,
    pub(crate) key: Option<KeyColumns>,
    pub(crate) indexes: Vec<IndexAttr>,
    pub(crate) new_derives: Option<Vec<Path>>,
    pub(crate) version: Option<LitInt>,
    pub(crate) from: Option<(Ident, Path)>,
    pub(crate) rules: Vec<Path>,
    pub(crate) hooks: Option<()>,
    pub(crate) debug: Option<()>,
    pub(crate) merge_record: Option<()>,
    pub(crate) delete_wins: Option<()>,
    pub(crate) has_many: Vec<HasManyAttr>,
}

/// `key` or `key(a, b)` on a type.
pub(crate) struct KeyColumns {
    pub(crate) word: Ident,
    pub(crate) columns: Vec<Ident>,
}

/// What `#[sop(..)]` on a field says.
#[derive(Default)]
pub(crate) struct FieldAttrs {
    pub(crate) key: Option<KeyAttr>,
    pub(crate) indexes: Vec<IndexAttr>,
    pub(crate) default: Option<(Ident, DefaultValue)>,
    pub(crate) renamed_from: Option<Ident>,
    pub(crate) sensitive: Option<()>,
    pub(crate) rules: Vec<Path>,
    pub(crate) version: Option<Ident>,
    pub(crate) soft_delete: Option<Ident>,
    pub(crate) merge: Option<(Ident, Merge)>,
    pub(crate) reference: Option<ReferenceAttr>,
    pub(crate) vector: Option<VectorAttr>,
    pub(crate) blob: Option<BlobAttr>,
}

/// What `#[sop(..)]` on a field of an embedded type says.
#[derive(Default)]
pub(crate) struct EmbedFieldAttrs {
    pub(crate) merge: Option<(Ident, Merge)>,
    pub(crate) sensitive: Option<Ident>,
}

/// `key` or `key(auto = ..)` on a field.
pub(crate) struct KeyAttr {
    pub(crate) word: Ident,
    pub(crate) auto: Option<Auto>,
}

const STORE_WORDS: [&str; 14] = [
    "store",
    "key",
    "unique",
    "index",
    "new",
    "version",
    "from",
    "validate",
    "hooks",
    "debug",
    "merge_record",
    "on_delete_race",
    "has_many",
    "crate",
];
const EMBED_WORDS: [&str; 4] = ["key", "debug", "merge_record", "crate"];
const FIELD_WORDS: [&str; 14] = [
    "key",
    "unique",
    "index",
    "default",
    "renamed_from",
    "sensitive",
    "validate",
    "version",
    "soft_delete",
    "merge",
    "belongs_to",
    "belongs_to_many",
    "vector",
    "blob",
];

impl TypeAttrs {
    /// On a struct with `#[derive(SopStore)]`.
    pub(crate) fn of_store(attrs: &[Attribute], ctxt: &mut Ctxt) -> Self {
        let mut found = Self::default();
        each_word(attrs, ctxt, |word, input| match word.to_string().as_str() {
            "store" => once(&mut found.store, &word, value(input, "#[sop(store = \"users\")]")?),
            "crate" => once(&mut found.library, &word, library(input)?),
            "key" => {
                let columns = key_columns(input)?;
                once(&mut found.key, &word, KeyColumns { word: word.clone(), columns })
            }
            "unique" | "index" => {
                found.indexes.push(index::composite(&word, input)?);
                Ok(())
            }
            "new" => once(&mut found.new_derives, &word, new_derives(input)?),
            "version" => once(&mut found.version, &word, layout_version(&word, input)?),
            "from" => once(&mut found.from, &word, (word.clone(), older(input)?)),
            "validate" => {
                found.rules.push(rule(&word, input)?);
                Ok(())
            }
            "hooks" => once(&mut found.hooks, &word, ()),
            "debug" => once(&mut found.debug, &word, ()),
            "merge_record" => once(&mut found.merge_record, &word, merge::record(input)?),
            "on_delete_race" => once(&mut found.delete_wins, &word, merge::delete_race(input)?),
            "has_many" => {
                found.has_many.extend(relation::has_many(input)?);
                Ok(())
            }
            _ => Err(unknown(&word, "a stored struct", &STORE_WORDS, &FIELD_WORDS, "a field")),
        });
        found
    }

    /// On a type with `#[derive(SopEmbed)]`.
    pub(crate) fn of_embed(attrs: &[Attribute], ctxt: &mut Ctxt) -> Self {
        let mut found = Self::default();
        each_word(attrs, ctxt, |word, input| match word.to_string().as_str() {
            "crate" => once(&mut found.library, &word, library(input)?),
            "key" => {
                let key = KeyColumns { word: word.clone(), columns: Vec::new() };
                once(&mut found.key, &word, key)
            }
            "debug" => once(&mut found.debug, &word, ()),
            "merge_record" => once(&mut found.merge_record, &word, merge::record(input)?),
            _ => Err(unknown(&word, "an embedded type", &EMBED_WORDS, &["tag"], "a variant")),
        });
        found
    }
}

impl FieldAttrs {
    /// On a field of a stored struct.
    pub(crate) fn new(attrs: &[Attribute], ctxt: &mut Ctxt) -> Self {
        let mut found = Self::default();
        each_word(attrs, ctxt, |word, input| match word.to_string().as_str() {
            "key" => {
                once(&mut found.key, &word, KeyAttr { word: word.clone(), auto: None })?;
                let says_how = input.peek(token::Paren) || input.peek(Token![=]);
                if let (Some(key), true) = (&mut found.key, says_how) {
                    key.auto = Some(auto(input)?);
                }
                Ok(())
            }
            "unique" | "index" => {
                found.indexes.push(index::single(&word, input)?);
                Ok(())
            }
            "default" => {
                let default = default_value(input)?;
                let slot = (word.clone(), default);
                once(&mut found.default, &word, slot)
            }
            "renamed_from" => once(&mut found.renamed_from, &word, value_ident(input)?),
            "sensitive" => once(&mut found.sensitive, &word, ()),
            "validate" => {
                found.rules.push(rule(&word, input)?);
                Ok(())
            }
            "version" => once(&mut found.version, &word, update_version(&word, input)?),
            "soft_delete" => once(&mut found.soft_delete, &word, word.clone()),
            "merge" => {
                let policy = merge::policy(input)?;
                once(&mut found.merge, &word, (word.clone(), policy))
            }
            "belongs_to" | "belongs_to_many" => {
                let reference = relation::reference(&word, input)?;
                once(&mut found.reference, &word, reference)
            }
            "vector" => {
                let vector = vector::vector(&word, input)?;
                once(&mut found.vector, &word, vector)
            }
            "blob" => {
                let blob = blob::blob(&word, input)?;
                once(&mut found.blob, &word, blob)
            }
            _ => Err(unknown(&word, "a field", &FIELD_WORDS, &STORE_WORDS, "the struct")),
        });
        found
    }
}

/// The tag of a variant, if the attributes give one.
pub(crate) fn tag(attrs: &[Attribute], ctxt: &mut Ctxt) -> Option<LitInt> {
    let mut found = None;
    each_word(attrs, ctxt, |word, input| match word.to_string().as_str() {
        "tag" => once(&mut found, &word, value(input, "#[sop(tag = 1)]")?),
        _ => Err(unknown(&word, "a variant", &["tag"], &EMBED_WORDS, "the type")),
    });
    found
}

impl EmbedFieldAttrs {
    /// On a field of an embedded struct.
    pub(crate) fn of_struct(attrs: &[Attribute], ctxt: &mut Ctxt) -> Self {
        Self::new(attrs, "a field of an embedded struct", &["merge", "sensitive"], ctxt)
    }

    /// On a field of a variant, which is merged as a whole.
    pub(crate) fn of_variant(attrs: &[Attribute], ctxt: &mut Ctxt) -> Self {
        Self::new(attrs, "a field of a variant", &["sensitive"], ctxt)
    }

    fn new(attrs: &[Attribute], place: &str, known: &[&str], ctxt: &mut Ctxt) -> Self {
        let mut found = Self::default();
        each_word(attrs, ctxt, |word, input| match word.to_string().as_str() {
            name if !known.contains(&name) => {
                Err(unknown(&word, place, known, &EMBED_WORDS, "the type"))
            }
            "merge" => {
                let policy = merge::policy(input)?;
                once(&mut found.merge, &word, (word.clone(), policy))
            }
            _ => once(&mut found.sensitive, &word, word.clone()),
        });
        found
    }
}

/// The doc comments among the attributes.
pub(crate) fn docs(attrs: &[Attribute]) -> Vec<Attribute> {
    attrs.iter().filter(|attr| attr.path().is_ident("doc")).cloned().collect()
}

/// An ident as text, without the `r#` of a raw one.
pub(crate) fn plain(ident: &Ident) -> String {
    ident.unraw().to_string()
}
