//! The law of generated code: the derive names nothing but paths under one hidden module.
//!
//! What a derive emits is compiled in a stranger's module, where `std`, `Option` or `Vec` may mean
//! something else. One hidden module of the typed layer re-exports all that it needs, so whatever
//! the derive emits leads through `__private`.

use super::{
    Findings,
    tokens::{self, Token},
};

/// Where the law holds.
const DERIVE: &str = "sop-derive/src/";

/// The macros whose bodies are emitted.
const TEMPLATES: &[&str] = &["quote", "quote_spanned", "parse_quote", "parse_quote_spanned"];

/// The hidden module, and the name that emitted code gives it.
const HIDDEN: [&str; 2] = ["__private", "__sop"];

/// Crates that emitted code could be tempted to name, and the variable that stands for ours.
const CRATES: &[&str] = &["sop_orm", "sop_core", "std", "core", "alloc", "library"];

/// Finds paths in templates that start at a crate and do not lead through the hidden module.
pub(super) fn only_hidden_paths(path: &str, tokens: &[Token]) -> Findings {
    if !path.starts_with(DERIVE) {
        return Findings::new();
    }
    let mut findings = Findings::new();
    let mut at = 0;
    while at < tokens.len() {
        if is_template(&tokens[at..]) {
            let len = tokens::group_len(&tokens[at + 2..]);
            findings.extend(paths_past_the_hidden_module(&tokens[at + 2..at + 2 + len]));
            at += 2 + len;
        } else {
            at += 1;
        }
    }
    findings
}

fn is_template(tokens: &[Token]) -> bool {
    let is_named = tokens.first().is_some_and(|name| TEMPLATES.contains(&&*name.text));
    is_named && tokens.get(1).is_some_and(|mark| mark.text == "!")
}

fn paths_past_the_hidden_module(template: &[Token]) -> Findings {
    let mut findings = Findings::new();
    for (at, token) in template.iter().enumerate() {
        let names_a_crate =
            CRATES.contains(&&*token.text) && tokens::begin_with(&template[at + 1..], &["::"]);
        let leads_there = tokens::begin_with(&template[at + 1..], &["::", HIDDEN[0]]);
        let comes_from_there = at >= 2
            && HIDDEN.iter().any(|name| tokens::begin_with(&template[at - 2..], &[name, "::"]));
        if names_a_crate && !leads_there && !comes_from_there && !is_derived(template, at) {
            let reason = format!("generated code names `{}` past `{}`", token.text, HIDDEN[0]);
            findings.push((token.line, reason));
        }
    }
    findings
}

/// Whether the name at this place begins a path from the root in a list, as derives are listed:
/// those are resolved where a relative path to the hidden module may not hold.
fn is_derived(template: &[Token], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).map(|at| template[at].text.as_str());
    before(1) == Some("::") && matches!(before(2), Some("(" | ","))
}

#[cfg(test)]
mod tests {
    use super::{super::tokens::of_good, *};

    fn judge(text: &str) -> Vec<usize> {
        let findings = only_hidden_paths("sop-derive/src/expand.rs", &of_good(text));
        findings.into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn paths_through_the_hidden_module_are_allowed() {
        assert!(judge("quote! { ::sop_orm::__private::Option<#ty> }").is_empty());
        assert!(judge("quote! { use #library::__private as __sop; }").is_empty());
        assert!(judge("quote! { __sop::std::vec::Vec<#ty> }").is_empty());
    }

    #[test]
    fn a_path_past_the_hidden_module_is_found() {
        assert_eq!(judge("fn f() {\n  quote! {\n    ::sop_orm::Session\n  }\n}"), [3]);
        assert_eq!(judge("quote_spanned! { span => impl std::fmt::Debug for #name {} }"), [1]);
        assert_eq!(judge("quote! { <#ty as ::core::clone::Clone>::clone(x) }"), [1]);
        assert_eq!(judge("quote! { #library::Session }"), [1]);
        assert_eq!(judge("quote! { fn f() -> ::std::string::String }"), [1]);
    }

    #[test]
    fn a_derive_named_from_the_root_is_allowed() {
        assert!(judge("quote!(#[derive(::core::clone::Clone, ::core::marker::Copy)])").is_empty());
    }

    #[test]
    fn the_derive_itself_may_use_what_it_likes() {
        assert!(judge("use std::fmt; fn f() -> std::string::String { g() }").is_empty());
        let elsewhere = of_good("quote! { std::fmt::Debug }");
        assert!(only_hidden_paths("sop-orm/src/lib.rs", &elsewhere).is_empty());
    }
}
