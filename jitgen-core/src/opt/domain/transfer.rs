//! What is known of the result of an operation, from what is known of its operands.
//!
//! ```text
//! add  0..=9, 0..=9     =>  0..=18        and  x, ....1110  =>  ....xxx0
//! lt_u 0..=9, 10..=20   =>  true          add_ovf_s 0..=9, 0..=9  =>  false
//! ```
//!
//! Each view is computed on its own (ranges in wide arithmetic, so that wrapping is seen), and the
//! views are then reduced against each other. Where an operation is undefined it has no result, so
//! nothing needs to be said of that.
//!
//! Not here: operations on constants alone (`fold/constant`; a single value is one here too), floats
//! (their bits are unknown).

use super::super::fold::constant;
use super::{Known, mask, signed_max, signed_min};
use crate::ir::Op;

/// A range in arithmetic that does not wrap.
type Wide = (i128, i128);

/// What is known of the result. `width` is that of the type suffix, `b` is ignored by operations
/// with one operand.
pub(in super::super) fn transfer(op: Op, width: u32, a: &Known, b: &Known) -> Known {
    let result = || result_width(op, width);
    if let (Some(x), Some(y)) = (a.value(), b.value()) {
        let value = constant::integer(op, width, a.width, x, y);
        let known = value.map(|bits| Known::one(result(), bits));
        return known.unwrap_or_else(|| Known::full(result()));
    }
    let known = match op {
        // What the rest would find out, too.
        Op::Add | Op::Sub | Op::Xor | Op::PtrAdd | Op::Trunc if is_lost(op, a) => None,
        Op::Add | Op::Sub | Op::Xor | Op::PtrAdd if b.is_full() => None,
        Op::Add | Op::Sub => sum(op, a, b),
        Op::Mul => product(a, b),
        Op::DivU => div_u(a, b),
        Op::RemU => rem_u(a, b),
        Op::DivS => div_s(a, b),
        Op::RemS => rem_s(a, b),
        Op::And => Known::bits(width, a.zeros | b.zeros, a.ones & b.ones)
            .and_then(|k| k.at_most(a.umax.min(b.umax))),
        Op::Or => Known::bits(width, a.zeros & b.zeros, a.ones | b.ones)
            .and_then(|k| k.at_least(a.umin.max(b.umin))),
        Op::Xor => Known::bits(
            width,
            a.zeros & b.zeros | a.ones & b.ones,
            a.zeros & b.ones | a.ones & b.zeros,
        ),
        Op::Shl | Op::ShrS | Op::ShrU => shift(op, a, b),
        Op::Neg => sum(Op::Sub, &Known::one(width, 0), a),
        Op::Not => sum(Op::Sub, &Known::one(width, u64::MAX), a),
        Op::AddOvfS
        | Op::AddOvfU
        | Op::SubOvfS
        | Op::SubOvfU
        | Op::MulOvfS
        | Op::MulOvfU
        | Op::Eq
        | Op::Ne
        | Op::LtS
        | Op::LeS
        | Op::LtU
        | Op::LeU => decide(op, a, b).map(|truth| Known::one(1, u64::from(truth))),
        Op::Trunc => Some(trunc(width, a)),
        Op::Zext => zext(width, a),
        Op::Sext => Known::signed(width, a.smin, a.smax)
            .and_then(|k| k.meet(&Known::bits(width, a.zeros & low(a), a.ones & low(a))?)),
        Op::Bitcast | Op::Copy => Some(*a),
        Op::PtrAdd => sum(Op::Add, a, b),
        Op::FAdd
        | Op::FSub
        | Op::FMul
        | Op::FDiv
        | Op::FNeg
        | Op::FEq
        | Op::FNe
        | Op::FLt
        | Op::FLe
        | Op::FromS
        | Op::FromU
        | Op::ToS
        | Op::ToU
        | Op::FCvt
        | Op::Scratch
        | Op::Load
        | Op::LoadOwned
        | Op::Store
        | Op::Call
        | Op::CallRead
        | Op::CallCode
        | Op::CallPure
        | Op::CallIf
        | Op::CallIfPure
        | Op::New
        | Op::NewKept
        | Op::Free
        | Op::ResultOf
        | Op::Guard
        | Op::GuardNot => None,
    };
    known.unwrap_or_else(|| Known::full(result()))
}

