//! How compiled code and residual functions hand values to each other.
//!
//! | | argument | result |
//! |---|---|---|
//! | machine word, reference | in a register | in a register |
//! | anything else | its words in scratch memory, by address | into scratch memory; in a register which variant it is |
//!
//! Invariant `one-result`: a value is moved exactly once, in either direction.
//!
//! Not here: what is recorded of a call (`call`).

use super::ask;
use super::carrier::Carrier;
use super::shape::TagAt;
use super::traced::{Machine, Traced, Tv, carry, uncarry};
use crate::ir::{Const, Ty};
use crate::tracer::{Callee, Handed, Opnd, Word};

/// A way to pass values of a type.
pub trait Passing<X: Traced<Pass = Self>> {
    /// What a thunk takes.
    type Abi: Copy;
    /// What a thunk returns.
    type Ret;
    /// Is it one machine word?
    const IN_REGISTER: bool;
    /// The value of an argument.
    ///
    /// # Safety
    /// `abi` must be what a trace passes for a value that it does not use again.
    unsafe fn take(abi: Self::Abi) -> X;
    /// A traced value as an argument; it is still the caller's.
    fn argument(x: &Tv<X>) -> Word;
    /// What a thunk returns after a panic.
    fn nothing() -> Self::Ret;
    /// Hands a result over; `out` is scratch memory for it.
    ///
    /// # Safety
    /// `out` must be writable for an `X`, if it is not passed in a register.
    unsafe fn deliver(x: X, out: *mut u8) -> Self::Ret;
    /// Records a call that has given that result.
    fn record(result: &X, callee: &Callee, args: &[Word]) -> Opnd;
    /// A portal's result, as its callers find it.
    fn handed(result: &X) -> Handed;
    /// The result of a call, from a log.
    fn replay(word: Option<Word>) -> Tv<X>;
}

/// In a register.
pub enum ByWord {}

/// In scratch memory.
pub enum ByMemory {}

/// The address of an argument in scratch memory.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Spilled(*mut u8);

impl<X> Passing<X> for ByWord
where
    X: Traced<Pass = ByWord>,
    X::V: Machine,
{
    type Abi = <X::V as Machine>::Abi;
    type Ret = <X::V as Machine>::Abi;
    const IN_REGISTER: bool = true;
    unsafe fn take(abi: Self::Abi) -> X {
        uncarry(X::V::from_abi(abi))
    }
    fn argument(x: &Tv<X>) -> Word {
        x.word()
    }
    fn nothing() -> Self::Ret {
        X::V::nothing()
    }
    unsafe fn deliver(x: X, _: *mut u8) -> Self::Ret {
        carry(x).to_abi()
    }
    fn record(result: &X, callee: &Callee, args: &[Word]) -> Opnd {
        ask::end_call(callee, args, Some(machine_word(result)))
    }
    fn handed(result: &X) -> Handed {
        Handed::Word(machine_word(result))
    }
    fn replay(word: Option<Word>) -> Tv<X> {
        Tv::from_word(word.expect("the call has a result"))
    }
}

impl<X: Traced<Pass = ByMemory>> Passing<X> for ByMemory {
    type Abi = Spilled;
    type Ret = u64;
    const IN_REGISTER: bool = false;
    unsafe fn take(abi: Spilled) -> X {
        // SAFETY: a value has been spilled there, which the trace does not use again; scratch
        // memory is aligned for words only.
        unsafe { abi.0.cast::<X>().read_unaligned() }
    }
    fn argument(x: &Tv<X>) -> Word {
        if X::SHAPE.is_opaque() {
            if !x.opnd().is_const() || !is_bare(x) {
                ask::abort(crate::tracer::AbortReason::OpaqueValue);
            }
            return constant_argument(x);
        }
        if !ask::is_recording() {
            return Word { now: Const::new(Ty::Ptr, 0), opnd: Opnd::Const };
        }
        let words = x.words(false);
        ask::spill(&words, size_of::<X>() as u32)
    }
    fn nothing() -> u64 {
        0
    }
    unsafe fn deliver(x: X, out: *mut u8) -> u64 {
        // SAFETY: `x` is a value.
        let variant = unsafe { X::variant(&raw const x) };
        // SAFETY: the caller's promise; ownership moves to whoever reads the scratch memory.
        unsafe { out.cast::<X>().write_unaligned(x) };
        variant
    }
    fn record(result: &X, callee: &Callee, args: &[Word]) -> Opnd {
        if size_of::<X>() == 0 {
            return ask::end_call(callee, args, None);
        }
        ask::end_blob_call(callee, args, variant_outside(result), size_of::<X>() as u32)
    }
    fn handed(result: &X) -> Handed {
        Handed::Bytes { size: size_of::<X>() as u32, variant: variant_outside(result) }
    }
    fn replay(word: Option<Word>) -> Tv<X> {
        if size_of::<X>() == 0 {
            // SAFETY: a type without bytes has one value, which the callee has made.
            return Tv::of(unsafe { std::mem::zeroed() }, Opnd::Const);
        }
        let (bytes, o) = ask::replayed_blob(word);
        assert_eq!(bytes.len(), size_of::<X>(), "replay is out of step: another result");
        // SAFETY: the bytes are those that `deliver` wrote for this call, and the log gives
        // them once.
        let result = unsafe { bytes.as_ptr().cast::<X::V>().read_unaligned() };
        Tv(Carrier::new(result, o))
    }
}

