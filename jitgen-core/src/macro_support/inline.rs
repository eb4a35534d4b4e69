//! Traced helpers, as their callers' twins enter them; values as logs have them, and as bytes in
//! memory.
//!
//! ```text
//! twin(a, b)  =>  let call = begin_inline(&[&a.o, &b.o]);
//!                 if call.is_logged() { forget((a, b)); return returned(); }
//!                 end_inline(&call, body(a, b))
//! ```
//!
//! Invariant `consumed`: the arguments of a helper that is not run again are forgotten, since the
//! trace has used them up.
//!
//! Not here: what is in the log (`tracer::inline`).

use super::ask;
use super::kind::{HasKind, Kind, carried};
use super::portal::Outcome;
use super::traced::{Traced, Tv};
use crate::ir::{Const, Ty};
use crate::runtime::coverage::CoverageTable;
use crate::tracer::{Image, Inlined, Opnd, Part, Word};
use std::cell::Cell;

/// A helper's twin is about to run, with arguments that may refer to locals of its caller.
pub fn begin_inline(args: &[&Opnd]) -> Entered {
    match ask::begin_inline(args) {
        Ok(call) => Entered(Some(call)),
        Err(image) => {
            LOGGED.set(Some(image));
            Entered(None)
        }
    }
}

/// The same of a function that is in a table of its own.
pub fn begin_seen(table: &'static CoverageTable, args: &[&Opnd]) -> Entered {
    table.seen();
    begin_inline(args)
}

thread_local! {
    /// The result that the log has, until [`returned`] takes it at once: so a twin holds nothing
    /// that is to be dropped.
    static LOGGED: Cell<Option<Image>> = const { Cell::new(None) };
}

/// A helper's twin that is entered; nothing, if the log has the result.
pub struct Entered(Option<Inlined>);

impl Entered {
    /// Has the log the result? Then [`returned`] is to follow.
    pub fn is_logged(&self) -> bool {
        self.0.is_none()
    }

    pub(super) fn call(&self) -> &Inlined {
        self.0.as_ref().expect("the log has the result of this call")
    }
}

/// A helper's twin has run, with that result.
#[inline(never)]
pub fn end_inline<X: Traced>(call: &Entered, result: Tv<X>) -> Tv<X> {
    // SAFETY: this is a carrier.
    unsafe { has_run(X::KIND, call.call(), &raw const result as *const u8) };
    result
}

/// Is a function looked into that may also be called?
pub fn looks_inside(call: &Entered, constant: bool) -> bool {
    !call.is_logged() && ask::looks_inside(call.call(), constant)
}

/// # Safety
/// A carrier of the kind must be there.
unsafe fn has_run(kind: &Kind, call: &Inlined, this: *const u8) {
    // SAFETY: the caller's promise.
    let opnd = unsafe { kind.opnd(this) };
    // What the helper has found out is guarded while the log still says how.
    ask::flush();
    if ask::collapses(call, opnd)
        // SAFETY: the caller's promise.
        && let Some(image) = unsafe { image_of(kind, this, opnd) }
    {
        ask::end_inline(call, &image);
    }
}

/// The result of a helper that the log has.
#[inline(never)]
pub fn returned<X: Traced>() -> Tv<X> {
    // SAFETY: the log has a value of this type, and gives it once.
    unsafe { carried!(to => X::KIND.carry_logged(to)) }
}

/// The portal returns: its twin has this result, and drops its locals.
pub fn returns<X: Traced>(result: Tv<X>) -> Outcome<X> {
    Outcome::Return(result)
}

/// The portal's twin has returned, and its locals are gone. A trace that ends by that leaves the
/// result as [`crate::tracer::Handed`] says: that it can have one variant only is what has been
/// guarded to take it for the log.
#[inline(never)]
pub fn has_returned<X: Traced>(result: &Tv<X>) {
    // SAFETY: this is a carrier.
    unsafe { leaves_result(X::KIND, &raw const *result as *const u8) };
}

/// # Safety
/// A carrier of the kind must be there.
unsafe fn leaves_result(kind: &Kind, this: *const u8) {
    if ask::may_return()
        // SAFETY: the caller's promise.
        && let Some(mut image) = unsafe { image_of(kind, this, kind.opnd(this)) }
    {
        // SAFETY: the carrier holds a value, which is looked at before anybody takes it.
        let variant = unsafe { super::passing::variant_outside(kind, this) };
        if let Some(variant) = variant {
            image.bytes.resize((kind.size as usize).next_multiple_of(8), 0);
            image.bytes.extend(variant.bits.to_le_bytes());
        }
        ask::returns(image);
    }
}

/// A value for a log, as its bytes and the words in it; nothing if a log cannot have this one.
/// One that owns something is the log's from there on: its bits are the ownership.
pub(super) fn to_log<X: Traced>(value: &Tv<X>) -> Option<Image> {
    // SAFETY: the carrier holds a value.
    unsafe { image_of(X::KIND, &raw const *value as *const u8, value.opnd()) }
}

/// A value for a log; nothing if a log cannot have it.
///
/// # Safety
/// A value of the kind must be there.
unsafe fn image_of(kind: &Kind, this: *const u8, opnd: Opnd) -> Option<Image> {
    // SAFETY: the caller's promise.
    let plain = unsafe { kind.plain_inside(this) };
    if let Opnd::Blob(blob) = opnd
        && kind.shape.is_opaque()
    {
        // Which variant it is must be the same wherever the log is used.
        let tag = ask::blob_tag(blob)?;
        // SAFETY: as above.
        let now = Const::new(Ty::I64, unsafe { kind.variant(this) });
        ask::promote(Word { now, opnd: tag });
    }
    // SAFETY: as above.
    unsafe { image_with(kind, this, opnd, plain) }
}

