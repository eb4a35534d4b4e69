//! A trait with static dispatch, its impls, a generic type, methods by value.

use jitgen_core::{Traced, traced};

/// Something with an area.
#[traced]
pub trait Shape {
    /// It.
    fn area(&self, of: i64) -> i64;
    /// What all have.
    fn perimeter(&self) -> i64 {
        self.area(1).wrapping_add(1)
    }
    /// Without `self`.
    fn corners(of: i64) -> i64;
    /// With a loop, so it is called.
    fn looped(&self, times: i64) -> i64;
}

/// Adds.
#[derive(Debug, Traced)]
pub struct Adder {
    /// What.
    pub by: i64,
}

/// Doubles.
#[derive(Debug, Traced)]
pub struct Doubler {
    /// How often.
    pub times: u32,
}

#[traced]
impl Shape for Adder {
    fn area(&self, of: i64) -> i64 {
        of.wrapping_add(self.by)
    }
    fn corners(of: i64) -> i64 {
        of.wrapping_add(4)
    }
    fn looped(&self, times: i64) -> i64 {
        let mut sum = 0;
        for i in 0..times {
            sum += i * self.by;
        }
        sum
    }
}

#[traced]
impl Shape for Doubler {
    fn area(&self, of: i64) -> i64 {
        of.wrapping_shl(self.times)
    }
    fn perimeter(&self) -> i64 {
        2
    }
    fn corners(of: i64) -> i64 {
        of
    }
    #[residual]
    fn looped(&self, times: i64) -> i64 {
        times
    }
}

/// Static dispatch.
#[traced]
pub fn through<S>(shape: &S, of: i64) -> i64
where
    S: Shape,
{
    shape.area(of).wrapping_add(S::corners(1))
}

/// A generic type with a word.
#[derive(Clone, Copy, Debug, Traced)]
pub struct Twice<T>(pub T);

#[traced]
impl Twice<i64> {
    /// Twice the number.
    pub fn get(&self) -> i64 {
        self.0.wrapping_mul(2)
    }
}

#[traced]
impl<T: Copy> Twice<T> {
    /// The number, of whatever type.
    pub fn inner(&self) -> T {
        self.0
    }
}
