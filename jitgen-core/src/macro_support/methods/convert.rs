//! `from` and `into` between words.
//!
//! Not here: `as` (`ops`), the conversion of errors by `?` (`call`).

use super::super::ask;
use crate::macro_support::ops::cast;
use crate::macro_support::shape::TagAt;
use crate::macro_support::traced::{Scalar, Traced, Tv};
use crate::tracer::AbortReason;

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
        cast(value, now)
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
