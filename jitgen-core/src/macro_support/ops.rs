//! Operators on traced words.
//!
//! The twin computes the concrete result with Rust's own operator, beside the call that records
//! it; so types, widths and overflow behave as rustc says. What an operator checks becomes a
//! guard: where it fails, the interpreter does the operation itself and panics (or wraps) as it
//! always did.
//!
//! Not here: reading operands from memory (`place`), what the optimizer makes of it.

use super::ask;
use super::methods::integer::Integer;
use super::overflow::{Checked, UNCHECKED};
use super::traced::{Scalar, Tv};
use crate::ir::{Const, Op, Ty};
use crate::tracer::{Function, Opnd, Word, pure};

/// A binary operator of Rust.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bin {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Rem,
    /// `&`
    And,
    /// `|`
    Or,
    /// `^`
    Xor,
    /// `<<`
    Shl,
    /// `>>`
    Shr,
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
}

/// A unary operator of Rust.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Un {
    /// `!`
    Not,
    /// `-`
    Neg,
}

/// `a op b`, which is `now`; `checked`: does the operator panic on overflow?
#[inline(never)]
pub fn bin<A: Scalar, B: Scalar, R: Scalar>(
    op: Bin,
    checked: &Checked,
    a: &Tv<A>,
    b: &Tv<B>,
    now: R,
) -> Tv<R> {
    let result = Const::new(R::TY, now.bits());
    if matches!(op, Bin::Eq | Bin::Ne) && !A::TY.is_float() {
        // An enum may be compared by a function of the author's.
        let same = a.word().now == b.word().now;
        if same != (result.is_true() == (op == Bin::Eq)) {
            ask::abort(crate::tracer::AbortReason::OpaqueValue);
        }
    }
    word_of(now, binary(op, checked.get(), A::SIGNED, a.word(), b.word(), result))
}

/// `op a`, which is `now`.
#[inline(never)]
pub fn un<A: Scalar>(op: Un, checked: &Checked, a: &Tv<A>, now: A) -> Tv<A> {
    let ty = A::TY;
    let o = match op {
        Un::Not => record(Op::Not, ty, a.word(), None),
        Un::Neg if ty.is_float() => record(Op::FNeg, ty, a.word(), None),
        Un::Neg => {
            if checked.get() {
                let min = Const::new(ty, 1 << (ty.width() - 1));
                require(Op::Eq, ty, a.word(), constant(min), false);
            }
            record(Op::Neg, ty, a.word(), None)
        }
    };
    word_of(now, o)
}

/// A word and its operand.
fn word_of<R: Scalar>(now: R, o: Opnd) -> Tv<R> {
    Tv::of(now, o)
}

/// `a as R`, which is `now`.
#[inline(never)]
pub fn cast<A: Scalar, R: Scalar>(a: &Tv<A>, now: R) -> Tv<R> {
    word_of(now, convert(a.word(), A::SIGNED, R::TY, R::SIGNED))
}

/// The next number of a range in a `for` loop, and whether there is none.
pub fn next_of_range<T: Integer + PartialEq + From<bool>>(
    now: Tv<T>,
    end: Tv<T>,
    inclusive: bool,
) -> (Tv<T>, bool) {
    if inclusive && branch(bin(Bin::Eq, &UNCHECKED, &now, &end, now.nat() == end.nat())) {
        return (now, true);
    }
    (now.nat().wrapping_add__twin(now, super::traced::lift(T::from(true))), false)
}

/// Which way the twin goes at a condition.
#[inline(never)]
pub fn branch(condition: Tv<bool>) -> bool {
    ask::branch(condition.word());
    condition.nat()
}

