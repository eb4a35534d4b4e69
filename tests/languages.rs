//! Programs of the bundled languages, run in every mode with the same output.
//!
//! What a program must print is checked beside the language (`languages/bf/tests/programs.rs`);
//! here the modes must agree, also where a program fails.

use jitgen::modes::{self, Run};
use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

/// Output that outlives the machine.
#[derive(Clone, Default)]
struct Shared(Rc<RefCell<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn bf(source: &[u8], input: &'static [u8]) -> String {
    let program = Rc::new(bf::parse(source).expect("the program is well formed"));
    let output = Shared::default();
    let mut machine = bf::Machine::new(bf::Options::default(), input, output.clone());
    let result = bf::run(&program, &mut machine);
    machine.flush().expect("memory can be written to");
    let cells: Vec<u8> = machine.tape.iter().copied().take(40).collect();
    format!("{result:?} {cells:?} {}", String::from_utf8_lossy(&output.0.borrow()))
}

#[track_caller]
fn check(name: &str, source: &str, input: &'static [u8]) -> Run {
    let source = source.as_bytes().to_vec();
    modes::agree(name, move || bf(&source, input))
}

macro_rules! programs {
    ($($name:ident $input:literal;)+) => {$(
        #[test]
        fn $name() {
            let source = include_str!(concat!("../languages/bf/programs/", stringify!($name), ".b"));
            let run = check(stringify!($name), source, $input);
            assert!(run.output.starts_with("Ok"), "{}", run.output);
        }
    )+};
}

programs! {
    hello b"";
    squares b"";
    fibonacci b"";
    sierpinski b"";
    cat b"what is read\nis written\n";
    rot13 b"Hello, world! The quick brown fox jumps over the lazy dog.";
    factorial b"";
    guess b"50\n25\n12\n";
}

#[test]
fn a_moved_value() {
    let run = check("move", "++++++++[->++++++++[->++++<]<]>>[->+>+<<]", b"");
    assert!(run.statistics.loops > 0, "{:?}", run.statistics);
}

#[test]
fn input_and_output_inside_of_loops() {
    check("echo", "++++++++++[->,+.-----.<]", b"0123456789abcdef");
}

#[test]
fn errors_inside_of_loops_are_those_of_the_interpreter() {
    let run = check("left edge", "+>+>+>+>+>+>+>+>+[<]<", b"");
    assert!(run.output.contains("LeftEdge"), "{}", run.output);
    check("left edge in a loop", "+[>+>+>+<<<-<+]", b"");
    let run = check("left in a hot loop", ">>>>>>>>>>>>>>>>>>>>>>>>++++++++[[->+<]<+]", b"");
    assert!(run.output.contains("LeftEdge"), "{}", run.output);
}

#[test]
fn cells_wrap_around() {
    check("wrap", "-[->-[->---<]<]>>.", b"");
}

/// Straight pieces and loops that end, nested at random; each loop counts its cell down.
fn random_program(seed: u64) -> String {
    fn block(random: &mut oorandom::Rand32, depth: u32, at: &mut i32, out: &mut String) {
        for _ in 0..1 + random.rand_range(0..6) {
            match random.rand_range(0..10) {
                0 | 1 => out.push_str(&"+".repeat(1 + random.rand_range(0..5) as usize)),
                2 => out.push_str(&"-".repeat(1 + random.rand_range(0..5) as usize)),
                3 | 4 => {
                    *at += 1;
                    out.push('>');
                }
                5 if *at > 0 => {
                    *at -= 1;
                    out.push('<');
                }
                6 => out.push('.'),
                7 => out.push(','),
                _ if depth > 0 => {
                    // `at` must be the same behind the loop: go right and come back.
                    let right = 1 + random.rand_range(0..3);
                    out.push_str("[-");
                    out.push_str(&">".repeat(right as usize));
                    let mut inner = 0;
                    block(random, depth - 1, &mut inner, out);
                    let back = right as i32 + inner;
                    out.push_str(&"<".repeat(back as usize));
                    out.push(']');
                }
                _ => out.push('+'),
            }
        }
    }
    let mut random = oorandom::Rand32::new(seed);
    let mut out = String::from("+++++++++++++++++++++++++++++++++++++");
    block(&mut random, 1, &mut 0, &mut out);
    out.push_str("+++++++++++++++++++++++[->");
    let mut moved = 0;
    block(&mut random, 1, &mut moved, &mut out);
    out.push_str(&"<".repeat(moved as usize + 1));
    out.push(']');
    out
}

#[test]
fn random_programs() {
    for seed in 0..60 {
        let source = random_program(seed);
        check(&format!("bf {seed}: {source}"), &source, b"some input for them to read");
    }
}
