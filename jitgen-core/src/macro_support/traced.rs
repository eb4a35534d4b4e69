//! Traced values: the real Rust value and its operand.
//!
//! `Tv<X>` stands in the twin wherever `X` stands in the interpreter. The value is held as a
//! *carrier*: a type of the same layout that a twin may copy freely (a raw pointer for a
//! reference). Because `Tv` is injective in `X`, rustc infers in the twin what it infers in the
//! interpreter, and no type is declared twice.
//!
//! Invariants: `same-layout` (a carrier has the size, alignment and valid bits of its type),
//! `leaves` (the words that a carrier is made of, or that it is opaque).
//!
//! Not here: where values live (`place`), what is computed with them (`ops`).

use crate::ir::{Const, Ty};
use crate::tracer::{Opnd, Part, Word, with};
use std::fmt;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::rc::Rc;

/// A type whose values a twin can hold.
///
/// # Safety
/// `C` must have the same size, alignment and bit validity as `Self`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be traced",
    label = "a twin cannot hold this type",
    note = "write `#[derive(Traced)]` on the type, or keep it behind a #[residual] function"
)]
pub unsafe trait Traced: Sized {
    /// What the twin holds instead.
    type C;
}

/// A traced value.
pub struct Tv<X: Traced> {
    /// The concrete value.
    pub c: X::C,
    /// What it is in the trace.
    pub o: Opnd,
}

impl<X: Traced> Clone for Tv<X>
where
    X::C: Copy,
{
    fn clone(&self) -> Self {
        *self
    }
}

impl<X: Traced> Copy for Tv<X> where X::C: Copy {}

/// A carrier that is one machine word.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a machine word",
    note = "integers, floats, `bool`, `char` and references to sized types are machine words"
)]
pub trait Machine: Copy {
    /// The type in the trace.
    const TY: Ty;
    /// Is it a signed integer?
    const SIGNED: bool = false;
    /// What an `extern "C"` function takes instead: compiled code knows no signs, and extends
    /// what is narrower than a register with zeros.
    type Abi: Copy;
    /// The value of an argument.
    fn from_abi(abi: Self::Abi) -> Self;
    /// The bits, zero beyond the size.
    fn bits(self) -> u64;
    /// The value of these bits, which came from a value of this type.
    fn from_bits(bits: u64) -> Self;
}

/// A type that is its own carrier and one machine word: what operators work on.
#[diagnostic::on_unimplemented(
    message = "operators on `{Self}` cannot be traced",
    label = "not a machine word",
    note = "move the operation into a #[residual] function"
)]
pub trait Scalar: Traced<C = Self> + Machine + Leaves + PartialOrd {}

/// What a carrier consists of.
pub trait Leaves {
    /// Is it known only as a whole (an enum)?
    const OPAQUE: bool = false;
    /// Calls `f` with the byte offset and type of every word.
    fn leaves(f: &mut dyn FnMut(u32, Ty));
}

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
        // SAFETY: the carrier is the type itself.
        unsafe impl Traced for $t { type C = $t; }
        impl Machine for $t {
            const TY: Ty = Ty::$ty;
            const SIGNED: bool = $signed;
            type Abi = $abi;
            fn from_abi(abi: $abi) -> Self { <Self as Machine>::from_bits(Machine::bits(abi)) }
            #[inline(always)]
            fn bits(self) -> u64 { let to: fn($t) -> u64 = $to; to(self) }
            fn from_bits(bits: u64) -> Self { let from: fn(u64) -> $t = $from; from(bits) }
        }
        impl Scalar for $t {}
        impl Leaves for $t {
            fn leaves(f: &mut dyn FnMut(u32, Ty)) { f(0, Ty::$ty) }
        }
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

// SAFETY: `Ptr` is transparent over `NonNull`, which has the layout of a reference.
unsafe impl<T: ?Sized> Traced for &T {
    type C = Ptr<T>;
}
// SAFETY: as for `&T`.
unsafe impl<T: ?Sized> Traced for &mut T {
    type C = Ptr<T>;
}

