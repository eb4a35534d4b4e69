//! An annotated interpreter less its marks: what its author would have written without jitgen.
//!
//! ```text
//! #[derive(Clone, Copy, Traced)]              #[derive(Clone, Copy)]
//! #[jitgen_core::portal(greens(pc), ..)]
//! fn run() { loop { merge_point!(); .. } }    fn run() { loop { .. } }
//! ```
//!
//! A mark that shares its line with the author's code is taken out of it; a line that has nothing
//! else goes. `build.rs` makes the plain interpreters of the benches this way, so there is one
//! source of each.
//!
//! `promote(x)` becomes `x`, if it ends on its line.
//!
//! Not here: other marks inside an expression.

/// Attributes that are marks, with or without arguments and the name of the crate.
const ATTRIBUTES: &[&str] = &[
    "assert_green",
    "elidable",
    "green",
    "immutable",
    "interpreter",
    "loop_invariant",
    "portal",
    "quasi_immutable",
    "residual",
    "traced",
    "unroll",
    "virtualizable",
];

/// Statements that are marks and do nothing in the plain interpreter.
const STATEMENTS: &[&str] = &["merge_point!();", "can_enter_jit!();"];

/// The names that `use` takes from jitgen and that have no plain counterpart.
const CRATE: &str = "jitgen_core";

/// The text without marks.
pub fn strip(text: &str) -> String {
    let mut plain = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let mut whole = line.trim().to_owned();
        // An attribute that rustfmt has broken.
        if is_attribute_mark(&whole) {
            while !closes(&whole) {
                let Some(more) = lines.next() else { break };
                whole.push_str(more.trim());
            }
            continue;
        }
        if is_line_mark(&whole) {
            continue;
        }
        plain.push_str(&without_marks(line));
        plain.push('\n');
    }
    plain
}

/// How many lines the marks add to a text, and how many lines it has without them. Comments and
/// blank lines do not count.
pub fn added_lines(text: &str) -> (usize, usize) {
    let count = |text: &str| text.lines().filter(is_code).count();
    let plain = count(&strip(text));
    (count(text) - plain, plain)
}

fn is_code(line: &&str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with("//")
}

fn closes(attribute: &str) -> bool {
    let count = |c: char| attribute.matches(c).count();
    count('[') == count(']')
}

fn is_attribute_mark(line: &str) -> bool {
    let Some(inside) = line.strip_prefix("#[") else {
        return false;
    };
    let inside = inside.strip_prefix("jitgen_core::").unwrap_or(inside);
    let name: String = inside.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    // The layout of an enum is fixed for the sake of the JIT alone.
    ATTRIBUTES.contains(&name.as_str()) || line == "#[repr(C, u8)]" || line == "#[repr(u8)]"
}

fn is_line_mark(line: &str) -> bool {
    let imports = line.starts_with(&format!("use {CRATE}::"));
    let derives = ["#[derive(Traced)]", "#[derive(jitgen_core::Traced)]"].contains(&line);
    imports || derives || STATEMENTS.contains(&line)
}

fn without_marks(line: &str) -> String {
    let mut line = line.to_owned();
    if line.trim_start().starts_with("#[derive(") {
        for name in ["jitgen_core::Traced", "Traced"] {
            line = line.replace(&format!(", {name}"), "").replace(&format!("{name}, "), "");
        }
    }
    for statement in STATEMENTS {
        line = line.replace(&format!(" {statement}"), "");
    }
    without_promotions(line)
}

fn without_promotions(mut line: String) -> String {
    while let Some(start) = line.find("promote(") {
        let inside = start + "promote(".len();
        let mut open = 1;
        let end = line[inside..].find(|c| {
            open += i32::from(c == '(') - i32::from(c == ')');
            open == 0
        });
        let Some(end) = end else { break };
        line.replace_range(inside + end..=inside + end, "");
        line.replace_range(start..inside, "");
    }
    line
}
