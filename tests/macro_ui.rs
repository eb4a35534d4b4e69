//! What the macros say when something cannot be traced: one program per message.
//!
//! `TRYBUILD=overwrite cargo test --test macro_ui` rewrites the expectations.

#[test]
fn macros_explain_what_they_do_not_support() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
