//! How compiled code and residual functions hand values to each other.
//!
//! | | argument | result |
//! |---|---|---|
//! | machine word, reference | in a register | in a register |
//! | anything else | its words in scratch memory, or all of its bytes, by address | into scratch memory; in a register which variant it is |
//!
//! Invariant `one-result`: a value is moved exactly once, in either direction.
//!
//! Not here: what is recorded of a call (`call`).

use super::ask;
use super::inline::bytes_for_memory;
use super::kind::{HasKind, Kind, carried};
use super::memory;
use super::shape::TagAt;
use super::traced::{Machine, Traced, Tv, settled};
use crate::ir::{Const, Ty};
use crate::tracer::{AbortReason, Callee, Handed, Opnd, Word};
use std::mem::{ManuallyDrop, MaybeUninit};

/// A way to pass values of a type.
pub trait Passing<X: Traced<Pass = Self>> {
    /// What a thunk takes.
    type Abi: Copy;
    /// What a thunk returns.
    type Ret;
    /// Is it one machine word?
    const IN_REGISTER: bool;
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
}

impl<X: Traced<Pass = ByMemory>> Passing<X> for ByMemory {
    type Abi = Spilled;
    type Ret = u64;
    const IN_REGISTER: bool = false;
}

impl Kind {
    /// A value as an argument; it is still the caller's.
    ///
    /// # Safety
    /// A value of this kind must be there.
    pub unsafe fn argument(&self, this: *const u8, opnd: Opnd) -> Word {
        // SAFETY: the caller's promise.
        unsafe {
            match self.in_register {
                true => {
                    let now = memory::read(this as u64, self.shape.first());
                    Word { now, opnd: settled(opnd) }
                }
                false => spilled(self, this, opnd),
            }
        }
    }

    /// The value of a carrier as an argument; it is still the caller's.
    ///
    /// # Safety
    /// A carrier of this kind must be there.
    unsafe fn carried_argument(&self, carrier: *const u8) -> Word {
        // SAFETY: the caller's promise.
        unsafe { self.argument(carrier, self.opnd(carrier)) }
    }

    /// Records a call that has given that result; gives its operand.
    ///
    /// # Safety
    /// A value of this kind must be there.
    pub unsafe fn record(&self, result: *const u8, callee: &Callee, args: &[Word]) -> Opnd {
        if self.in_register {
            // SAFETY: the caller's promise: a value of one word.
            let now = unsafe { memory::read(result as u64, self.shape.first()) };
            return ask::end_call(callee, args, Some(now));
        }
        if self.size == 0 {
            return ask::end_call(callee, args, None);
        }
        // SAFETY: the caller's promise.
        let tag = unsafe { variant_outside(self, result) };
        ask::end_blob_call(callee, args, tag, self.size)
    }

    /// A portal's result, as its callers find it.
    ///
    /// # Safety
    /// A value of this kind must be there.
    pub unsafe fn handed(&self, result: *const u8) -> Handed {
        // SAFETY: the caller's promise.
        unsafe {
            match self.in_register {
                true => Handed::Word(memory::read(result as u64, self.shape.first())),
                false => Handed::Bytes { size: self.size, variant: variant_outside(self, result) },
            }
        }
    }

    /// Makes a carrier of the result of a call, from a log.
    ///
    /// # Safety
    /// The log must have the result of a call that gives a value of this kind, and there must be
    /// room for a carrier.
    pub unsafe fn replay(&self, word: Option<Word>, to: *mut u8) {
        if self.in_register {
            // SAFETY: the caller's promise.
            return unsafe { self.carry_word(word.expect("the call has a result"), to) };
        }
        let (bytes, opnd) = returned(self, word);
        // SAFETY: the bytes are those that `deliver` wrote for this call, and the log gives
        // them once. A type without bytes has one value, which the callee has made.
        unsafe { self.carry(bytes.as_ptr(), opnd, to) };
    }
}

/// Records a call that has given that result; gives its operand.
pub(super) fn recorded<X: Traced>(result: &X, callee: &Callee, args: &[Word]) -> Opnd {
    // SAFETY: `result` is a value.
    unsafe { X::KIND.record(&raw const *result as *const u8, callee, args) }
}

/// A portal's result, as its callers find it.
pub(super) fn handed<X: Traced>(result: &X) -> Handed {
    // SAFETY: `result` is a value.
    unsafe { X::KIND.handed(&raw const *result as *const u8) }
}

/// The result of a call, from a log.
pub(super) fn replayed<X: Traced>(word: Option<Word>) -> Tv<X> {
    // SAFETY: the log is that of this call.
    unsafe { carried!(to => X::KIND.replay(word, to)) }
}

/// A value as an argument in scratch memory.
///
/// # Safety
/// A value of the kind must be there.
pub(super) unsafe fn spilled(kind: &Kind, this: *const u8, opnd: Opnd) -> Word {
    if !ask::is_recording() {
        return Word { now: Const::new(Ty::Ptr, 0), opnd: Opnd::Const };
    }
    let opaque = kind.shape.is_opaque();
    // SAFETY: the caller's promise.
    if opaque && opnd.is_const() && unsafe { kind.is_bare(this) } {
        // A constant of a type that has no words: a copy that lives as long as the thread's code.
        // SAFETY: the caller's promise.
        let at = unsafe { leaked(kind, this) };
        return Word { now: Const::new(Ty::Ptr, at), opnd: Opnd::Const };
    }
    if opaque {
        // Each execution makes a value of its own, also where all of it is constant.
        // SAFETY: the caller's promise.
        let Some(words) = (unsafe { bytes_for_memory(kind, this, opnd) }) else {
            ask::abort(AbortReason::LocalEscapes);
            return Word { now: Const::new(Ty::Ptr, 0), opnd: Opnd::Const };
        };
        return ask::spill(&words, kind.size);
    }
    // SAFETY: the caller's promise.
    let words = unsafe { kind.words(this, opnd, false) };
    ask::spill(&words, kind.size)
}

