//! Going through the words of all `#[sop(..)]` of an item.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::{
    Attribute,
    ext::IdentExt,
    parse::{ParseStream, Parser},
};

use crate::ctxt::{Ctxt, did_you_mean};

/// Calls `read` for each word of all `#[sop(..)]`. A bad word spoils none of the others.
pub(super) fn each_word(
    attrs: &[Attribute],
    ctxt: &mut Ctxt,
    mut read: impl FnMut(Ident, ParseStream<'_>) -> syn::Result<()>,
) {
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("sop")) {
        let tokens = match attr.meta.require_list() {
            Ok(list) if !list.tokens.is_empty() => list.tokens.clone(),
            _ => {
                ctxt.error(attr, "`sop` takes words in parentheses: `#[sop(..)]`");
                continue;
            }
        };
        for item in split_at_commas(tokens) {
            let parsed = Parser::parse2(
                |input: ParseStream<'_>| {
                    let wrong = |error: syn::Error| {
                        syn::Error::new(error.span(), "`sop` takes words, without quotes")
                    };
                    let word = input.call(Ident::parse_any).map_err(wrong)?;
                    let (at, bare) = (word.span(), input.is_empty());
                    let comma = format!("expected a comma: nothing more belongs to `{word}`");
                    // The end of the input has no place of its own to complain at.
                    let place = |error| if bare { syn::Error::new(at, error) } else { error };
                    read(word, input).map_err(place)?;
                    if input.is_empty() { Ok(()) } else { Err(input.error(comma)) }
                },
                item,
            );
            if let Err(error) = parsed {
                ctxt.syn_error(error);
            }
        }
    }
}

fn split_at_commas(tokens: TokenStream) -> Vec<TokenStream> {
    let mut items = vec![TokenStream::new()];
    for token in tokens {
        match (&token, items.last_mut()) {
            (TokenTree::Punct(punct), _) if punct.as_char() == ',' => {
                items.push(TokenStream::new());
            }
            (_, Some(item)) => item.extend([token]),
            (_, None) => {}
        }
    }
    items.retain(|item| !item.is_empty());
    items
}

pub(super) fn once<T>(slot: &mut Option<T>, word: &Ident, value: T) -> syn::Result<()> {
    if slot.replace(value).is_some() {
        return Err(syn::Error::new(word.span(), format!("`{word}` is given twice")));
    }
    Ok(())
}

/// What other libraries call it, and the form that it has here.
const OTHERS: [(&str, &str); 11] = [
    ("auto_increment", "#[sop(key(auto = increment))]"),
    ("deleted_at", "#[sop(soft_delete)]"),
    ("id", "#[sop(key)]"),
    ("primary_key", "#[sop(key)]"),
    ("rename", "#[sop(renamed_from = old_name)]"),
    ("secondary_key", "#[sop(index(by_name))]"),
    ("skip_debug", "#[sop(sensitive)]"),
    ("table", "#[sop(store = \"users\")]"),
    ("table_name", "#[sop(store = \"users\")]"),
    ("ulid", "#[sop(key(auto = ulid))]"),
    ("uuid", "#[sop(key(auto = uuid7))]"),
];

/// Complains about a word, and says where it belongs or what was probably meant.
pub(super) fn unknown(
    word: &Ident,
    place: &str,
    known: &[&str],
    elsewhere: &[&str],
    other_place: &str,
) -> syn::Error {
    let name = word.to_string();
    let message = if let Some((_, form)) = OTHERS.iter().find(|(other, _)| *other == name)
        && !known.is_empty()
    {
        format!("`sop` has no word `{name}`: for this it has `{form}`")
    } else if elsewhere.contains(&name.as_str()) {
        format!("`{name}` belongs on {other_place}, not on {place}")
    } else if known.is_empty() {
        format!("{place} takes no `sop` attribute")
    } else {
        let known_list = known.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>();
        let message =
            format!("unknown word `{name}`: on {place}, `sop` takes {}", known_list.join(", "));
        did_you_mean(message, &name, known.iter().copied())
    };
    syn::Error::new(word.span(), message)
}
