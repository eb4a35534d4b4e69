//! Makes the interpreters that the benches compare with: those of the tests, less their marks.
//!
//! The result is one file with a module for each interpreter, which has a module for each file.

#[allow(dead_code, reason = "the rest is for tests and benches")]
#[path = "tests/support/plain.rs"]
mod plain;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

const INTERPRETERS: [&str; 3] = ["register", "stack_machine", "tree"];

fn main() {
    println!("cargo::rerun-if-changed=tests/interpreters");
    println!("cargo::rerun-if-changed=tests/support/plain.rs");
    let mut text = String::new();
    for name in INTERPRETERS {
        let folder = Path::new("tests/interpreters").join(name);
        writeln!(text, "pub mod {name} {{").expect("a string takes all");
        for file in files(&folder) {
            let source = fs::read_to_string(&file).expect("the interpreter can be read");
            let module = file.file_stem().expect("it is a file").to_string_lossy().into_owned();
            let body: String = plain::strip(&source)
                .lines()
                .filter(|line| !line.starts_with("//!"))
                .map(|line| format!("{line}\n"))
                .collect();
            writeln!(text, "pub mod {module} {{\n{body}}}").expect("a string takes all");
        }
        text.push_str("}\n");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("plain.rs"), text).expect("the output folder can be written");
}

/// The files of an interpreter, but for the list of its modules.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the interpreter has a folder");
    let paths = entries.map(|entry| entry.expect("its entries can be read").path());
    let mut paths: Vec<PathBuf> = paths.filter(|path| !path.ends_with("mod.rs")).collect();
    paths.sort();
    paths
}
