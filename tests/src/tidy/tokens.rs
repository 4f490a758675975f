//! A Rust file as one flat list of tokens, each with its line.
//!
//! Flat, because the laws look for short sequences that may stand anywhere, in macros too.

use proc_macro2::{Delimiter, Spacing, Span, TokenStream, TokenTree};

/// An identifier, a literal, a bracket, `::`, or one character of other punctuation.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) line: usize,
}

/// The tokens of a file.
///
/// # Errors
/// The line of the first thing that is not Rust.
pub(super) fn of(text: &str) -> Result<Vec<Token>, usize> {
    let stream: TokenStream =
        text.parse().map_err(|error: proc_macro2::LexError| error.span().start().line)?;
    let mut tokens = Vec::new();
    flatten(stream, &mut tokens);
    Ok(tokens)
}

fn flatten(stream: TokenStream, tokens: &mut Vec<Token>) {
    let mut after_joint_colon = false;
    for tree in stream {
        let is_joint_colon = is_joint_colon(&tree);
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = brackets(group.delimiter());
                push(open, group.span_open(), tokens);
                flatten(group.stream(), tokens);
                push(close, group.span_close(), tokens);
            }
            TokenTree::Punct(punct) if after_joint_colon && punct.as_char() == ':' => {
                if let Some(colon) = tokens.last_mut() {
                    colon.text.push(':');
                }
                after_joint_colon = false;
                continue;
            }
            other => push(&other.to_string(), other.span(), tokens),
        }
        after_joint_colon = is_joint_colon;
    }
}

fn is_joint_colon(tree: &TokenTree) -> bool {
    matches!(tree, TokenTree::Punct(p) if p.as_char() == ':' && p.spacing() == Spacing::Joint)
}

fn brackets(delimiter: Delimiter) -> (&'static str, &'static str) {
    match delimiter {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::None => ("", ""),
    }
}

fn push(text: &str, span: Span, tokens: &mut Vec<Token>) {
    if !text.is_empty() {
        tokens.push(Token { text: text.to_owned(), line: span.start().line });
    }
}

/// Whether the tokens begin with this sequence.
pub(super) fn begin_with(tokens: &[Token], sequence: &[&str]) -> bool {
    tokens.len() >= sequence.len()
        && tokens.iter().zip(sequence).all(|(token, text)| token.text == *text)
}

/// How many tokens belong to the bracketed group that the first token opens.
pub(super) fn group_len(tokens: &[Token]) -> usize {
    let mut depth = 0_usize;
    let closes = |token: &Token| {
        match token.text.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0
    };
    tokens.iter().position(closes).map_or(tokens.len(), |last| last + 1)
}

/// How many tokens the item has that begins here, attributes included: up to its body or `;`.
pub(super) fn item_len(tokens: &[Token]) -> usize {
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            ";" => return at + 1,
            "{" => return at + group_len(&tokens[at..]),
            "(" | "[" => at += group_len(&tokens[at..]),
            _ => at += 1,
        }
    }
    tokens.len()
}

#[cfg(test)]
pub(super) fn of_good(text: &str) -> Vec<Token> {
    of(text).expect("a test of a law is written in Rust")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        of_good(text).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn comments_and_strings_hold_no_code() {
        assert_eq!(texts("a /* b */ \"c d\" // e"), ["a", "\"c d\""]);
    }

    #[test]
    fn paths_keep_their_separators_whole() {
        assert_eq!(texts("a::b: ::c"), ["a", "::", "b", ":", "::", "c"]);
    }

    #[test]
    fn groups_are_flattened_with_their_brackets() {
        assert_eq!(texts("f(x)[0]{}"), ["f", "(", "x", ")", "[", "0", "]", "{", "}"]);
    }

    #[test]
    fn an_item_ends_with_its_body_or_its_semicolon() {
        let len = |text| item_len(&of_good(text));
        assert_eq!(len("#[a] fn f(x: [u8; 2]) { g(); } fn h() {}"), 21);
        assert_eq!(len("mod tests; mod other;"), 3);
    }

    #[test]
    fn what_is_not_rust_is_an_error_at_its_line() {
        assert!(of("fn f() {\n").is_err());
    }
}
