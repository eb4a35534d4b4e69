//! Guest programs, each with a size, which is put where `SIZE` stands.

use super::ast::Function;
use super::eval::{Context, run};
use super::native;
use super::resolver::parse;
use super::value::{Error, Value};
use std::rc::Rc;

/// A guest program and what it must do.
#[derive(Clone, Copy)]
pub struct Kernel {
    /// Its name.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
    /// The same in Rust.
    pub native: fn(i64) -> Outcome,
    /// The size for tests.
    pub small: i64,
    /// The size for benches.
    pub large: i64,
}

/// All that a run leaves.
#[derive(Debug)]
pub struct Outcome {
    /// What the program returned.
    pub result: Result<Value, Error>,
    /// What it showed to the host.
    pub printed: Vec<String>,
}

impl Kernel {
    /// The program of a size.
    pub fn program(&self, size: i64) -> Rc<Function> {
        parse(&self.text.replace("SIZE", &size.to_string()))
    }
}

/// Runs a program.
pub fn outcome(program: &Rc<Function>) -> Outcome {
    let mut context = Context::default();
    let result = run(&mut context, program);
    Outcome { result, printed: context.printed }
}

const fn kernel(
    name: &'static str,
    native: fn(i64) -> Outcome,
    large: i64,
    text: &'static str,
) -> Kernel {
    let small = if large < 100 { 10 } else { 300 };
    Kernel { name, text, native, small, large }
}

/// The kernels.
pub const KERNELS: &[Kernel] = &[
    kernel(
        "int_sum",
        native::int_sum,
        2_000_000,
        "(var i 0) (var sum 0)
         (while (< i SIZE) (set sum (+ sum i)) (set i (+ i 1)))
         (return sum)",
    ),
    kernel(
        "float_loop",
        native::float_loop,
        1_000_000,
        "(var i 0) (var x 0.5)
         (while (< i SIZE) (set x (* (* x (- 1.0 x)) 3.7)) (set i (+ i 1)))
         (return x)",
    ),
    kernel(
        "nested_loops",
        native::nested_loops,
        800,
        "(var i 0) (var sum 0)
         (while (< i SIZE)
           (var j 0)
           (while (< j SIZE) (set sum (+ sum (% (* i j) 7))) (set j (+ j 1)))
           (set i (+ i 1)))
         (return sum)",
    ),
    kernel(
        "early_break",
        native::early_break,
        1_000_000,
        "(var i 0)
         (while true
           (if (and (< 2 i) (= (* i i) (* SIZE SIZE))) break)
           (set i (+ i 1)))
         (return i)",
    ),
    kernel(
        "closure_call",
        native::closure_call,
        500_000,
        "(var adder (fn (step) (return (fn (x) (return (+ x step))))))
         (var add (adder 3)) (var i 0) (var x 0)
         (while (< i SIZE) (set x (add x)) (set i (+ i 1)))
         (return x)",
    ),
    kernel(
        "counter",
        native::counter,
        500_000,
        "(var make (fn () (var count 0) (return (fn (by) (set count (+ count by)) (return count)))))
         (var one (make)) (var other (make)) (var i 0)
         (while (< i SIZE)
           (one 1)
           (if (< (% i 3) 1) (other i) (do (one 2) (other 1)))
           (set i (+ i 1)))
         (return (+ (one 0) (* 1000 (other 0))))",
    ),
    kernel(
        "list_updates",
        native::list_updates,
        500_000,
        "(var items (list)) (var i 0)
         (while (< i 100) (push items i) (set i (+ i 1)))
         (set i 0)
         (while (< i SIZE)
           (put items (% i (length items)) (+ (get items (% (* i 7) 100)) 1))
           (set i (+ i 1)))
         (print items)
         (return (length items))",
    ),
    kernel(
        "fibonacci",
        native::fibonacci,
        28,
        "(var fib (fn (n)
           (if (< n 2) (return n))
           (return (+ (fib (- n 1)) (fib (- n 2))))))
         (return (fib SIZE))",
    ),
    kernel(
        "loop_in_function",
        native::loop_in_function,
        50_000,
        "(var first (fn (limit)
           (var k 0)
           (while true
             (if (< limit (* k k)) (return k))
             (set k (+ k 1)))))
         (var i 0) (var sum 0)
         (while (< i SIZE) (set sum (+ sum (first (% i 400)))) (set i (+ i 1)))
         (return sum)",
    ),
    kernel(
        "strings",
        native::strings,
        200_000,
        "(var i 0) (var text \"\") (var length 0)
         (while (< i SIZE)
           (set text (+ text (text (% i 10))))
           (if (< 50 (length text)) (do (set length (+ length (length text))) (set text \"\")))
           (set i (+ i 1)))
         (print text)
         (return length)",
    ),
    kernel(
        "caught_errors",
        native::caught_errors,
        300_000,
        "(var i 0) (var sum 0) (var failed 0)
         (while (< i SIZE)
           (try (set sum (+ sum (/ 1000 (% i 10)))) error (set failed (+ failed 1)))
           (set i (+ i 1)))
         (print failed)
         (return sum)",
    ),
    kernel(
        "error",
        native::error,
        500_000,
        "(var i 0) (var items (list 1 2 3))
         (try (while (< i SIZE)
                (put items (% i 3) i)
                (if (= i (/ SIZE 2)) (put items 3 i))
                (set i (+ i 1)))
           error (print error))
         (print items)
         (fail \"enough\")",
    ),
];
