//! The filetest format: cases with expectations that can be rewritten in place.
//!
//! ```text
//! test verify
//!
//! ;; A comment for people, kept.
//! trace @bad {
//! b0():
//!     leave exit0
//! }
//! ; ids in b0 at its end: there is no exit0
//! ```
//!
//! The first line names the command. A case begins at each line `trace …`; its lines that begin
//! with one `;` are the expectation. A command turns a case into the lines that are right; where
//! they differ the test fails, or, with `JITGEN_BLESS=1`, the file is rewritten.
//!
//! Not here: what the commands do (`parse`, `verify`, `run`, …).

use jitgen_core::ir::{Trace, parse, verify};
use similar::TextDiff;
use std::fs;
use std::path::Path;

/// A file of cases.
#[derive(Debug)]
pub struct Filetest {
    /// The word after `test`.
    pub command: String,
    /// The words after it.
    pub options: Vec<String>,
    /// The lines before the first case, the header among them.
    preamble: Vec<String>,
    /// The cases.
    pub cases: Vec<Case>,
}

/// A trace and what is expected of it.
#[derive(Debug)]
pub struct Case {
    /// All lines, the expectation included.
    lines: Vec<String>,
}

/// Turns a case into the expectation that is right, or says what is wrong with the case itself.
pub type Command = fn(&Filetest, &Case) -> Result<Vec<String>, String>;

impl Case {
    /// The text from the line `trace …` on, without the expectation.
    pub fn text(&self) -> String {
        let lines = self.lines.iter().skip_while(|line| line.starts_with(";;"));
        let lines = lines.filter(|line| !is_expectation(line));
        let text: String = lines.map(|line| format!("{line}\n")).collect();
        format!("{}\n", text.trim_end())
    }

    /// The line `trace …`.
    fn first_line(&self) -> String {
        self.text().lines().next().unwrap_or("").to_owned()
    }

    /// The expectation's lines without their `; `.
    pub fn expectation(&self) -> Vec<String> {
        let lines = self.lines.iter().filter(|line| is_expectation(line));
        lines.map(|line| line[1..].strip_prefix(' ').unwrap_or(&line[1..]).to_owned()).collect()
    }

    /// The lines that are neither expectation nor comment nor blank.
    pub fn code(&self) -> String {
        let lines = self.lines.iter().filter(|line| is_code(line));
        lines.map(|line| format!("{line}\n")).collect()
    }

    /// The trace; it must parse, verify and print as something that parses as the same.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn trace(&self) -> Result<Trace, String> {
        let mut traces = parse(&self.text()).map_err(|error| format!("line {error}"))?;
        let trace = traces.pop().ok_or("there is no trace")?;
        check_well_formed(&trace)?;
        Ok(trace)
    }

    /// The case with another expectation, placed behind the code.
    fn with_expectation(&self, expectation: &[String]) -> Vec<String> {
        let mut lines: Vec<String> = vec![];
        let last = self.lines.iter().rposition(|line| is_code(line));
        for (index, line) in self.lines.iter().enumerate() {
            if !is_expectation(line) {
                lines.push(line.clone());
            }
            if Some(index) == last {
                let comment = |line: &String| format!("; {line}").trim_end().to_owned();
                lines.extend(expectation.iter().map(comment));
            }
        }
        lines
    }
}

/// Does `trace` verify, and does its text read back as the same trace?
///
/// # Errors
/// The violations, or the difference.
pub fn check_well_formed(trace: &Trace) -> Result<(), String> {
    let violations = verify(trace);
    if !violations.is_empty() {
        let lines = violations.iter().map(crate::verify::violation_text(trace));
        let lines: Vec<_> = lines.collect();
        return Err(format!("{trace}does not verify:\n{}", lines.join("\n")));
    }
    let text = trace.to_string();
    let again = parse(&text).map_err(|error| format!("{text}does not parse: {error}"))?;
    let again: String = again.iter().map(Trace::to_string).collect();
    if again != text {
        return Err(format!("text changes:\n{}", diff(&text, &again)));
    }
    Ok(())
}

fn is_expectation(line: &str) -> bool {
    line.starts_with(';') && !line.starts_with(";;")
}

fn is_code(line: &str) -> bool {
    !line.starts_with(';') && !line.trim().is_empty()
}

impl Filetest {
    /// Reads a file's text.
    ///
    /// # Errors
    /// If the first line is not a header.
    pub fn read(text: &str) -> Result<Filetest, String> {
        let mut words = text.lines().next().unwrap_or("").split_whitespace();
        let (Some("test"), Some(command)) = (words.next(), words.next()) else {
            return Err("the first line must be `test <command> [options]`".to_owned());
        };
        let mut file = Filetest {
            command: command.to_owned(),
            options: words.map(str::to_owned).collect(),
            preamble: vec![],
            cases: vec![],
        };
        // Comments for people stand above their case.
        let mut pending: Vec<String> = vec![];
        for line in text.lines() {
            if line.starts_with(";;") {
                pending.push(line.to_owned());
                continue;
            }
            if line.starts_with("trace ") {
                file.cases.push(Case { lines: vec![] });
            }
            let lines = match file.cases.last_mut() {
                Some(case) => &mut case.lines,
                None => &mut file.preamble,
            };
            lines.append(&mut pending);
            lines.push(line.to_owned());
        }
        match file.cases.last_mut() {
            Some(case) => case.lines.append(&mut pending),
            None => file.preamble.append(&mut pending),
        }
        Ok(file)
    }

    /// The value of option `key=value`.
    pub fn option(&self, key: &str) -> Option<&str> {
        let mut options = self.options.iter();
        options.find_map(|option| option.strip_prefix(key)?.strip_prefix('='))
    }
}

/// Runs the file at `path`; with `bless` it rewrites the expectations instead of failing.
///
/// # Errors
/// What is wrong, with the difference.
pub fn check(path: &Path, commands: &[(&str, Command)], bless: bool) -> Result<(), String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let file = Filetest::read(&text)?;
    let Some((_, command)) = commands.iter().find(|(name, _)| *name == file.command) else {
        return Err(format!("there is no command `test {}`", file.command));
    };
    if file.cases.is_empty() {
        return Err("there is no case in this file".to_owned());
    }
    let mut lines = file.preamble.clone();
    for case in &file.cases {
        let expectation =
            command(&file, case).map_err(|error| format!("{}\n{error}", case.first_line()))?;
        lines.extend(case.with_expectation(&expectation));
    }
    let right = format!("{}\n", lines.join("\n").trim_end());
    if right == text {
        return Ok(());
    }
    if bless {
        return fs::write(path, right).map_err(|error| error.to_string());
    }
    Err(format!(
        "{}\nIf the new text is right: JITGEN_BLESS=1 cargo test --test filetests",
        diff(&text, &right)
    ))
}

/// A unified diff.
pub fn diff(old: &str, new: &str) -> String {
    let diff = TextDiff::from_lines(old, new);
    diff.unified_diff().header("expected", "is").to_string()
}
