//! Traced helpers, as their callers' twins enter them, and results as logs have them.
//!
//! ```text
//! twin(a, b)  =>  match begin_inline(&[a.o, b.o]) {
//!                     Ok(call) => end_inline(call, body(a, b)),
//!                     Err(result) => { forget(a); forget(b); returned(result) }     it is in the log
//!                 }
//! ```
//!
//! Invariant `consumed`: the arguments of a helper that is not run again are forgotten, since the
//! trace has used them up.
//!
//! Not here: what is in the log (`tracer::inline`).

use super::call::Held;
use super::portal::Outcome;
use super::traced::{Leaves, Traced, Tv};
use crate::ir::Const;
use crate::tracer::{Image, Inlined, Opnd, Word, with};
use std::mem::ManuallyDrop;

/// A type whose values a log can hold.
#[diagnostic::on_unimplemented(
    message = "a traced function cannot return `{Self}`",
    note = "write `#[derive(Traced)]` on the type, or return it from a #[residual] function"
)]
pub trait Collapsible: Traced {
    /// The value for a log; nothing if a log cannot have this one, as one that owns something.
    fn to_log(value: &Tv<Self>) -> Option<Image>;
    /// The value out of a log.
    fn from_log(image: &Image) -> Tv<Self>;
}

/// A helper's twin is about to run.
///
/// # Errors
/// If the log has its result.
pub fn begin_inline(args: &[Opnd]) -> Result<Inlined, Image> {
    with(|s| s.begin_inline(args))
}

/// A helper's twin has run.
pub fn end_inline<X: Collapsible>(call: Inlined, result: Tv<X>) -> Tv<X> {
    if with(|s| s.collapses(&call, result.o))
        && let Some(image) = X::to_log(&result)
    {
        with(|s| s.end_inline(&call, &image));
    }
    result
}

/// The result of a helper that the log has.
pub fn returned<X: Collapsible>(image: &Image) -> Tv<X> {
    X::from_log(image)
}

/// The portal returns.
pub fn returns<X: Collapsible>(result: Tv<X>) -> Outcome<X> {
    if with(|s| s.may_return())
        && let Some(image) = X::to_log(&result)
    {
        with(|s| s.returns(image));
    }
    Outcome::Return(result)
}

macro_rules! plain {
    ($([$($p:tt)*] $t:ty;)+) => {$(
        impl<$($p)*> Collapsible for $t {
            fn to_log(value: &Tv<Self>) -> Option<Image> {
                Some(words_to_log(value))
            }
            fn from_log(image: &Image) -> Tv<Self> {
                words_from_log(image)
            }
        }
    )+};
}
plain! {
    [] u8; [] u16; [] u32; [] u64; [] usize; [] i8; [] i16; [] i32; [] i64; [] isize;
    [] bool; [] char; [] f32; [] f64; [] ();
    [T] &T; [T] &mut T; [T] &[T]; [T] &mut [T];
}

fn words_to_log<X: Traced>(value: &Tv<X>) -> Image
where
    X::C: Leaves + Copy,
{
    let mut image = Image::new(size_of::<X>());
    let mut words = value.words().into_iter();
    X::C::leaves(&mut |offset, _| {
        image.put(offset, words.next().expect("as many words as leaves"));
    });
    image
}

fn words_from_log<X: Traced>(image: &Image) -> Tv<X>
where
    X::C: Leaves + Copy,
{
    let mut words = vec![];
    X::C::leaves(&mut |offset, ty| {
        words.push(Word { now: word_at(&image.bytes, offset, ty), opnd: image.opnd(offset) });
    });
    Tv::from_words(&words)
}

fn word_at(bytes: &[u8], offset: u32, ty: crate::ir::Ty) -> Const {
    let (at, size) = (offset as usize, ty.size() as usize);
    let mut bits = [0; 8];
    bits[..size].copy_from_slice(&bytes[at..at + size]);
    Const::new(ty, u64::from_le_bytes(bits))
}

/// The bytes of a value that owns nothing.
fn bytes_of<C>(value: &C) -> Vec<u8> {
    let mut bytes = vec![0; size_of::<C>()];
    // SAFETY: the carrier is as long as the vector. Padding between its fields may be copied with
    // it: `black_box` stands for code that has written every byte.
    unsafe {
        std::ptr::from_ref(value)
            .cast::<u8>()
            .copy_to_nonoverlapping(bytes.as_mut_ptr(), bytes.len());
    }
    std::hint::black_box(&mut bytes);
    bytes
}

/// The value of these bytes.
///
/// # Safety
/// They must be those of a value of the type, which owned nothing.
unsafe fn of_bytes<C>(bytes: &[u8]) -> C {
    assert_eq!(bytes.len(), size_of::<C>(), "replay is out of step: another result");
    // SAFETY: the caller's promise.
    unsafe { bytes.as_ptr().cast::<C>().read_unaligned() }
}

/// A value that is known only as a whole, for a log: it must be constant.
pub fn constant_to_log<X: Traced>(value: &Tv<X>) -> Option<Image> {
    let plain = value.o.is_const() && !std::mem::needs_drop::<X>();
    plain.then(|| Image { bytes: bytes_of(&value.c), words: vec![] })
}

/// That value, out of a log.
pub fn constant_from_log<X: Traced>(image: &Image) -> Tv<X> {
    // SAFETY: the bytes are from `constant_to_log`, by way of a log.
    Tv { c: unsafe { of_bytes(&image.bytes) }, o: Opnd::Const }
}

impl<T> Collapsible for Option<T> {
    fn to_log(value: &Tv<Self>) -> Option<Image> {
        constant_to_log(value)
    }
    fn from_log(image: &Image) -> Tv<Self> {
        constant_from_log(image)
    }
}

/// `Ok` with a word or a constant, `Err` with a constant.
impl<T, E> Collapsible for Result<T, E> {
    fn to_log(value: &Tv<Self>) -> Option<Image> {
        let result = value.c.get();
        let owns = match result {
            Ok(_) => std::mem::needs_drop::<T>(),
            Err(_) => std::mem::needs_drop::<E>(),
        };
        if owns {
            return None;
        }
        let mut image = Image { bytes: bytes_of(result), words: vec![] };
        match (value.o, result) {
            (Opnd::Const, _) => (),
            (o, Ok(payload)) => {
                let offset = std::ptr::from_ref(payload) as u64 - std::ptr::from_ref(result) as u64;
                let ty = match o {
                    Opnd::Frozen => crate::ir::Ty::Ptr,
                    o => with(|s| s.type_of(o))?,
                };
                let now = word_at(&image.bytes, offset as u32, ty);
                image.put(offset as u32, Word { now, opnd: o });
            }
            (_, Err(_)) => return None,
        }
        Some(image)
    }
    fn from_log(image: &Image) -> Tv<Self> {
        // SAFETY: the bytes are those of a result that owned nothing, with the words of this
        // execution in them.
        let result: Self = unsafe { of_bytes(&image.bytes) };
        let o = image.words.first().map_or(Opnd::Const, |(_, word)| word.opnd);
        Tv { c: Held::new(ManuallyDrop::new(result)), o }
    }
}

/// What the operand of a helper's argument is; for a receiver, of the place that it is in.
pub trait Given {
    /// That operand.
    fn given(&self) -> Opnd;
}

impl<X: Traced> Given for Tv<X> {
    fn given(&self) -> Opnd {
        self.o
    }
}
