//! What the compiler says about mistakes, one mistake to a file, and programs that must compile.
//!
//! After a change of messages run with `TRYBUILD=overwrite` and read the difference.

#[test]
fn mistakes_are_explained() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}

#[test]
fn generated_code_compiles_wherever_it_is_put() {
    trybuild::TestCases::new().pass("tests/ui-pass/*.rs");
}
