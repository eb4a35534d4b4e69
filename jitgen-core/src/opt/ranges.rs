//! Unsigned ranges: which values an operand can have.
//!
//! ```text
//! v1 = zext.i64 v0            ;; v0: i8, so v1 is in 0..=255
//! v2 = lt_u.i64 v1, 30000     =>      true
//! ```
//!
//! A range comes from the operation that defines the value, and from guards.
//!
//! Invariant `conservative`: the range of an operand contains every value it can have here.
//!
//! Not here: ranges around loops, signed ranges (a signed fact is used where it shows that a value
//! is not negative).

use super::forward::Forward;
use crate::ir::{Arg, Const, Op, Ty};

/// The values from `low` to `high`, both included, as unsigned bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Range {
    pub low: u64,
    pub high: u64,
}

/// How many definitions back a range is looked for.
const MAX_DEPTH: u32 = 4;

/// The largest signed value of a type.
pub(super) fn signed_max(ty: Ty) -> u64 {
    ty.mask() >> 1
}

impl Forward<'_> {
    /// The range of an operand that is not a float.
    pub fn range(&self, arg: Arg) -> Range {
        self.range_within(arg, MAX_DEPTH)
    }

    fn range_within(&self, arg: Arg, depth: u32) -> Range {
        let known = match arg {
            Arg::Const(c) => {
                return Range { low: c.bits, high: c.bits };
            }
            Arg::Value(v) => self.ranges.get(&v).copied(),
        };
        let full = Range { low: 0, high: self.ty(arg).mask() };
        let defined = (depth > 0).then(|| self.range_of_definition(arg, full, depth - 1));
        let (a, b) = (known.unwrap_or(full), defined.unwrap_or(full));
        let both = Range { low: a.low.max(b.low), high: a.high.min(b.high) };
        // Knowledge that contradicts itself means that this place is never reached.
        if both.low <= both.high { both } else { full }
    }

    fn range_of_definition(&self, arg: Arg, full: Range, depth: u32) -> Range {
        let Some(node) = self.defs.get(arg) else {
            return full;
        };
        let a = |f: &dyn Fn(Range) -> Range| f(self.range_within(node.a, depth));
        match (node.op, node.b.as_const()) {
            (Op::Zext, _) => a(&|r| r),
            (Op::Add, Some(c)) => a(&|r| match r.high.checked_add(c.bits) {
                Some(high) if high <= full.high => Range { low: r.low + c.bits, high },
                // Adding the negative of `d` wraps for no value that is at least `d`.
                _ if r.low > full.high - c.bits => Range {
                    low: r.low.wrapping_add(c.bits) & full.high,
                    high: r.high.wrapping_add(c.bits) & full.high,
                },
                _ => full,
            }),
            (Op::And, Some(c)) => a(&|r| Range { low: 0, high: r.high.min(c.bits) }),
            (Op::ShrU, Some(c)) => a(&|r| {
                let by = c.bits as u32 & (node.ty.width() - 1);
                Range { low: r.low >> by, high: r.high >> by }
            }),
            (Op::Shl, Some(c)) => a(&|r| {
                let by = c.bits as u32 & (node.ty.width() - 1);
                if r.high <= full.high >> by {
                    Range { low: r.low << by, high: r.high << by }
                } else {
                    full
                }
            }),
            (Op::RemU, Some(c)) if c.bits > 0 => Range { low: 0, high: c.bits - 1 },
            (Op::Or | Op::Xor, _) if node.ty.is_int() => {
                let (a, b) = (self.range_within(node.a, depth), self.range_within(node.b, depth));
                let bits = 64 - (a.high | b.high).leading_zeros();
                Range { low: 0, high: u64::MAX.checked_shr(64 - bits).unwrap_or(0) }
            }
            _ => full,
        }
    }

    /// The bits that can be set in an operand that is not a float: what shifts and masks leave, and
    /// what its range allows.
    pub fn possible_bits(&self, arg: Arg) -> u64 {
        self.bits_within(arg, MAX_DEPTH)
    }

    fn bits_within(&self, arg: Arg, depth: u32) -> u64 {
        let high = self.range(arg).high;
        let ranged = u64::MAX.checked_shr(high.leading_zeros()).unwrap_or(0);
        let Some(node) = self.defs.get(arg).filter(|_| depth > 0) else {
            return arg.as_const().map_or(ranged, |c| c.bits);
        };
        let bits = |arg| self.bits_within(arg, depth - 1);
        let by = |c: Const| c.bits as u32 & (node.ty.width() - 1);
        let defined = match (node.op, node.b.as_const()) {
            (Op::And, _) => bits(node.a) & bits(node.b),
            (Op::Or | Op::Xor, _) => bits(node.a) | bits(node.b),
            (Op::Shl, Some(c)) => bits(node.a) << by(c) & node.ty.mask(),
            (Op::ShrU, Some(c)) => bits(node.a) >> by(c),
            (Op::Zext, _) => bits(node.a),
            (Op::Trunc, _) => bits(node.a) & node.ty.mask(),
            _ => u64::MAX,
        };
        defined & ranged
    }

    /// Are all values of the operand non-negative as signed ones?
    pub fn non_negative(&self, arg: Arg) -> bool {
        self.range(arg).high <= signed_max(self.ty(arg))
    }

    /// Narrows what is known of a value's range.
    pub fn narrow(&mut self, arg: Arg, low: u64, high: u64) {
        let Some(v) = arg.as_value() else { return };
        let old = self.range(arg);
        let range = Range { low: old.low.max(low), high: old.high.min(high) };
        if range.low <= range.high {
            self.ranges.insert(v, range);
        }
    }
}
