//! What code can check about the code: heads, sizes, layers, documents, forbidden words.
//!
//! Each test collects all that is wrong and prints it at once.

use jitgen::filetest::diff;
use jitgen::ir_doc;
use jitgen::layers::{Table, edges, layer_of, read_table};
use jitgen::sources::{Source, has_word, root, sources};
use std::collections::BTreeSet;
use std::{env, fs};

/// No file is longer.
const MAX_LINES: usize = 700;
/// Half of the files are not longer.
const MAX_MEDIAN: usize = 250;

#[track_caller]
fn check(rule: &str, wrong: Vec<String>) {
    assert!(wrong.is_empty(), "{rule}:\n    {}", wrong.join("\n    "));
}

fn rust_sources() -> Vec<Source> {
    let mut found = sources();
    found.retain(Source::is_rust);
    found
}

fn document(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn every_file_begins_with_what_it_is() {
    let files = rust_sources();
    let wrong = files.iter().filter(|file| !file.text.starts_with("//! "));
    let wrong = wrong.map(|file| file.path.clone()).collect();
    check("the first line of a file is a `//!` comment", wrong);
}

#[test]
fn files_are_short() {
    let mut lengths: Vec<(usize, String)> =
        rust_sources().into_iter().map(|file| (file.text.lines().count(), file.path)).collect();
    lengths.sort();
    let median = lengths[lengths.len() / 2].0;
    println!("{} files, {median} lines in the median", lengths.len());
    let long = lengths.iter().filter(|(length, _)| *length > MAX_LINES);
    let long = long.map(|(length, path)| format!("{path}: {length} lines"));
    check(&format!("no file has more than {MAX_LINES} lines"), long.collect());
    assert!(median <= MAX_MEDIAN, "the median is {median} lines, the limit {MAX_MEDIAN}");
}

#[test]
fn layers_use_what_the_table_allows() {
    let table = read_table(&document("ARCHITECTURE.md"));
    assert!(table.contains_key("ir"), "the layer table is not found");
    let mut wrong = vec![];
    for file in rust_sources() {
        let Some(layer) = layer_of(&file.path) else {
            continue;
        };
        let Some(allowed) = table.get(layer) else {
            wrong.push(format!("{}: the layer {layer} has no row", file.path));
            continue;
        };
        for (line, name) in edges(&file) {
            if table.contains_key(&name) && name != layer && !allowed.contains(&name) {
                wrong.push(format!("{}:{line}: {layer} uses {name}", file.path));
            }
        }
    }
    check("layers use what the table in ARCHITECTURE.md allows", wrong);
}

#[test]
fn layers_have_no_cycle() {
    let mut table: Table = read_table(&document("ARCHITECTURE.md"));
    loop {
        let done: BTreeSet<String> = table
            .iter()
            .filter(|(_, uses)| uses.is_empty())
            .map(|(layer, _)| layer.clone())
            .collect();
        if done.is_empty() {
            break;
        }
        table.retain(|layer, _| !done.contains(layer));
        table.values_mut().for_each(|uses| uses.retain(|name| !done.contains(name)));
    }
    let wrong = table.iter().map(|(layer, uses)| format!("{layer} uses {uses:?}"));
    check("the layers of ARCHITECTURE.md are in a cycle, or unknown", wrong.collect());
}

#[test]
fn unsafe_is_where_the_list_says() {
    let architecture = document("ARCHITECTURE.md");
    let list = architecture.lines().skip_while(|line| *line != "## Where unsafe lives");
    let list = list.skip(1).take_while(|line| !line.starts_with('#'));
    let listed: BTreeSet<String> = list
        .filter(|line| line.starts_with("- `"))
        .flat_map(|line| line.split('`').skip(1).step_by(2).map(str::to_owned))
        .filter(|name| name.ends_with(".rs"))
        .filter(|path| !is_planned(path))
        .collect();
    let contains = |file: &Source| file.code_lines().any(|(_, line)| has_word(line, "unsafe"));
    let found: BTreeSet<String> = rust_sources()
        .iter()
        // This file and the words it looks for.
        .filter(|file| file.path != "tests/tidy.rs" && contains(file))
        .map(|file| file.path.clone())
        .collect();
    let unlisted = found.difference(&listed).map(|path| format!("{path} is not listed"));
    let stale = listed.difference(&found).map(|path| format!("{path} has none"));
    check("ARCHITECTURE.md lists the files with `unsafe`", unlisted.chain(stale).collect());
}

/// Is the path in a layer that does not exist yet?
fn is_planned(path: &str) -> bool {
    let table = read_table(&document("ARCHITECTURE.md"));
    let source = root().join("jitgen-core/src");
    layer_of(path).is_some_and(|layer| {
        let exists = source.join(layer).exists() || source.join(format!("{layer}.rs")).exists();
        table.contains_key(layer) && !exists
    })
}

#[test]
fn documents_name_paths_that_exist() {
    let mut wrong = vec![];
    for file in sources() {
        let is_document = !file.path.contains('/') || file.path.starts_with("docs/");
        if !is_document && file.path != "tests/README.md" || !file.path.ends_with(".md") {
            continue;
        }
        for (number, line) in prose(&file.text) {
            for name in line.split('`').skip(1).step_by(2).filter(|name| looks_like_path(name)) {
                let path = name.trim_end_matches('/');
                if !root().join(path).exists() && !is_planned(path) {
                    wrong.push(format!("{}:{number}: {name}", file.path));
                }
            }
        }
    }
    check("paths that documents name exist", wrong);
}

/// The lines outside of fenced code.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        fenced ^= line.starts_with("```");
        (!fenced).then_some((index + 1, line))
    })
}

