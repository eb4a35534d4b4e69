//! The rules of integers, proved by the SMT solver `z3` for types of 8 to 64 bits.
//!
//! Where there is no solver the test is ignored, and says so; `.ci/run` installs one.
//!
//! Not here: what is asked (`jitgen-core/src/opt/fold/smt.rs`), eight bits on all operands (the tests of
//! that folder).

use jitgen_core::opt::questions;
use libtest_mimic::{Arguments, Failed, Trial};
use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::{env, fs, process};

/// How long the solver may think about one question.
const SECONDS: u32 = 60;

fn main() {
    let args = Arguments::from_args();
    let version = Command::new("z3").arg("--version").stdout(Stdio::null()).status();
    let solver = version.is_ok_and(|status| status.success());
    if !solver {
        eprintln!("NOT PROVED: there is no solver `z3` (Debian: apt-get install z3)");
    }
    let trial = Trial::test("every_row_is_proved_at_all_widths", prove);
    libtest_mimic::run(&args, vec![trial.with_ignored_flag(!solver)]).exit();
}

fn prove() -> Result<(), Failed> {
    let questions = questions();
    let mut script = format!("(set-option :timeout {})\n", SECONDS * 1000);
    for (_, text) in &questions {
        // Products are compared as polynomials before their bits are.
        let ask = "(check-sat-using (then (using-params simplify :som true) smt))";
        let _ = writeln!(script, "(push)\n{text}{ask}\n(pop)");
    }
    let path = env::temp_dir().join(format!("jitgen_rules_{}.smt2", process::id()));
    fs::write(&path, script)?;
    let output = Command::new("z3").arg("-smt2").arg(&path).output()?;
    fs::remove_file(&path)?;
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    let answers: Vec<&str> = output.lines().collect();
    if answers.len() != questions.len() {
        return Err(format!("the solver has answered something else:\n{output}").into());
    }
    let wrong = questions.iter().zip(&answers).filter(|(_, answer)| **answer != "unsat");
    let wrong: Vec<String> = wrong.map(|((name, _), answer)| format!("{answer}: {name}")).collect();
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(format!("not proved:\n{}", wrong.join("\n")).into()),
    }
}
