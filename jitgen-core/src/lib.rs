//! jitgen core.

pub mod backend;
pub mod eval;
pub mod gc;
pub mod ir;
#[doc(hidden)]
pub mod macro_support;
pub mod opt;
pub mod runtime;
pub mod tracer;

pub use jitgen_macros::{Traced, interpreter, portal, residual, traced, unroll};
/// Types that a twin can hold; `derive(Traced)` implements it.
pub use macro_support::Traced;
pub use runtime::coverage::{Coverage, Report, Treatment, coverage};
pub use runtime::{Config, Statistics, configure, statistics};

/// What an annotated interpreter imports.
pub mod prelude {
    pub use crate::gc::{Collect, Gc};
    pub use crate::promote;
    pub use jitgen_macros::{Traced, portal, residual, traced, unroll};
}

/// From here on, a trace may take the value for constant: it is compared once, and what follows is
/// specialised to it. In the interpreter it is the identity.
#[inline(always)]
pub fn promote<T>(value: T) -> T {
    value
}
