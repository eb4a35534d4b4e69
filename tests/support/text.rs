//! Typed constants in the text of tests: `i64 3, ptr 0x1000`.

use jitgen_core::ir::{Arg, Const, parse};

/// Reads a list of typed constants.
///
/// # Errors
/// If it is not one.
pub fn read_consts(list: &str) -> Result<Vec<Const>, String> {
    // An exit's reds are such a list.
    let text = format!("trace @t {{\nb0():\nleave exit0\nexit0: resume 0 [{list}]\n}}\n");
    let traces = parse(&text).map_err(|error| format!("`{list}`: {}", error.message))?;
    let reds = traces[0].exits[0].reds.iter();
    reds.map(|arg| Arg::as_const(*arg).ok_or_else(|| format!("`{list}` has a value in it")))
        .collect()
}

/// Writes a list of typed constants.
pub fn write_consts(list: &[Const]) -> String {
    let items = list.iter().map(|c| format!("{} {c}", c.ty));
    items.collect::<Vec<_>>().join(", ")
}
