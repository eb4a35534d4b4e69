//! The command line: `bf [OPTIONS] FILE`.
//!
//! Read the file, parse it, run it, write out what is buffered, and only then report what failed.
//!
//! Invariants: `output-first` (everything the program wrote precedes the error message),
//! `one-line-per-failure` (messages go to stderr as `bf: ...`, never as a panic),
//! `exit-says-what` (see [`Failure::exit_code`]).
//! Not here: the language itself (`lib.rs`).

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;
use std::{fmt, fs};

use bf::{Eof, Error, Machine, Options, Problem, SyntaxError};
use clap::{Parser, ValueEnum};

/// Run a brainf*** program
#[derive(Parser)]
#[command(version, after_help = EXIT_CODES)]
struct Args {
    /// The program; bytes that are no commands are comments
    file: PathBuf,
    /// What `,` stores at the end of the input
    #[arg(long, value_enum, default_value = "0")]
    eof: EofArg,
    /// Largest number of cells, at most 64G; K, M and G multiply by 1024
    #[arg(long, value_name = "CELLS", default_value = "256M", value_parser = parse_cells)]
    tape_limit: usize,
    /// Compile hot loops to machine code
    #[arg(long, value_enum, default_value = "on")]
    jit: Switch,
    /// Print statistics of the JIT as JSON on stderr at the end
    #[arg(long)]
    stats: bool,
    /// Print a line on stderr for each event of the JIT
    #[arg(long)]
    log: bool,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  the program ran to its end
  1  the program failed: it left the tape
  2  the command line is wrong
  3  FILE cannot be read or its brackets do not match
  4  input or output failed";

/// The largest accepted tape limit.
const MOST_CELLS: usize = 64 << 30;

#[derive(Clone, Copy, ValueEnum)]
enum EofArg {
    #[value(name = "0", help = "zero")]
    Zero,
    #[value(name = "255", help = "minus one")]
    MinusOne,
    #[value(help = "nothing, the cell keeps its value")]
    Unchanged,
}

#[derive(Clone, Copy, ValueEnum)]
enum Switch {
    Off,
    On,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if let Err(message) = configure_jit(args.jit, args.log) {
        report(format_args!("bf: {message}"));
        return ExitCode::from(2);
    }
    let outcome = run_file(&args);
    if args.stats {
        report(format_args!("{}", jitgen_core::statistics().to_json()));
    }
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(&args, &failure);
            failure.exit_code()
        }
    }
}

/// Applies `--jit` and `--log` on top of what the environment says (`JITGEN`).
fn configure_jit(jit: Switch, log: bool) -> Result<(), String> {
    let mut config = jitgen_core::Config::from_env().map_err(|error| error.to_string())?;
    config.jit &= matches!(jit, Switch::On);
    config.log.events |= log;
    config.event_sink = Some(Box::new(|line| report(format_args!("{line}"))));
    jitgen_core::configure(config).map_err(|error| error.to_string())
}

fn run_file(args: &Args) -> Result<(), Failure> {
    let source = fs::read(&args.file).map_err(Failure::Source)?;
    let program = Rc::new(bf::parse(&source).map_err(Failure::Syntax)?);
    drop(source);
    let mut machine = Machine::new(machine_options(args), io::stdin(), io::stdout());
    let outcome = bf::run(&program, &mut machine);
    if let Err(error @ Error { problem: Problem::Output(_), .. }) = outcome {
        // Writing the rest would only fail again.
        return Err(Failure::Run(error));
    }
    let flushed = machine.flush().map_err(Failure::Flush);
    if let (Err(_), Err(failure)) = (outcome, &flushed) {
        complain(args, failure);
    }
    outcome.map_err(Failure::Run).and(flushed)
}

fn machine_options(args: &Args) -> Options {
    let eof = match args.eof {
        EofArg::Zero => Eof::Zero,
        EofArg::MinusOne => Eof::MinusOne,
        EofArg::Unchanged => Eof::Unchanged,
    };
    Options { tape_limit: args.tape_limit, eof, flush_lines: io::stdout().is_terminal() }
}

/// Why no run came to its end.
enum Failure {
    Source(io::Error),
    Syntax(SyntaxError),
    Run(Error),
    Flush(Problem),
}

impl Failure {
    fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Failure::Source(_) | Failure::Syntax(_) => 3,
            Failure::Run(error) => match error.problem {
                Problem::LeftEdge | Problem::TapeLimit { .. } | Problem::OutOfMemory { .. } => 1,
                Problem::Input(_) | Problem::Output(_) => 4,
            },
            Failure::Flush(_) => 4,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Source(error) => write!(f, "cannot read the program: {error}"),
            Failure::Syntax(error) => error.fmt(f),
            Failure::Run(error) => error.fmt(f),
            Failure::Flush(problem) => problem.fmt(f),
        }
    }
}

fn complain(args: &Args, failure: &Failure) {
    report(format_args!("bf: {}: {failure}", args.file.display()));
}

/// Writes a line to stderr. Unlike `eprintln!` it does not panic when stderr is gone.
fn report(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{line}");
}

fn parse_cells(text: &str) -> Result<usize, String> {
    let (digits, unit) = match text.as_bytes().last() {
        Some(b'K' | b'k') => (&text[..text.len() - 1], 1 << 10),
        Some(b'M' | b'm') => (&text[..text.len() - 1], 1 << 20),
        Some(b'G' | b'g') => (&text[..text.len() - 1], 1 << 30),
        _ => (text, 1),
    };
    let number: usize = digits.parse().map_err(|error| format!("{error}"))?;
    match number.checked_mul(unit) {
        Some(0) => Err("the tape needs at least one cell".to_owned()),
        Some(cells) if cells <= MOST_CELLS => Ok(cells),
        _ => Err("more than 64G cells".to_owned()),
    }
}
