//! Traced values: the real Rust value and its operand.
//!
//! `Tv<X>` stands in the twin wherever `X` stands in the interpreter. The value is held as bits of
//! the same layout that a twin may copy freely (a raw pointer for a reference). Because `Tv` is
//! injective in `X`, rustc infers in the twin what it infers in the interpreter, and no type is
//! declared twice.
//!
//! Invariants: `same-layout` (the bits have the size, alignment and validity of their type),
//! `canonical` (how many words a value is made of depends on its type alone; their types may
//! follow the value: the payload of a float is an `f64`).
//!
//! Not here: where values live (`place`), what is computed with them (`ops`), the types of the
//! standard library (`std_types`).

use super::ask;
use super::carrier::{Carrier, Flat, Ownership, Plain};
use super::derived::{Case, Derived};
use super::kind::{DropFields, HasKind, Leaves, carried};
use super::memory;
use super::passing::{ByWord, Passing};
use super::probe::Field;
use super::shape::{Owner, Shape, TagAt};
use crate::ir::{Const, Ty};
use crate::tracer::{AbortReason, Opnd, Word};
use std::fmt;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::ptr::NonNull;

/// A type whose values a twin can hold.
///
/// # Safety
/// `V` must have the same size, alignment and bit validity as `Self`, and `SHAPE`, `TAG` and the
/// functions must describe `Self` truly.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be traced",
    label = "a twin cannot hold this type",
    note = "write `#[derive(Traced)]` on the type, or keep it behind a #[residual] function"
)]
pub unsafe trait Traced: Sized {
    /// The bits that the twin holds.
    type V;
    /// Has it a destructor?
    type O: Ownership;
    /// How residual functions take and return it.
    type Pass: Passing<Self>;
    /// What its derive says, which is what most of the following say by default.
    const DERIVED: Derived = Derived::NOTHING;
    /// The same, once.
    const SAID: &'static Derived = &Self::DERIVED;
    /// Its words.
    const SHAPE: Shape = Self::SAID.shape;
    /// Where its tag is.
    const TAG: TagAt = Self::SAID.tag;
    /// The numbers of the variants, as bits, of an enum whose tag is nowhere; else 0.
    const VARIANTS: u64 = Self::SAID.variants;
    /// Are its bytes all that there is to it, with nothing that they point to?
    const BITS: bool = Self::SAID.bits;
    /// Is it a pointer that is never null?
    const NONNULL: bool = false;

    /// The offsets of the fields that never change.
    const IMMUTABLE: &'static [usize] = Self::SAID.immutable;

    /// Does traced code alone look at its fields, and who is handed a reference to it?
    const VIRTUALIZABLE: bool = Self::SAID.virtualizable;

    /// The types of the fields of a derived type, each once.
    const FIELDS: &'static [Field] = Self::SAID.fields;

    /// The variants of a derived enum, in the order of their numbers.
    const CASES: &'static [Case] = Self::SAID.cases;

    /// Does a derived type implement `Drop` itself?
    const DROPS: bool = Self::SAID.itself_drops;

    /// Calls `f` with the address and the type (its number in `FIELDS`) of every field of the
    /// variant that it is, and gives that variant's number. A derived struct has a list instead.
    ///
    /// # Safety
    /// `this` must point to a value.
    unsafe fn fields(this: *const Self, f: &mut dyn FnMut(*const u8, usize)) -> u64 {
        let _ = (this, f);
        0
    }

    /// Which variant it is, as in `VARIANTS`: for the thunks that compiled code calls, which are to
    /// be quick.
    ///
    /// # Safety
    /// `this` must point to a value.
    unsafe fn variant(this: *const Self) -> u64 {
        // SAFETY: the caller's promise.
        unsafe { Self::KIND.variant(this as *const u8) }
    }

    /// Calls a function with the distance from an address and the type of every word that is
    /// initialized, if neither shape nor fields say that.
    const LEAVES: Option<Leaves> = None;

    /// Drops a value, if that is more than dropping its fields one after the other. The place must
    /// be that of a value that is not used again.
    const DROP_FIELDS: Option<DropFields> = None;

    /// Is it a reference behind which nothing changes, except in cells, as long as it lives?
    const FREEZES: bool = false;
}

/// The carrier of a type.
pub type Carried<X> = <<X as Traced>::O as Ownership>::Carrier<X>;

/// A traced value.
#[repr(transparent)]
pub struct Tv<X: Traced>(pub Carried<X>);

impl<X: Traced> Clone for Tv<X>
where
    Carried<X>: Copy,
{
    fn clone(&self) -> Self {
        *self
    }
}

