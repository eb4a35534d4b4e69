//! Runs `tests/filetests/**/*.trace`, each as a test of its own.
//!
//! `JITGEN_BLESS=1 cargo test --test filetests` rewrites the expectations in place; look at the
//! difference before you commit it.

use jitgen::filetest::{self, Command};
use jitgen::{parse, run, verify};
use libtest_mimic::{Arguments, Trial};
use std::path::{Path, PathBuf};
use std::{env, fs};

const COMMANDS: &[(&str, Command)] = &[
    ("parse", parse::command),
    ("verify", verify::command),
    ("run", run::command),
];

fn main() {
    let args = Arguments::from_args();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/filetests");
    let bless = env::var_os("JITGEN_BLESS").is_some_and(|value| value == "1");
    let trials = files(&root).into_iter().map(|path| {
        let name = path.strip_prefix(&root).expect("it is under the root");
        let name = name.with_extension("").display().to_string();
        Trial::test(name, move || {
            filetest::check(&path, COMMANDS, bless).map_err(Into::into)
        })
    });
    libtest_mimic::run(&args, trials.collect()).exit();
}

/// The files below `folder`, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in fs::read_dir(folder).expect("the folder of filetests can be read") {
        let path = entry.expect("its entries can be read").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|end| end == "trace") {
            found.push(path);
        }
    }
    found.sort();
    found
}