fn looks_like_path(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    let file = [".rs", ".md", ".toml", ".trace", ".pest"].iter().any(|end| name.ends_with(end));
    name.chars().all(plain) && (file || name.contains('/')) && !name.starts_with("target/")
}

#[test]
fn no_word_that_defers() {
    let words = [
        ("TO", "DO", "write it down in docs/ or do it"),
        ("#[ign", "ore", "a test runs or goes"),
        ("#[should_", "panic", "return an error and compare it"),
    ];
    let mut wrong = vec![];
    for file in sources() {
        for (number, line) in file.text.lines().enumerate() {
            for (start, end, advice) in words {
                let word = format!("{start}{end}");
                if line.contains(&word) {
                    wrong.push(format!("{}:{}: {word}: {advice}", file.path, number + 1));
                }
            }
        }
    }
    check("nothing is put off", wrong);
}

#[test]
fn no_path_of_a_machine() {
    let mut wrong = vec![];
    for file in sources() {
        for (number, line) in file.text.lines().enumerate() {
            let folders = ["work", "root", "home"];
            if folders.iter().any(|name| has_absolute(line, name)) {
                wrong.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
            }
        }
    }
    check("no file names a place on somebody's machine", wrong);
}

/// Does `/name/` stand in the line, not as the middle of a path?
fn has_absolute(line: &str, name: &str) -> bool {
    let word = format!("/{name}/");
    line.match_indices(&word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "._-".contains(c))
    })
}

#[test]
fn ir_document_is_generated() {
    let path = root().join("docs/ir.md");
    let right = ir_doc::text();
    let is = fs::read_to_string(&path).unwrap_or_default();
    if is == right {
        return;
    }
    if env::var_os("JITGEN_BLESS").is_some_and(|value| value == "1") {
        fs::write(path, right).expect("the document can be written");
        return;
    }
    panic!("{}\nJITGEN_BLESS=1 cargo test --test tidy writes it", diff(&is, &right));
}

#[test]
fn documents_are_short() {
    let length = document("ARCHITECTURE.md").lines().count();
    assert!(length <= 200, "ARCHITECTURE.md has {length} lines, the limit is 200");
}

/// The interpreter as its author would have written it without jitgen: what the bench compares
/// with. It must be the annotated one less its marks.
#[test]
fn the_plain_bf_interpreter_is_the_annotated_one_without_marks() {
    let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let annotated = document("languages/bf/src/interp.rs");
    let start = annotated.find("/// Runs the program").expect("the portal has documentation");
    let end = annotated.rfind('}').expect("the module ends with a brace");
    let marks =
        ["#[portal(greens(program, pc), reds(machine, pos))]", "merge_point!();", "#[residual]"];
    let mut stripped = annotated[start..end].to_owned();
    for mark in marks {
        assert!(stripped.contains(mark), "{mark} is not in the interpreter any more");
        stripped = stripped.replace(mark, "");
    }
    let stripped = stripped.replace("can_enter_jit!();", "continue;");
    let plain = document("benches/plain_bf.rs");
    let plain = &plain[plain.find("/// Runs the program").expect("the same function")..];
    // rustfmt breaks lines by indentation: trailing commas and blanks do not count.
    let plain = squeeze(plain).replace(", )", ")").replace("( ", "(");
    let stripped = squeeze(&stripped).replace(", )", ")").replace("( ", "(");
    let lines = |text: &str| text.replace(['{', ';'], "\n");
    assert!(plain == stripped, "{}", diff(&lines(&stripped), &lines(&plain)));
}