impl<X: Traced> Copy for Tv<X> where Carried<X>: Copy {}

/// Bits that are one machine word.
pub trait Machine: Copy {
    /// The type in the trace.
    const TY: Ty;
    /// Is it a signed integer?
    const SIGNED: bool = false;
    /// What an `extern "C"` function takes instead: compiled code knows no signs, and extends
    /// what is narrower than a register with zeros.
    type Abi: Copy;
    /// The bits, zero beyond the size.
    fn bits(self) -> u64;
    /// The value of these bits, which came from a value of this type.
    fn from_bits(bits: u64) -> Self;
}

/// A type that is one machine word: what operators work on.
#[diagnostic::on_unimplemented(
    message = "operators on `{Self}` cannot be traced",
    label = "not a machine word",
    note = "move the operation into a #[residual] function, or take the value apart with `match`"
)]
pub trait Scalar: Traced<V = Self, O = Plain> + Machine {}

/// A pointer in a twin.
#[repr(transparent)]
pub struct Ptr<T: ?Sized>(pub NonNull<T>);

impl<T: ?Sized> Clone for Ptr<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for Ptr<T> {}

macro_rules! scalars {
    ($($t:ty, $abi:ty, $ty:ident, $signed:literal, $to:expr, $from:expr;)+) => {$(
        // SAFETY: the bits are the type itself, one word without a tag.
        unsafe impl Traced for $t {
            type V = $t;
            type O = Plain;
            type Pass = ByWord;
            const SHAPE: Shape = Shape::word(Ty::$ty);
            const BITS: bool = true;
        }
        impl Machine for $t {
            const TY: Ty = Ty::$ty;
            const SIGNED: bool = $signed;
            type Abi = $abi;
            #[inline(always)]
            fn bits(self) -> u64 { let to: fn($t) -> u64 = $to; to(self) }
            fn from_bits(bits: u64) -> Self { let from: fn(u64) -> $t = $from; from(bits) }
        }
        impl Scalar for $t {}
    )+};
}

scalars! {
    u8, u8, I8, false, |x| x.into(), |b| b as u8;
    u16, u16, I16, false, |x| x.into(), |b| b as u16;
    u32, u32, I32, false, |x| x.into(), |b| b as u32;
    u64, u64, I64, false, |x| x, |b| b;
    usize, usize, I64, false, |x| x as u64, |b| b as usize;
    i8, u8, I8, true, |x| (x as u8).into(), |b| b as i8;
    i16, u16, I16, true, |x| (x as u16).into(), |b| b as i16;
    i32, i32, I32, true, |x| (x as u32).into(), |b| b as i32;
    i64, i64, I64, true, |x| x as u64, |b| b as i64;
    isize, isize, I64, true, |x| x as u64, |b| b as isize;
    bool, bool, Bool, false, |x| x.into(), |b| b & 1 == 1;
    char, u32, I32, false, |x| (x as u32).into(), |b| char::from_u32(b as u32).expect("bits of a char");
    f32, f32, F32, false, |x| x.to_bits().into(), |b| f32::from_bits(b as u32);
    f64, f64, F64, false, |x| x.to_bits(), f64::from_bits;
}

impl<T> Machine for Ptr<T> {
    const TY: Ty = Ty::Ptr;
    type Abi = *mut T;
    fn bits(self) -> u64 {
        self.0.as_ptr() as u64
    }
    fn from_bits(bits: u64) -> Self {
        Ptr(NonNull::new(bits as *mut T).expect("bits of a reference are not null"))
    }
}

/// The bits of a value.
pub fn carry<X: Traced>(x: X) -> X::V {
    const { assert!(size_of::<X>() == size_of::<X::V>() && align_of::<X>() == align_of::<X::V>()) };
    let x = ManuallyDrop::new(x);
    // SAFETY: `Traced` promises that the bits have the same layout and validity; `x` is not used
    // again, so ownership moves into them.
    unsafe { (&raw const x as *const X::V).read() }
}

/// The value of bits.
pub fn uncarry<X: Traced>(c: X::V) -> X {
    const { assert!(size_of::<X>() == size_of::<X::V>() && align_of::<X>() == align_of::<X::V>()) };
    let c = ManuallyDrop::new(c);
    // SAFETY: as in `carry`. A lifetime in `X` is one that the twin got from its own caller: it
    // works on state whose owner waits until the twin returns.
    unsafe { (&raw const c as *const X).read() }
}

/// A value that is the same at every execution: a literal, a constant item.
pub fn lift<X: Traced>(x: X) -> Tv<X> {
    Tv::of(x, Opnd::Const)
}

