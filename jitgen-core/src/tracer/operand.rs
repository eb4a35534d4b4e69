//! What a traced value is in the trace, beside the concrete value that it has right now.

use crate::ir::{Const, Op, Ty, ValueId};

/// The trace's side of a traced value. It matters only while recording: in replay and in direct
/// mode every operand is [`Opnd::Const`], and nothing may depend on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Opnd {
    /// A constant: the concrete value is always this one here.
    Const,
    /// A constant that points to memory which nobody changes as long as the trace exists (a green
    /// that the trace keeps alive, or what was read through one).
    Frozen,
    /// A value of the trace.
    Ssa(ValueId),
    /// Parts at byte offsets; what is not listed is constant. Indexes the session's aggregates.
    Agg(u32),
    /// The result of a residual call that is not a word. Indexes the session's blobs.
    Blob(u32),
    /// A reference to a local of the twin, in every mode. Indexes the session's locals.
    Local(u32),
}

impl Opnd {
    /// Is it the same at every execution of the trace?
    pub fn is_const(self) -> bool {
        matches!(self, Opnd::Const | Opnd::Frozen)
    }
}

/// A machine word: what it is now, and what it is in the trace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Word {
    /// The concrete value.
    pub now: Const,
    /// The operand; never `Agg`, `Blob` or `Local`.
    pub opnd: Opnd,
}

/// A part of an aggregate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part {
    /// Byte offset in the aggregate.
    pub offset: u32,
    /// Its size in bytes.
    pub size: u32,
    /// Its type in the trace; of no meaning for a call's result.
    pub ty: Ty,
    /// Its operand; never `Agg`.
    pub opnd: Opnd,
}

impl Part {
    /// A word.
    pub fn word(offset: u32, ty: Ty, opnd: Opnd) -> Part {
        Part { offset, size: ty.size(), ty, opnd }
    }
}

/// A residual call's result that lies in the frame's scratch area.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Blob {
    /// The word that says which variant it is, for an enum whose layout Rust does not fix; where
    /// the log of an exit says it, it may be constant.
    pub tag: Option<Opnd>,
    /// Byte offset in the scratch area.
    pub offset: i32,
}

/// A local of the twin to which a reference was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Local {
    /// The address of its operand.
    pub slot: usize,
    /// The address of its concrete value.
    pub base: u64,
    /// Its size in bytes.
    pub size: u32,
}

/// Where a place of guest memory is: a base pointer and a constant distance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Address {
    /// The operand of the base pointer.
    pub base: Opnd,
    /// The concrete base pointer.
    pub base_now: u64,
    /// Distance in bytes.
    pub offset: i32,
    /// May the memory be taken for constant?
    pub frozen: bool,
    /// Which memory it may be: two addresses of different classes that are not 0 are not the same.
    pub class: u32,
    /// Does the word there own what it points to, as `load_owned` has it?
    pub owner: bool,
}

impl Address {
    /// The concrete address.
    pub fn now(self) -> u64 {
        self.base_now.wrapping_add(self.offset as i64 as u64)
    }

    /// The operation that loads the word there.
    pub(super) fn load(self) -> Op {
        if self.owner { Op::LoadOwned } else { Op::Load }
    }
}
