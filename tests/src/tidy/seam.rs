//! The law of the seam: the engine has all by which threads meet from one module.
//!
//! A lock or an atomic that came from elsewhere would be invisible to the schedule explorer, whose
//! tests would then pass for lack of knowledge. Tests of the ordinary build may use what they like.

use super::{
    Findings,
    tokens::{self, Token},
};

/// Where the law holds.
const ENGINE: &str = "sop-core/src/";

/// Where it does not: the module itself.
const SEAM: &str = "sop-core/src/sync/";

/// Libraries of primitives.
const LIBRARIES: &[&str] = &["arc_swap", "parking_lot", "shuttle"];

/// What of the standard library's `sync` does not make threads meet.
const HARMLESS: &[&str] = &["Arc", "PoisonError", "Weak", "self"];

/// Finds primitives that are taken from a library or from the standard library.
pub(super) fn threads_meet_in_one_module(path: &str, tokens: &[Token]) -> Findings {
    if !path.starts_with(ENGINE) || path.starts_with(SEAM) || is_of_tests(path) {
        return Findings::new();
    }
    let mut findings = Findings::new();
    let mut at = 0;
    while at < tokens.len() {
        let rest = &tokens[at..];
        if tokens::begin_with(rest, &["#", "[", "cfg", "(", "test", ")", "]"]) {
            at += tokens::item_len(rest);
            continue;
        }
        let begins_path = rest.get(1).is_some_and(|next| next.text == "::");
        let continues = at > 0 && tokens[at - 1].text == "::";
        if begins_path && !continues {
            findings.extend(leaves(rest).into_iter().filter_map(|(names, line)| {
                let name = primitive(&names)?;
                Some((line, format!("`{name}` is taken past `crate::sync`")))
            }));
        }
        at += 1;
    }
    findings
}

fn is_of_tests(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// The primitive that a path leads to, if it does.
fn primitive(path: &[&str]) -> Option<String> {
    match path {
        [library, ..] if LIBRARIES.contains(library) => Some(path.join("::")),
        ["std", "thread", ..] => Some(path.join("::")),
        ["std", "sync", name, ..] if !HARMLESS.contains(name) => Some(path.join("::")),
        _ => None,
    }
}

/// All paths that a path with groups stands for, each with the line where it ends.
fn leaves(tokens: &[Token]) -> Vec<(Vec<&str>, usize)> {
    let mut found = Vec::new();
    // The names before each open group, and those of the path being read.
    let (mut above, mut path): (Vec<Vec<&str>>, Vec<&str>) = (Vec::new(), Vec::new());
    let mut line = 0;
    for (at, token) in tokens.iter().enumerate() {
        match token.text.as_str() {
            "::" => {}
            "{" if at > 0 && tokens[at - 1].text == "::" => above.push(path.clone()),
            "," | "}" if !above.is_empty() => {
                if above.last().is_some_and(|prefix| path.len() > prefix.len()) {
                    found.push((path.clone(), line));
                }
                if token.text == "}" {
                    above.pop();
                }
                let Some(prefix) = above.last() else { return found };
                path.clone_from(prefix);
            }
            name if at == 0 || ["::", "{", ","].contains(&&*tokens[at - 1].text) => {
                path.push(name);
                line = token.line;
            }
            _ if above.is_empty() => break,
            _ => {}
        }
    }
    found.push((path, line));
    found
}

#[cfg(test)]
mod tests {
    use super::{super::tokens::of_good, *};

    fn judge(path: &str, text: &str) -> Vec<usize> {
        let findings = threads_meet_in_one_module(path, &of_good(text));
        findings.into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn primitives_from_elsewhere_are_found() {
        let judge = |text| judge("sop-core/src/commit/queue.rs", text);
        assert_eq!(judge("use parking_lot::Mutex;"), [1]);
        assert_eq!(judge("use std::thread;"), [1]);
        assert_eq!(judge("fn f() { g(std::thread::panicking()) }"), [1]);
        assert_eq!(
            judge(
                "use std::{\n  fmt,\n  sync::{\n    Arc,\n    atomic::{AtomicU8,\n Ordering},\n  },\n};"
            ),
            [5, 6]
        );
        assert_eq!(
            judge("use std::{fmt, sync::OnceLock, thread};\nuse arc_swap::ArcSwap;"),
            [1, 1, 2]
        );
    }

    #[test]
    fn the_module_itself_tests_and_references_are_free() {
        let shared = "use std::{fmt, sync::Arc};\nuse crate::sync::{Mutex, thread};";
        assert!(judge("sop-core/src/commit/queue.rs", shared).is_empty());
        assert!(judge("sop-core/src/sync/mod.rs", "use parking_lot::Mutex;").is_empty());
        assert!(judge("sop-core/src/disk/tests.rs", "use std::thread;").is_empty());
        assert!(judge("sop-orm/src/lib.rs", "use std::thread;").is_empty());
        let tests = "#[cfg(test)]\nmod tests { use std::sync::Mutex; }";
        assert!(judge("sop-core/src/id.rs", tests).is_empty());
    }

    #[test]
    fn code_after_a_group_is_no_part_of_it() {
        let text = "use std::{io, sync::Arc};\nfn f(thread: u8) { sync::atomic(thread) }";
        assert!(judge("sop-core/src/id.rs", text).is_empty());
    }
}
