//! What the optimizer costs, beside what Cranelift takes for what it leaves.
//!
//! `cargo bench --bench optimizer` takes the traces that the kernels of the register machine and the
//! stack machine record, the trees that are made of them, and generated loops of a register machine of
//! 100, 1,000 and 10,000 operations; `-- register/int` those whose name contains it. For each it prints
//! the operations before and after, the time of the optimizer, that of Cranelift with lowering, and the
//! ratio. Both take turns, on one thread, and the minimum of the rounds counts. Before a bridge the
//! optimizer walks the way to it, which has so many operations.
//! `-- run register/int_sum 50` optimizes these so often and does nothing else: for a profiler.
//! To compare two versions of the optimizer, `-- save FILE` writes all the traces to a file. With
//! `JITGEN_TRACES=FILE` they are taken from there, so they are the same ones, and `-- print` says what
//! they become.
//!
//! A kernel's traces are read from its log, so what was loaded while they were recorded is not known:
//! no word of a tree is pinned.
//!
//! Not here: what the code is worth (`benches/interpreters.rs`).

#[allow(dead_code, reason = "the rest is for the tests")]
#[path = "../tests/interpreters/register/mod.rs"]
mod register;
#[allow(dead_code, reason = "the rest is for the tests")]
#[path = "../tests/interpreters/stack_machine/mod.rs"]
mod stack_machine;

use jitgen::modes;
use jitgen_core::backend::{Compiler, Options, Symbols};
use jitgen_core::ir::{Trace, parse};
use jitgen_core::opt::{Optimized, Passes, optimize, optimize_behind};
use oorandom::Rand32;
use std::fmt::Write;
use std::hint::black_box;
use std::ops::Range;
use std::time::{Duration, Instant};
use std::{env, fs};

/// Each trace is optimized and compiled for so long, and at least so often.
const PATIENCE: Duration = Duration::from_millis(60);
const MIN_ROUNDS: u32 = 5;

/// How the kernels are run: as ever, but with all that is compiled in the log.
const SETTINGS: &str = "background=off,log=trace";

/// How many operations the generated traces have.
const LENGTHS: [usize; 3] = [100, 1_000, 10_000];

/// What generated programs have in which registers.
const INTS: Range<u32> = 0..16;
const BOOLS: Range<u32> = 16..18;
const ARRAYS: Range<u32> = 18..24;

struct Case {
    name: String,
    trace: Trace,
    /// To a bridge.
    way: Option<Trace>,
}

impl Case {
    fn optimize(&self) -> Optimized {
        match &self.way {
            Some(way) => optimize_behind(way, &self.trace, Passes::ALL),
            None => optimize(&self.trace, Passes::ALL),
        }
    }
}

fn main() {
    let words: Vec<String> = env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    match &words[..] {
        [run, name, times] if run == "run" => {
            let times: u32 = times.parse().expect("a number of times");
            for case in cases(name) {
                (0..times).for_each(|_| drop(black_box(case.optimize())));
            }
        }
        [print] if print == "print" => {
            cases("").iter().for_each(|case| println!("{}", case.optimize().trace));
        }
        [save, file] if save == "save" => {
            let cases = cases("");
            let traces = cases.iter().flat_map(|case| case.way.iter().chain([&case.trace]));
            let text: String = traces.map(|trace| format!("{trace}\n")).collect();
            fs::write(file, text).expect("the file can be written");
        }
        _ => table(&cases(words.first().map_or("", String::as_str))),
    }
}

