//! What is known of the bits of a value: one lattice for integers, truth values and pointers.
//!
//! ```text
//! zext.i64 (v0: i8) & 14        bits ....xxx0, unsigned 0..=14, signed 0..=14
//! ```
//!
//! An element is three views of one set: bits that are known, an unsigned range, a signed range. A
//! value is a member if it is in all three. [`Known::meet`] and the constructors *reduce* the views
//! against each other: each bound that follows from another view is there.
//!
//! Widths are numbers, not types, so that tests can go through everything at four bits.
//!
//! Invariants: `sound` (whatever an operation computes from members is a member of what `transfer`
//! computes from the elements), `not-empty` (an element has a member as far as the views can tell; a
//! meet that has none is `None`).
//!
//! Not here: where an element comes from and where it holds (`ranges`), relations between values
//! (`guards`).

mod refine;
#[cfg(test)]
mod tests;
mod transfer;

pub(super) use refine::refine;
pub(super) use transfer::{decide, is_lost, result_width, transfer, without_overflow};

/// A set of values of `width` bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Known {
    pub width: u32,
    /// Bits that are 0 in every member.
    pub zeros: u64,
    /// Bits that are 1 in every member.
    pub ones: u64,
    pub umin: u64,
    pub umax: u64,
    pub smin: i64,
    pub smax: i64,
}

/// The bits that a value of this width can have set.
pub(super) fn mask(width: u32) -> u64 {
    u64::MAX >> (64 - width)
}

/// The low bits as a signed number of this width.
pub(super) fn signed(width: u32, bits: u64) -> i64 {
    let shift = 64 - width;
    ((bits << shift) as i64) >> shift
}

/// The largest signed number of this width.
pub(super) fn signed_max(width: u32) -> i64 {
    (mask(width) >> 1) as i64
}

/// The smallest signed number of this width.
pub(super) fn signed_min(width: u32) -> i64 {
    -signed_max(width) - 1
}

/// How often the views are reduced against each other, at most. One turn carries a bound to the other
/// views, the second brings back what these had to say, and the third what followed from that.
const TURNS: usize = 3;

impl Known {
    /// All values.
    pub fn full(width: u32) -> Known {
        Known {
            width,
            zeros: 0,
            ones: 0,
            umin: 0,
            umax: mask(width),
            smin: signed_min(width),
            smax: signed_max(width),
        }
    }

    /// Is nothing known?
    pub fn is_full(&self) -> bool {
        self.zeros | self.ones | self.umin == 0
            && self.umax == mask(self.width)
            && self.smax == signed_max(self.width)
            && self.smin == signed_min(self.width)
    }

    /// One value.
    pub fn one(width: u32, bits: u64) -> Known {
        let (mask, signed) = (mask(width), signed(width, bits));
        let bits = bits & mask;
        Known {
            width,
            zeros: !bits & mask,
            ones: bits,
            umin: bits,
            umax: bits,
            smin: signed,
            smax: signed,
        }
    }

    /// The values with these bits; `None` where two contradict.
    pub fn bits(width: u32, zeros: u64, ones: u64) -> Option<Known> {
        let mask = mask(width);
        Known { zeros: zeros & mask, ones: ones & mask, ..Known::full(width) }.reduced()
    }

    /// The values of an unsigned range.
    pub fn unsigned(width: u32, umin: u64, umax: u64) -> Option<Known> {
        Known { umin, umax, ..Known::full(width) }.reduced()
    }

    /// The values of a signed range.
    pub fn signed(width: u32, smin: i64, smax: i64) -> Option<Known> {
        Known { smin, smax, ..Known::full(width) }.reduced()
    }

    /// The one value, if there is one.
    pub fn value(&self) -> Option<u64> {
        (self.umin == self.umax).then_some(self.umin)
    }

    /// The bits that a member can have set.
    pub fn possible(&self) -> u64 {
        !self.zeros & mask(self.width)
    }

    /// Is that value a member?
    #[cfg(test)]
    pub fn contains(&self, bits: u64) -> bool {
        let signed = signed(self.width, bits);
        bits & self.zeros == 0
            && bits & self.ones == self.ones
            && (self.umin..=self.umax).contains(&bits)
            && (self.smin..=self.smax).contains(&signed)
    }