/// All bytes of a value, for memory; nothing if a reference to a local is in it. Other than a log,
/// memory may have bytes of a call's result of which nothing is known.
///
/// # Safety
/// A value of the kind must be there.
pub(super) unsafe fn bytes_for_memory(
    kind: &Kind,
    this: *const u8,
    opnd: Opnd,
) -> Option<Vec<(u32, Word)>> {
    // SAFETY: the caller's promise.
    let Image { bytes, mut words } = unsafe { image_with(kind, this, opnd, true) }?;
    let mut listed = vec![false; bytes.len()];
    for (at, word) in &words {
        listed[*at as usize..(*at + word.now.ty.size()) as usize].fill(true);
    }
    // What is not listed is constant, pointers of collected objects included: these are whole words.
    let mut at = 0;
    while at < kind.size {
        let fits = |ty: &Ty| {
            let end = at + ty.size();
            let all = || listed[at as usize..end as usize].contains(&true);
            at % ty.size() == 0 && end <= kind.size && !all()
        };
        let ty = [Ty::I64, Ty::I32, Ty::I16, Ty::I8].into_iter().find(fits);
        if let Some(ty) = ty {
            words.push((at, Word { now: word_at(&bytes, at, ty), opnd: Opnd::Const }));
        }
        at += ty.map_or(1, Ty::size);
    }
    Some(words)
}

/// The bytes of a value and the words in it; `blobs`: also of calls' results.
///
/// # Safety
/// A value of the kind must be there.
unsafe fn image_with(kind: &Kind, this: *const u8, opnd: Opnd, blobs: bool) -> Option<Image> {
    // SAFETY: the caller's promise.
    let plain = unsafe { kind.plain_inside(this) };
    // SAFETY: as above.
    let bytes = unsafe { bytes_of(this, kind.size as usize) };
    let mut image = Image { bytes, words: vec![] };
    // SAFETY: as above.
    let leaves = unsafe { kind.leaves(this) };
    for part in ask::listed(opnd, kind.size) {
        match part.opnd {
            Opnd::Blob(blob) if blobs => put_blob(&mut image, part, blob),
            Opnd::Blob(_) | Opnd::Local(_) => return None,
            opnd => {
                // What is constant keeps its bytes: one of them may say which variant it is.
                let now = match opnd {
                    // Moving a value need not move bytes that mean nothing.
                    Opnd::Ssa(_) if plain => {
                        // SAFETY: the value is still there.
                        let now = unsafe { leaves.word(part.offset, part.ty) };
                        Const::new(part.ty, now.bits)
                    }
                    _ => word_at(&image.bytes, part.offset, part.ty),
                };
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
        let opnd = ask::load_blob(blob, at, now);
        image.put(part.offset + at, Word { now, opnd });
        at += ty.size();
    }
}

impl Kind {
    /// Makes a carrier of the value that the log has given.
    ///
    /// # Safety
    /// It must be of this kind, and there must be room for a carrier.
    unsafe fn carry_logged(&self, to: *mut u8) {
        let image = LOGGED.take().expect("the log has a result");
        // SAFETY: the caller's promise.
        unsafe { self.carry_image(&image, to) };
    }

    /// Makes a carrier of a value out of a log.
    ///
    /// # Safety
    /// The bytes must be those of a value of this kind, with the words of this execution in them,
    /// which the log gives once, and there must be room for a carrier.
    unsafe fn carry_image(&self, image: &Image, to: *mut u8) {
        let parts = image.words.iter().map(|(at, word)| Part::word(*at, word.now.ty, word.opnd));
        let opnd = ask::settle(parts.collect());
        // SAFETY: the caller's promise; a carrier begins with its value.
        unsafe {
            self.carry(bytes_of_size(&image.bytes, self.size as usize), opnd, to);
            self.clear(to, &image.words);
        }
    }
}

/// The bits out of a log, of a portal's result: behind them there may be which variant it is.
pub(super) fn bits_from_log<X: Traced>(image: &Image) -> X {
    // SAFETY: as above.
    super::traced::uncarry(unsafe { of_bytes::<X::V>(&image.bytes[..size_of::<X>()]) })
}

fn word_at(bytes: &[u8], offset: u32, ty: Ty) -> Const {
    let (at, size) = (offset as usize, ty.size() as usize);
    let mut bits = [0; 8];
    bits[..size].copy_from_slice(&bytes[at..at + size]);
    Const::new(ty, u64::from_le_bytes(bits))
}

/// The bytes of a value.
///
/// # Safety
/// It must be of that size.
unsafe fn bytes_of(value: *const u8, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    // SAFETY: the value is as long as the vector. Padding between its fields may be copied with
    // it: `black_box` stands for code that has written every byte.
    unsafe { value.copy_to_nonoverlapping(bytes.as_mut_ptr(), size) };
    std::hint::black_box(&mut bytes);
    bytes
}

/// The value of these bytes.
///
/// # Safety
/// They must be those of a value of the type, which is not used elsewhere.
unsafe fn of_bytes<C>(bytes: &[u8]) -> C {
    // SAFETY: the caller's promise.
    unsafe { (bytes_of_size(bytes, size_of::<C>()) as *const C).read_unaligned() }
}

fn bytes_of_size(bytes: &[u8], size: usize) -> *const u8 {
    assert_eq!(bytes.len(), size, "replay is out of step: another result");
    bytes.as_ptr()
}

/// What the operand of a helper's argument is; for a receiver, of the place that it is in.
pub trait Given {
    /// That operand.
    fn given(&self) -> &Opnd;
}

impl<X: Traced> Given for Tv<X> {
    fn given(&self) -> &Opnd {
        self.operand()
    }
}