/// The operand of what is the same at every execution.
pub const CONSTANT: Opnd = Opnd::Const;

/// The unit value.
pub const UNIT: Tv<()> = Tv(Flat { c: (), o: CONSTANT });

impl<X: Traced> Tv<X> {
    /// A value and its operand.
    pub fn of(x: X, opnd: Opnd) -> Tv<X> {
        let x = ManuallyDrop::new(x);
        // SAFETY: `x` is a value, which is not used again.
        unsafe { carried!(to => X::KIND.carry(&raw const x as *const u8, opnd, to)) }
    }

    /// The value itself, out of the trace's sight.
    pub fn native(self) -> X {
        let mut this = ManuallyDrop::new(self);
        let at = &raw mut this as *mut X;
        // SAFETY: a carrier begins with the bits of a value, which moves out of it once.
        unsafe {
            if const { std::mem::needs_drop::<Self>() } {
                X::KIND.give_away(at as *mut u8);
            }
            at.read()
        }
    }

    /// The operand.
    pub fn opnd(&self) -> Opnd {
        *self.operand()
    }

    /// Where the operand is.
    pub fn operand(&self) -> &Opnd {
        let at = <Carried<X> as Carrier<X::V>>::OPND;
        // SAFETY: this is a carrier, which has an operand there.
        unsafe { &*(&raw const *self).byte_add(at).cast::<Opnd>() }
    }

    /// Where the value is.
    pub fn raw(&self) -> *const X {
        &raw const *self as *const X
    }

    /// The value, which must be one word.
    pub fn word(&self) -> Word {
        const { assert!(X::SHAPE.is_word(), "not a machine word") };
        // SAFETY: this is a carrier.
        unsafe { X::KIND.word(&raw const *self as *const u8) }
    }

    /// The value of a word.
    pub fn from_word(word: Word) -> Tv<X> {
        const { assert!(X::SHAPE.is_word(), "not a machine word") };
        // SAFETY: a value of one word.
        unsafe { carried!(to => X::KIND.carry_word(word, to)) }
    }

    /// The words that it consists of, with their offsets; `exact`: of the types that the shape
    /// says, whatever the value is.
    pub fn words(&self, exact: bool) -> Vec<(u32, Word)> {
        // SAFETY: the carrier holds a value.
        unsafe { X::KIND.words(self.raw().cast(), self.opnd(), exact) }
    }

    /// The value that consists of these words, which come from outside: a log, a state. Bytes of
    /// them that mean nothing may be anything.
    pub fn received(words: &[(u32, Word)]) -> Tv<X> {
        // SAFETY: the words are those of an `X`, whose shape covers all bytes that mean something.
        unsafe { carried!(to => X::KIND.carry_received(words, to)) }
    }
}

impl<X: Traced + Copy> Tv<X> {
    /// The concrete value, for an operator of Rust.
    pub fn nat(&self) -> X {
        // SAFETY: a carrier begins with the value, of a type that is `Copy`.
        unsafe { *(&raw const *self as *const X) }
    }
}

/// An operand that can leave the twin. A reference to a local cannot: nobody else knows where the
/// twin keeps it.
pub(super) fn settled(opnd: Opnd) -> Opnd {
    if let Opnd::Local(_) = opnd {
        ask::abort(AbortReason::LocalEscapes);
        return Opnd::Const;
    }
    opnd
}

/// The bits that consist of these words.
pub(super) fn bits_of<V>(words: &[(u32, Const)]) -> V {
    let mut bits = MaybeUninit::<V>::uninit();
    for (offset, word) in words {
        let at = bits.as_mut_ptr().cast::<u8>().wrapping_add(*offset as usize);
        debug_assert!(*offset + word.ty.size() <= size_of::<V>() as u32);
        // SAFETY: the word lies inside `bits`, which is ours.
        unsafe { memory::write(at as u64, *word) };
    }
    // SAFETY: a shape covers all bytes of a value that mean something, and the words came from a
    // value of this type.
    unsafe { bits.assume_init() }
}

/// What the place of a word says about what may hold it.
pub(super) fn owner_at(owner: Owner, place: Owner) -> Owner {
    match owner {
        Owner::Place => place,
        other => other,
    }
}

impl<X: Traced> fmt::Display for Tv<X>
where
    X: fmt::Display,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: the carrier holds a value, which is only looked at.
        unsafe { &*self.raw() }.fmt(f)
    }
}

impl<X: Traced> fmt::Debug for Tv<X>
where
    X: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: as above.
        unsafe { &*self.raw() }.fmt(f)
    }
}
