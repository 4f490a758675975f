//! Laws about a file as a whole: its characters, its opening, its length, its being finished.

use super::{
    Findings,
    tokens::{self, Token},
};

/// Most lines of a file, its tests not counted. A longer one holds two subjects.
const LINES_MAX: usize = 600;

/// Marks of code that is still to be written.
const UNFINISHED: &[&str] = &["todo", "unimplemented"];

/// Source is ASCII, so that every editor, terminal and search shows the same.
pub(super) fn ascii_only(text: &str) -> Findings {
    let lines = text.lines().zip(1..).filter(|(line, _)| !line.is_ascii());
    lines.map(|(_, number)| (number, "a character is not ASCII".to_owned())).collect()
}

/// Programs with a mistake in them, written as a user would, and named for the mistake.
const MISTAKES: &str = "/tests/ui/";

/// A file begins by saying what it is for.
pub(super) fn opens_with_its_idea(path: &str, text: &str) -> Findings {
    let reason = || (1, "a file opens with a `//!` that explains its idea".to_owned());
    let is_silent = !text.starts_with("//! ") && !path.contains(MISTAKES);
    is_silent.then(reason).into_iter().collect()
}

/// A file has one subject, and so few enough lines.
pub(super) fn not_too_long(text: &str, tokens: &[Token]) -> Findings {
    let lines = text.lines().count() - test_lines(tokens);
    let reason = || (lines, format!("{lines} lines without tests are over {LINES_MAX}; split it"));
    (lines > LINES_MAX).then(reason).into_iter().collect()
}

/// How many lines stand under `#[cfg(test)]`.
fn test_lines(tokens: &[Token]) -> usize {
    let mut lines = 0;
    let mut at = 0;
    while at < tokens.len() {
        let rest = &tokens[at..];
        if tokens::begin_with(rest, &["#", "[", "cfg", "(", "test", ")", "]"]) {
            let len = tokens::item_len(rest);
            lines += rest[len - 1].line - rest[0].line + 1;
            at += len;
        } else {
            at += 1;
        }
    }
    lines
}

/// Nothing is left to be written later.
pub(super) fn no_unfinished_code(_path: &str, tokens: &[Token]) -> Findings {
    let mut findings = Findings::new();
    for pair in tokens.windows(2) {
        let is_unfinished = UNFINISHED.contains(&pair[0].text.as_str()) && pair[1].text == "!";
        if is_unfinished {
            findings.push((pair[0].line, format!("`{}!` is not finished code", pair[0].text)));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{super::tokens::of_good, *};

    #[test]
    fn a_character_outside_of_ascii_is_found() {
        let findings = ascii_only("fine\nna\u{ef}ve\n");
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].0, 2);
    }

    #[test]
    fn a_file_without_an_opening_is_found() {
        let judge = |path, text| opens_with_its_idea(path, text).len();
        assert_eq!(judge("src/io.rs", "use std::io;\n"), 1);
        assert_eq!(judge("src/io.rs", "//! Input and output.\n"), 0);
        assert_eq!(judge("sop-orm/tests/ui/no_key.rs", "struct Keyless;\n"), 0);
    }

    fn functions(count: usize) -> String {
        "fn f() {}\n".repeat(count)
    }

    #[test]
    fn a_file_over_the_limit_is_found() {
        let judge = |text: String| not_too_long(&text, &of_good(&text)).len();
        assert_eq!(judge(functions(LINES_MAX)), 0);
        assert_eq!(judge(functions(LINES_MAX + 1)), 1);
    }

    #[test]
    fn tests_do_not_count_as_lines_but_what_follows_them_does() {
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", functions(LINES_MAX));
        let judge = |count| {
            let text = format!("{tests}{}", functions(count));
            not_too_long(&text, &of_good(&text)).len()
        };
        assert_eq!(judge(LINES_MAX), 0);
        assert_eq!(judge(LINES_MAX + 1), 1);
    }

    #[test]
    fn unfinished_code_is_found_outside_of_comments_and_strings() {
        let judge = |text| no_unfinished_code("", &of_good(text));
        assert_eq!(judge("fn f() {\n    todo!()\n}"), [(2, "`todo!` is not finished code".into())]);
        assert_eq!(judge("macro_rules! m { () => { unimplemented!() } }").len(), 1);
        assert_eq!(judge("// todo!()\nfn f() -> &'static str { \"unimplemented!()\" }"), []);
    }
}
