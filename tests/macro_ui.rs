//! What the macros say when something cannot be traced: one program per message.
//!
//! `TRYBUILD=overwrite cargo test --test macro_ui` rewrites the expectations.

use std::fs;
use std::path::Path;

#[test]
fn macros_explain_what_they_do_not_support() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}

/// What the files of a folder say that have this ending, on one line.
fn text_of(folder: &Path, ending: &str) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).expect("the folder can be read").flatten() {
        let path = entry.path();
        if path.is_dir() {
            text += &text_of(&path, ending);
        } else if path.extension().is_some_and(|own| own == ending) {
            text += &fs::read_to_string(&path).expect("the file can be read");
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_message_about_a_missing_trait_has_a_program() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let said = text_of(&root.join("tests/ui"), "stderr");
    let source = text_of(&root.join("jitgen-core/src"), "rs");
    let attributes = source.split("on_unimplemented( message = \"").skip(1);
    let messages: Vec<&str> = attributes.filter_map(|rest| rest.split('"').next()).collect();
    assert!(messages.len() > 5, "{messages:?}");
    for message in messages {
        // Around the names of types, which differ.
        let mut parts = message.split('`').filter(|part| !part.starts_with('{'));
        assert!(parts.all(|part| said.contains(part.trim())), "no program for: {message}");
    }
}