pub(super) fn binary(op: Bin, checked: bool, signed: bool, a: Word, b: Word, now: Const) -> Opnd {
    let ty = a.now.ty;
    if a.opnd.is_const() && b.opnd.is_const() {
        return Opnd::Const;
    }
    let pick = |s, u| if signed { s } else { u };
    if ty.is_float() {
        return float(op, a, b, now);
    }
    let plain = |op| record(op, ty, a, Some(b));
    let overflow = |s, u| {
        if checked {
            require(pick(s, u), ty, a, b, false);
        }
    };
    match op {
        Bin::Add => {
            overflow(Op::AddOvfS, Op::AddOvfU);
            plain(Op::Add)
        }
        Bin::Sub => {
            overflow(Op::SubOvfS, Op::SubOvfU);
            plain(Op::Sub)
        }
        Bin::Mul => {
            overflow(Op::MulOvfS, Op::MulOvfU);
            plain(Op::Mul)
        }
        Bin::Div => {
            divisible(signed, a, b);
            plain(pick(Op::DivS, Op::DivU))
        }
        Bin::Rem => {
            divisible(signed, a, b);
            plain(pick(Op::RemS, Op::RemU))
        }
        Bin::And => plain(Op::And),
        Bin::Or => plain(Op::Or),
        Bin::Xor => plain(Op::Xor),
        Bin::Shl => shift(Op::Shl, checked, a, b),
        Bin::Shr => shift(pick(Op::ShrS, Op::ShrU), checked, a, b),
        Bin::Eq => plain(Op::Eq),
        Bin::Ne => plain(Op::Ne),
        Bin::Lt => ordered(pick(Op::LtS, Op::LtU), a, b),
        Bin::Le => ordered(pick(Op::LeS, Op::LeU), a, b),
        Bin::Gt => ordered(pick(Op::LtS, Op::LtU), b, a),
        Bin::Ge => ordered(pick(Op::LeS, Op::LeU), b, a),
    }
}

fn float(op: Bin, a: Word, b: Word, now: Const) -> Opnd {
    let ty = a.now.ty;
    let (op, a, b) = match op {
        Bin::Add => (Op::FAdd, a, b),
        Bin::Sub => (Op::FSub, a, b),
        Bin::Mul => (Op::FMul, a, b),
        Bin::Div => (Op::FDiv, a, b),
        Bin::Eq => (Op::FEq, a, b),
        Bin::Ne => (Op::FNe, a, b),
        Bin::Lt => (Op::FLt, a, b),
        Bin::Le => (Op::FLe, a, b),
        Bin::Gt => (Op::FLt, b, a),
        Bin::Ge => (Op::FLe, b, a),
        Bin::Rem => {
            let (function, evaluator) = if ty == Ty::F64 { fmod() } else { fmodf() };
            pure::register(function.symbol, evaluator);
            return ask::end_pure_call(function, &[a, b], now);
        }
        Bin::And | Bin::Or | Bin::Xor | Bin::Shl | Bin::Shr => {
            unreachable!("rustc has no such operator on floats")
        }
    };
    record(op, ty, a, Some(b))
}

/// `%` on `f64`, as compiled code calls it.
fn fmod() -> (Function, pure::Evaluator) {
    extern "C" fn thunk(a: f64, b: f64) -> f64 {
        a % b
    }
    let evaluator = |args: &[Const]| {
        thunk(f64::from_bits(args[0].bits), f64::from_bits(args[1].bits)).to_bits()
    };
    (Function { symbol: "jitgen::fmod", address: thunk as *const () as usize }, evaluator)
}

/// `%` on `f32`, as compiled code calls it.
fn fmodf() -> (Function, pure::Evaluator) {
    extern "C" fn thunk(a: f32, b: f32) -> f32 {
        a % b
    }
    let evaluator = |args: &[Const]| {
        let float = |arg: &Const| f32::from_bits(arg.bits as u32);
        thunk(float(&args[0]), float(&args[1])).to_bits().into()
    };
    (Function { symbol: "jitgen::fmodf", address: thunk as *const () as usize }, evaluator)
}

/// `bool` has no order in a trace: it is compared as a byte.
fn ordered(op: Op, a: Word, b: Word) -> Opnd {
    if a.now.ty != Ty::Bool {
        return record(op, a.now.ty, a, Some(b));
    }
    let byte = |w: Word| {
        let opnd = record(Op::Zext, Ty::I8, w, None);
        Word { now: Const::new(Ty::I8, w.now.bits), opnd }
    };
    record(op, Ty::I8, byte(a), Some(byte(b)))
}

