//! The frame: memory that compiled code and the runtime share.
//!
//! A piece of code finds its inputs in the first slots and leaves its outputs there; between two
//! pieces (a loop and its bridge) state crosses in the same way. A value lies at its slot's address
//! in its own size, the slot's other bytes are unspecified: [`Frame::read`] and [`Frame::write`]
//! know this, whoever else looks at a slot must know it, too.
//!
//! Not here: what the slots mean.

use crate::ir::Ty;

/// Number of slots of a frame; a piece of code takes and leaves at most so many values.
pub const SLOTS: usize = 512;

/// Number of 8-byte words of the scratch area.
pub const SCRATCH_WORDS: usize = 512;

/// Memory shared by compiled code and the runtime: slots for the state that crosses between pieces
/// of code, and the scratch area that `scratch` addresses.
#[repr(C, align(64))]
#[derive(Clone, Debug)]
pub struct Frame {
    /// The slots.
    pub slots: [u64; SLOTS],
    /// The scratch area.
    pub scratch: [u64; SCRATCH_WORDS],
}

impl Frame {
    /// A frame of zeros. It is large, hence the box.
    pub fn new() -> Box<Frame> {
        Box::new(Frame { slots: [0; SLOTS], scratch: [0; SCRATCH_WORDS] })
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

    /// The offset of a slot within a frame.
    pub(super) fn slot_offset(slot: usize) -> i32 {
        (std::mem::offset_of!(Frame, slots) + slot * 8) as i32
    }

    /// The offset of the scratch area within a frame.
    pub(super) const SCRATCH_OFFSET: i64 = std::mem::offset_of!(Frame, scratch) as i64;
}