/// What a comparison of integers must be, if that is known.
pub(in super::super) fn decide(op: Op, a: &Known, b: &Known) -> Option<bool> {
    match op {
        Op::AddOvfS | Op::SubOvfS | Op::MulOvfS => {
            let within = (i128::from(signed_min(a.width)), i128::from(signed_max(a.width)));
            outside(exact(op, signed_range(a), signed_range(b)), within)
        }
        Op::AddOvfU | Op::SubOvfU | Op::MulOvfU => {
            let within = (0, i128::from(mask(a.width)));
            outside(exact(op, unsigned_range(a), unsigned_range(b)), within)
        }
        Op::Eq => equal(a, b),
        Op::Ne => equal(a, b).map(|equal| !equal),
        Op::LtU => less(a.umin, a.umax, b.umin, b.umax),
        Op::LeU => less(b.umin, b.umax, a.umin, a.umax).map(|less| !less),
        Op::LtS => less(a.smin, a.smax, b.smin, b.smax),
        Op::LeS => less(b.smin, b.smax, a.smin, a.smax).map(|less| !less),
        _ => None,
    }
}

/// Is nothing known of the result, whatever the second operand is, since nothing is known of the first?
pub(in super::super) fn is_lost(op: Op, a: &Known) -> bool {
    matches!(op, Op::Add | Op::Sub | Op::Xor | Op::PtrAdd | Op::Trunc | Op::Eq | Op::Ne)
        && a.is_full()
}

/// The width of the result.
pub(in super::super) fn result_width(op: Op, width: u32) -> u32 {
    if op.sig() == crate::ir::Sig::Compare { 1 } else { width }
}

fn unsigned_range(a: &Known) -> Wide {
    (i128::from(a.umin), i128::from(a.umax))
}

fn signed_range(a: &Known) -> Wide {
    (i128::from(a.smin), i128::from(a.smax))
}

/// The range of the result that does not wrap.
fn exact(op: Op, a: Wide, b: Wide) -> Wide {
    match op {
        Op::Add | Op::AddOvfS | Op::AddOvfU => (a.0 + b.0, a.1 + b.1),
        Op::Sub | Op::SubOvfS | Op::SubOvfU => (a.0 - b.1, a.1 - b.0),
        _ => {
            // Two unsigned 64-bit numbers: their product is cut off at what an `i128` holds, which
            // is outside of every type.
            let corners = [(a.0, b.0), (a.0, b.1), (a.1, b.0), (a.1, b.1)];
            let products = corners.map(|(x, y)| x.saturating_mul(y));
            (products.into_iter().min().unwrap_or(0), products.into_iter().max().unwrap_or(0))
        }
    }
}

/// Is the value outside: never, always, or unknown?
fn outside(value: Wide, within: Wide) -> Option<bool> {
    if within.0 <= value.0 && value.1 <= within.1 {
        Some(false)
    } else if value.1 < within.0 || within.1 < value.0 {
        Some(true)
    } else {
        None
    }
}

/// A range that wraps at the width as unsigned numbers; `None` if it says nothing.
fn wrapped_unsigned(width: u32, value: Wide) -> Option<(u64, u64)> {
    let turn = value.0 >> width;
    // The largest number stands for all that are larger.
    (value.1 < i128::MAX && turn == value.1 >> width).then_some(())?;
    let base = turn << width;
    Some(((value.0 - base) as u64, (value.1 - base) as u64))
}

/// The same for signed numbers.
fn wrapped_signed(width: u32, value: Wide) -> Option<(i64, i64)> {
    let min = i128::from(signed_min(width));
    let turn = (value.0 - min) >> width;
    (turn == (value.1 - min) >> width).then_some(())?;
    let base = turn << width;
    Some(((value.0 - base) as i64, (value.1 - base) as i64))
}

/// What both ranges and the bits say.
fn all(
    width: u32,
    unsigned: Option<(u64, u64)>,
    signed: Option<(i64, i64)>,
    (zeros, ones): (u64, u64),
) -> Option<Known> {
    let mask = mask(width);
    let mut known = Known { zeros: zeros & mask, ones: ones & mask, ..Known::full(width) };
    (known.umin, known.umax) = unsigned.unwrap_or((known.umin, known.umax));
    (known.smin, known.smax) = signed.unwrap_or((known.smin, known.smax));
    known.reduced()
}

