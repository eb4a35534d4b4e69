//! The types of trace values, and typed constants.
//!
//! A trace value is a machine word of a known size: the types are those that machine code tells
//! apart. Signedness is not a property of a type but of an operation (`lt_s`, `lt_u`), as in
//! Cranelift and LLVM.
//!
//! Invariant `const-canonical`: the bits of a [`Const`] beyond the size of its type are zero, and
//! a `bool` is 0 or 1, so equality of constants is equality of bits.
//!
//! Not here: structs and enums. A recorder takes them apart; a trace sees only their words.

use std::fmt;

/// The type of a trace value.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum Ty {
    /// A truth value: one byte in memory, 0 or 1.
    Bool,
    /// 8-bit integer.
    I8,
    /// 16-bit integer.
    I16,
    /// 32-bit integer.
    I32,
    /// 64-bit integer.
    I64,
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary64.
    F64,
    /// A 64-bit address.
    Ptr,
}

impl Ty {
    /// Every type, in the order of the declaration.
    pub const ALL: [Ty; 8] =
        [Ty::Bool, Ty::I8, Ty::I16, Ty::I32, Ty::I64, Ty::F32, Ty::F64, Ty::Ptr];

    /// Size in memory, in bytes.
    pub fn size(self) -> u32 {
        match self {
            Ty::Bool | Ty::I8 => 1,
            Ty::I16 => 2,
            Ty::I32 | Ty::F32 => 4,
            Ty::I64 | Ty::F64 | Ty::Ptr => 8,
        }
    }

    /// Number of value bits: 1 for `bool`, else eight times the size.
    pub fn width(self) -> u32 {
        if self == Ty::Bool { 1 } else { self.size() * 8 }
    }

    /// The bits a value of this type can have set.
    pub fn mask(self) -> u64 {
        u64::MAX >> (64 - self.width())
    }

    /// Is it one of the sized integers? (`bool` and `ptr` are not.)
    pub fn is_int(self) -> bool {
        matches!(self, Ty::I8 | Ty::I16 | Ty::I32 | Ty::I64)
    }

    /// Is it `f32` or `f64`?
    pub fn is_float(self) -> bool {
        matches!(self, Ty::F32 | Ty::F64)
    }

    /// The name in trace text.
    pub fn name(self) -> &'static str {
        match self {
            Ty::Bool => "bool",
            Ty::I8 => "i8",
            Ty::I16 => "i16",
            Ty::I32 => "i32",
            Ty::I64 => "i64",
            Ty::F32 => "f32",
            Ty::F64 => "f64",
            Ty::Ptr => "ptr",
        }
    }

    /// The type of that name in trace text.
    pub fn from_name(name: &str) -> Option<Ty> {
        Ty::ALL.into_iter().find(|ty| ty.name() == name)
    }

    /// The low bits of `bits`, sign-extended from this type's width.
    pub fn sign_extend(self, bits: u64) -> i64 {
        let shift = 64 - self.width();
        ((bits << shift) as i64) >> shift
    }
}

impl fmt::Display for Ty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A typed constant. Build it with [`Const::new`] so that `const-canonical` holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Const {
    /// Its type.
    pub ty: Ty,
    /// Its bits, zero beyond the type's size; floats as IEEE bits.
    pub bits: u64,
}

impl Const {
    /// The constant of type `ty` with the low bits of `bits`.
    pub fn new(ty: Ty, bits: u64) -> Const {
        Const { ty, bits: bits & ty.mask() }
    }

    /// A truth value.
    pub fn bool(value: bool) -> Const {
        Const::new(Ty::Bool, u64::from(value))
    }

    /// A 64-bit integer.
    pub fn i64(value: i64) -> Const {
        Const::new(Ty::I64, value as u64)
    }

    /// An `f64`.
    pub fn f64(value: f64) -> Const {
        Const::new(Ty::F64, value.to_bits())
    }

    /// The value as a signed integer.
    pub fn signed(self) -> i64 {
        self.ty.sign_extend(self.bits)
    }

    /// Is it the truth value `true`?
    pub fn is_true(self) -> bool {
        self.bits & 1 == 1
    }
}

/// Integers print signed in decimal, `ptr` in hexadecimal, floats with a dot or as `f64:0x…` where
/// the decimal form would lose the bits (NaN with payload, infinities).
impl fmt::Display for Const {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ty {
            Ty::Bool => write!(f, "{}", self.is_true()),
            Ty::Ptr => write!(f, "{:#x}", self.bits),
            Ty::F64 if f64::from_bits(self.bits).is_finite() => {
                write!(f, "{:?}", f64::from_bits(self.bits))
            }
            Ty::F32 if f32::from_bits(self.bits as u32).is_finite() => {
                write!(f, "{:?}", f32::from_bits(self.bits as u32))
            }
            Ty::F32 | Ty::F64 => write!(f, "0x{:x}", self.bits),
            Ty::I8 | Ty::I16 | Ty::I32 | Ty::I64 => write!(f, "{}", self.signed()),
        }
    }
}
