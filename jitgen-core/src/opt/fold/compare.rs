//! Rules of comparisons.
//!
//! ```text
//! x + 1 == 5 => x == 4        zext b != 0 => b        x <u 1 => x == 0
//! ```
//!
//! Normal form: against constants only `<`, and where that leaves one value, `==` or `!=`.
//!
//! Not here: comparisons that a guard has decided (`guards`); `ranges` decides here.

use super::super::forward::Forward;
use super::super::node::Node;
use super::super::ranges::signed_max;
use super::super::rules::Rule;
use super::int::base;
use super::{Fold, again, constant, to};
use crate::ir::{Arg, Const, Op, Ty};

pub(super) fn equality(cx: &Forward, n: Node) -> Fold {
    let equal = n.op == Op::Eq;
    // x == x => true
    if n.a == n.b {
        return to(Rule::CompareSelf, Const::bool(equal));
    }
    // x + c == x + d => c == d
    let (x, c) = base(cx, n.a);
    let (y, d) = base(cx, n.b);
    if x == y && n.ty.is_int() {
        return to(Rule::EqSameBase, Const::bool((c == d) == equal));
    }
    let (a, b) = (cx.range(n.a), cx.range(n.b));
    if a.high < b.low || b.high < a.low {
        return to(Rule::CompareRange, Const::bool(!equal));
    }
    if let Some(d) = n.b.as_const() {
        // x + c == d => x == d - c
        if x != n.a {
            let b = constant(n, d.bits.wrapping_sub(c)).into();
            return again(Rule::EqAdd, Node { a: x, b, ..n });
        }
        return against_constant(cx, n, d, equal);
    }
    // zext x == zext y => x == y
    let (e, f) = (cx.defs.get(n.a)?, cx.defs.get(n.b)?);
    let from = cx.ty(e.a);
    let extend = matches!(e.op, Op::Zext | Op::Sext);
    (extend && e.op == f.op && from == cx.ty(f.a)).then_some(())?;
    again(Rule::EqExtendBoth, Node::binary(n.op, from, e.a, f.a))
}

fn against_constant(cx: &Forward, n: Node, c: Const, equal: bool) -> Fold {
    // b == true => b, b == false => not b
    if n.ty == Ty::Bool {
        return if c.is_true() == equal {
            to(Rule::EqBool, n.a)
        } else {
            again(Rule::EqBool, Node::unary(Op::Not, Ty::Bool, n.a))
        };
    }
    let def = cx.defs.get(n.a)?;
    let from = cx.ty(def.a);
    match def.op {
        // x - y == 0 => x == y
        Op::Sub if c.bits == 0 => again(Rule::EqSubZero, Node { a: def.a, b: def.b, ..n }),
        // zext x == c => x == c, or false where c is no value of x's type
        Op::Zext | Op::Sext => {
            let narrow = Const::new(from, c.bits);
            let wide = match def.op {
                Op::Zext => narrow.bits,
                _ => Const::new(n.ty, narrow.signed() as u64).bits,
            };
            if wide != c.bits {
                return to(Rule::EqExtend, Const::bool(!equal));
            }
            again(Rule::EqExtend, Node::binary(n.op, from, def.a, narrow))
        }
        _ => None,
    }
}

pub(super) fn order(cx: &Forward, n: Node) -> Fold {
    let strict = matches!(n.op, Op::LtU | Op::LtS);
    let signed = matches!(n.op, Op::LtS | Op::LeS);
    // x < x => false, x <= x => true
    if n.a == n.b {
        return to(Rule::CompareSelf, Const::bool(!strict));
    }
    if let Some(result) = by_range(cx, n, strict, signed) {
        return to(Rule::CompareRange, Const::bool(result));
    }
    let (min, max) =
        if signed { (signed_max(n.ty) + 1, signed_max(n.ty)) } else { (0, n.ty.mask()) };
    if !strict {
        return le_constant(n, min, max);
    }
    lt_limit(n, min, max).or_else(|| lt_values(cx, n))
}

