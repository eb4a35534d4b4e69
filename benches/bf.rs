//! bf, in one process: the interpreter without the macro, with the macro and the JIT off, and with
//! the JIT; side by side, so that the ratios stand even where the machine is noisy.
//!
//! `cargo bench --bench bf` runs all parts; `cargo bench --bench bf -- jit` those whose name
//! contains `jit`. Every run has a thread, hence a JIT, of its own. A figure is the minimum of the
//! rounds.

#[path = "plain_bf.rs"]
mod plain_bf;

use jitgen_core::{Config, Statistics, configure, statistics};
use std::hint::black_box;
use std::io::{self, Write};
use std::rc::Rc;
use std::time::{Duration, Instant};

type Interpreter = fn(&Rc<bf::Program>, &mut bf::Machine) -> Result<(), bf::Error>;

/// Output that is counted and dropped.
struct Sink;

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        black_box(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Measured {
    time: Duration,
    /// How long this thread was ready to run but had no processor.
    waited: Duration,
    statistics: Statistics,
}

/// How long this thread has been ready to run without a processor, where the system tells (Linux).
fn waited() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split(' ').nth(1).and_then(|number| number.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}

/// Runs a program in a fresh thread.
fn run(source: &[u8], interpreter: Interpreter, settings: &str, times: u32) -> Vec<Measured> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let mut config = Config::default();
            config.apply(settings).expect("the settings are sound");
            configure(config).expect("the thread is new");
            let program = Rc::new(bf::parse(source).expect("the program is well formed"));
            let mut runs = vec![];
            for _ in 0..times {
                let mut machine = bf::Machine::new(bf::Options::default(), io::empty(), Sink);
                let (start, waited) = (Instant::now(), waited());
                interpreter(&program, &mut machine).expect("the program runs");
                let time = start.elapsed();
                let waited = self::waited().saturating_sub(waited);
                runs.push(Measured { time, waited, statistics: statistics() });
            }
            runs
        });
        thread.join().expect("the program runs")
    })
}

