//! What is generated, as text to be read: `sop-derive/expansions/`.
//!
//! After a change write them anew with `SOP_EXPANSIONS=overwrite` and read the difference.

use std::{env, fs, path::Path};

use proc_macro2::TokenStream;
use syn::{DeriveInput, parse_quote};

use crate::{ctxt::Ctxt, expand, valid};

fn stored(input: DeriveInput) -> TokenStream {
    let mut ctxt = Ctxt::default();
    let store = valid::store(input, &mut ctxt).expect("a struct that can be stored");
    assert!(ctxt.is_empty(), "{}", ctxt.into_compile_errors());
    expand::store(&store)
}

fn embedded(input: DeriveInput) -> TokenStream {
    let mut ctxt = Ctxt::default();
    let embed = valid::embed(input, &mut ctxt).expect("a type that can be embedded");
    assert!(ctxt.is_empty(), "{}", ctxt.into_compile_errors());
    expand::embed(&embed)
}

fn pretty(code: TokenStream) -> String {
    prettyplease::unparse(&syn::parse2(code).expect("Rust"))
}

/// Compares with the text that is kept, or keeps this one.
fn expect(name: &str, code: TokenStream) {
    let text = pretty(code);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("expansions").join(name);
    if env::var_os("SOP_EXPANSIONS").is_some_and(|wish| wish == "overwrite") {
        fs::write(&path, &text).expect("a writable folder");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    let differs = text.lines().zip(kept.lines()).position(|(new, old)| new != old);
    assert!(
        text == kept,
        "{name} has changed, first in line {}: see the module",
        differs.map_or(text.lines().count().min(kept.lines().count()), |at| at) + 1,
    );
}

/// Like the models that `bench/compile-cost.sh` has forty of.
fn user() -> DeriveInput {
    parse_quote! {
        /// Somebody with an account.
        #[sop(store = "users")]
        #[sop(index(by_city(city, age desc)))]
        pub struct User {
            #[sop(key(auto = uuid7))]
            pub id: Id<User>,
            /// Where to write to.
            #[sop(unique(by_email))]
            pub email: String,
            pub name: String,
            pub city: String,
            pub age: u32,
            pub active: bool,
            pub balance: i64,
            pub score: f64,
            pub nick: Option<String>,
            pub tags: Vec<String>,
            #[sop(default)]
            pub logins: u64,
        }
    }
}

#[test]
fn a_model_with_two_indexes_expands_as_kept() {
    expect("user.txt", stored(user()));
}

#[test]
fn a_model_with_two_indexes_has_at_most_900_lines() {
    let lines = pretty(stored(user())).lines().count();
    assert!(lines <= 900, "{lines} lines");
}

#[test]
fn a_model_with_everything_expands_as_kept() {
    expect(
        "reading.txt",
        stored(parse_quote! {
            #[sop(crate = crate::storage, key(sensor, at), new(derive(Debug, Clone)))]
            #[sop(unique(by_serial(plant, serial desc)))]
            struct Reading {
                at: Timestamp,
                sensor: u32,
                plant: Option<u16>,
                #[sop(sensitive)]
                serial: String,
                #[sop(index(by_label, each))]
                labels: BTreeSet<String>,
                #[sop(renamed_from = val, default = 0.5)]
                r#type: f64,
            }
        }),
    );
}

#[test]
fn a_model_with_relations_expands_as_kept() {
    expect(
        "article.txt",
        stored(parse_quote! {
            #[sop(index(feed(author, title)), has_many(comments = comment::ByArticle))]
            struct Article {
                #[sop(key)]
                number: u64,
                #[sop(belongs_to(on_delete = restrict))]
                author: Id<User>,
                #[sop(belongs_to(User, on_delete = set_null))]
                editor: Option<u32>,
                title: String,
                #[sop(belongs_to_many(on_delete = remove))]
                tags: Vec<Id<Tag>>,
            }
        }),
    );
}

#[test]
fn embedded_types_expand_as_kept() {
    let mut code = embedded(parse_quote! {
        enum Origin {
            #[sop(tag = 0)]
            Written,
            #[sop(tag = 7)]
            Imported { from: String, at: Timestamp },
        }
    });
    code.extend(embedded(parse_quote! {
        #[sop(debug)]
        enum Payment<T> {
            #[sop(tag = 0)]
            Cash(T),
            #[sop(tag = 1)]
            Card { bank: u32, #[sop(sensitive)] number: String },
        }
    }));
    code.extend(embedded(parse_quote! {
        #[sop(key)]
        struct Pair<A: Clone, const N: usize>(A, [u8; N])
        where
            A: Ord;
    }));
    expect("embedded.txt", code);
}

#[test]
fn the_library_goes_by_the_given_name_alone() {
    let mut input = user();
    input.attrs.push(parse_quote!(#[sop(crate = storage)]));
    assert!(pretty(stored(user())).contains("sop_orm"));
    assert!(!pretty(stored(input)).contains("sop_orm"));
}

#[test]
fn doc_comments_of_fields_are_carried_to_the_new_struct() {
    let text = pretty(stored(user()));
    assert!(text.contains("/// Where to write to.\n    pub email: String"), "{text}");
    assert!(text.contains("/// As in [`User`].\n    pub name: String"), "{text}");
}

#[test]
fn the_method_of_a_unique_index_says_how_to_walk_the_index() {
    let code = stored(parse_quote! {
        struct Type {
            #[sop(key)]
            number: u32,
            #[sop(unique(by_name))]
            name: String,
        }
    });
    assert!(code.to_string().contains("there is `query(r#type::ByName)`"));
}
