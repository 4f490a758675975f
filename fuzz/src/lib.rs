//! What the fuzzers do with the bytes they make up: a function for each target.
//!
//! A target takes any bytes. It fails by a panic; libFuzzer adds limits of time and memory, and the
//! sanitizer bad accesses. The binary `fuzz` runs one target under libFuzzer, `replay` all of them
//! over the stored inputs without it, and `seeds` writes inputs to begin from.

pub mod folder;
pub mod operations;
pub mod typed;

/// A name, and what is done with an input.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("batch", sop_core::fuzzing::batch),
    ("manifest", sop_core::fuzzing::manifest),
    ("node", sop_core::fuzzing::node),
    ("slots", sop_core::fuzzing::slots),
    ("key", typed::key),
    ("row", typed::row),
    ("schema", typed::schema),
    ("cursor", typed::cursor),
    ("format_file", folder::format_file),
    ("manifest_file", folder::manifest_file),
    ("log_folder", folder::log_folder),
    ("log_body", folder::log_body),
    ("catalog", folder::catalog),
    ("segment", folder::segment),
    ("operations", operations::run),
];

/// The target of a name.
#[must_use]
pub fn target(name: &str) -> Option<fn(&[u8])> {
    TARGETS.iter().find(|(known, _)| *known == name).map(|(_, run)| *run)
}
