//! The frame: memory that compiled code and the runtime share.
//!
//! A piece of code finds its inputs in the first slots and leaves its outputs there; between two
//! pieces (a loop and its bridge) state crosses in the same way. A value lies at its slot's address
//! in its own size, the slot's other bytes are unspecified: [`Frame::read`] and [`Frame::write`]
//! know this, whoever else looks at a slot must know it, too.
//!
//! Code that calls other code gives it a frame of its own that begins within the caller's scratch
//! area, behind what is in use there:
//!
//! ```text
//! caller   [ scratch: used | free           ][ slots: nothing in use ]
//! callee                   [ scratch                     ][ slots: arguments ]
//!                            ^ at last the result: it is in the caller's scratch area
//! ```
//!
//! Invariant `slots-die`: nobody expects anything in slots while code runs. It has its inputs out of
//! them before it does anything else, and it stores its outputs last.
//!
//! Not here: what the slots mean.

use crate::ir::Ty;

/// Number of slots of a frame; a piece of code takes and leaves at most so many values.
pub const SLOTS: usize = 512;

/// Number of 8-byte words of the scratch area.
pub const SCRATCH_WORDS: usize = 512;

/// Words between scratch area and slots.
const GAP_WORDS: usize = 40;

/// Memory shared by compiled code and the runtime: slots for the state that crosses between pieces
/// of code, and the scratch area that `scratch` addresses.
#[repr(C)]
#[derive(Clone, Debug)]
pub struct Frame {
    /// The scratch area.
    pub scratch: [u64; SCRATCH_WORDS],
    /// Else the slots of a callee and its result would be 4 KiB apart, which many machines take for
    /// the same address for a moment.
    gap: [u64; GAP_WORDS],
    /// The slots.
    pub slots: [u64; SLOTS],
}

impl Frame {
    /// A frame of zeros. It is large, hence the box.
    pub fn new() -> Box<Frame> {
        Box::new(Frame { scratch: [0; SCRATCH_WORDS], gap: [0; GAP_WORDS], slots: [0; SLOTS] })
    }

    /// The bits of the value of type `ty` in a slot, zero beyond the type's size.
    pub fn read(&self, slot: usize, ty: Ty) -> u64 {
        let bytes = self.slots[slot].to_ne_bytes();
        match ty {
            Ty::Bool | Ty::I8 => u64::from(bytes[0]),
            Ty::I16 => u64::from(u16::from_ne_bytes([bytes[0], bytes[1]])),
            Ty::I32 | Ty::F32 => {
                u64::from(u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
            }
            Ty::I64 | Ty::F64 | Ty::Ptr => u64::from_ne_bytes(bytes),
        }
    }

    /// Puts the low bits of `bits` into a slot as a value of type `ty`.
    pub fn write(&mut self, slot: usize, ty: Ty, bits: u64) {
        let mut bytes = [0; 8];
        match ty {
            Ty::Bool => bytes[0] = (bits & 1) as u8,
            Ty::I8 => bytes[0] = bits as u8,
            Ty::I16 => bytes[..2].copy_from_slice(&(bits as u16).to_ne_bytes()),
            Ty::I32 | Ty::F32 => bytes[..4].copy_from_slice(&(bits as u32).to_ne_bytes()),
            Ty::I64 | Ty::F64 | Ty::Ptr => bytes = bits.to_ne_bytes(),
        }
        self.slots[slot] = u64::from_ne_bytes(bytes);
    }

    /// The bytes of a value in the scratch area.
    pub fn bytes(&self, range: std::ops::Range<usize>) -> Vec<u8> {
        let words = self.scratch[range.start / 8..range.end.div_ceil(8)].iter();
        let bytes = words.flat_map(|word| word.to_ne_bytes());
        bytes.skip(range.start % 8).take(range.len()).collect()
    }

    /// The offset of a slot from where code has its frame's address.
    pub(super) fn slot_offset(slot: usize) -> i32 {
        (slot * 8) as i32
    }

    /// The offset of the slots within a frame: code has the address of the slots.
    pub(super) const SLOTS_OFFSET: usize = std::mem::offset_of!(Frame, slots);

    /// The offset of the scratch area from where code has its frame's address.
    pub(super) const SCRATCH_OFFSET: i64 =
        std::mem::offset_of!(Frame, scratch) as i64 - Frame::SLOTS_OFFSET as i64;
}
