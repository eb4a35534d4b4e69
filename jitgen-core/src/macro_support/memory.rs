//! Words of guest memory: read, written, and recorded.
//!
//! Every access of a twin to memory goes through [`load`] and [`store`]: they ask the session
//! first, which may have the answer in a log.
//!
//! Not here: how an address is found (`place`).

use super::ask;
use crate::ir::{Const, Ty};
use crate::tracer::{Address, Word};

/// Reads a word.
///
/// # Safety
/// A value of a type with that word type must live at `address`, initialized and readable.
pub unsafe fn read(address: u64, ty: Ty) -> Const {
    // SAFETY: the caller's promise; unaligned reads serve packed structs too.
    let bits = unsafe {
        match ty {
            Ty::Bool | Ty::I8 => (address as *const u8).read_unaligned().into(),
            Ty::I16 => (address as *const u16).read_unaligned().into(),
            Ty::I32 | Ty::F32 => (address as *const u32).read_unaligned().into(),
            Ty::I64 | Ty::F64 | Ty::Ptr => (address as *const u64).read_unaligned(),
        }
    };
    Const::new(ty, bits)
}

/// Writes a word.
///
/// # Safety
/// `address` must be writable for the size of the word, and the bits valid for what lives there.
pub unsafe fn write(address: u64, word: Const) {
    // SAFETY: the caller's promise.
    unsafe {
        match word.ty {
            Ty::Bool | Ty::I8 => (address as *mut u8).write_unaligned(word.bits as u8),
            Ty::I16 => (address as *mut u16).write_unaligned(word.bits as u16),
            Ty::I32 | Ty::F32 => (address as *mut u32).write_unaligned(word.bits as u32),
            Ty::I64 | Ty::F64 | Ty::Ptr => (address as *mut u64).write_unaligned(word.bits),
        }
    }
}

/// Loads a word of guest memory.
///
/// # Safety
/// As [`read`], unless the session replays.
pub unsafe fn load(address: Address, ty: Ty) -> Word {
    if let Some(word) = ask::begin_load(address, ty) {
        return word;
    }
    // SAFETY: the caller's promise; nothing is replayed, so this is the one execution of the load.
    let now = unsafe { read(address.now(), ty) };
    Word { now, opnd: ask::end_load(address, now) }
}

/// The first of these words (address, content, class) that is not what it was.
///
/// # Safety
/// They must have been known to be in live memory, which nobody has freed since.
pub unsafe fn changed(words: &[(u64, Const, u32)]) -> Option<u32> {
    // SAFETY: the caller's promise.
    let differs = |address: u64, was: Const| unsafe { read(address, was.ty) } != was;
    words.iter().find(|(address, was, _)| differs(*address, *was)).map(|(.., class)| *class)
}

/// Stores a word to guest memory.
///
/// # Safety
/// As [`write`], unless the session replays.
pub unsafe fn store(address: Address, word: Word) {
    if ask::begin_store() {
        // SAFETY: the caller's promise; nothing is replayed, so this is the one execution.
        unsafe { write(address.now(), word.now) };
        ask::end_store(&[(address, word)]);
    }
}