/// A copy of a value's bytes, which is never dropped: code and what its constants point to live
/// until the thread ends.
///
/// # Safety
/// A value of the kind must be there.
unsafe fn leaked(kind: &Kind, this: *const u8) -> u64 {
    // Room for the alignment, which is found by hand.
    let room = vec![0_u8; (kind.size + kind.align) as usize].leak();
    let at = room.as_mut_ptr();
    let at = at.wrapping_add(at.align_offset(kind.align as usize));
    // SAFETY: the caller's promise; there is room behind the aligned address.
    unsafe { this.copy_to_nonoverlapping(at, kind.size as usize) };
    at as u64
}

/// Which variant a value is, if its bytes do not say.
///
/// # Safety
/// A value of the kind must be there.
pub(super) unsafe fn variant_outside(kind: &Kind, this: *const u8) -> Option<Const> {
    let outside = matches!(kind.tag, TagAt::Nowhere) && kind.variants != 0;
    // SAFETY: the caller's promise.
    outside.then(|| Const::new(Ty::I64, unsafe { kind.variant(this) }))
}

/// The result of a call in a log.
fn returned(kind: &Kind, word: Option<Word>) -> (Vec<u8>, Opnd) {
    if kind.size == 0 {
        return (vec![], Opnd::Const);
    }
    let (bytes, o) = ask::replayed_blob(word);
    assert_eq!(bytes.len(), kind.size as usize, "replay is out of step: another result");
    (bytes, o)
}

/// Can there be several of it, because nothing is in it that could be dropped?
pub(super) fn is_bare<X: Traced>(x: &Tv<X>) -> bool {
    // SAFETY: the carrier holds a value.
    unsafe { X::KIND.is_bare(x.raw() as *const u8) }
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
    const {
        assert!(!X::Pass::IN_REGISTER || size_of::<X>() == size_of::<AbiOf<X>>());
    }
    let from = &raw const abi as *const u8;
    // SAFETY: the caller's promise. What is passed in a register has the bits of the value, of the
    // same size; else a value has been spilled there, which the trace does not use again.
    unsafe { carried!(to => take(from, to, size_of::<X>(), X::Pass::IN_REGISTER)) }
}

/// Copies an argument, byte for byte, since scratch memory is aligned for words only.
///
/// # Safety
/// The argument, or its address, must be at `from`, and room for it at `to`.
unsafe fn take(from: *const u8, to: *mut u8, size: usize, in_register: bool) {
    // SAFETY: the caller's promise.
    unsafe {
        let from = if in_register { from } else { *(from as *const *const u8) };
        from.copy_to_nonoverlapping(to, size);
    }
}

/// What a thunk returns after a panic.
pub fn nothing<X: Traced>() -> RetOf<X> {
    let mut result = MaybeUninit::<RetOf<X>>::uninit();
    // SAFETY: there is room, and what is returned is a number or a pointer.
    unsafe {
        clear(&raw mut result as *mut u8, size_of::<RetOf<X>>());
        result.assume_init()
    }
}

/// # Safety
/// There must be so much room.
unsafe fn clear(to: *mut u8, size: usize) {
    // SAFETY: the caller's promise.
    unsafe { to.write_bytes(0, size) };
}

/// Hands the result of a residual function over.
///
/// # Safety
/// `out` must be scratch memory for an `X`.
pub unsafe fn deliver<X: Traced>(x: X, out: *mut u8) -> RetOf<X> {
    const {
        let size = if X::Pass::IN_REGISTER { size_of::<X>() } else { size_of::<u64>() };
        assert!(size_of::<RetOf<X>>() == size);
    }
    let x = ManuallyDrop::new(x);
    let from = &raw const x as *const X;
    let mut result = MaybeUninit::<RetOf<X>>::uninit();
    let to = &raw mut result as *mut u8;
    // SAFETY: the caller's promise; `x` is not used again, so ownership moves to whoever reads what
    // is returned. In a register that is the value, else which variant it is.
    unsafe {
        if X::Pass::IN_REGISTER {
            take(from as *const u8, to, size_of::<X>(), true);
        } else {
            let variant = if X::VARIANTS == 0 { 0 } else { X::variant(from) };
            take(from as *const u8, out, size_of::<X>(), true);
            *(to as *mut u64) = variant;
        }
        result.assume_init()
    }
}

/// Hands the result of a portal over to compiled code.
///
/// # Safety
/// `out` must be scratch memory for it, as [`Handed`] says.
pub(super) unsafe fn hand_back<X: Traced>(x: X, out: *mut u8) {
    // SAFETY: `x` is a value.
    let variant = unsafe { variant_outside(X::KIND, &raw const x as *const u8) };
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
    // SAFETY: this is a carrier.
    unsafe { X::KIND.carried_argument(&raw const *x as *const u8) }
}
