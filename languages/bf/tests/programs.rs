//! Every program of `programs/` against what it should print.
//!
//! `tests/programs/bf/NAME.expected` holds the output, or `NAME.digest` its length and hash if it is
//! long; `NAME.input` is what the program reads. They were calculated without bf.
//!
//! Invariants: `every-program-is-tested` (a program without expectation fails).
//! Not here: errors and options (`cli.rs`).

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Programs that run for a second or more; too slow for an interpreter that is not optimized.
const LONG: [&str; 4] = ["multiply", "nested_loops", "output", "rule30"];

fn expectation(name: &str, extension: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/programs/bf");
    root.join(name).with_extension(extension)
}

fn check(name: &str) {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("programs").join(name);
    let input = File::open(expectation(name, "input")).map_or(Stdio::null(), Stdio::from);
    let mut command = Command::new(env!("CARGO_BIN_EXE_bf"));
    let output = command.arg(program.with_extension("b")).stdin(input).output().unwrap();
    assert!(output.stderr.is_empty(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{name}: {}", output.status);
    if let Ok(digest) = fs::read_to_string(expectation(name, "digest")) {
        let length = output.stdout.len();
        let found = format!("{length} bytes fnv1a64 {:016x}\n", fnv1a64(&output.stdout));
        assert_eq!(found, digest, "{name}");
    } else {
        let expected = fs::read(expectation(name, "expected")).expect(name);
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert!(output.stdout == expected, "{name} printed\n{stdout}");
    }
}

fn fnv1a64(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

fn names() -> Vec<String> {
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("programs");
    let paths = fs::read_dir(programs).unwrap().map(|entry| entry.unwrap().path());
    paths.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn short_programs_print_what_they_should() {
    let names = names();
    assert!(LONG.iter().all(|long| names.iter().any(|name| name == long)));
    for name in names.iter().filter(|name| !LONG.contains(&name.as_str())) {
        check(name);
    }
}

#[test]
#[cfg(not(debug_assertions))]
fn long_programs_print_what_they_should() {
    LONG.into_iter().for_each(check);
}