fn table(cases: &[Case]) {
    let mut compiler = Compiler::new(&Options::default()).expect("Cranelift knows the machine");
    println!(
        "{:34} {:>6} {:>6} {:>6} {:>11} {:>9} {:>11} {:>6}",
        "trace", "way", "ops", "after", "optimizer", "per op", "Cranelift", "ratio"
    );
    let (mut ratios, mut total) = (vec![], (Duration::ZERO, Duration::ZERO));
    for case in cases {
        let Case { name, trace, way } = case;
        let (optimizer, cranelift, after) = times(&mut compiler, case);
        let (ops, ratio) = (trace.inst_count(), optimizer.as_secs_f64() / cranelift.as_secs_f64());
        let way = way.as_ref().map_or(0, Trace::inst_count);
        let per_op = optimizer.as_nanos() as f64 / (way + ops) as f64;
        println!(
            "{name:34} {way:>6} {ops:>6} {after:>6} {:>8.1} µs {per_op:>6.0} ns {:>8.1} µs {ratio:>6.2}",
            optimizer.as_nanos() as f64 / 1e3,
            cranelift.as_nanos() as f64 / 1e3,
        );
        ratios.push(ratio);
        total = (total.0 + optimizer, total.1 + cranelift);
    }
    let mean = (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp();
    let all = total.0.as_secs_f64() / total.1.as_secs_f64();
    println!(
        "{} traces: geometric mean of the ratios {mean:.2}, of all time {all:.2}",
        ratios.len()
    );
}

/// Every function is at one address: the code is not run.
struct Nowhere;

impl Symbols for Nowhere {
    fn address(&self, _: &str) -> Option<usize> {
        Some(0x1000)
    }
}

/// The least time of the optimizer and of Cranelift, and the operations left.
fn times(compiler: &mut Compiler, case: &Case) -> (Duration, Duration, usize) {
    let (mut optimizer, mut cranelift) = (Duration::MAX, Duration::MAX);
    let (mut after, start) = (0, Instant::now());
    for round in 0.. {
        let begin = Instant::now();
        let optimized = black_box(case.optimize()).trace;
        optimizer = optimizer.min(begin.elapsed());
        after = optimized.inst_count();
        let code = compiler.compile(&optimized, &Nowhere, 0).expect("it can be compiled");
        let timings = code.timings();
        cranelift = cranelift.min(timings.lowering + timings.cranelift);
        if round >= MIN_ROUNDS && start.elapsed() > PATIENCE {
            break;
        }
    }
    (optimizer, cranelift, after)
}

/// The traces whose names contain `only`.
fn cases(only: &str) -> Vec<Case> {
    let Some(file) = env::var_os("JITGEN_TRACES") else { return recorded(only) };
    let text = fs::read_to_string(file).expect("the file can be read");
    let traces = parse(&text).unwrap_or_else(|error| panic!("{error}"));
    of_traces("saved", traces).filter(|case| case.name.contains(only)).collect()
}

/// These traces; before bridges there are the ways to them.
fn of_traces(origin: &str, traces: Vec<Trace>) -> impl Iterator<Item = Case> {
    let mut way = None;
    traces.into_iter().enumerate().filter_map(move |(k, trace)| {
        if trace.name.ends_with(".way") {
            way = Some(trace);
            return None;
        }
        let what = match &way {
            Some(_) => " bridge",
            None if trace.blocks.len() > 1 => " tree",
            None => "",
        };
        Some(Case { name: format!("{origin}#{k}{what}"), trace, way: way.take() })
    })
}

/// What the kernels record, and the generated traces.
fn recorded(only: &str) -> Vec<Case> {
    let mut cases = vec![];
    let mut add = |kernel: String, run: &(dyn Fn() + Sync)| {
        if kernel.contains(only) {
            cases.extend(of_traces(&kernel, modes::recorded_with_ways(SETTINGS, run)));
        }
    };
    for kernel in register::kernels::KERNELS {
        add(format!("register/{}", kernel.name), &|| {
            drop(register::kernels::outcome(&(kernel.program)(kernel.large)));
        });
    }
    for kernel in stack_machine::kernels::KERNELS {
        add(format!("stack_machine/{}", kernel.name), &|| {
            drop(stack_machine::kernels::outcome(&(kernel.program)(kernel.large)));
        });
    }
    let generated = LENGTHS.map(|ops| (format!("generated/{ops}"), ops));
    for (name, ops) in generated.into_iter().filter(|(name, _)| name.contains(only)) {
        cases.push(Case { name, trace: Generator::new().trace(ops), way: None });
    }
    cases
}

/// A loop of a register machine, as the register machine of the tests records it: values are a tag and
/// a word in a frame, arrays are objects.
struct Generator {
    random: Rand32,
    text: String,
    next: usize,
    ops: usize,
    /// Where a register is, if it has been used.
    addresses: [Option<usize>; 24],
}

impl Generator {
    fn new() -> Generator {
        let (random, text) = (Rand32::new(1), String::new());
        Generator { random, text, next: 2, ops: 0, addresses: [None; 24] }
    }

    /// A trace of about so many operations.
    fn trace(mut self, ops: usize) -> Trace {
        // Frame and length of the registers.
        let (frame, length) = (self.op("load_owned.ptr v0+8 @9"), self.op("load.i64 v0+16 @10"));
        let mut exits = String::new();
        for number in 0.. {
            if self.ops >= ops {
                break;
            }
            self.instruction(number, frame, length);
            _ = writeln!(exits, "exit{number}: resume {number} [v0, v1]");
        }
        let Generator { text, .. } = self;
        let text =
            format!("trace @generated {{\nb0(v0: ptr, v1: i64):\n{text}jump b0(v0, v1)\n{exits}}}");
        parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}")).remove(0)
    }

    fn instruction(&mut self, exit: usize, frame: usize, length: usize) {
        let kind = self.random.rand_range(0..10);
        let mut register = |of| self.register(of, exit, frame, length);
        let (a, b, to) = (register(INTS), register(INTS), register(INTS));
        match kind {
            // to = a op b
            0..5 => {
                let op = ["add", "add", "mul", "and", "or"][kind as usize];
                let (x, y) = (self.read(exit, a, 2), self.read(exit, b, 2));
                let result = self.op(&format!("{op}.i64 v{x}, v{y}"));
                self.write(to, 2, result);
            }
            // to = a < limit, and a branch, always the same way: no trace contradicts itself
            5..7 => {
                let x = self.read(exit, a, 2);
                let less = self.op(&format!("lt_s.i64 v{x}, 1000000"));
                let byte = self.op(&format!("zext.i8 v{less}"));
                let word = self.op(&format!("zext.i64 v{byte}"));
                let to = self.register(BOOLS, exit, frame, length);
                self.write(to, 1, word);
                self.effect(&format!("guard v{less} else exit{exit}"));
            }
            // to = a[b], or a[b] = to
            _ => {
                let array = self.register(ARRAYS, exit, frame, length);
                let (object, index) = (self.read(exit, array, 5), self.read(exit, b, 2));
                let object = self.op(&format!("bitcast.ptr v{object}"));
                let elements = self.op(&format!("load_owned.ptr v{object}+16 @20"));
                let count = self.op(&format!("load.i64 v{object}+24 @21"));
                let inside = self.op(&format!("lt_u.i64 v{index}, v{count}"));
                self.effect(&format!("guard v{inside} else exit{exit}"));
                let distance = self.op(&format!("mul.i64 v{index}, 16"));
                let element = self.op(&format!("ptr_add v{elements}, v{distance}"));
                if kind < 9 {
                    let tag = self.op(&format!("load.i8 v{element}+0 @22"));
                    let is_int = self.op(&format!("eq.i8 v{tag}, 2"));
                    self.effect(&format!("guard v{is_int} else exit{exit}"));
                    let word = self.op(&format!("load.i64 v{element}+8 @23"));
                    self.write(to, 2, word);
                } else {
                    let word = self.read(exit, to, 2);
                    self.effect(&format!("store.i8 v{element}+0 @22, 2"));
                    self.effect(&format!("store.i64 v{element}+8 @23, v{word}"));
                }
            }
        }
    }

    /// The address of one of these registers; its number is checked once.
    fn register(&mut self, of: Range<u32>, exit: usize, frame: usize, length: usize) -> usize {
        let number = self.random.rand_range(of) as usize;
        if let Some(known) = self.addresses[number] {
            return known;
        }
        let index = self.op(&format!("add.i64 v1, {number}"));
        let inside = self.op(&format!("lt_u.i64 v{index}, v{length}"));
        self.effect(&format!("guard v{inside} else exit{exit}"));
        let distance = self.op(&format!("mul.i64 v{index}, 16"));
        let address = self.op(&format!("ptr_add v{frame}, v{distance}"));
        self.addresses[number] = Some(address);
        address
    }

    /// A register's word, if it has that tag.
    fn read(&mut self, exit: usize, register: usize, tag: u8) -> usize {
        let found = self.op(&format!("load.i8 v{register}+0 @11"));
        let same = self.op(&format!("eq.i8 v{found}, {tag}"));
        self.effect(&format!("guard v{same} else exit{exit}"));
        self.op(&format!("load.i64 v{register}+8 @12"))
    }

    fn write(&mut self, register: usize, tag: u8, word: usize) {
        self.effect(&format!("store.i8 v{register}+0 @11, {tag}"));
        self.effect(&format!("store.i64 v{register}+8 @12, v{word}"));
    }

    fn op(&mut self, what: &str) -> usize {
        let value = self.next;
        self.next += 1;
        self.effect(&format!("v{value} = {what}"));
        value
    }

    fn effect(&mut self, what: &str) {
        self.ops += 1;
        _ = writeln!(self.text, "    {what}");
    }
}