fn once(source: &[u8], interpreter: Interpreter, settings: &str) -> Duration {
    run(source, interpreter, settings, 1)[0].time
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn source(name: &str) -> Vec<u8> {
    let path = format!("{}/languages/bf/programs/{name}.b", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn geometric_mean(ratios: &[f64]) -> f64 {
    (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp()
}

/// The programs of at least a second's interpretation.
const LONG: [&str; 4] = ["nested_loops", "multiply", "output", "rule30"];

/// JIT against the interpreter, whole runs, warm-up included.
fn jit_against_interpreter(rounds: u32) {
    println!("\njit: whole runs, milliseconds (minimum of {rounds})");
    println!("{:<14}{:>10}{:>10}{:>10}{:>9}{:>9}", "", "plain", "off", "jit", "off", "jit");
    let (mut off_ratios, mut jit_ratios) = (vec![], vec![]);
    for name in LONG {
        let source = source(name);
        let mut best = [Duration::MAX; 3];
        for _ in 0..rounds {
            best[0] = best[0].min(once(&source, plain_bf::run, "jit=off"));
            best[1] = best[1].min(once(&source, bf::run, "jit=off"));
            best[2] = best[2].min(once(&source, bf::run, ""));
        }
        let [plain, off, jit] = best.map(milliseconds);
        off_ratios.push(plain / off);
        jit_ratios.push(off / jit);
        println!(
            "{name:<14}{plain:>10.1}{off:>10.1}{jit:>10.1}{:>8.2}x{:>8.2}x",
            plain / off,
            off / jit
        );
    }
    println!(
        "geometric mean: off {:.3} of the interpreter without the macro, jit {:.1}x the interpreter",
        geometric_mean(&off_ratios),
        geometric_mean(&jit_ratios)
    );
}

/// The same program again and again in one thread: how soon is it fast?
fn warm_up() {
    println!("\nwarm-up: squares.b, the n-th run in one thread, microseconds");
    let source = source("squares");
    let off = run(&source, bf::run, "jit=off", 20);
    let jit = run(&source, bf::run, "", 20);
    for (index, (off, jit)) in off.iter().zip(&jit).enumerate() {
        if [0, 1, 2, 3, 5, 9, 19].contains(&index) {
            println!(
                "{:>4}{:>12.0} off{:>12.0} jit{:>8} traces",
                index + 1,
                off.time.as_secs_f64() * 1e6,
                jit.time.as_secs_f64() * 1e6,
                jit.statistics.loops + jit.statistics.bridges
            );
        }
    }
}

/// Two loops, one in the other, that end: about `outer` times 1 µs.
fn two_loops(outer: usize) -> String {
    format!("{}[>{}[>+>++<<-]<-]", "+".repeat(outer.min(255)), "+".repeat(200))
}

/// Many loops, one after the other, each run for long enough to be hot and not for much longer.
fn lukewarm(loops: usize, rounds: usize) -> String {
    // Each differs from its neighbours, and has an inner loop.
    let one = |index: usize| {
        let body = ["+>+<", ">++<", "+>-<", ">+>+<<", ">+<-"][index % 5];
        let outer = "+".repeat(rounds.div_ceil(100).clamp(1, 255));
        format!("{outer}[>{}[>{body}<-]<-]>>[-]>[-]<<<", "+".repeat(100))
    };
    (0..loops).map(one).collect()
}

/// Short programs: is the JIT ever slower than 10 %?
fn short_programs(rounds: u32) {
    println!("\nshort: programs of a few milliseconds, whole runs (minimum of {rounds})");
    let bundled = ["hello", "squares", "fibonacci", "sierpinski", "factorial", "primes", "sieve"];
    let bundled = bundled.map(|name| (name.to_owned(), source(name)));
    let nested = [10, 100].map(|n| (format!("two loops, {n}"), two_loops(n).into_bytes()));
    let sizes = [(50, 400), (200, 400), (50, 1500), (200, 1500), (200, 5000), (50, 20_000)];
    let lukewarm = sizes.map(|(loops, rounds)| {
        (format!("{loops} loops of {rounds}"), lukewarm(loops, rounds).into_bytes())
    });
    let mut worst = (f64::INFINITY, "none".to_owned());
    for (name, source) in bundled.iter().chain(&nested).chain(&lukewarm) {
        let mut best = [Duration::MAX; 2];
        let (mut statistics, mut waited) = (Statistics::default(), Duration::ZERO);
        for _ in 0..rounds {
            best[0] = best[0].min(once(source, bf::run, "jit=off"));
            let on = run(source, bf::run, "", 1).remove(0);
            if on.time < best[1] {
                (best[1], waited, statistics) = (on.time, on.waited, on.statistics);
            }
        }
        let [off, jit] = best.map(milliseconds);
        if (1.0..=50.0).contains(&off) && off / jit < worst.0 {
            worst = (off / jit, name.clone());
        }
        println!(
            "{name:<20}{off:>10.3} off{jit:>10.3} jit{:>8.2}x{:>8.3} ms taken, {:.3} waited, {} recorded, {} compiled",
            off / jit,
            statistics.guest_ms,
            milliseconds(waited),
            statistics.recordings,
            statistics.background,
        );
    }
    println!("worst of 1 to 50 ms: {:.2}x, {}", worst.0, worst.1);
}

/// Where the time of compiling goes, for each operation compiled.
fn compile_time() {
    println!("\ncompile: microseconds for each operation, by phase");
    println!(
        "{:<14}{:>8}{:>9}{:>9}{:>9}{:>9}{:>9}{:>8}{:>8}{:>8}",
        "", "ops", "record", "optimize", "lower", "clif", "install", "guards", "exits", "bytes"
    );
    for name in LONG {
        let runs = run(&source(name), bf::run, "", 1);
        let s = &runs[0].statistics;
        let each = |ms: f64, ops: u64| ms * 1e3 / ops.max(1) as f64;
        println!(
            "{name:<14}{:>8}{:>9.2}{:>9.2}{:>9.2}{:>9.2}{:>9.2}{:>8}{:>8}{:>8}",
            s.ops_compiled,
            each(s.record_ms, s.ops_recorded),
            each(s.optimize_ms, s.ops_recorded),
            each(s.lower_ms, s.ops_compiled),
            each(s.cranelift_ms, s.ops_compiled),
            each(s.install_ms, s.ops_compiled),
            s.guards,
            s.trace_exits,
            s.code_bytes,
        );
    }
}

/// A loop whose body goes one way, and one whose body goes two ways in turn: what a hot branch
/// costs, and what an exit costs that has no bridge.
fn branches(rounds: u32) {
    const ROUNDS: f64 = 255.0 * 255.0 * 255.0;
    println!("\nbranch: 16.6 M rounds of a loop, nanoseconds for each round (minimum of {rounds})");
    // The cells behind the counter: a flag, its opposite, two sums. Each round sets the opposite,
    // then either the flag's part runs (clearing both) or the opposite's.
    let body = |set_flag: &str| format!("[->>+<[->->+<<]>[-{set_flag}>>+<<]<<]");
    let nest = |body: &str| format!("-[>-[>-{body}<-]<-]").into_bytes();
    let straight = nest(&body(""));
    let alternating = nest(&body("<+>"));
    for (name, source, settings) in [
        ("one way", &straight, ""),
        ("two ways in turn", &alternating, ""),
        ("two ways, no bridges", &alternating, "bridge_threshold=1000000000"),
    ] {
        let mut best: Option<Measured> = None;
        for _ in 0..rounds {
            let measured = run(source, bf::run, settings, 1).remove(0);
            if best.as_ref().is_none_or(|best| measured.time < best.time) {
                best = Some(measured);
            }
        }
        let best = best.expect("there are rounds");
        let exits: u64 = best.statistics.exits_taken();
        let each = best.time.as_secs_f64() * 1e9 / ROUNDS;
        println!(
            "{name:<22}{each:>8.2} ns{exits:>12} exits{:>10.1} ns/exit, all told",
            best.time.as_secs_f64() * 1e9 / exits.max(1) as f64
        );
    }
}

/// Nested loops: how often is compiled code left, once everything is compiled?
fn steady_state() {
    println!("\nsteady: exits to the runtime, in runs of n and 4 n rounds of three nested loops");
    for outer in ["+++++", "++++++++++++++++++++"] {
        let source = format!("{outer}[>-[>-[>++<-]<-]<-]").into_bytes();
        let measured = run(&source, bf::run, "", 1).remove(0);
        let s = &measured.statistics;
        println!(
            "{:>3} x 255 x 255 rounds: {:>6} enters, {:>6} exits, {} regions, {:.1} ms",
            outer.len(),
            s.enters,
            s.exits_taken(),
            s.regions,
            milliseconds(measured.time)
        );
    }
}

fn main() {
    let filters: Vec<String> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let wanted = |name: &str| filters.is_empty() || filters.iter().any(|f| name.contains(f));
    let parts: [(&str, &dyn Fn()); 6] = [
        ("jit", &|| jit_against_interpreter(3)),
        ("warm-up", &warm_up),
        ("short", &|| short_programs(10)),
        ("compile", &compile_time),
        ("branch", &|| branches(3)),
        ("steady", &steady_state),
    ];
    for (name, part) in parts {
        if wanted(name) {
            part();
        }
    }
}
