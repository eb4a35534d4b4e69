//! What the marks cost when an interpreter is compiled.
//!
//! ```text
//! cargo bench --bench compile_time            of all kinds of builds
//! cargo bench --bench compile_time -- check   of one kind: check, debug, release
//! ```
//!
//! A crate with several copies of the register machine of the tests is compiled as it is and less
//! its marks (`tests/support/plain.rs`), by rustc itself, on one thread, with jitgen built before.
//! The difference is divided by the lines of functions that have twins. A *traced line* is a line
//! of such a function, from its signature to its brace, that is neither blank nor a comment.
//!
//! Invariant `user-time`: what is shown is processor time of the compiler, so that a machine that
//! does something else disturbs little.
//!
//! Not here: how long recording takes (`benches/interpreters.rs`).

#[allow(dead_code, reason = "the rest is for tests and the other bench")]
#[path = "../tests/support/plain.rs"]
mod plain;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The files of the interpreter, in the order of their dependencies.
const FILES: [&str; 4] = ["value", "program", "heap", "vm"];

/// How often the interpreter is in the crate.
const COPIES: usize = 6;

/// The kinds of builds: name, profile of jitgen, flags, and how long the marks may take, in seconds
/// for each 1,000 traced lines.
const KINDS: [(&str, &str, &[&str], f64); 3] = [
    ("check", "debug", &["--emit=metadata"], 0.4),
    ("debug", "debug", &["--emit=link", "-Cdebuginfo=2"], 0.8),
    ("release", "release", &["--emit=link", "-Copt-level=3"], 3.0),
];

fn main() {
    let only: Vec<String> = env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from);
    let folder = target.join("compile_time");
    fs::create_dir_all(&folder).expect("the target folder can be written");
    let sources = FILES.map(|name| {
        let path = root.join(format!("tests/interpreters/register/{name}.rs"));
        fs::read_to_string(path).expect("the interpreter can be read")
    });
    let traced = COPIES * sources.iter().map(|text| traced_lines(text)).sum::<usize>();
    let marked = crate_of(&sources);
    let plain = crate_of(&sources.clone().map(|text| plain::strip(&text)));
    println!("{COPIES} copies of the register machine, {traced} traced lines; user time");
    println!(
        "{:8} {:>8} {:>8} {:>14} {:>9}   size of the library",
        "", "plain", "marked", "added/1,000", "at most"
    );
    for (name, profile, flags, limit) in KINDS {
        if !only.is_empty() && !only.iter().any(|one| one == name) {
            continue;
        }
        dependencies(root, &target, profile);
        let build =
            |what: &str, text: &str| compile(&folder, &target.join(profile), what, text, flags);
        let (without, small) = build("plain", &plain);
        let (with, large) = build("marked", &marked);
        let added = (with - without) * 1000.0 / traced as f64;
        println!(
            "{name:8} {without:>6.2} s {with:>6.2} s {added:>12.2} s {limit:>7.1} s   {:.1} MB, {:.1} MB",
            small as f64 / 1e6,
            large as f64 / 1e6,
        );
    }
}

/// The text of a crate with so many copies of the interpreter.
fn crate_of(sources: &[String; 4]) -> String {
    let modules = FILES.iter().zip(sources).map(|(name, text)| {
        let body = text.lines().filter(|line| !line.starts_with("//!"));
        format!("pub mod {name} {{\n{}\n}}\n", body.collect::<Vec<_>>().join("\n"))
    });
    let interpreter: String = modules.collect();
    (0..COPIES).map(|copy| format!("pub mod copy{copy} {{\n{interpreter}}}\n")).collect()
}

/// How many lines of functions have twins, in a file as rustfmt leaves it.
fn traced_lines(text: &str) -> usize {
    let (mut count, mut marks) = (0, Vec::new());
    // What is open: how far an `impl` and a function are indented, and whether they are traced.
    let (mut whole, mut function): (Option<bool>, Option<(String, bool)>) = (None, None);
    for line in text.lines() {
        let (code, indent) = (line.trim(), &line[..line.len() - line.trim_start().len()]);
        if code.is_empty() || code.starts_with("//") {
            continue;
        }
        if let Some((brace, traced)) = &function {
            count += usize::from(*traced);
            if line == brace {
                function = None;
            }
            continue;
        }
        let has = |name: &str| marks.iter().any(|mark: &String| mark.contains(name));
        let is_function = ["fn ", "pub fn "].iter().any(|start| code.starts_with(start));
        if code.starts_with("#[") {
            marks.push(code.to_owned());
            continue;
        } else if line.starts_with("impl ") {
            whole = Some(has("[traced"));
        } else if line == "}" {
            whole = None;
        } else if is_function {
            let marked = has("[traced") || has("[portal") || whole == Some(true);
            let traced = marked && !has("[residual");
            count += usize::from(traced);
            function = Some((format!("{indent}}}"), traced));
        }
        marks.clear();
    }
    count
}

/// Builds jitgen, if it is not there yet.
fn dependencies(root: &Path, target: &Path, profile: &str) {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--offline", "-p", "jitgen-core"]).current_dir(root);
    cargo.arg("--target-dir").arg(target);
    if profile == "release" {
        cargo.arg("--release");
    }
    assert!(cargo.status().expect("cargo can be run").success(), "jitgen does not build");
}

/// Compiles a crate; how long that took, and how large it is.
fn compile(folder: &Path, built: &Path, name: &str, text: &str, flags: &[&str]) -> (f64, u64) {
    let source = folder.join(format!("{name}.rs"));
    fs::write(&source, text).expect("the source can be written");
    let output = folder.join(format!("lib{name}.out"));
    let mut extern_core = std::ffi::OsString::from("jitgen_core=");
    extern_core.push(built.join("libjitgen_core.rlib"));
    let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or("rustc".into()));
    rustc.args(["--edition=2024", "--crate-type=lib", "--cap-lints=allow"]);
    rustc.args(flags).arg("--extern").arg(extern_core);
    rustc.arg("-L").arg({
        let mut path = std::ffi::OsString::from("dependency=");
        path.push(built.join("deps"));
        path
    });
    rustc.arg("-o").arg(&output).arg(&source);
    let before = children();
    assert!(rustc.status().expect("rustc can be run").success(), "{name} does not compile");
    let size = fs::metadata(&output).map_or(0, |file| file.len());
    (children() - before, size)
}

/// The processor time in user mode of the processes that this one has started and that have ended.
fn children() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("the system counts time");
    // Behind the name of the process, which is in parentheses: field 16 of all, in 1/100 s.
    let fields = stat.rsplit(')').next().expect("there are fields");
    let ticks = fields.split_whitespace().nth(13).expect("there are as many fields");
    ticks.parse::<f64>().expect("it is a number") / 100.0
}
