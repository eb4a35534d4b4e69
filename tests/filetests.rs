//! Runs `tests/filetests/**/*.trace`, each as a test of its own.
//!
//! `JITGEN_BLESS=1 cargo test --test filetests` rewrites the expectations in place; look at the
//! difference before you commit it.

use jitgen::filetest::{self, Command, Filetest};
use jitgen::{optimize, parse, run, verify};
use jitgen_core::ir::Op;
use libtest_mimic::{Arguments, Trial};
use std::path::{Path, PathBuf};
use std::{env, fs};

const COMMANDS: &[(&str, Command)] = &[
    ("parse", parse::command),
    ("verify", verify::command),
    ("run", run::command),
    ("optimize", optimize::command),
    ("behind", optimize::command_behind),
];

fn main() {
    let args = Arguments::from_args();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/filetests");
    let bless = env::var_os("JITGEN_BLESS").is_some_and(|value| value == "1");
    let paths = files(&root);
    let mut trials = vec![
        coverage("rules", &paths, optimize::rules_without_test),
        coverage("ops", &paths, |files| Ok(ops_without_test(files))),
    ];
    for path in paths {
        let name = path.strip_prefix(&root).expect("it is under the root");
        let name = name.with_extension("").display().to_string();
        let run = move || filetest::check(&path, COMMANDS, bless).map_err(Into::into);
        trials.push(Trial::test(name, run));
    }
    libtest_mimic::run(&args, trials).exit();
}

/// A test that fails if the files leave something untested.
fn coverage(
    what: &str,
    paths: &[PathBuf],
    missing: impl Fn(&[Filetest]) -> Result<Vec<String>, String> + Send + 'static,
) -> Trial {
    let paths = paths.to_vec();
    let message = format!("{what} that no filetest tests");
    Trial::test(format!("coverage/{what}"), move || {
        let read = |path: &PathBuf| {
            let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
            Filetest::read(&text).map_err(|error| format!("{}: {error}", path.display()))
        };
        let files: Vec<Filetest> = paths.iter().map(read).collect::<Result<_, String>>()?;
        let missing = missing(&files)?;
        match missing.is_empty() {
            true => Ok(()),
            false => Err(format!("{message}:\n    {}", missing.join("\n    ")).into()),
        }
    })
}

/// The ops that no `test run` evaluates.
fn ops_without_test(files: &[Filetest]) -> Vec<String> {
    let runs = files.iter().filter(|file| file.command == "run");
    let code: String = runs.flat_map(|file| &file.cases).map(|case| case.code()).collect();
    let used = |op: &&Op| {
        let mut words = code.split_whitespace();
        words.any(|word| word.split('.').next() == Some(op.mnemonic()))
    };
    let missing = Op::ALL.iter().filter(|op| !used(op));
    missing.map(|op| op.mnemonic().to_owned()).collect()
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
