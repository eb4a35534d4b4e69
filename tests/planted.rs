//! Bugs that are planted one by one (`planted.txt`): the ordinary run of the random traces finds each.
//!
//! `JITGEN_PLANT=all cargo test --test planted -- --nocapture` tries all of them, in a copy of the
//! workspace under `target/planted`, and prints by which seed each is found, and when;
//! `JITGEN_PLANT=pin-not-tested,age` tries these. Without it only whether the list fits the code is
//! looked at.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// A bug.
struct Bug {
    name: String,
    file: String,
    old: Vec<String>,
    new: Vec<String>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where cargo builds. The copy has a directory of its own in it: crates of two workspaces have one name.
fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is in the target directory")
}

fn bugs() -> Vec<Bug> {
    let text = fs::read_to_string(root().join("tests/planted.txt")).expect("the list is there");
    let is_text = |line: &&str| !line.starts_with('#');
    let text: Vec<&str> = text.lines().filter(is_text).collect();
    text.split(|line| line.is_empty()).filter(|lines| !lines.is_empty()).map(bug).collect()
}

fn bug(lines: &[&str]) -> Bug {
    let name = lines[0].split(':').next().unwrap_or_default().to_owned();
    let of = |mark: char| {
        let marked = lines[2..].iter().filter_map(move |line| line.strip_prefix(mark));
        marked.map(|line| line.trim().to_owned()).collect()
    };
    Bug { name, file: lines[1].to_owned(), old: of('-'), new: of('+') }
}

impl Bug {
    /// The file with the bug, if it has the lines, once; and as it is.
    fn planted(&self, workspace: &Path) -> Result<(String, String), String> {
        let text = fs::read_to_string(workspace.join(&self.file)).expect("the file is there");
        let lines: Vec<&str> = text.lines().collect();
        let fits = |window: &&[&str]| window.iter().map(|line| line.trim()).eq(&self.old);
        let places: Vec<usize> = (0..lines.len())
            .filter(|at| lines.get(*at..at + self.old.len()).as_ref().is_some_and(fits))
            .collect();
        let [place] = places[..] else {
            let (name, file) = (&self.name, &self.file);
            return Err(format!("{name}: its lines are {} times in {file}", places.len()));
        };
        let new = self.new.iter().map(String::as_str);
        let (before, behind) = (&lines[..place], &lines[place + self.old.len()..]);
        let planted: Vec<&str> =
            before.iter().copied().chain(new).chain(behind.iter().copied()).collect();
        Ok((planted.join("\n") + "\n", text))
    }

    /// Runs the random traces with it; the line that says which seed has found it.
    fn run(&self, copy: &Path) -> Option<String> {
        let file = copy.join(&self.file);
        let (planted, text) = self.planted(copy).expect("it fits");
        fs::write(&file, planted).expect("the copy can be written");
        let mut child = Command::new(env!("CARGO"))
            .args(["test", "--test", "random_traces", "--", "--nocapture"])
            .current_dir(copy)
            .env("CARGO_TARGET_DIR", copy.with_file_name("target"))
            .stdout(Stdio::piped())
            .stderr(fs::File::create(copy.with_file_name("log")).expect("a file can be made"))
            .process_group(0)
            .spawn()
            .expect("cargo runs");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let found = lines.map_while(Result::ok).find(|line| line.starts_with("found"));
        // What fails it would make small now.
        let group = format!("-{}", child.id());
        Command::new("kill").args(["--", &group]).status().expect("kill runs");
        let ended = child.wait().expect("it ends");
        fs::write(file, text).expect("the copy can be written");
        found.or_else(|| {
            (!ended.success()).then(|| format!("not found, but {ended}: see target/planted/log"))
        })
    }
}

#[test]
fn planted_bugs_fit_the_code() {
    let misfits: Vec<String> = bugs().iter().filter_map(|bug| bug.planted(root()).err()).collect();
    assert_eq!(misfits, Vec::<String>::new(), "update tests/planted.txt");
}

#[test]
fn planted_bugs_are_found() {
    let Ok(asked) = std::env::var("JITGEN_PLANT") else { return };
    let copy = target().join("planted/workspace");
    mirror(root(), &copy);
    let mut missed = vec![];
    let is_asked = |bug: &Bug| asked == "all" || asked.split(',').any(|name| name == bug.name);
    for bug in bugs().into_iter().filter(is_asked) {
        let begin = Instant::now();
        let found = bug.run(&copy);
        let line = found.clone().unwrap_or_else(|| "not found".to_owned());
        println!("{:24} {line} ({:.0} s with the build)", bug.name, begin.elapsed().as_secs_f32());
        if !found.is_some_and(|line| line.starts_with("found")) {
            missed.push(bug.name);
        }
    }
    assert_eq!(missed, Vec::<String>::new(), "the random traces do not find these");
}

/// Copies what has changed.
fn mirror(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory can be made");
    for entry in fs::read_dir(from).expect("it is a directory") {
        let path: PathBuf = entry.expect("it can be read").path();
        let name = path.file_name().expect("an entry has a name");
        if name == "target" || name == ".git" {
            continue;
        }
        let target = to.join(name);
        if path.is_dir() {
            mirror(&path, &target);
        } else if fs::read(&path).ok() != fs::read(&target).ok() {
            fs::copy(&path, target).expect("it can be copied");
        }
    }
}