    /// Is every member of `self` one of `other`, as the views tell?
    pub fn is_within(&self, other: &Known) -> bool {
        self.meet(other) == Some(*self)
    }

    /// What is in both; `None` if that is nothing.
    pub fn meet(&self, other: &Known) -> Option<Known> {
        debug_assert_eq!(self.width, other.width);
        let both = Known {
            width: self.width,
            zeros: self.zeros | other.zeros,
            ones: self.ones | other.ones,
            umin: self.umin.max(other.umin),
            umax: self.umax.min(other.umax),
            smin: self.smin.max(other.smin),
            smax: self.smax.min(other.smax),
        };
        if both == *self || both == *other { Some(both) } else { both.reduced() }
    }

    /// What is in either.
    pub fn join(&self, other: &Known) -> Known {
        debug_assert_eq!(self.width, other.width);
        Known {
            width: self.width,
            zeros: self.zeros & other.zeros,
            ones: self.ones & other.ones,
            umin: self.umin.min(other.umin),
            umax: self.umax.max(other.umax),
            smin: self.smin.min(other.smin),
            smax: self.smax.max(other.smax),
        }
    }

    /// The members up to that one, as unsigned numbers; `None` if there is none.
    pub fn at_most(&self, umax: u64) -> Option<Known> {
        if self.umax <= umax { Some(*self) } else { Known { umax, ..*self }.reduced() }
    }

    /// The members from that one on, as unsigned numbers; `None` if there is none.
    pub fn at_least(&self, umin: u64) -> Option<Known> {
        if self.umin >= umin { Some(*self) } else { Known { umin, ..*self }.reduced() }
    }

    /// The members up to that one, as signed numbers; `None` if there is none.
    pub fn at_most_signed(&self, smax: i64) -> Option<Known> {
        if self.smax <= smax { Some(*self) } else { Known { smax, ..*self }.reduced() }
    }

    /// The members from that one on, as signed numbers; `None` if there is none.
    pub fn at_least_signed(&self, smin: i64) -> Option<Known> {
        if self.smin >= smin { Some(*self) } else { Known { smin, ..*self }.reduced() }
    }

    /// Each view with what the others say; `None` if two contradict each other.
    fn reduced(mut self) -> Option<Known> {
        for _ in 0..TURNS {
            self.bits_to_ranges();
            self.between_ranges();
            if self.umin > self.umax || self.smin > self.smax || self.zeros & self.ones != 0 {
                return None;
            }
            let bits = (self.zeros, self.ones);
            self.range_to_bits();
            // The ranges have nothing more to say to each other.
            if (self.zeros, self.ones) == bits {
                break;
            }
        }
        (self.zeros & self.ones == 0).then_some(self)
    }

    fn bits_to_ranges(&mut self) {
        let sign = 1 << (self.width - 1);
        let possible = self.possible();
        self.umin = self.umin.max(self.ones);
        self.umax = self.umax.min(possible);
        // The smallest signed number has the sign bit if it can, and else only what it must.
        let (smallest, largest) =
            (self.ones | possible & sign, possible & !sign | self.ones & sign);
        self.smin = self.smin.max(signed(self.width, smallest));
        self.smax = self.smax.min(signed(self.width, largest));
    }

    /// Where all members have the same sign, both orders are one, and so are the ranges.
    fn between_ranges(&mut self) {
        let half = signed_max(self.width) as u64;
        if self.smin >= 0 || self.smax < 0 {
            self.signed_to_unsigned();
        }
        if self.umax <= half || self.umin > half {
            self.smin = self.smin.max(signed(self.width, self.umin));
            self.smax = self.smax.min(signed(self.width, self.umax));
            if self.smin <= self.smax {
                self.signed_to_unsigned();
            }
        }
    }

    fn signed_to_unsigned(&mut self) {
        let mask = mask(self.width);
        self.umin = self.umin.max(self.smin as u64 & mask);
        self.umax = self.umax.min(self.smax as u64 & mask);
    }

    /// The bits above the first in which the bounds differ are those of all members.
    fn range_to_bits(&mut self) {
        let differ = self.umin ^ self.umax;
        let below = u64::MAX.checked_shr(differ.leading_zeros()).unwrap_or(0);
        let mask = mask(self.width);
        self.ones |= self.umin & !below;
        self.zeros |= !self.umin & !below & mask;
    }
}
