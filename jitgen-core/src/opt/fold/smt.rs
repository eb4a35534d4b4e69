//! Each row of the table as questions to an SMT solver: is there a counterexample, in a type of 8 to 64
//! bits?
//!
//! ```text
//! "neg-neg" { Neg(Neg(x)) => x }      (declare-const x (_ BitVec 8))
//!                                     (assert (or (distinct (bvneg (bvneg x)) x)))
//! ```
//!
//! The meaning of the operations is written here once more, in the solver's terms.
//!
//! Not here: the solver (`tests/proofs.rs` runs it), the walk over a row and its types (`typing`).

use super::table::rows;
use super::term::{Fun, Row, Term};
use super::typing::{Meaning, Walk, assignments, casts};
use crate::ir::Op;
use std::fmt::Write as _;

const WIDTHS: [u32; 5] = [1, 8, 16, 32, 64];

/// Terms as text; what must be defined is collected on the way.
#[derive(Default)]
struct Text {
    defined: Vec<String>,
}

fn number(bits: u64, width: u32) -> String {
    format!("(_ bv{bits} {width})")
}

fn truth(condition: &str) -> String {
    format!("(ite {condition} #b1 #b0)")
}

/// The signed quotient or remainder by the unsigned one, as the standard of the solvers defines it;
/// written out, so that the solver meets the same unsigned division on both sides of a rule.
fn by_signs(name: &str, a: &str, b: &str, width: u32, quotient: bool) -> String {
    let zero = number(0, width);
    let (minus_a, minus_b) = (format!("(bvneg {a})"), format!("(bvneg {b})"));
    let case = |a: &str, b: &str, negate: bool| match negate {
        true => format!("(bvneg ({name} {a} {b}))"),
        false => format!("({name} {a} {b})"),
    };
    format!(
        "(ite (bvslt {a} {zero}) (ite (bvslt {b} {zero}) {} {}) (ite (bvslt {b} {zero}) {} {}))",
        case(&minus_a, &minus_b, !quotient),
        case(&minus_a, b, true),
        case(a, &minus_b, quotient),
        case(a, b, false),
    )
}

impl Meaning for Text {
    type Value = String;

    fn var(&mut self, var: usize) -> String {
        ["x", "y"][var].to_owned()
    }

    fn constant(&mut self, constant: usize) -> String {
        ["C", "D"][constant].to_owned()
    }

    fn number(&mut self, bits: u64, width: u32) -> String {
        number(bits, width)
    }

    fn apply(&mut self, op: Op, width: u32, from: u32, a: &String, b: Option<&String>) -> String {
        let b = b.cloned().unwrap_or_default();
        let same = |name: &str| format!("({name} {a} {b})");
        let compare = |name: &str| truth(&format!("({name} {a} {b})"));
        let min = number(1 << (from - 1), from);
        let ones = number(u64::MAX >> (64 - from), from);
        match op {
            Op::DivU | Op::RemU => {
                self.defined.push(format!("(distinct {b} {})", number(0, from)));
            }
            Op::DivS | Op::RemS => {
                self.defined.push(format!("(distinct {b} {})", number(0, from)));
                self.defined.push(format!("(not (and (= {a} {min}) (= {b} {ones})))"));
            }
            _ => (),
        }
        // In twice the width nothing overflows.
        let overflows = |extend: &str, name: &str| {
            let wide = |text: &str| format!("((_ {extend} {from}) {text})");
            let exact = format!("({name} {} {})", wide(a), wide(&b));
            let wrapped = format!("((_ extract {} 0) {exact})", from - 1);
            truth(&format!("(distinct {exact} {})", wide(&wrapped)))
        };
        let amount = || format!("(bvand {b} {})", number(u64::from(width) - 1, width));
        match op {
            Op::Add | Op::PtrAdd => same("bvadd"),
            Op::Sub => same("bvsub"),
            Op::Mul => same("bvmul"),
            Op::DivS => by_signs("bvudiv", a, &b, from, true),
            Op::DivU => same("bvudiv"),
            Op::RemS => by_signs("bvurem", a, &b, from, false),
            Op::RemU => same("bvurem"),
            Op::And => same("bvand"),
            Op::Or => same("bvor"),
            Op::Xor => same("bvxor"),
            Op::Shl => format!("(bvshl {a} {})", amount()),
            Op::ShrS => format!("(bvashr {a} {})", amount()),
            Op::ShrU => format!("(bvlshr {a} {})", amount()),
            Op::Neg => format!("(bvneg {a})"),
            Op::Not => format!("(bvnot {a})"),
            Op::AddOvfS => overflows("sign_extend", "bvadd"),
            Op::AddOvfU => overflows("zero_extend", "bvadd"),
            Op::SubOvfS => overflows("sign_extend", "bvsub"),
            Op::SubOvfU => overflows("zero_extend", "bvsub"),
            Op::MulOvfS => overflows("sign_extend", "bvmul"),
            Op::MulOvfU => overflows("zero_extend", "bvmul"),
            Op::Eq => compare("="),
            Op::Ne => compare("distinct"),
            Op::LtS => compare("bvslt"),
            Op::LeS => compare("bvsle"),
            Op::LtU => compare("bvult"),
            Op::LeU => compare("bvule"),
            Op::Trunc => format!("((_ extract {} 0) {a})", width - 1),
            Op::Zext => format!("((_ zero_extend {}) {a})", width - from),
            Op::Sext => format!("((_ sign_extend {}) {a})", width - from),
            Op::Copy => a.clone(),
            _ => unreachable!("{} is in no row", op.mnemonic()),
        }
    }