impl<T> Machine for Ptr<T> {
    const TY: Ty = Ty::Ptr;
    type Abi = Ptr<T>;
    fn from_abi(abi: Ptr<T>) -> Self {
        abi
    }
    fn bits(self) -> u64 {
        self.0.as_ptr() as u64
    }
    fn from_bits(bits: u64) -> Self {
        Ptr(NonNull::new(bits as *mut T).expect("bits of a reference are not null"))
    }
}

impl<T> Leaves for Ptr<T> {
    fn leaves(f: &mut dyn FnMut(u32, Ty)) {
        f(0, Ty::Ptr);
    }
}

impl<T> Leaves for Ptr<[T]> {
    fn leaves(f: &mut dyn FnMut(u32, Ty)) {
        f(0, Ty::Ptr);
        f(8, Ty::I64);
    }
}

// SAFETY: the carrier is the type itself.
unsafe impl Traced for () {
    type C = ();
}
impl Leaves for () {
    fn leaves(_: &mut dyn FnMut(u32, Ty)) {}
}
// SAFETY: the carrier is the type itself.
unsafe impl<T> Traced for Option<T> {
    type C = Option<T>;
}
impl<T> Leaves for Option<T> {
    const OPAQUE: bool = true;
    fn leaves(_: &mut dyn FnMut(u32, Ty)) {}
}
// SAFETY: the carrier is the type itself. (By value it can only be constant: `Rc` is not `Copy`.)
unsafe impl<T> Traced for Rc<T> {
    type C = Rc<T>;
}
// SAFETY: the carrier is the type itself.
unsafe impl<T> Traced for Vec<T> {
    type C = Vec<T>;
}
// SAFETY: the carrier is the type itself.
unsafe impl<T> Traced for Box<T> {
    type C = Box<T>;
}
// SAFETY: the carrier is the type itself.
unsafe impl<T, const N: usize> Traced for [T; N] {
    type C = [T; N];
}

/// The carrier of a value.
pub fn carry<X: Traced>(x: X) -> X::C {
    const { assert!(size_of::<X>() == size_of::<X::C>() && align_of::<X>() == align_of::<X::C>()) };
    let x = ManuallyDrop::new(x);
    // SAFETY: `Traced` promises that the carrier has the same layout and valid bits; `x` is not
    // used again, so ownership moves into the carrier.
    unsafe { std::mem::transmute_copy::<X, X::C>(&x) }
}

/// How compiled code passes a value to a residual function.
pub type AbiOf<X> = <<X as Traced>::C as Machine>::Abi;

/// The value of an argument that compiled code has passed.
pub fn from_abi<X: Traced>(abi: AbiOf<X>) -> X
where
    X::C: Machine,
{
    uncarry(X::C::from_abi(abi))
}

/// The value of a carrier.
pub fn uncarry<X: Traced>(c: X::C) -> X {
    const { assert!(size_of::<X>() == size_of::<X::C>() && align_of::<X>() == align_of::<X::C>()) };
    let c = ManuallyDrop::new(c);
    // SAFETY: as in `carry`. A lifetime in `X` is one that the twin got from its own caller: it
    // works on state whose owner waits until the twin returns.
    unsafe { std::mem::transmute_copy::<X::C, X>(&c) }
}

/// A value that is the same at every execution: a literal, a constant item.
pub fn lift<X: Traced>(x: X) -> Tv<X> {
    Tv { c: carry(x), o: Opnd::Const }
}

/// The unit value.
pub fn unit() -> Tv<()> {
    lift(())
}

/// A pattern test on an enum: `yes` is what rustc found. The enum must be constant.
pub fn variant<X: Traced>(x: &Tv<X>, yes: bool) -> bool {
    if !x.o.is_const() {
        with(|s| s.abort(crate::tracer::AbortReason::OpaqueValue));
    }
    yes
}

