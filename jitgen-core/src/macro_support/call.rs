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
use super::kind::{HasKind, Kind, carried};
use super::memory;
use super::traced::{Traced, Tv};
use crate::ir::Const;
use crate::tracer::{Callee, Function, Opnd, Outside, Word, panics};
use std::mem::ManuallyDrop;

/// A residual call in a twin: taken from the log, or made (and recorded).
pub fn residual<R: Traced, C: Into<Callee>, F: FnOnce() -> R>(
    callee: C,
    args: &[Word],
    f: F,
) -> Tv<R> {
    let mut f = ManuallyDrop::new(f);
    let (make, f): (Make, _) = (called::<R, F>, &raw mut f as *mut u8);
    // SAFETY: the function is called at most once, and writes an `R`.
    unsafe { carried!(to => performed(callee.into(), args, R::KIND, (make, f), to)) }
}

/// Calls a function that is somewhere and not used there again; writes its result.
type Make = unsafe fn(*mut u8, *mut u8);

/// # Safety
/// An `F` must be there that is not used again, and room for an `R`.
unsafe fn called<R, F: FnOnce() -> R>(f: *mut u8, to: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe { (to as *mut R).write((f as *mut F).read()()) }
}

/// Makes a carrier of the result of a call: what the log has, or what the function gives. One that
/// is not called is in the trace's hands, with all that it was handed.
///
/// # Safety
/// `make` must give a value of the kind, and there must be room for a carrier.
unsafe fn performed(
    callee: Callee,
    args: &[Word],
    kind: &Kind,
    (make, f): (Make, *mut u8),
    to: *mut u8,
) {
    let mut call = Call::begin(callee, args);
    // SAFETY: the caller's promise; a carrier begins with its value.
    unsafe {
        if let Some(observer) = call.observer.take() {
            make(f, to);
            observer.end(&call.callee);
            kind.finish(to, call.recorded(kind, to));
        } else {
            kind.replay(call.otherwise, to);
            if !call.known {
                kind.set_opnd(to, call.recorded(kind, to));
            }
        }
    }
}

/// A residual call of a twin.
struct Call<'a> {
    callee: Callee,
    args: &'a [Word],
    /// There is one while the call is made.
    observer: Option<Observer>,
    /// Is the result known? The log has it, or the call is not made at any execution.
    known: bool,
    /// The result, if the call is not made.
    otherwise: Option<Word>,
}

impl Call<'_> {
    fn begin(callee: Callee, args: &[Word]) -> Call<'_> {
        let condition = ask::take_condition();
        if let Some(otherwise) = replayed() {
            return Call { callee, args, observer: None, known: true, otherwise };
        }
        let Some(condition) = condition else {
            let observer = Some(Observer::begin(&callee, args));
            return Call { callee, args, observer, known: false, otherwise: None };
        };
        let made = condition.holds.now.is_true();
        let known = !made && condition.holds.opnd.is_const();
        if known {
            ask::skip_call(condition.otherwise);
        }
        let observer = made.then(|| Observer::begin(&callee, args));
        let callee = Callee { condition: Some(condition), ..callee };
        Call { callee, args, observer, known, otherwise: condition.otherwise }
    }

    /// The operand of its result.
    ///
    /// # Safety
    /// A value of the kind must be there.
    unsafe fn recorded(&self, kind: &Kind, result: *const u8) -> Opnd {
        // SAFETY: the caller's promise.
        unsafe {
            if self.is_constant() {
                ask::skip_call(Some(kind.argument(result, Opnd::Const)));
                return Opnd::Const;
            }
            kind.record(result, &self.callee, self.args)
        }
    }

    /// Is it made under a constant condition, and its result constant, too?
    fn is_constant(&self) -> bool {
        self.callee.condition.is_some_and(|condition| condition.holds.opnd.is_const())
            && self.callee.pure
            && self.args.iter().all(|arg| arg.opnd.is_const())
    }
}

/// What the log has of the call that is made next; if it has panicked, that goes on here.
fn replayed() -> Option<Option<Word>> {
    let word = ask::begin_call()?;
    if ask::is_last_call() {
        panics::resume();
    }
    Some(word)
}

/// Calls a function; while recording, what it may do may be compared with what it does.
pub(super) fn observed<R>(callee: &Callee, args: &[Word], f: impl FnOnce() -> R) -> R {
    let observer = Observer::begin(callee, args);
    let result = f();
    observer.end(callee);
    result
}

/// A call that is being made.
struct Observer {
    /// Words of memory that the function must leave as they are.
    kept: Vec<(u64, Const, u32)>,
    outside: Outside,
}

impl Observer {
    fn begin(callee: &Callee, args: &[Word]) -> Observer {
        Observer { kept: ask::kept_by(callee, args), outside: Outside::begin() }
    }

