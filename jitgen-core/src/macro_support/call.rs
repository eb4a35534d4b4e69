//! Residual calls: functions that a trace calls and does not look into.
//!
//! ```text
//! fn put(machine: &mut Machine, byte: u8) -> Result<(), Error>
//!     =>  v7 = call.i64 @bf::put(v0, v5, v6)      v6: scratch memory for the Result; v7: which variant
//!         v8 = load.bool <panic flag>
//!         guard_not v8 else exit3                 exit3: … log [… call v7, blob +0 40]
//! ```
//!
//! The thunk that a trace calls catches a panic and raises a flag; the exit behind the call leads
//! to the twin, which unwinds on at the very place of the call.
//!
//! Not here: how values are passed (`passing`).

use super::ask;
use super::carrier::Ownership;
use super::conditional::called_if;
use super::memory;
use super::passing::Passing;
use super::place::local;
use super::traced::{Traced, Tv};
use crate::tracer::{Callee, Function, Opnd, Word, outside, panics};

/// A residual call in a twin: taken from the log, or made (and recorded).
pub fn residual<R: Traced>(
    callee: impl Into<Callee>,
    args: &[Word],
    f: impl FnOnce() -> R,
) -> Tv<R> {
    let condition = ask::take_condition();
    if let Some(word) = ask::begin_call() {
        // What was handed over is in the trace's hands.
        std::mem::forget(f);
        if ask::is_last_call() {
            panics::resume();
        }
        return R::Pass::replay(word);
    }
    let callee = callee.into();
    if let Some(condition) = condition {
        return called_if(condition, callee, args, f);
    }
    let result = observed(&callee, args, f);
    let opnd = R::Pass::record(&result, &callee, args);
    Tv::of(result, opnd)
}

/// Calls a function; while recording, what it may do may be compared with what it does.
pub(super) fn observed<R>(callee: &Callee, args: &[Word], f: impl FnOnce() -> R) -> R {
    let kept = ask::kept_by(callee, args);
    let result = outside(f);
    // SAFETY: the recorder knows only words of live memory, and the function is declared to write
    // none of them, or they are in what only others see: so it does not free them either.
    if let Some(class) = unsafe { memory::changed(&kept) } {
        ask::blame(callee.function, class);
    }
    result
}

/// `Ok(value)`, as the twin of a function that returns `()` inside of a `Result` has it.
pub fn ok<T: Traced, E: Traced>(value: Tv<T>) -> Tv<Result<T, E>> {
    let opnd = value.opnd();
    built(
        Ok(value.native()),
        opnd,
        |r| match r {
            Ok(x) => std::ptr::from_ref(x) as u64,
            Err(_) => unreachable!("made just now"),
        },
        size_of::<T>(),
    )
}

/// `Err(error)`.
pub fn err<T: Traced, E: Traced>(error: Tv<E>) -> Tv<Result<T, E>> {
    let opnd = error.opnd();
    built(
        Err(error.native()),
        opnd,
        |r| match r {
            Err(x) => std::ptr::from_ref(x) as u64,
            Ok(_) => unreachable!("made just now"),
        },
        size_of::<E>(),
    )
}

fn built<X: Traced>(x: X, opnd: Opnd, part: fn(&X) -> u64, size: usize) -> Tv<X> {
    let distance = part(&x) - (&raw const x) as u64;
    let opnd = placed(size_of::<X>() as u32, (distance as u32, size as u32), opnd);
    Tv::of(x, opnd)
}

/// The operand of a value of which one part is not a constant.
fn placed(whole: u32, range: (u32, u32), part: Opnd) -> Opnd {
    if part == Opnd::Const { part } else { ask::replace(Opnd::Const, whole, range, part) }
}

/// Where the parts of a value are that has just been made.
pub struct Parts {
    base: u64,
    opnd: Opnd,
    whole: u32,
}

impl Parts {
    /// Of the value at that address; `base` is the operand of what the rest comes from.
    pub fn of<X>(x: *const X, base: Opnd) -> Parts {
        Parts { base: x as u64, opnd: base, whole: size_of::<X>() as u32 }
    }

    /// A part.
    #[inline(never)]
    pub fn put<F>(&mut self, part: &F, opnd: Opnd) {
        self.put_at(std::ptr::from_ref(part) as u64, size_of::<F>() as u32, opnd);
    }

    fn put_at(&mut self, at: u64, size: u32, opnd: Opnd) {
        let range = ((at - self.base) as u32, size);
        if opnd != Opnd::Const || self.opnd != Opnd::Const {
            self.opnd = ask::replace(self.opnd, self.whole, range, opnd);
        }
    }

    /// The value, which may have been moved meanwhile.
    #[inline(never)]
    pub fn finish<X: Traced>(self, x: X) -> Tv<X> {
        Tv::of(x, self.opnd)
    }
}

