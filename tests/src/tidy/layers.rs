//! The law of the engine's layers: a module imports only from rows below its own.
//!
//! The modules of one row are strangers to each other, except in the lowest: it is the engine's
//! vocabulary, whose words may be explained by each other. What is imported by way of the crate's
//! front page counts as imported from the module that the front page has it from.

use std::collections::BTreeMap;

use super::{
    Findings, Source,
    tokens::{self, Token},
};

/// The modules of the engine, bottom row first.
const ROWS: &[&[&str]] = &[
    &[
        "error",
        "id",
        "limit",
        "clock",
        "codec",
        "delta",
        "write_set",
        "sync",
        "guard",
        "random",
        "timer",
    ],
    &["disk"],
    &["node", "log", "coordinate"],
    &["tree"],
    &["version"],
    &["transaction"],
    &["commit", "checkpoint", "recovery"],
    &["blob", "backup"],
    &["database"],
    &["twophase"],
    &["fuzzing"],
];

/// The row whose modules may import each other.
const VOCABULARY: usize = 1;

/// Where the law holds.
const ENGINE: &str = "sop-core/src/";

/// Which module each name comes from that the engine's `lib.rs` re-exports.
#[derive(Debug, Default)]
pub struct FrontPage(BTreeMap<String, String>);

impl FrontPage {
    /// That of the `lib.rs` among these files. Empty if there is none.
    pub fn among(sources: &[Source]) -> Self {
        let lib = sources.iter().find(|source| source.path == format!("{ENGINE}lib.rs"));
        let tokens = lib.and_then(|lib| tokens::of(&lib.text).ok()).unwrap_or_default();
        let mut names = BTreeMap::new();
        for at in 0..tokens.len() {
            if tokens::begin_with(&tokens[at..], &["pub", "use"])
                && let Some(module) = tokens.get(at + 2)
            {
                let re_exported = first_names(&tokens[at + 3..]).into_iter();
                names.extend(re_exported.map(|(name, _)| (name.to_owned(), module.text.clone())));
            }
        }
        Self(names)
    }

    /// The module behind a name after `crate::`, which may be a module itself.
    fn module<'n>(&'n self, name: &'n str) -> &'n str {
        self.0.get(name).map_or(name, String::as_str)
    }
}

/// Finds imports from the same row, from a row above, and from nowhere.
pub(super) fn only_rows_below(path: &str, tokens: &[Token], front: &FrontPage) -> Findings {
    let Some((module, depth)) = place(path) else { return Findings::new() };
    let Some(row) = row_of(module) else {
        return vec![(1, format!("`{module}` has no row; give it one in the layer check"))];
    };
    let mut findings = Findings::new();
    for (name, line) in imports(tokens, depth) {
        let import = front.module(name);
        match row_of(import) {
            _ if import == module => {}
            Some(other) if other < row || (other, row) == (VOCABULARY, VOCABULARY) => {}
            Some(other) => findings.push((
                line,
                format!("`{module}` (row {row}) may not import `{import}` (row {other})"),
            )),
            None => findings.push((line, format!("`crate::{name}` is of no row"))),
        }
    }
    findings
}

/// The row of a module, the lowest being 1.
fn row_of(module: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&module)).map(|index| index + 1)
}

/// The top module that a file of the engine belongs to, and how deep below the crate it is.
/// `None` for the front page and for files of other crates.
fn place(path: &str) -> Option<(&str, usize)> {
    let inside = path.strip_prefix(ENGINE)?.strip_suffix(".rs")?;
    let inside = inside.strip_suffix("/mod").unwrap_or(inside);
    let depth = inside.split('/').count();
    let module = inside.split('/').next()?;
    (module != "lib").then_some((module, depth))
}

/// The first names of all paths that start at the crate, with their lines.
fn imports(tokens: &[Token], file_depth: usize) -> Vec<(&str, usize)> {
    let mut found = Vec::new();
    // For each open brace, whether it is that of an inline module.
    let mut braces = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token.text.as_str() {
            "{" => braces.push(at >= 2 && tokens[at - 2].text == "mod"),
            "}" => drop(braces.pop()),
            "crate" => found.extend(first_names(&tokens[at + 1..])),
            "super" if at == 0 || tokens[at - 1].text != "::" => {
                let depth = file_depth + braces.iter().filter(|is_module| **is_module).count();
                found.extend(names_above(&tokens[at..], depth));
            }
            _ => {}
        }
    }
    found
}