fn divisible(signed: bool, a: Word, b: Word) {
    let ty = a.now.ty;
    require(Op::Eq, ty, b, constant(Const::new(ty, 0)), false);
    let minus_one = constant(Const::new(ty, u64::MAX));
    if signed && (!b.opnd.is_const() || b.now == minus_one.now) {
        let min = constant(Const::new(ty, 1 << (ty.width() - 1)));
        let x = record(Op::Eq, ty, a, Some(min));
        let y = record(Op::Eq, ty, b, Some(minus_one));
        let word = |opnd, yes| Word { now: Const::bool(yes), opnd };
        let (x, y) = (word(x, a.now == min.now), word(y, b.now == minus_one.now));
        require(Op::And, Ty::Bool, x, y, false);
    }
}

fn shift(op: Op, checked: bool, a: Word, b: Word) -> Opnd {
    let ty = a.now.ty;
    if checked {
        let width = constant(Const::new(b.now.ty, ty.width().into()));
        require(Op::LtU, b.now.ty, b, width, true);
    }
    let opnd = convert(b, false, ty, false);
    let amount = Word { now: Const::new(ty, b.now.bits), opnd };
    record(op, ty, a, Some(amount))
}

/// Guards that `op(a, b)` is `value`.
fn require(op: Op, ty: Ty, a: Word, b: Word, value: bool) {
    let opnd = record(op, ty, a, Some(b));
    ask::branch(Word { now: Const::bool(value), opnd });
}

fn convert(a: Word, signed: bool, to: Ty, to_signed: bool) -> Opnd {
    let from = a.now.ty;
    let op = match (from.is_float(), to.is_float()) {
        _ if from == to => return a.opnd,
        (true, true) => Op::FCvt,
        (true, false) => {
            if to_signed {
                Op::ToS
            } else {
                Op::ToU
            }
        }
        (false, true) => {
            if signed {
                Op::FromS
            } else {
                Op::FromU
            }
        }
        (false, false) if to.size() < from.size() => Op::Trunc,
        (false, false) if from == Ty::Bool => Op::Zext,
        (false, false) if from.size() == to.size() => Op::Bitcast,
        (false, false) if signed => Op::Sext,
        (false, false) => Op::Zext,
    };
    record(op, to, a, None)
}

fn constant(now: Const) -> Word {
    Word { now, opnd: Opnd::Const }
}

fn record(op: Op, ty: Ty, a: Word, b: Option<Word>) -> Opnd {
    ask::op(op, ty, a, b)
}

/// A pattern test on a word: is it `literal`? The test guards only what it finds.
#[inline(never)]
pub fn equals<X: Scalar + PartialEq>(x: Tv<X>, literal: X) -> bool {
    let (a, b) = (x.word(), super::traced::lift(literal).word());
    let op = if a.now.ty.is_float() { Op::FEq } else { Op::Eq };
    let yes = x.nat() == literal;
    require(op, a.now.ty, a, b, yes);
    yes
}

/// A pattern test on a word: does it lie between the bounds?
pub fn within<X: Scalar + PartialOrd>(x: Tv<X>, low: Option<X>, high: Option<(X, bool)>) -> bool {
    let (le, lt) = match (X::TY.is_float(), X::SIGNED) {
        (true, _) => (Op::FLe, Op::FLt),
        (false, true) => (Op::LeS, Op::LtS),
        (false, false) => (Op::LeU, Op::LtU),
    };
    let word = |c: X| constant(Const::new(X::TY, c.bits()));
    if let Some(low) = low {
        let yes = low <= x.nat();
        require(le, X::TY, word(low), x.word(), yes);
        if !yes {
            return false;
        }
    }
    let Some((high, inclusive)) = high else { return true };
    let (op, yes) = if inclusive { (le, x.nat() <= high) } else { (lt, x.nat() < high) };
    require(op, X::TY, x.word(), word(high), yes);
    yes
}
