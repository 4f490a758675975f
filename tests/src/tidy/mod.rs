//! The laws of the source that no compiler knows, as a program.
//!
//! A law is a function from one file to complaints, without effects, with tests of its own that
//! it fires where it should and only there. Laws look at tokens rather than at text, so that what
//! stands in a comment or in a string is never taken for code. [`judge`] applies all of them to
//! one file, [`complaints`] to every file under a folder.

mod files;
mod generated;
mod layers;
mod names;
mod seam;
mod shape;
mod tokens;

use std::{fmt, io, path::Path};

pub use layers::FrontPage;
use tokens::Token;

/// One file of the source.
#[derive(Debug)]
pub struct Source {
    /// Where it is under the top folder, with `/` between the parts.
    pub path: String,
    /// All of it.
    pub text: String,
}

/// A place where a law is broken.
#[derive(Debug, PartialEq, Eq)]
pub struct Complaint {
    /// The file.
    pub path: String,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub reason: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.reason)
    }
}

/// What a law finds: lines and reasons. The file is known to the caller.
type Findings = Vec<(usize, String)>;

/// The laws that look at the tokens of a Rust file.
const LAWS: &[fn(&str, &[Token]) -> Findings] = &[
    names::tests_are_named_for_behaviour,
    shape::no_unfinished_code,
    generated::only_hidden_paths,
    seam::threads_meet_in_one_module,
];

/// Applies every law to one file. `front` says what the engine's front page re-exports.
pub fn judge(source: &Source, front: &FrontPage) -> Vec<Complaint> {
    let Source { path, text } = source;
    let mut findings = shape::ascii_only(text);
    if Path::new(path).extension().is_some_and(|extension| extension == "rs") {
        findings.extend(judge_rust(path, text, front));
    }
    findings.sort();
    let complain = |(line, reason)| Complaint { path: path.clone(), line, reason };
    findings.into_iter().map(complain).collect()
}

fn judge_rust(path: &str, text: &str, front: &FrontPage) -> Findings {
    let mut findings = names::files_are_named_for_their_subject(path);
    findings.extend(shape::opens_with_its_idea(path, text));
    match tokens::of(text) {
        Ok(tokens) => {
            findings.extend(shape::not_too_long(text, &tokens));
            findings.extend(layers::only_rows_below(path, &tokens, front));
            findings.extend(LAWS.iter().flat_map(|law| law(path, &tokens)));
        }
        Err(line) => findings.push((line, "this is not Rust".to_owned())),
    }
    findings
}

/// Applies every law to every file under the top folder of the repository.
///
/// # Errors
/// If a file or folder cannot be read.
pub fn complaints(top: &Path) -> io::Result<Vec<Complaint>> {
    let sources = files::under(top)?;
    let front = FrontPage::among(&sources);
    Ok(sources.iter().flat_map(|source| judge(source, &front)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_law_is_reported_with_its_file_and_line() {
        let source = Source {
            path: "sop-core/src/disk/os.rs".to_owned(),
            text: "//! Files.\n\nuse crate::tree::Tree;\n".to_owned(),
        };
        let shown: Vec<_> =
            judge(&source, &FrontPage::default()).iter().map(Complaint::to_string).collect();
        let expected = "sop-core/src/disk/os.rs:3: `disk` (row 2) may not import `tree` (row 4)";
        assert_eq!(shown, [expected]);
    }

    #[test]
    fn a_file_that_is_not_rust_is_reported() {
        let source = Source { path: "a.rs".to_owned(), text: "//! A.\nfn main( {\n".to_owned() };
        assert_eq!(judge(&source, &FrontPage::default()).len(), 1);
    }
}