/// A type with which a pattern can be a mere name: a constant, or a variant without fields.
pub trait Named: Traced {
    /// Is the value that name? `yes` is what rustc found, `name` the value of that name.
    fn is(x: &Tv<Self>, yes: bool, name: impl FnOnce() -> Self) -> bool;
}

/// A type that the tracer knows only as a whole; it comes with `derive(Traced)`.
pub trait Opaque: Traced {}

impl<X: Opaque> Named for X {
    fn is(x: &Tv<X>, yes: bool, _: impl FnOnce() -> X) -> bool {
        variant(x, yes)
    }
}

impl<T> Named for Option<T> {
    fn is(x: &Tv<Option<T>>, yes: bool, _: impl FnOnce() -> Option<T>) -> bool {
        variant(x, yes)
    }
}

/// A value made of others, given as operands; opaque unless they are all constant.
pub fn construct<X: Traced>(x: X, parts: &[Opnd]) -> Tv<X> {
    if !parts.iter().all(|part| part.is_const()) {
        with(|s| s.abort(crate::tracer::AbortReason::OpaqueValue));
    }
    lift(x)
}

impl<X: Traced> Tv<X> {
    /// The value itself, out of the trace's sight.
    pub fn native(self) -> X {
        uncarry(self.c)
    }
}

impl<X: Scalar> Tv<X> {
    /// The concrete value, for an operator of Rust.
    pub fn nat(&self) -> X {
        self.c
    }
}

impl<X: Traced> Tv<X>
where
    X::C: Machine,
{
    /// The value as a word.
    pub fn word(&self) -> Word {
        Word { now: Const::new(X::C::TY, self.c.bits()), opnd: self.o }
    }

    /// The value of a word.
    pub fn from_word(word: Word) -> Tv<X> {
        Tv { c: X::C::from_bits(word.now.bits), o: word.opnd }
    }
}

impl<X: Traced> Tv<X>
where
    X::C: Leaves + Copy,
{
    /// The words that the value consists of.
    pub fn words(&self) -> Vec<Word> {
        let mut words = vec![];
        X::C::leaves(&mut |offset, ty| {
            let at = (&raw const self.c).cast::<u8>().wrapping_add(offset as usize);
            // SAFETY: `Leaves` names words inside the carrier, which is initialized there.
            let now = unsafe { super::memory::read(at as u64, ty) };
            let opnd = with(|s| s.part(self.o, offset));
            words.push(Word { now, opnd });
        });
        words
    }

    /// The value that consists of these words.
    pub fn from_words(words: &[Word]) -> Tv<X> {
        let c = assemble::<X::C>(words.iter().map(|word| word.now));
        let mut opnds = words.iter().map(|word| word.opnd);
        let mut parts = vec![];
        X::C::leaves(&mut |offset, _| {
            let opnd = opnds.next().expect("as many words as leaves");
            parts.push(Part { offset, opnd });
        });
        let o = match parts[..] {
            [Part { offset: 0, opnd }] => opnd,
            _ => with(|s| s.aggregate(parts)),
        };
        Tv { c, o }
    }
}

/// The carrier that consists of these words.
pub(super) fn assemble<C: Leaves + Copy>(mut words: impl Iterator<Item = Const>) -> C {
    let mut carrier = std::mem::MaybeUninit::<C>::uninit();
    C::leaves(&mut |offset, ty| {
        let word = words.next().expect("as many words as leaves");
        let at = carrier.as_mut_ptr().cast::<u8>().wrapping_add(offset as usize);
        // SAFETY: the word lies inside `carrier`, which is ours.
        unsafe { super::memory::write(at as u64, Const::new(ty, word.bits)) };
    });
    // SAFETY: `Leaves` covers every byte of a carrier that is not opaque, and the words came from
    // a value of this type.
    unsafe { carrier.assume_init() }
}

impl<X: Traced> fmt::Display for Tv<X>
where
    X::C: fmt::Display,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.c.fmt(f)
    }
}

impl<X: Traced> fmt::Debug for Tv<X>
where
    X::C: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.c.fmt(f)
    }
}