fn machine_word<X: Traced>(x: &X) -> Const
where
    X::V: Machine,
{
    // SAFETY: `V` has the layout of `X`, and a machine word is `Copy`.
    let bits = unsafe { std::ptr::from_ref(x).cast::<X::V>().read() }.bits();
    Const::new(X::V::TY, bits)
}

/// Which variant it is, if its bytes do not say.
pub(super) fn variant_outside<X: Traced>(x: &X) -> Option<Const> {
    let outside = matches!(X::TAG, TagAt::Nowhere) && X::VARIANTS != 0;
    // SAFETY: `x` is a value.
    outside.then(|| Const::new(Ty::I64, unsafe { X::variant(x) }))
}

/// Can there be several of it, because nothing is in it that could be dropped?
pub(super) fn is_bare<X: Traced>(x: &Tv<X>) -> bool {
    if !std::mem::needs_drop::<X>() {
        return true;
    }
    let mut payload = false;
    // SAFETY: the carrier holds a value.
    unsafe { X::leaves(x.raw(), &mut |_, _| payload = true) };
    // SAFETY: as above.
    X::VARIANTS != 0 && X::SHAPE.is_opaque() && unsafe { X::plain_inside(x.raw()) } && !payload
}

/// A constant of a type that has no words: a copy that lives as long as the thread's code.
fn constant_argument<X: Traced>(x: &Tv<X>) -> Word {
    if !ask::is_recording() {
        return Word { now: Const::new(Ty::Ptr, 0), opnd: Opnd::Const };
    }
    let copy: Box<std::mem::MaybeUninit<X>> = {
        // SAFETY: the bytes are copied, and never dropped.
        let bytes = unsafe { x.raw().cast::<std::mem::MaybeUninit<X>>().read() };
        Box::new(bytes)
    };
    // Code and what its constants point to live until the thread ends.
    let at = std::ptr::from_ref(Box::leak(copy)) as u64;
    Word { now: Const::new(Ty::Ptr, at), opnd: Opnd::Const }
}

/// Is a value passed in a register?
pub const fn in_register<X: Traced>() -> bool {
    X::Pass::IN_REGISTER
}

/// How compiled code passes a value to a residual function.
pub type AbiOf<X> = <<X as Traced>::Pass as Passing<X>>::Abi;

/// What a thunk returns for a value.
pub type RetOf<X> = <<X as Traced>::Pass as Passing<X>>::Ret;

/// The value of an argument that compiled code has passed.
///
/// # Safety
/// `abi` must come from a trace that passes it to a residual function.
pub unsafe fn from_abi<X: Traced>(abi: AbiOf<X>) -> X {
    // SAFETY: the caller's promise.
    unsafe { X::Pass::take(abi) }
}

/// What a thunk returns after a panic.
pub fn nothing<X: Traced>() -> RetOf<X> {
    X::Pass::nothing()
}

/// Hands the result of a residual function over.
///
/// # Safety
/// `out` must be scratch memory for an `X`.
pub unsafe fn deliver<X: Traced>(x: X, out: *mut u8) -> RetOf<X> {
    // SAFETY: the caller's promise.
    unsafe { X::Pass::deliver(x, out) }
}

/// Hands the result of a portal over to compiled code.
///
/// # Safety
/// `out` must be scratch memory for it, as [`Handed`] says.
pub(super) unsafe fn hand_back<X: Traced>(x: X, out: *mut u8) {
    let variant = variant_outside(&x);
    // SAFETY: the caller's promise; ownership moves to whoever reads the scratch memory.
    unsafe { out.cast::<X>().write_unaligned(x) };
    if let Some(variant) = variant {
        let behind = size_of::<X>().next_multiple_of(8);
        // SAFETY: the caller's promise.
        unsafe { out.add(behind).cast::<u64>().write_unaligned(variant.bits) };
    }
}

/// A value that is handed to a residual function.
pub fn word<X: Traced>(x: &Tv<X>) -> Word {
    X::Pass::argument(x)
}
