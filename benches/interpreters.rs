//! The three interpreters of the tests: without the macro, with the macro and the JIT off, and with
//! the JIT; in turn, so that the ratios stand even where the machine is noisy.
//!
//! `cargo bench --bench interpreters` runs all kernels; `-- register/int` those whose name contains
//! it. `-- native` adds the same kernels in Rust, and how long a run takes when all code is there
//! (`steady`, the fastest of the last of many runs); `-- lines` tells how many lines annotating has
//! cost. A figure is the minimum of the rounds. `-- run register/int_sum jit` is one run by itself
//! (`plain`, `off`, `jit`, `native` or `steady`), which prints its nanoseconds: for a profiler.
//!
//! Every run has a process of its own. In one process a run begins with the memory that the run
//! before has left to the allocator, and a guest that fills a large vector takes half or twice the
//! time because of that.
//!
//! The plain interpreters are the annotated ones less their marks; `build.rs` makes them.

#[allow(dead_code, reason = "the rest is for the tests")]
#[path = "../tests/interpreters/register/mod.rs"]
mod register;
#[allow(dead_code, reason = "the rest is for the tests")]
#[path = "../tests/interpreters/stack_machine/mod.rs"]
mod stack_machine;
#[allow(dead_code, reason = "the rest is for the tests")]
#[path = "../tests/interpreters/tree/mod.rs"]
mod tree;

#[allow(dead_code, reason = "the rest is for the tests")]
#[allow(unused_mut, reason = "the macro takes back what is `mut`")]
mod plain {
    include!(concat!(env!("OUT_DIR"), "/plain.rs"));
}

use jitgen::plain::added_lines;
use jitgen_core::{Config, configure};
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::hint::black_box;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs};

/// Rounds of which the fastest counts.
const ROUNDS: u32 = 3;

/// How a kernel is run.
const WAYS: [&str; 5] = ["plain", "off", "jit", "native", "steady"];

/// Runs in one thread for a figure of a steady state, of which the last ones count: what is compiled
/// later may be slower than what it replaces.
const WARM: u32 = 24;
const LAST: u32 = 6;

/// One kernel.
struct Case {
    name: String,
    plain: Run,
    annotated: Run,
    native: Run,
}

/// Runs a kernel so often; gives the time of the fastest run, and what it left.
type Run = Box<dyn Fn(u32) -> Timed + Send + Sync>;

#[derive(Clone, Copy)]
struct Timed {
    time: Duration,
    /// A hash of what was left.
    outcome: u64,
}

fn timed<T: Debug>(times: u32, mut run: impl FnMut() -> T) -> Timed {
    let once = |_| {
        let start = Instant::now();
        let outcome = black_box(run());
        let time = start.elapsed();
        let mut hasher = DefaultHasher::new();
        format!("{outcome:?}").hash(&mut hasher);
        Timed { time, outcome: hasher.finish() }
    };
    let runs = (0..times).map(once).skip(times.saturating_sub(LAST) as usize);
    runs.min_by_key(|timed| timed.time).expect("it runs at least once")
}

fn cases() -> Vec<Case> {
    let mut cases = vec![];
    let kernels = register::kernels::KERNELS.iter().zip(plain::register::kernels::KERNELS);
    for (kernel, plain) in kernels {
        let size = kernel.large;
        cases.push(Case {
            name: format!("register/{}", kernel.name),
            plain: Box::new(move |times| {
                let program = (plain.program)(size);
                timed(times, || plain::register::kernels::outcome(&program))
            }),
            annotated: Box::new(move |times| {
                let program = (kernel.program)(size);
                timed(times, || register::kernels::outcome(&program))
            }),
            native: Box::new(move |times| timed(times, || (kernel.native)(black_box(size)))),
        });
    }
    let kernels = stack_machine::kernels::KERNELS.iter();
    for (kernel, plain) in kernels.zip(plain::stack_machine::kernels::KERNELS) {
        let size = kernel.large;
        cases.push(Case {
            name: format!("stack_machine/{}", kernel.name),
            plain: Box::new(move |times| {
                let program = (plain.program)(size);
                timed(times, || plain::stack_machine::kernels::outcome(&program))
            }),
            annotated: Box::new(move |times| {
                let program = (kernel.program)(size);
                timed(times, || stack_machine::kernels::outcome(&program))
            }),
            native: Box::new(move |times| timed(times, || (kernel.native)(black_box(size)))),
        });
    }
    for (kernel, plain) in tree::kernels::KERNELS.iter().zip(plain::tree::kernels::KERNELS) {
        let size = kernel.large;
        cases.push(Case {
            name: format!("tree/{}", kernel.name),
            plain: Box::new(move |times| {
                let program = plain.program(size);
                timed(times, || plain::tree::kernels::outcome(&program))
            }),
            annotated: Box::new(move |times| {
                let program = kernel.program(size);
                timed(times, || tree::kernels::outcome(&program))
            }),
            native: Box::new(move |times| timed(times, || (kernel.native)(black_box(size)))),
        });
    }
    cases
}