/// `Some(value)`.
pub fn some<T: Traced>(value: Tv<T>) -> Tv<Option<T>> {
    let opnd = value.opnd();
    let part = |r: &Option<T>| match r {
        Some(x) => std::ptr::from_ref(x) as u64,
        None => unreachable!("made just now"),
    };
    built(Some(value.native()), opnd, part, size_of::<T>())
}

/// Takes a `Result` apart: the twin goes on with the variant that it is.
#[inline(never)]
pub fn split<T: Traced, E: Traced>(mut result: Tv<Result<T, E>>) -> Result<Tv<T>, Tv<E>> {
    let place = local(&mut result);
    let head = super::pattern::head_at(place);
    // SAFETY: the twin's own value.
    let value = unsafe { &mut *place.addr() };
    head.test("Ok", value.is_ok());
    match value {
        Ok(x) => Ok(place.shifted(std::ptr::from_mut(x)).get()),
        Err(e) => Err(place.shifted(std::ptr::from_mut(e)).get()),
    }
}

/// Takes an `Option` apart.
pub fn split_option<T: Traced>(mut option: Tv<Option<T>>) -> Option<Tv<T>> {
    let place = local(&mut option);
    let head = super::pattern::head_at(place);
    // SAFETY: the twin's own value.
    let value = unsafe { &mut *place.addr() };
    head.test("Some", value.is_some());
    value.as_mut().map(|x| place.shifted(std::ptr::from_mut(x)).get())
}

/// What `?` can be applied to.
#[diagnostic::on_unimplemented(
    message = "`?` cannot be traced on `{Self}`",
    note = "it can on `Result` and `Option`"
)]
pub trait Try: Traced {
    /// What it gives.
    type Output: Traced;
    /// What it returns early with.
    type Residual;
    /// Which of both it is.
    fn branch(this: Tv<Self>) -> Result<Tv<Self::Output>, Self::Residual>;
}

/// What a function returns that uses `?`.
pub trait FromResidual<R>: Traced {
    /// The value that is returned early.
    fn from_residual(residual: R) -> Tv<Self>;
}

impl<T: Traced, E: Traced> Try for Result<T, E> {
    type Output = T;
    type Residual = Tv<E>;
    fn branch(this: Tv<Self>) -> Result<Tv<T>, Tv<E>> {
        split(this)
    }
}

impl<T: Traced, E: Traced, F: Traced + From<E>> FromResidual<Tv<E>> for Result<T, F>
where
    <T::O as Ownership>::And<F::O>: Ownership,
{
    fn from_residual(error: Tv<E>) -> Tv<Self> {
        err(from(error))
    }
}

/// The absence that `?` on an `Option` passes on.
pub struct Absent;

impl<T: Traced> Try for Option<T> {
    type Output = T;
    type Residual = Absent;
    fn branch(this: Tv<Self>) -> Result<Tv<T>, Absent> {
        split_option(this).ok_or(Absent)
    }
}

impl<T: Traced> FromResidual<Absent> for Option<T> {
    fn from_residual(_: Absent) -> Tv<Self> {
        super::traced::lift(None)
    }
}

/// The error conversion of `?`: nothing, or a residual call.
pub fn from<E: Traced, F: Traced + From<E>>(error: Tv<E>) -> Tv<F> {
    if std::any::type_name::<E>() == std::any::type_name::<F>() && size_of::<E>() == size_of::<F>()
    {
        let opnd = error.opnd();
        return Tv::of(F::from(error.native()), opnd);
    }
    if error.opnd().is_const() && super::passing::is_bare(&error) {
        // A constant, and so is what it is converted to.
        return super::traced::lift(F::from(error.native()));
    }
    let words = [super::passing::word(&error)];
    let function = Function {
        symbol: std::any::type_name::<fn(E) -> F>(),
        address: from_thunk::<E, F> as *const () as usize,
    };
    residual(function, &words, move || F::from(error.native()))
}

extern "C" fn from_thunk<E: Traced, F: Traced + From<E>>(
    error: super::passing::AbiOf<E>,
    out: *mut u8,
) -> super::passing::RetOf<F> {
    panics::guarded(super::passing::nothing::<F>(), || {
        // SAFETY: a trace passes it.
        let error = unsafe { super::passing::from_abi::<E>(error) };
        // SAFETY: the trace passes scratch memory of the size of the result.
        unsafe { super::passing::deliver(F::from(error), out) }
    })
}

/// The author's `==`, as compiled code calls it.
pub(super) extern "C" fn compare_thunk<A: Traced + Copy + PartialEq>(
    a: super::passing::AbiOf<A>,
    b: super::passing::AbiOf<A>,
    _: *mut u8,
) -> bool {
    panics::guarded(super::passing::nothing::<bool>(), || {
        // SAFETY: a trace passes them.
        let (a, b) =
            unsafe { (super::passing::from_abi::<A>(a), super::passing::from_abi::<A>(b)) };
        a == b
    })
}
