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

use super::carrier::Carrier;
use super::portal::Outcome;
use super::traced::{Traced, Tv};
use crate::ir::{Const, Ty};
use crate::tracer::{Image, Inlined, Opnd, Part, Word, with};

/// A helper's twin is about to run.
///
/// # Errors
/// If the log has its result.
pub fn begin_inline(args: &[Opnd]) -> Result<Inlined, Image> {
    with(|s| s.begin_inline(args))
}

/// A helper's twin has run.
pub fn end_inline<X: Traced>(call: Inlined, result: Tv<X>) -> Tv<X> {
    // What the helper has found out is guarded while the log still says how.
    with(|s| s.flush());
    if with(|s| s.collapses(&call, result.opnd()))
        && let Some(image) = to_log(&result)
    {
        with(|s| s.end_inline(&call, &image));
    }
    result
}

/// Is a function looked into that may also be called?
pub fn looks_inside(call: &Inlined, constant: bool) -> bool {
    with(|s| s.looks_inside(call, constant))
}

/// The result of a helper that the log has.
pub fn returned<X: Traced>(image: &Image) -> Tv<X> {
    from_log(image)
}

/// The portal returns.
pub fn returns<X: Traced>(result: Tv<X>) -> Outcome<X> {
    if with(|s| s.may_return())
        && let Some(image) = to_log(&result)
    {
        with(|s| s.returns(image));
    }
    Outcome::Return(result)
}

/// A value for a log, as its bytes and the words in it; nothing if a log cannot have this one.
/// One that owns something is the log's from there on: its bits are the ownership.
pub(super) fn to_log<X: Traced>(value: &Tv<X>) -> Option<Image> {
    // SAFETY: the carrier holds a value.
    let plain = !X::SHAPE.is_opaque() || unsafe { X::plain_inside(value.raw()) };
    if let Opnd::Blob(blob) = value.opnd()
        && X::SHAPE.is_opaque()
    {
        // Which variant it is must be the same wherever the log is used.
        let tag = with(|s| s.blob_tag(blob))?;
        // SAFETY: as above.
        let now = Const::new(Ty::I64, unsafe { X::variant(value.raw()) });
        with(|s| s.promote(Word { now, opnd: tag }));
    }
    let mut image = Image { bytes: bytes_of(value.raw()), words: vec![] };
    let parts = with(|s| s.listed(value.opnd(), size_of::<X>() as u32));
    for part in parts {
        match part.opnd {
            Opnd::Blob(blob) if plain => put_blob(&mut image, part, blob),
            Opnd::Blob(_) => return None,
            Opnd::Local(_) => return None,
            opnd => {
                let now = word_at(&image.bytes, part.offset, part.ty);
                image.put(part.offset, Word { now, opnd });
            }
        }
    }
    Some(image)
}

/// The bytes of a call's result, word by word, whatever they mean.
fn put_blob(image: &mut Image, part: Part, blob: u32) {
    let mut at = 0;
    while at < part.size {
        let fits = |ty: &Ty| at % ty.size() == 0 && at + ty.size() <= part.size;
        let ty = [Ty::I64, Ty::I32, Ty::I16].into_iter().find(fits).unwrap_or(Ty::I8);
        let now = word_at(&image.bytes, part.offset + at, ty);
        let opnd = with(|s| s.load_blob(blob, at, now));
        image.put(part.offset + at, Word { now, opnd });
        at += ty.size();
    }
}

/// The value out of a log.
pub(super) fn from_log<X: Traced>(image: &Image) -> Tv<X> {
    // SAFETY: the bytes are those of a value of this type, with the words of this execution in
    // them; the log gives them once.
    let bits = unsafe { of_bytes::<X::V>(&image.bytes) };
    let parts = image.words.iter().map(|(at, word)| Part::word(*at, word.now.ty, word.opnd));
    let parts = parts.collect();
    Tv(Carrier::new(bits, with(|s| s.settle(parts))))
}

/// The bits out of a log, of a result that no twin goes on with.
pub(super) fn bits_from_log<X: Traced>(image: &Image) -> X {
    // SAFETY: as above.
    super::traced::uncarry(unsafe { of_bytes::<X::V>(&image.bytes) })
}

fn word_at(bytes: &[u8], offset: u32, ty: Ty) -> Const {
    let (at, size) = (offset as usize, ty.size() as usize);
    let mut bits = [0; 8];
    bits[..size].copy_from_slice(&bytes[at..at + size]);
    Const::new(ty, u64::from_le_bytes(bits))
}

/// The bytes of a value.
fn bytes_of<X>(value: *const X) -> Vec<u8> {
    let mut bytes = vec![0; size_of::<X>()];
    // SAFETY: the value is as long as the vector. Padding between its fields may be copied with
    // it: `black_box` stands for code that has written every byte.
    unsafe { value.cast::<u8>().copy_to_nonoverlapping(bytes.as_mut_ptr(), bytes.len()) };
    std::hint::black_box(&mut bytes);
    bytes
}

/// The value of these bytes.
///
/// # Safety
/// They must be those of a value of the type, which is not used elsewhere.
unsafe fn of_bytes<C>(bytes: &[u8]) -> C {
    assert_eq!(bytes.len(), size_of::<C>(), "replay is out of step: another result");
    // SAFETY: the caller's promise.
    unsafe { bytes.as_ptr().cast::<C>().read_unaligned() }
}

/// What the operand of a helper's argument is; for a receiver, of the place that it is in.
pub trait Given {
    /// That operand.
    fn given(&self) -> Opnd;
}

impl<X: Traced> Given for Tv<X> {
    fn given(&self) -> Opnd {
        self.opnd()
    }
}