    fn log2(&mut self, a: &String, width: u32) -> String {
        (1..width).fold(number(0, width), |rest, bit| {
            let least = number(1 << bit, width);
            format!("(ite (bvuge {a} {least}) {} {rest})", number(u64::from(bit), width))
        })
    }

    fn is_pow2(&mut self, a: &String, width: u32) -> String {
        let (zero, one) = (number(0, width), number(1, width));
        truth(&format!("(and (distinct {a} {zero}) (= (bvand {a} (bvsub {a} {one})) {zero}))"))
    }
}

/// The questions about a row: is there a counterexample? One for each choice of widths.
fn of_row(row: &Row) -> Vec<(String, String)> {
    let has_casts = casts(&row.left) > 0;
    let mut choices = assignments(row, &WIDTHS);
    if BY_QUOTIENT.0.contains(&row.name) {
        choices.retain(|widths| widths.root <= BY_QUOTIENT.1);
    }
    let mut found = vec![];
    for widths in choices {
        let mut walk = Walk::new(&widths, Text::default());
        let mut left_defined = vec![];
        let (left, right, conditions) = walk.row(row, |text| {
            left_defined = std::mem::take(&mut text.defined);
        });
        let mut text = String::new();
        let unknowns = [
            ("x", widths.vars[0]),
            ("y", widths.vars[1]),
            ("C", widths.consts[0]),
            ("D", widths.consts[1]),
        ];
        for (index, (name, width)) in unknowns.into_iter().enumerate() {
            let named = index < 2 && walk.named[index].is_some();
            if width > 0 && !named {
                let _ = writeln!(text, "(declare-const {name} (_ BitVec {width}))");
            }
        }
        for fact in left_defined {
            let _ = writeln!(text, "(assert {fact})");
        }
        for condition in conditions {
            let _ = writeln!(text, "(assert (= {condition} #b1))");
        }
        let defined = walk.meaning.defined.iter().map(|fact| format!(" (not {fact})"));
        let defined: String = defined.collect();
        let _ = writeln!(text, "(assert (or (distinct {left} {right}){defined}))");
        let about = if has_casts { format!("{widths:?}") } else { format!("{} bits", widths.root) };
        let name = format!("{}: {row} at {about}", row.name);
        if has(row, Fun::IsPow2) {
            // Each power of two on its own: then all shifts are by known amounts.
            for bit in 0..widths.consts[0] {
                let power = number(1 << bit, widths.consts[0]);
                found.push((
                    format!("{name}, C = 2^{bit}"),
                    format!("{text}(assert (= C {power}))\n"),
                ));
            }
        } else {
            found.push((name, text));
        }
    }
    found
}

fn has(row: &Row, wanted: Fun) -> bool {
    row.conditions.iter().any(|term| matches!(term, Term::Fun(fun, _) if *fun == wanted))
}

/// Rows that multiply and divide, which is too much for the bits of wide types: they are proved of
/// bits up to this width, and of numbers at every limit by [`OVERFLOW_BY_QUOTIENT`].
const BY_QUOTIENT: (&[&str], u32) = (&["mul-overflow-constant", "mul-overflow-non-negative"], 8);

/// `x * c > max` says the same as `x > q`, where `q` is the quotient of `max` by `c`: numbers with
/// `q * c <= max < (q + 1) * c`. Of `x` and `q` it is used that they are integers.
const OVERFLOW_BY_QUOTIENT: &str = "
(declare-const x Real) (declare-const c Real) (declare-const q Real) (declare-const max Real)
(assert (and (>= x 0) (>= c 1) (>= q 0) (<= (* q c) max) (< max (* (+ q 1) c))))
(assert (or (and (>= x (+ q 1)) (<= (* x c) max)) (and (<= x q) (> (* x c) max))))
";

/// What a solver is asked: a name and a script that declares the unknowns and asserts that a rule is
/// wrong. `unsat` proves it.
pub fn questions() -> Vec<(String, String)> {
    let mut questions: Vec<(String, String)> = rows().iter().flat_map(|row| of_row(row)).collect();
    questions.push(("overflow by quotient".to_owned(), OVERFLOW_BY_QUOTIENT.to_owned()));
    questions
}

/// What no type can be is not asked about; each row can be something.
#[test]
fn each_row_has_questions() {
    for row in rows() {
        assert!(!of_row(row).is_empty(), "{row}");
    }
}
