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
//! Invariant `one-result`: a result is moved exactly once, out of the callee or out of a log.
//!
//! Not here: elidable and other effects (they come with their hints).

use super::traced::{Leaves, Machine, Traced, Tv, carry};
use crate::ir::{Const, Op, Ty};
use crate::tracer::{AbortReason, Function, Opnd, Word, outside, panics, with};
use std::mem::ManuallyDrop;

/// A type that a residual function may return.
#[diagnostic::on_unimplemented(
    message = "a residual function cannot return `{Self}`",
    note = "return a machine word, nothing, or a `Result` of one of these"
)]
pub trait Returned: Traced {
    /// What the thunk returns to compiled code.
    type Abi;
    /// What it returns after a panic.
    fn nothing() -> Self::Abi;
    /// Hands the result over; `out` is scratch memory for it.
    ///
    /// # Safety
    /// `out` must be writable for a `Self`, if `Self` is not a word.
    unsafe fn hand_over(self, out: *mut u8) -> Self::Abi;
    /// What a recording twin does with a result.
    fn record(result: &Self, function: Function, args: &[Word]) -> Opnd;
    /// The result from a log.
    fn replay(word: Option<Word>) -> Tv<Self>;
}

macro_rules! returned_words {
    ($($t:ty),+) => {$(
        impl Returned for $t {
            type Abi = $t;
            fn nothing() -> $t { <$t>::from_bits(0) }
            unsafe fn hand_over(self, _: *mut u8) -> $t { self }
            fn record(result: &Self, function: Function, args: &[Word]) -> Opnd {
                let now = Const::new(<$t>::TY, result.bits());
                with(|s| s.end_call(Op::Call, function, args, Some(now)))
            }
            fn replay(word: Option<Word>) -> Tv<Self> {
                Tv::from_word(word.expect("the call has a result"))
            }
        }
    )+};
}
returned_words!(u8, u16, u32, u64, usize, i8, i16, i32, i64, isize, bool, char, f32, f64);

impl Returned for () {
    type Abi = ();
    fn nothing() {}
    unsafe fn hand_over(self, _: *mut u8) {}
    fn record((): &Self, function: Function, args: &[Word]) -> Opnd {
        with(|s| s.end_call(Op::Call, function, args, None))
    }
    fn replay(_: Option<Word>) -> Tv<()> {
        super::traced::unit()
    }
}

/// A residual function may return what no trace can hold: recording ends there.
impl<X: super::traced::Opaque> Returned for X {
    type Abi = ();
    fn nothing() {}
    unsafe fn hand_over(self, _: *mut u8) {}
    fn record(_: &Self, _: Function, _: &[Word]) -> Opnd {
        with(|s| s.abort(AbortReason::OpaqueResult));
        Opnd::Const
    }
    fn replay(_: Option<Word>) -> Tv<Self> {
        unreachable!("recording was given up at this call, so no log has it")
    }
}

/// A `Result` in a twin. It is moved as the original moves it; dropping one whose destructor does
/// something gives recording up, since a trace would not run it.
#[repr(transparent)]
pub struct Held<X>(ManuallyDrop<X>);

impl<X> Held<X> {
    pub(super) fn new(value: ManuallyDrop<X>) -> Held<X> {
        Held(value)
    }

    pub(super) fn get(&self) -> &X {
        &self.0
    }

    fn into_inner(self) -> X {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is not used again and not dropped, so the value is moved out once.
        unsafe { ManuallyDrop::take(&mut this.0) }
    }
}

impl<X> Drop for Held<X> {
    fn drop(&mut self) {
        if std::mem::needs_drop::<X>() && !std::thread::panicking() {
            with(|s| s.abort(AbortReason::OwnedDrop));
        }
        // SAFETY: dropped once, here.
        unsafe { ManuallyDrop::drop(&mut self.0) }
    }
}

// SAFETY: `Held` is a struct with one field, of the value's type inside `ManuallyDrop`
// (transparent); `carry` asserts size and alignment, and one field lies at offset 0.
unsafe impl<T, E> Traced for Result<T, E> {
    type C = Held<Result<T, E>>;
}