fn sum(op: Op, a: &Known, b: &Known) -> Option<Known> {
    let width = a.width;
    let (low, high) = match op {
        Op::Sub => ((b.umax, b.smax), (b.umin, b.smin)),
        _ => ((b.umin, b.smin), (b.umax, b.smax)),
    };
    let least = turned_unsigned(op, width, a.umin, low.0);
    let most = turned_unsigned(op, width, a.umax, high.0);
    let unsigned = (least.1 == most.1).then_some((least.0, most.0));
    let least = turned_signed(op, width, a.smin, low.1);
    let most = turned_signed(op, width, a.smax, high.1);
    let signed = (least.1 == most.1).then_some((least.0, most.0));
    // x - y is x + not y + 1.
    let (b_zeros, b_ones, carry) = match op {
        Op::Sub => (b.ones, b.zeros, 1),
        _ => (b.zeros, b.ones, 0),
    };
    // The sums with every unknown bit set and with none: where they agree on a carry it is known.
    let most = (!a.zeros).wrapping_add(!b_zeros).wrapping_add(carry);
    let least = a.ones.wrapping_add(b_ones).wrapping_add(carry);
    let no_carry = !(most ^ a.zeros ^ b_zeros);
    let carried = least ^ a.ones ^ b_ones;
    let known = (a.zeros | a.ones) & (b_zeros | b_ones) & (no_carry | carried);
    all(width, unsigned, signed, (!most & known, least & known))
}

/// A sum or difference of unsigned numbers of that width, and whether it has wrapped.
fn turned_unsigned(op: Op, width: u32, a: u64, b: u64) -> (u64, bool) {
    // At the upper end of a word what wraps is what that does.
    let shift = 64 - width;
    let (sum, wraps) = match op {
        Op::Sub => (a << shift).overflowing_sub(b << shift),
        _ => (a << shift).overflowing_add(b << shift),
    };
    (sum >> shift, wraps)
}

/// The same for signed numbers, and in which direction.
fn turned_signed(op: Op, width: u32, a: i64, b: i64) -> (i64, i64) {
    let shift = 64 - width;
    let (sum, wraps) = match op {
        Op::Sub => (a << shift).overflowing_sub(b << shift),
        _ => (a << shift).overflowing_add(b << shift),
    };
    // Where the result has too many bits its sign is that of the first operand.
    (sum >> shift, if wraps { a.signum() | 1 } else { 0 })
}

fn product(a: &Known, b: &Known) -> Option<Known> {
    let width = a.width;
    let unsigned = wrapped_unsigned(width, exact(Op::Mul, unsigned_range(a), unsigned_range(b)));
    let signed = wrapped_signed(width, exact(Op::Mul, signed_range(a), signed_range(b)));
    let zeros = (low_zeros(a) + low_zeros(b)).min(width);
    all(width, unsigned, signed, (if zeros > 0 { mask(zeros) } else { 0 }, 0))
}

/// How many of the lowest bits are known to be 0.
fn low_zeros(a: &Known) -> u32 {
    a.zeros.trailing_ones().min(a.width)
}

fn div_u(a: &Known, b: &Known) -> Option<Known> {
    let most = a.umax / b.umin.max(1);
    Known::unsigned(a.width, a.umin.checked_div(b.umax)?, most)
}

fn rem_u(a: &Known, b: &Known) -> Option<Known> {
    if a.umax < b.umin {
        return Some(*a);
    }
    Known::unsigned(a.width, 0, a.umax.min(b.umax.checked_sub(1)?))
}

fn div_s(a: &Known, b: &Known) -> Option<Known> {
    let (min, max) = (i128::from(signed_min(a.width)), i128::from(signed_max(a.width)));
    let (low, high) = signed_range(b);
    let (mut least, mut most) = (max, min);
    // On each side of 0 the quotient is monotone in both operands.
    for (low, high) in [(low, high.min(-1)), (low.max(1), high)] {
        if low > high {
            continue;
        }
        for x in [i128::from(a.smin), i128::from(a.smax)] {
            for y in [low, high] {
                (least, most) = (least.min(x / y), most.max(x / y));
            }
        }
    }
    (least <= most).then_some(())?;
    // `MIN / -1` is undefined.
    Known::signed(a.width, least as i64, most.min(max) as i64)
}

fn rem_s(a: &Known, b: &Known) -> Option<Known> {
    // Smaller than the divisor, not larger than the dividend, and with its sign.
    let divisor = i128::from(b.smin).abs().max(i128::from(b.smax).abs());
    let most = (divisor > 0).then(|| divisor - 1)?;
    let least = i128::from(a.smin).max(-most).min(0);
    let most = i128::from(a.smax).min(most).max(0);
    Known::signed(a.width, least as i64, most as i64)
}

