//! All complaints about one type, so that its author sees them together.

use proc_macro2::TokenStream;
use quote::ToTokens;

/// Complaints collected so far.
#[derive(Default)]
#[must_use = "complaints that are not shown accept what is wrong"]
pub(crate) struct Ctxt {
    errors: Vec<syn::Error>,
}

impl Ctxt {
    /// Complains about `tokens`.
    pub(crate) fn error(&mut self, tokens: impl ToTokens, message: impl Into<String>) {
        self.errors.push(syn::Error::new_spanned(tokens, message.into()));
    }

    /// Adds a complaint of the parser.
    pub(crate) fn syn_error(&mut self, error: syn::Error) {
        self.errors.push(error);
    }

    /// Whether nothing was complained about yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// What makes the compiler show all complaints.
    pub(crate) fn into_compile_errors(self) -> TokenStream {
        self.errors.iter().map(syn::Error::to_compile_error).collect()
    }
}

/// Adds the best guess at what was meant to a message.
pub(crate) fn did_you_mean<'a>(
    message: String,
    given: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> String {
    let near = known.into_iter().map(|name| (distance(given, name), name)).min();
    match near {
        Some((far, name)) if far <= 1 + given.len() / 4 => {
            format!("{message}; did you mean `{name}`?")
        }
        _ => message,
    }
}

/// Number of letters to insert, delete or replace to get from one word to the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.chars().enumerate() {
        let mut next = vec![at + 1];
        for ((known, above), pair) in other.iter().zip(row.iter().skip(1)).zip(row.windows(2)) {
            let replaced = pair.first().copied().unwrap_or(0) + usize::from(letter != *known);
            let inserted = next.last().copied().unwrap_or(0) + 1;
            next.push(replaced.min(inserted).min(above + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_if_it_is_near() {
        let known = ["unique", "index", "key"];
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(did_you_mean("no".into(), "uniqe", known), "no; did you mean `unique`?");
        assert_eq!(did_you_mean("no".into(), "vector", known), "no");
    }
}
