//! Laws about names: a test says how the program behaves, a file says what it is about.
//!
//! Names that only say that there is one test more are how a suite grows without testing more.

use super::{
    Findings,
    tokens::{self, Token},
};

/// Words that say nothing about behaviour.
const EMPTY_WORDS: &[&str] = &[
    "additional",
    "basic",
    "coverage",
    "extra",
    "foo",
    "misc",
    "miscellaneous",
    "more",
    "repro",
    "scratch",
    "simple",
    "stuff",
    "test",
    "tmp",
    "various",
];

/// The file's own name, and those of its folders, carry no empty word and no number.
pub(super) fn files_are_named_for_their_subject(path: &str) -> Findings {
    let stem = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".rs");
    let empty = stem.split(['_', '-']).find(|word| EMPTY_WORDS.contains(word));
    let reason = if let Some(word) = empty {
        format!("a file is named for its subject, which {word:?} is not")
    } else if ends_with_number(stem) {
        "a file is named for its subject, not numbered".to_owned()
    } else {
        return Findings::new();
    };
    vec![(1, reason)]
}

/// A test's name begins and ends with words that say something, and is not numbered.
pub(super) fn tests_are_named_for_behaviour(_path: &str, tokens: &[Token]) -> Findings {
    let mut findings = Findings::new();
    for (name, line) in test_names(tokens) {
        let mut words = name.split('_');
        let ends = [words.next(), words.next_back()];
        let empty = ends.into_iter().flatten().find(|word| EMPTY_WORDS.contains(word));
        if let Some(word) = empty {
            findings.push((line, format!("`{name}`: {word:?} says nothing about behaviour")));
        } else if ends_with_number(name) {
            findings.push((line, format!("`{name}`: a test is named for behaviour, not numbered")));
        }
    }
    findings
}

fn ends_with_number(name: &str) -> bool {
    name.ends_with(|last: char| last.is_ascii_digit())
}

/// The functions with an attribute whose last word is `test`, such as `#[test]`.
fn test_names(tokens: &[Token]) -> impl Iterator<Item = (&str, usize)> {
    let starts = (0..tokens.len()).filter(|&at| {
        let is_attribute = tokens::begin_with(&tokens[at..], &["#", "["]);
        is_attribute && is_test_attribute(&tokens[at + 1..])
    });
    starts.filter_map(|at| {
        let item = &tokens[at..at + tokens::item_len(&tokens[at..])];
        let keyword = item.iter().position(|token| token.text == "fn")?;
        item.get(keyword + 1).map(|name| (name.text.as_str(), name.line))
    })
}

/// Whether a bracketed attribute is a path that ends in `test`, whatever its arguments.
fn is_test_attribute(bracketed: &[Token]) -> bool {
    let path =
        bracketed.iter().skip(1).take_while(|token| !["]", "(", "="].contains(&&*token.text));
    path.last().is_some_and(|token| token.text == "test")
}

#[cfg(test)]
mod tests {
    use super::{super::tokens::of_good, *};

    #[test]
    fn files_with_empty_names_are_found() {
        let judge = |path| files_are_named_for_their_subject(path).len();
        assert_eq!(judge("tests/it/commit_more_cases.rs"), 1);
        assert_eq!(judge("tests/it/coverage_boost.rs"), 1);
        assert_eq!(judge("src/engine_2.rs"), 1);
        assert_eq!(judge("src/engine2.rs"), 1);
        assert_eq!(judge("src/moreover.rs"), 0);
        assert_eq!(judge("tests/it/main.rs"), 0);
    }

    fn judged(attribute: &str, name: &str) -> usize {
        let text = format!("{attribute} pub async fn {name}() {{}} fn more() {{}}");
        tests_are_named_for_behaviour("", &of_good(&text)).len()
    }

    #[test]
    fn names_of_tests_without_meaning_are_found() {
        for name in
            ["commit_2", "commit2", "misc", "more_commits", "commit_coverage", "test_commit"]
        {
            assert_eq!(judged("#[test]", name), 1, "{name}");
        }
    }

    #[test]
    fn every_kind_of_test_attribute_counts() {
        for attribute in
            ["#[tokio::test(flavor = \"x\")]", "#[test] #[ignore]", "#[ignore] #[test]"]
        {
            assert_eq!(judged(attribute, "misc"), 1, "{attribute}");
        }
    }

    #[test]
    fn names_that_say_what_happens_are_left_alone() {
        let name = "a_poisoned_database_accepts_no_more_commits";
        assert_eq!(judged("#[test]", name), 0);
        assert_eq!(judged("#[cfg(test)]", "misc"), 0, "this is not a test");
    }
}
