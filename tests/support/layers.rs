//! The layers of jitgen-core: the table of ARCHITECTURE.md, and the edges that the code has.

use crate::sources::Source;
use std::collections::{BTreeMap, BTreeSet};

/// Which layers each layer may use.
pub type Table = BTreeMap<String, BTreeSet<String>>;

/// Reads the table whose head is `| layer | may use | …`.
pub fn read_table(document: &str) -> Table {
    let rows = document.lines().skip_while(|line| !line.starts_with("| layer | may use |"));
    let rows = rows.skip(2).take_while(|line| line.starts_with('|'));
    let row = |line: &str| {
        let mut cells = line.split('|').skip(1).map(str::trim);
        let layer = cells.next()?.to_owned();
        let uses = cells.next()?.split(',').map(str::trim);
        let uses = uses.filter(|name| !name.is_empty() && *name != "–");
        Some((layer, uses.map(str::to_owned).collect()))
    };
    rows.filter_map(row).collect()
}

/// The layer that a file of jitgen-core is in.
pub fn layer_of(path: &str) -> Option<&str> {
    let inner = path.strip_prefix("jitgen-core/src/")?;
    let name = inner.split('/').next()?;
    let name = name.strip_suffix(".rs").unwrap_or(name);
    (name != "lib").then_some(name)
}

/// The crate's modules that a file names: `(line, module)` for each `crate::module`, also in
/// `use crate::{…}`, and for as many `super::` as lead there.
pub fn edges(source: &Source) -> Vec<(usize, String)> {
    let mut found = vec![];
    // How many `super::` lead to the crate's root.
    let is_folder = source.path.ends_with("/mod.rs");
    let depth = source.path.matches('/').count() - 1 - usize::from(is_folder);
    let up = "super::".repeat(depth);
    // A group in braces may go over several lines.
    let mut code = String::new();
    let mut starts = vec![];
    for (number, line) in source.code_lines() {
        starts.push((code.len(), number));
        code.push_str(line);
        code.push('\n');
    }
    for prefix in ["crate::", &up] {
        for (start, _) in code.match_indices(prefix) {
            let before = &code[..start];
            let longer = before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
            if longer || before.ends_with("::") {
                continue;
            }
            let line = starts.partition_point(|(first, _)| *first <= start) - 1;
            let names = modules(&code[start + prefix.len()..]);
            found.extend(names.into_iter().map(|name| (starts[line].1, name)));
        }
    }
    found
}

/// The first segments of a path, or of each path in braces.
fn modules(path: &str) -> Vec<String> {
    let first = |text: &str| {
        let text = text.trim_start();
        let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_'));
        text[..end.unwrap_or(text.len())].to_owned()
    };
    let Some(group) = path.strip_prefix('{') else {
        return vec![first(path)];
    };
    let mut names = vec![];
    let mut depth = 0;
    let mut item = String::new();
    for c in group.chars() {
        match c {
            '}' if depth == 0 => break,
            ',' if depth == 0 => names.push(first(&std::mem::take(&mut item))),
            _ => {
                depth += i32::from(c == '{') - i32::from(c == '}');
                item.push(c);
            }
        }
    }
    names.push(first(&item));
    names.retain(|name| !name.is_empty());
    names
}
