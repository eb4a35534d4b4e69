//! What a decided comparison says of its operands.
//!
//! ```text
//! lt_u x, 10 is true      x: 0..=9
//! add_ovf_s x, 1 is false x: MIN..=MAX-1
//! ```
//!
//! Invariant `sound`: an operand for which there is another so that the comparison has this value
//! stays a member.
//!
//! Not here: relations between operands of which no bounds are known (`guards`).

use super::{Known, mask, signed_max, signed_min};
use crate::ir::Op;

/// The operands, narrowed by a comparison that is known to have this value; `None` where it cannot
/// have it, as far as the views tell.
pub(in super::super) fn refine(
    op: Op,
    truth: bool,
    a: &Known,
    b: &Known,
) -> Option<(Known, Known)> {
    match (op, truth) {
        (Op::Eq, true) | (Op::Ne, false) => {
            let both = a.meet(b)?;
            Some((both, both))
        }
        (Op::Eq, false) | (Op::Ne, true) => Some((without(a, b)?, without(b, a)?)),
        (Op::LtU, true) | (Op::LeU, false) | (Op::LtU, false) | (Op::LeU, true) => {
            // As `first + distance <= second`.
            let distance = u64::from((op == Op::LtU) == truth);
            let swap = !truth;
            let (x, y) = if swap { (b, a) } else { (a, b) };
            let high = y.umax.checked_sub(distance)?;
            let low = x.umin.checked_add(distance).filter(|low| *low <= mask(x.width))?;
            let (x, y) = (x.at_most(high)?, y.at_least(low)?);
            Some(if swap { (y, x) } else { (x, y) })
        }
        (Op::LtS, true) | (Op::LeS, false) | (Op::LtS, false) | (Op::LeS, true) => {
            let distance = i64::from((op == Op::LtS) == truth);
            let swap = !truth;
            let (x, y) = if swap { (b, a) } else { (a, b) };
            let (min, max) = (signed_min(x.width), signed_max(x.width));
            let high = y.smax.checked_sub(distance).filter(|high| *high >= min)?;
            let low = x.smin.checked_add(distance).filter(|low| *low <= max)?;
            let (x, y) = (x.at_most_signed(high)?, y.at_least_signed(low)?);
            Some(if swap { (y, x) } else { (x, y) })
        }
        (Op::AddOvfS, false) => {
            Some((signed_within(a, b, Op::AddOvfS)?, signed_within(b, a, Op::AddOvfS)?))
        }
        (Op::AddOvfU, false) => {
            let below = |x: &Known, y: &Known| x.at_most(mask(x.width) - y.umin);
            Some((below(a, b)?, below(b, a)?))
        }
        (Op::SubOvfS, false) => Some((signed_within(a, b, Op::SubOvfS)?, *b)),
        (Op::SubOvfU, false) => refine(Op::LeU, true, b, a).map(|(b, a)| (a, b)),
        _ => Some((*a, *b)),
    }
}

/// `a` without the one value of `b`, where that is a bound of `a`.
fn without(a: &Known, b: &Known) -> Option<Known> {
    let Some(value) = b.value() else {
        return Some(*a);
    };
    let mut left = *a;
    if value == a.umin {
        left = left.at_least(value.checked_add(1)?)?;
    }
    if value == a.umax {
        left = left.at_most(value.checked_sub(1)?)?;
    }
    let value = b.smin;
    if value == a.smin {
        left = left.at_least_signed(value.checked_add(1)?)?;
    }
    if value == a.smax {
        left = left.at_most_signed(value.checked_sub(1)?)?;
    }
    Some(left)
}

/// The `x` for which `x + y` or `x - y` fits as a signed number for some `y`.
fn signed_within(x: &Known, y: &Known, op: Op) -> Option<Known> {
    let (min, max) = (i128::from(signed_min(x.width)), i128::from(signed_max(x.width)));
    let (low, high) = match op {
        Op::SubOvfS => (min + i128::from(y.smin), max + i128::from(y.smax)),
        _ => (min - i128::from(y.smax), max - i128::from(y.smin)),
    };
    if low > max || high < min {
        return None;
    }
    x.at_least_signed(low.max(min) as i64)?.at_most_signed(high.min(max) as i64)
}