/// What the ranges decide. Signed order is unsigned order where neither side is negative.
fn by_range(cx: &Forward, n: Node, strict: bool, signed: bool) -> Option<bool> {
    if signed && !(cx.non_negative(n.a) && cx.non_negative(n.b)) {
        return None;
    }
    let (a, b) = (cx.range(n.a), cx.range(n.b));
    match strict {
        true if a.high < b.low => Some(true),
        true if a.low >= b.high => Some(false),
        false if a.high <= b.low => Some(true),
        false if a.low > b.high => Some(false),
        _ => None,
    }
}

/// `x <= c => x < c + 1` and `c <= x => c - 1 < x`; at the limits they are true.
fn le_constant(n: Node, min: u64, max: u64) -> Fold {
    let lt = if n.op == Op::LeU { Op::LtU } else { Op::LtS };
    match (n.a, n.b) {
        (_, Arg::Const(c)) if c.bits == max => to(Rule::LeConstant, Const::bool(true)),
        (Arg::Const(c), _) if c.bits == min => to(Rule::LeConstant, Const::bool(true)),
        (a, Arg::Const(c)) => {
            let next = constant(n, c.bits.wrapping_add(1));
            again(Rule::LeConstant, Node::binary(lt, n.ty, a, next))
        }
        (Arg::Const(c), b) => {
            let previous = constant(n, c.bits.wrapping_sub(1));
            let previous = Arg::Const(previous);
            again(Rule::LeConstant, Node::binary(lt, n.ty, previous, b))
        }
        _ => None,
    }
}

/// `x < c` and `c < x` where `c` is next to the end of the type.
fn lt_limit(n: Node, min: u64, max: u64) -> Fold {
    let (x, c, from_below) = match (n.a, n.b) {
        (x, Arg::Const(c)) => (x, c.bits, true),
        (Arg::Const(c), x) => (x, c.bits, false),
        _ => return None,
    };
    let (first, second, last) = if from_below {
        (min, min.wrapping_add(1) & n.ty.mask(), max)
    } else {
        (max, max.wrapping_sub(1) & n.ty.mask(), min)
    };
    let compare = |op, c| again(Rule::LtLimit, Node::binary(op, n.ty, x, constant(n, c)));
    match c {
        // x < MIN, MAX < x
        c if c == first => to(Rule::LtLimit, Const::bool(false)),
        // x < MIN + 1, MAX - 1 < x
        c if c == second => compare(Op::Eq, first),
        // x < MAX, MIN < x
        c if c == last => compare(Op::Ne, last),
        _ => None,
    }
}

fn lt_values(cx: &Forward, n: Node) -> Fold {
    if n.op != Op::LtU {
        return None;
    }
    // x + c <u c => -1 - c <u x (the sum has wrapped)
    if let Some(c) = n.b.as_const() {
        let (x, d) = base(cx, n.a);
        if x != n.a && d == c.bits {
            let limit = Arg::Const(constant(n, !c.bits));
            return again(Rule::LtWrap, Node::binary(Op::LtU, n.ty, limit, x));
        }
    }
    // zext x <u zext y => x <u y
    let narrow = |arg: Arg| {
        let node = cx.defs.get(arg).filter(|node| node.op == Op::Zext)?;
        cx.ty(node.a).is_int().then_some(node.a)
    };
    let from = cx.ty(narrow(n.a).or_else(|| narrow(n.b))?);
    let side = |arg: Arg| match arg {
        // `compare-range` has seen to it that the constant fits.
        Arg::Const(c) => (c.bits <= from.mask()).then(|| Arg::Const(Const::new(from, c.bits))),
        Arg::Value(_) => narrow(arg).filter(|x| cx.ty(*x) == from),
    };
    let (a, b) = (side(n.a)?, side(n.b)?);
    again(Rule::LtExtend, Node::binary(n.op, from, a, b))
}
