//! `from`, `into` and `try_from` between words.
//!
//! Not here: `as` (`ops`), the conversion of errors by `?` (`call`).

use super::super::ask;
use crate::macro_support::call::{err, ok};
use crate::macro_support::ops::{cast, within};
use crate::macro_support::shape::TagAt;
use crate::macro_support::traced::{Scalar, Traced, Tv, lift};
use crate::tracer::AbortReason;
use std::num::TryFromIntError;

/// What `From` is between.
pub trait FromTwin<T: Traced>: Traced {
    /// The twin of `from`.
    fn from__twin(value: Tv<T>) -> Tv<Self>;
}

impl<T: Scalar, U: Scalar + From<T>> FromTwin<T> for U {
    fn from__twin(value: Tv<T>) -> Tv<U> {
        if !matches!(T::TAG, TagAt::Nowhere) {
            // A conversion of the author's own.
            ask::abort(AbortReason::OpaqueValue);
        }
        let now = U::from(value.nat());
        cast(&value, now)
    }
}

/// What `Into` is on.
pub trait IntoTwin: Scalar {
    /// The twin of `into`.
    #[allow(clippy::wrong_self_convention, reason = "the name is that of the method's twin")]
    fn into__twin<U: FromTwin<Self>>(&self, this: Tv<Self>) -> Tv<U>;
}

impl<T: Scalar> IntoTwin for T {
    fn into__twin<U: FromTwin<T>>(&self, this: Tv<T>) -> Tv<U> {
        U::from__twin(this)
    }
}

/// What is between these bounds is a value of the type.
pub trait Limits: Scalar + PartialOrd {
    /// The least one.
    const LEAST: i128;
    /// The greatest one.
    const GREATEST: i128;
    /// A number within these bounds.
    fn within_limits(number: i128) -> Self;
}

macro_rules! limits {
    ($($t:ty),+) => {$(
        impl Limits for $t {
            const LEAST: i128 = <$t>::MIN as i128;
            const GREATEST: i128 = <$t>::MAX as i128;
            fn within_limits(number: i128) -> $t {
                number as $t
            }
        }
    )+};
}
limits!(u8, u16, u32, u64, usize, i8, i16, i32, i64, isize);

/// What `TryFrom` is between.
pub trait TryFromTwin<T: Traced>: Traced {
    /// The twin of `try_from`.
    fn try_from__twin(value: Tv<T>) -> Tv<Result<Self, TryFromIntError>>;
}

impl<T: Limits, U: Limits + TryFrom<T, Error = TryFromIntError>> TryFromTwin<T> for U {
    fn try_from__twin(value: Tv<T>) -> Tv<Result<U, TryFromIntError>> {
        let low = (T::LEAST < U::LEAST).then(|| T::within_limits(U::LEAST));
        let high = (T::GREATEST > U::GREATEST).then(|| (T::within_limits(U::GREATEST), true));
        let fits = within(value, low, high);
        match U::try_from(value.nat()) {
            Ok(now) if fits => ok(cast(&value, now)),
            Err(error) if !fits => err(lift(error)),
            _ => unreachable!("a value fits if it is within the limits"),
        }
    }
}