/// Runs a kernel in this process, on a thread that ends with the run.
fn run(case: &Case, way: &str) -> Timed {
    let work = match way {
        "plain" => &case.plain,
        "native" => &case.native,
        _ => &case.annotated,
    };
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let mut config = Config::default();
            if matches!(way, "jit" | "steady") {
                // To look at what the JIT does: `JITGEN=log=events,stats`.
                config.apply(&env::var("JITGEN").unwrap_or_default()).expect("`JITGEN` is sound");
            } else {
                config.apply("jit=off").expect("the setting is sound");
            }
            configure(config).expect("the thread is new");
            work(if way == "steady" { WARM } else { 1 })
        });
        thread.join().expect("the kernel runs")
    })
}

/// Runs a kernel in a process of its own.
fn run_apart(case: &Case, way: &str) -> Timed {
    let program = env::current_exe().expect("the bench is a file");
    let mut command = Command::new(program);
    command.args(["run", &case.name, way]).stderr(Stdio::inherit());
    let output = command.output().expect("the system has processes");
    let text = String::from_utf8(output.stdout).expect("it prints numbers");
    let mut numbers = text.split_whitespace().map(|word| word.parse().expect("it prints numbers"));
    let mut next = || numbers.next().expect("the run has ended well");
    Timed { time: Duration::from_nanos(next()), outcome: next() }
}

fn geometric_mean(ratios: &[f64]) -> f64 {
    (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp()
}

fn compare(cases: &[Case], with_native: bool) {
    println!("whole runs, milliseconds (minimum of {ROUNDS})");
    print!("{:<32}{:>9}{:>9}{:>9}{:>11}{:>9}", "", "plain", "off", "jit", "plain/off", "off/jit");
    println!("{}", if with_native { "   native jit/native   steady   /native" } else { "" });
    let (mut off_ratios, mut jit_ratios, mut native_ratios) = (vec![], vec![], vec![]);
    let mut steady_ratios = vec![];
    for case in cases {
        let ways = &WAYS[..if with_native { 5 } else { 3 }];
        let mut best = [Duration::MAX; 5];
        let mut expected = None;
        for _ in 0..ROUNDS {
            for (best, way) in best.iter_mut().zip(ways) {
                let done = run_apart(case, way);
                *best = done.time.min(*best);
                let expected = *expected.get_or_insert(done.outcome);
                assert!(expected == done.outcome, "{}: the outcomes differ", case.name);
            }
        }
        let [plain, off, jit, native, steady] = best.map(|time| time.as_secs_f64() * 1e3);
        off_ratios.push(plain / off);
        jit_ratios.push(off / jit);
        // What Rust does in no time is no measure.
        if native >= 0.1 {
            native_ratios.push(jit / native);
            steady_ratios.push(steady / native);
        }
        print!(
            "{:<32}{plain:>9.1}{off:>9.1}{jit:>9.1}{:>10.2}x{:>8.2}x",
            case.name,
            plain / off,
            off / jit
        );
        println!(
            "{}",
            match with_native {
                true => format!(
                    "{native:>9.1}{:>10.1}x{steady:>9.1}{:>9.2}x",
                    jit / native,
                    steady / native
                ),
                false => String::new(),
            }
        );
    }
    println!(
        "geometric mean: off {:.3} of the interpreter without the macro, jit {:.2}x the interpreter",
        geometric_mean(&off_ratios),
        geometric_mean(&jit_ratios)
    );
    if with_native {
        println!(
            "                jit takes {:.1}x the time of Rust, {:.2}x in a steady state",
            geometric_mean(&native_ratios),
            geometric_mean(&steady_ratios)
        );
    }
}

/// The files of each interpreter that its author would annotate: not the guest programs.
const FILES: [(&str, &[&str]); 3] = [
    ("register", &["value", "heap", "program", "vm"]),
    ("stack_machine", &["insn", "arith", "machine", "control"]),
    ("tree", &["ast", "value", "env", "eval", "builtins", "reader", "resolver"]),
];

/// How many lines annotating has added to each interpreter; `tests/styles.rs` sets the limit.
fn lines() {
    println!("lines that annotating adds");
    for (name, files) in FILES {
        let (mut added, mut all) = (0, 0);
        for file in files {
            let path = format!("tests/interpreters/{name}/{file}.rs");
            let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
            let (more, plain) = added_lines(&text);
            added += more;
            all += plain;
        }
        let percent = added as f64 * 100.0 / all as f64;
        println!("{name:<16}{added:>5} to {all:>5}, {percent:.1} %");
    }
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let has = |word: &str| arguments.iter().any(|argument| argument == word);
    if has("lines") {
        lines();
        return;
    }
    if let [word, name, way] = arguments.as_slice()
        && word == "run"
    {
        assert!(WAYS.contains(&way.as_str()), "{way} is none of {WAYS:?}");
        let case = cases().into_iter().find(|case| case.name == *name).expect("there is the case");
        let Timed { time, outcome } = run(&case, way);
        println!("{} {outcome}", time.as_nanos());
        return;
    }
    let filters: Vec<&String> = arguments.iter().filter(|a| *a != "native").collect();
    let mut cases = cases();
    cases.retain(|case| filters.is_empty() || filters.iter().any(|f| case.name.contains(*f)));
    compare(&cases, has("native"));
}