fn shift(op: Op, a: &Known, b: &Known) -> Option<Known> {
    let width = a.width;
    let (least, most) = match b.value() {
        Some(by) => ((by % u64::from(width)) as u32, (by % u64::from(width)) as u32),
        None if b.umax < u64::from(width) => (b.umin as u32, b.umax as u32),
        None => (0, width - 1),
    };
    let exact = least == most;
    match op {
        Op::ShrU => {
            let range = Known::unsigned(width, a.umin >> most, a.umax >> least)?;
            let top = mask(width) & !(mask(width) >> least);
            match exact {
                true => range.meet(&Known::bits(width, a.zeros >> least | top, a.ones >> least)?),
                false => Some(range),
            }
        }
        Op::ShrS => {
            let low = (a.smin >> least).min(a.smin >> most);
            let high = (a.smax >> least).max(a.smax >> most);
            let range = Known::signed(width, low, high)?;
            let fill = |bits: u64| (super::signed(width, bits) >> least) as u64;
            match exact {
                true => range.meet(&Known::bits(width, fill(a.zeros), fill(a.ones))?),
                false => Some(range),
            }
        }
        _ => {
            let times = |x: i128, by: u32| x << by;
            let (low, high) = unsigned_range(a);
            let unsigned = within_unsigned(width, (times(low, least), times(high, most)));
            let (low, high) = signed_range(a);
            let corners = (
                times(low, least).min(times(low, most)),
                times(high, least).max(times(high, most)),
            );
            let signed = within_signed(width, corners);
            let empty = !(u64::MAX << (low_zeros(a) + least).min(width - 1));
            let bits = match exact {
                true => (a.zeros << least | !(u64::MAX << least), a.ones << least),
                false => (empty, 0),
            };
            all(width, unsigned, signed, bits)
        }
    }
}

/// The range, where nothing is lost.
fn within_unsigned(width: u32, value: Wide) -> Option<(u64, u64)> {
    (value.1 <= i128::from(mask(width))).then_some((value.0 as u64, value.1 as u64))
}

fn within_signed(width: u32, value: Wide) -> Option<(i64, i64)> {
    let (min, max) = (i128::from(signed_min(width)), i128::from(signed_max(width)));
    (min <= value.0 && value.1 <= max).then_some((value.0 as i64, value.1 as i64))
}

fn equal(a: &Known, b: &Known) -> Option<bool> {
    match (a.value(), b.value()) {
        (Some(a), Some(b)) => Some(a == b),
        _ => a.meet(b).is_none().then_some(false),
    }
}

/// Is a value of the first range less than one of the second: always, never, or unknown?
fn less<T: Ord>(a_min: T, a_max: T, b_min: T, b_max: T) -> Option<bool> {
    if a_max < b_min {
        Some(true)
    } else if a_min >= b_max {
        Some(false)
    } else {
        None
    }
}

/// All bits but the sign.
fn low(a: &Known) -> u64 {
    mask(a.width) >> 1
}

fn trunc(width: u32, a: &Known) -> Known {
    let unsigned = wrapped_unsigned(width, unsigned_range(a));
    let signed = wrapped_signed(width, signed_range(a));
    all(width, unsigned, signed, (a.zeros, a.ones)).unwrap_or(Known::full(width))
}

fn zext(width: u32, a: &Known) -> Option<Known> {
    let above = mask(width) & !mask(a.width);
    let bits = Known::bits(width, a.zeros | above, a.ones)?;
    bits.at_least(a.umin)?.at_most(a.umax)
}

/// What is known of the sum, difference or product of which that overflow predicate is false.
pub(in super::super) fn without_overflow(op: Op, a: &Known, b: &Known) -> Option<Known> {
    let width = a.width;
    if matches!(op, Op::AddOvfS | Op::SubOvfS | Op::MulOvfS) {
        let (low, high) = exact(op, signed_range(a), signed_range(b));
        let (min, max) = (i128::from(signed_min(width)), i128::from(signed_max(width)));
        (low <= max && min <= high).then_some(())?;
        return Known::signed(width, low.max(min) as i64, high.min(max) as i64);
    }
    let (low, high) = exact(op, unsigned_range(a), unsigned_range(b));
    let max = i128::from(mask(width));
    (low <= max && 0 <= high).then_some(())?;
    Known::unsigned(width, low.max(0) as u64, high.min(max) as u64)
}