/// The first names of a path of `super`s, if there are as many as lead up to the crate.
fn names_above(tokens: &[Token], depth: usize) -> Vec<(&str, usize)> {
    let chain = tokens.chunks_exact(2);
    let supers = chain.take_while(|pair| tokens::begin_with(pair, &["super", "::"])).count();
    if supers == depth { first_names(&tokens[2 * supers - 1..]) } else { Vec::new() }
}

/// The names right after `::`: one, or each of a group in braces.
fn first_names(tokens: &[Token]) -> Vec<(&str, usize)> {
    let Some((separator, path)) = tokens.split_first() else { return Vec::new() };
    if separator.text != "::" {
        return Vec::new();
    }
    let is_name = |token: &Token| !["self", "*"].contains(&&*token.text);
    let Some(first) = path.first() else { return Vec::new() };
    if first.text != "{" {
        return vec![(&*first.text, first.line)];
    }
    let mut names = Vec::new();
    let mut at = 1;
    while at < tokens::group_len(path) - 1 {
        if is_name(&path[at]) {
            names.push((&*path[at].text, path[at].line));
        }
        at += element_len(&path[at..]);
    }
    names
}

/// How many tokens there are up to and including the next comma outside of brackets.
fn element_len(tokens: &[Token]) -> usize {
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            "," => return at + 1,
            "}" => return at,
            "{" => at += tokens::group_len(&tokens[at..]),
            _ => at += 1,
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::{super::tokens::of_good, *};

    fn judge(path: &str, text: &str) -> Vec<usize> {
        let lib = "mod error;\npub use error::{Error, Result};\npub use database::Database;";
        let lib = Source { path: "sop-core/src/lib.rs".to_owned(), text: lib.to_owned() };
        let findings = only_rows_below(path, &of_good(text), &FrontPage::among(&[lib]));
        findings.into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn imports_from_below_and_from_within_are_allowed() {
        let text = "use crate::{disk::Disk, error::Result, tree::node_of};\nuse std::io;";
        assert!(judge("sop-core/src/tree/cursor.rs", text).is_empty());
    }

    #[test]
    fn an_import_from_above_is_found() {
        assert_eq!(judge("sop-core/src/disk/os.rs", "\nuse crate::log::Log;"), [2]);
        assert_eq!(judge("sop-core/src/disk/os.rs", "fn f() { crate::log::open() }"), [1]);
    }

    #[test]
    fn an_import_inside_a_group_or_a_macro_is_found() {
        let group = "use crate::{\n    disk::{Disk, File},\n    version::Version,\n};";
        assert_eq!(judge("sop-core/src/tree/mod.rs", group), [3]);
        let template = "macro_rules! m { () => { $crate::database::open() } }";
        assert_eq!(judge("sop-core/src/tree/mod.rs", template), [1]);
    }

    #[test]
    fn modules_of_one_row_are_strangers() {
        assert_eq!(judge("sop-core/src/commit/mod.rs", "use crate::recovery::replay;"), [1]);
        assert_eq!(judge("sop-core/src/node/leaf.rs", "use crate::log::frame;"), [1]);
        assert!(judge("sop-core/src/delta.rs", "use crate::id::StoreId;").is_empty());
    }

    #[test]
    fn the_front_page_is_no_way_around_the_rows() {
        assert!(judge("sop-core/src/disk/os.rs", "use crate::{Error, Result};").is_empty());
        assert_eq!(judge("sop-core/src/disk/os.rs", "use crate::{\nResult,\nDatabase};"), [3]);
        assert_eq!(judge("sop-core/src/disk/os.rs", "use crate::Unheard;"), [1]);
    }

    #[test]
    fn climbing_up_to_the_crate_counts_as_an_import_from_it() {
        assert_eq!(judge("sop-core/src/disk/os.rs", "use super::super::tree::Tree;"), [1]);
        assert_eq!(judge("sop-core/src/disk/mod.rs", "use super::{tree::Tree, error};"), [1]);
        let inline = "mod tests { use super::super::tree::Tree; use super::local; }";
        assert_eq!(judge("sop-core/src/disk/mod.rs", inline), [1]);
        assert!(judge("sop-core/src/disk/os.rs", "use super::{Disk, memory::Memory};").is_empty());
    }

    #[test]
    fn a_module_without_a_row_is_found() {
        assert_eq!(judge("sop-core/src/helpers.rs", ""), [1]);
    }

    #[test]
    fn the_front_page_and_other_crates_have_no_rows() {
        assert!(judge("sop-core/src/lib.rs", "pub use crate::database::Database;").is_empty());
        assert!(judge("sop-orm/src/helpers.rs", "use crate::session::Session;").is_empty());
    }
}
