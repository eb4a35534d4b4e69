//! The author's guide says what becomes of each construct of Rust: every row of its tables is run.
//!
//! ```text
//! | `let … else` | traced | `expressions::let_else` | a function in tests/interpreters/table
//! | range values | error  | `ui::range_value` |       a program in tests/ui
//! | a reference … | gives up: `local-escapes` | `aborts::local_escapes` |   a test in tests/aborts.rs
//! ```
//!
//! Invariant `both-ways`: no row without an example, no example without a row.

#[allow(
    clippy::all,
    non_upper_case_globals,
    reason = "the examples show constructs that clippy would write otherwise"
)]
#[path = "interpreters/table/mod.rs"]
mod table;

use jitgen::modes;
use jitgen_core::tracer::AbortReason;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The functions of each file, and what runs one of them.
type File = (&'static [&'static str], fn(usize) -> String);

const FILES: [(&str, File); 6] = [
    ("types", (table::types::NAMES, table::types::run)),
    ("expressions", (table::expressions::NAMES, table::expressions::run)),
    ("patterns", (table::patterns::NAMES, table::patterns::run)),
    ("calls", (table::calls::NAMES, table::calls::run)),
    ("hints", (table::hints::NAMES, table::hints::run)),
    ("methods", (table::methods::NAMES, table::methods::run)),
];

/// Reasons that have nothing to do with the construct.
const HARMLESS: [AbortReason; 2] = [AbortReason::Alternates, AbortReason::PortalReturned];

/// Messages about marks and the heap, which are not in these tables.
const ELSEWHERE: [&str; 1] = ["collect_"];

/// A row of the guide's tables.
struct Row {
    construct: String,
    what: String,
    examples: Vec<String>,
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The rows of the section's tables.
fn rows() -> Vec<Row> {
    let guide = read("docs/interpreter-guide.md");
    let (_, section) = guide
        .split_once("\n## What the macros do with Rust\n")
        .expect("the guide has this section");
    let section = section.split("\n## ").next().expect("there is a first part");
    let rows = section.lines().filter(|line| line.starts_with("| "));
    let rows = rows.filter(|line| !line.ends_with("| example |")).map(|line| {
        let line = line.replace("\\|", "\u{1}");
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [construct, what, examples] = cells[..] else { panic!("three cells: {line}") };
        let examples = examples.split(',').map(|name| name.trim().trim_matches('`').to_owned());
        let examples = examples.filter(|name| !name.is_empty()).collect();
        Row { construct: construct.to_owned(), what: what.to_owned(), examples }
    });
    rows.collect()
}

/// The names that rows give, those with this prefix or, without one, those in the table's modules.
fn named(prefix: &str) -> BTreeSet<String> {
    let all = rows().into_iter().flat_map(|row| row.examples);
    match prefix {
        "" => all.filter(|name| !name.contains("ui::") && !name.contains("aborts::")).collect(),
        prefix => all.filter_map(|name| name.strip_prefix(prefix).map(str::to_owned)).collect(),
    }
}

#[test]
fn every_row_has_an_example_of_what_it_says() {
    for row in rows() {
        let has = |prefix| row.examples.iter().any(|name| name.starts_with(prefix));
        let Row { construct, what, .. } = &row;
        assert!(!row.examples.is_empty(), "no example: {construct}");
        assert_eq!(what.contains("error"), has("ui::"), "{construct}: {what}");
        assert_eq!(what.contains("gives up"), has("aborts::"), "{construct}: {what}");
        let refused = |name: &str| name.starts_with("ui::") || name.starts_with("aborts::");
        let plain = row.examples.iter().any(|name| !refused(name));
        let only_refused = what.starts_with("error") || what.starts_with("gives up");
        assert_eq!(!only_refused, plain, "{construct}: {what}");
        for name in row.examples.iter().filter_map(|name| name.strip_prefix("aborts::")) {
            assert!(what.contains(&format!("`{}`", name.replace('_', "-"))), "{construct}: {what}");
        }
    }
}

#[track_caller]
fn same(rows: &BTreeSet<String>, examples: &BTreeSet<String>) {
    let lone: Vec<_> = rows.difference(examples).collect();
    assert!(lone.is_empty(), "the guide names what does not exist: {lone:?}");
    let lone: Vec<_> = examples.difference(rows).collect();
    assert!(lone.is_empty(), "no row of the guide names these: {lone:?}");
}

#[test]
fn rows_and_functions_are_about_the_same() {
    let functions: BTreeSet<String> = FILES
        .iter()
        .flat_map(|(file, (names, _))| names.iter().map(move |name| format!("{file}::{name}")))
        .collect();
    same(&named(""), &functions);
}

#[test]
fn rows_and_messages_are_about_the_same() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    let files = fs::read_dir(folder).expect("there are programs").flatten().map(|file| file.path());
    let programs = files.filter(|path| path.extension().is_some_and(|kind| kind == "rs"));
    let programs: BTreeSet<String> = programs
        .map(|path| path.file_stem().expect("files have names").to_string_lossy().into_owned())
        .filter(|name| !ELSEWHERE.iter().any(|prefix| name.starts_with(prefix)))
        .collect();
    same(&named("ui::"), &programs);
}

#[test]
fn rows_and_reasons_are_about_the_same() {
    let tests = read("tests/aborts.rs");
    let reasons: BTreeSet<String> =
        AbortReason::ALL.iter().map(|reason| reason.name().replace('-', "_")).collect();
    // Nobody has found a program yet that meets the last one.
    let bugs = ["backend", "check_failed", "invalidated"].map(str::to_owned);
    for name in named("aborts::") {
        assert!(tests.contains(&format!("#[test]\nfn {name}() {{")), "no test `{name}`");
    }
    same(&named("aborts::"), &reasons.into_iter().filter(|name| !bugs.contains(name)).collect());
}

/// Runs the examples of a file in every mode, and looks at what became of them.
fn run_all(file: &str) {
    let (_, (names, run)) = FILES.iter().find(|(name, _)| *name == file).expect("it is a file");
    let mut failed = BTreeMap::new();
    for (number, name) in names.iter().enumerate() {
        let done = std::panic::catch_unwind(|| modes::agree(name, || run(number)));
        let why = match done {
            Err(payload) => format!("{:?}", payload.downcast_ref::<String>()),
            Ok(done) => {
                let mut aborts = done.statistics.aborts;
                for reason in HARMLESS {
                    aborts.remove(reason.name());
                }
                match (done.statistics.loops, aborts.is_empty()) {
                    (1.., true) => continue,
                    (loops, _) => format!("{loops} loops, {aborts:?}"),
                }
            }
        };
        failed.insert(*name, why);
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn types_are_traced() {
    run_all("types");
}

#[test]
fn expressions_are_traced() {
    run_all("expressions");
}

#[test]
fn patterns_are_traced() {
    run_all("patterns");
}

#[test]
fn calls_are_traced() {
    run_all("calls");
}

#[test]
fn hints_are_traced() {
    run_all("hints");
}

#[test]
fn methods_are_traced() {
    run_all("methods");
}