impl<T: Payload, E> Returned for Result<T, E> {
    type Abi = u64;
    fn nothing() -> u64 {
        0
    }
    unsafe fn hand_over(self, out: *mut u8) -> u64 {
        let tag = tag(&self);
        // SAFETY: the caller's promise; ownership moves to whoever reads the scratch memory.
        unsafe { out.cast::<Self>().write_unaligned(self) };
        tag
    }
    fn record(result: &Self, function: Function, args: &[Word]) -> Opnd {
        let tag = Const::new(Ty::I64, tag(result));
        with(|s| s.end_blob_call(function, args, tag, size_of::<Self>() as u32))
    }
    fn replay(word: Option<Word>) -> Tv<Self> {
        let (bytes, o) = with(|s| s.replayed_blob(word));
        assert_eq!(bytes.len(), size_of::<Self>(), "replay is out of step: another result");
        // SAFETY: the bytes are those that `hand_over` wrote for this call, and the log gives
        // them once.
        let result = unsafe { bytes.as_ptr().cast::<Self>().read_unaligned() };
        Tv { c: Held(ManuallyDrop::new(result)), o }
    }
}

fn tag<T, E>(result: &Result<T, E>) -> u64 {
    u64::from(result.is_err())
}

/// What an `Ok` may hold in a trace: a word, or nothing.
pub trait Payload: Traced {
    /// The value as a word, with the type.
    fn payload(&self) -> Option<Const>;
}

impl Payload for () {
    fn payload(&self) -> Option<Const> {
        None
    }
}

macro_rules! payload_words {
    ($($t:ty),+) => {$(
        impl Payload for $t {
            fn payload(&self) -> Option<Const> { Some(Const::new(<$t>::TY, self.bits())) }
        }
    )+};
}
payload_words!(u8, u16, u32, u64, usize, i8, i16, i32, i64, isize, bool, char, f32, f64);

/// `Ok(value)`.
pub fn ok<T: Traced, E>(value: Tv<T>) -> Tv<Result<T, E>> {
    let result = Held(ManuallyDrop::new(Ok(super::traced::uncarry(value.c))));
    Tv { c: result, o: value.o }
}

/// `Err(error)`.
pub fn err<T, E: Traced>(error: Tv<E>) -> Tv<Result<T, E>> {
    let result = Held(ManuallyDrop::new(Err(super::traced::uncarry(error.c))));
    Tv { c: result, o: error.o }
}

/// Takes a `Result` apart: the twin goes on with the variant that it is.
pub fn split<T: Payload, E: Traced>(result: Tv<Result<T, E>>) -> Result<Tv<T>, Tv<E>> {
    let whole = result.o;
    let value = result.c.into_inner();
    let Opnd::Blob(blob) = whole else {
        // Made by `ok` or `err` in this very trace: the variant is known, the operand the payload's.
        return match value {
            Ok(c) => Ok(Tv { c: carry(c), o: whole }),
            Err(e) => Err(Tv { c: carry(e), o: whole }),
        };
    };
    let tag = Const::new(Ty::I64, tag(&value));
    let payload = value.as_ref().ok().and_then(|payload| {
        let inside = std::ptr::from_ref(payload) as u64 - (&raw const value) as u64;
        payload.payload().map(|now| (inside as u32, now))
    });
    let o = with(|s| s.split_blob(blob, tag, payload));
    match value {
        Ok(c) => Ok(Tv { c: carry(c), o }),
        Err(e) => {
            with(|s| s.abort(AbortReason::OpaqueValue));
            Err(Tv { c: carry(e), o: Opnd::Const })
        }
    }
}

/// The error conversion of `?`.
pub fn from<E: Traced, F: Traced + From<E>>(error: Tv<E>) -> Tv<F> {
    let o = error.o;
    super::traced::construct(F::from(error.native()), &[o])
}

/// A residual call in a twin: taken from the log, or made (and recorded).
pub fn residual<R: Returned>(function: Function, args: &[Word], f: impl FnOnce() -> R) -> Tv<R> {
    if let Some(word) = with(|s| s.begin_call()) {
        if with(|s| s.is_last_call()) {
            panics::resume();
        }
        return R::replay(word);
    }
    let result = outside(f);
    let o = R::record(&result, function, args);
    Tv { c: carry(result), o }
}

/// A word that is handed to a residual function.
pub fn word<X: Traced>(x: &Tv<X>) -> Word
where
    X::C: Machine,
{
    x.word()
}

impl<X> Leaves for Held<X> {
    const OPAQUE: bool = true;
    fn leaves(_: &mut dyn FnMut(u32, Ty)) {}
}