    fn end(self, callee: &Callee) {
        drop(self.outside);
        // SAFETY: the recorder knows only words of live memory, and the function is declared to
        // write none of them, or they are in what only others see: so it does not free them.
        if let Some(class) = unsafe { memory::changed(&self.kept) } {
            ask::blame(callee.function, class);
        }
    }
}

/// A value of a type with this variant, around another value.
macro_rules! one {
    ($value:ident: $part:ty => $variant:ident: $whole:ty) => {{
        let mut value = ManuallyDrop::new($value);
        let carrier = &raw mut value as *mut u8;
        // SAFETY: a carrier begins with the bits of a value, which moves out of it once.
        unsafe {
            let opnd = <$part>::KIND.opnd(carrier);
            <$part>::KIND.give_away(carrier);
            let made = ManuallyDrop::<$whole>::new($variant((carrier as *const $part).read()));
            carried!(to => <$whole>::KIND.carry_built(&[opnd], &raw const made as *const u8, to))
        }
    }};
}

/// `Ok(value)`.
pub fn ok<T: Traced, E: Traced>(value: Tv<T>) -> Tv<Result<T, E>> {
    one!(value: T => Ok: Result<T, E>)
}

/// `Err(error)`.
pub fn err<T: Traced, E: Traced>(error: Tv<E>) -> Tv<Result<T, E>> {
    one!(error: E => Err: Result<T, E>)
}

/// `Some(value)`.
pub fn some<T: Traced>(value: Tv<T>) -> Tv<Option<T>> {
    one!(value: T => Some: Option<T>)
}

/// A part of a value that has just been made.
#[derive(Clone, Copy)]
pub struct Made {
    at: u64,
    size: u32,
    opnd: Opnd,
}

/// A part, and what it is in the trace.
pub fn made<F>(part: &F, opnd: Opnd) -> Made {
    Made { at: &raw const *part as u64, size: size_of::<F>() as u32, opnd }
}

/// A value that has just been made, at that address, of these parts; `rest` is the operand of what
/// all else in it comes from.
pub fn whole<X: Traced>(at: *const X, rest: Opnd, parts: &[Made], x: X) -> Tv<X> {
    Tv::of(x, placed(at as u64, size_of::<X>() as u32, rest, parts))
}

fn placed(at: u64, size: u32, rest: Opnd, parts: &[Made]) -> Opnd {
    parts.iter().fold(rest, |whole, part| {
        if part.opnd == Opnd::Const && whole == Opnd::Const {
            return whole;
        }
        ask::replace(whole, size, ((part.at - at) as u32, part.size), part.opnd)
    })
}

/// A pattern has not matched that matches always.
#[cold]
pub fn never() -> ! {
    unreachable!("rustc has chosen another pattern")
}

/// Takes a `Result` apart: the twin goes on with the variant that it is.
pub fn split<T: Traced, E: Traced>(result: Tv<Result<T, E>>) -> Result<Tv<T>, Tv<E>> {
    Try::branch(result)
}

/// Takes an `Option` apart.
pub fn split_option<T: Traced>(mut option: Tv<Option<T>>) -> Option<Tv<T>> {
    // SAFETY: the twin's own value, of which the part is a `T`.
    unsafe {
        let (yes, part) = <Option<T>>::KIND.part_of(&raw mut option as *mut u8, 1);
        if yes { Some(carried!(to => T::KIND.get(part, to))) } else { None }
    }
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
    fn branch(mut this: Tv<Self>) -> Result<Tv<T>, Tv<E>> {
        // SAFETY: the twin's own value, of which the part is one of these types.
        unsafe {
            let (yes, part) = <Result<T, E>>::KIND.part_of(&raw mut this as *mut u8, 0);
            if yes {
                Ok(carried!(to => T::KIND.get(part, to)))
            } else {
                Err(carried!(to => E::KIND.get(part, to)))
            }
        }
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
    let mut result = super::passing::nothing::<F>();
    panics::guarded(&mut || {
        // SAFETY: a trace passes it.
        let error = unsafe { super::passing::from_abi::<E>(error) };
        // SAFETY: the trace passes scratch memory of the size of the result.
        result = unsafe { super::passing::deliver(F::from(error), out) };
    });
    result
}

/// The author's `==`, as compiled code calls it.
pub(super) extern "C" fn compare_thunk<A: Traced + Copy + PartialEq>(
    a: super::passing::AbiOf<A>,
    b: super::passing::AbiOf<A>,
    _: *mut u8,
) -> bool {
    let mut result = false;
    panics::guarded(&mut || {
        // SAFETY: a trace passes them.
        let (a, b) =
            unsafe { (super::passing::from_abi::<A>(a), super::passing::from_abi::<A>(b)) };
        result = a == b;
    });
    result
}
