//! The op table: every operation of a trace, once.
//!
//! A row is: doc comment, variant, mnemonic, [`Sig`] (what operands and result are, in terms of the
//! type suffix `T`), [`Effect`]. The enum, the parser's and printer's mnemonics, arity and type
//! checks, effects and `docs/ir.md` derive from it; evaluator, optimizer and backend match on it
//! without a `_` arm, so a new row is followed by the compiler through all of them.
//!
//! Integer arithmetic wraps. Where the source language checks, the recorder emits the predicate
//! (`add_ovf_s`) and a guard. What is undefined here (division by zero) must be guarded before.
//!
//! Not here: what an op computes (`eval`), how it is rewritten (`opt`) or compiled (`backend`).

use super::Ty;

/// What the operands and the result of an op are. `T` is the type suffix of the mnemonic.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sig {
    /// `(T, T) -> T`.
    Binary,
    /// `(T, T) -> bool`.
    Compare,
    /// `(T) -> T`.
    Unary,
    /// `(any) -> T`.
    Cast,
    /// `(ptr + imm) -> T`.
    Load,
    /// `(ptr + imm, T) -> nothing`.
    Store,
    /// `(ptr, i64) -> ptr`; printed without suffix.
    PtrAdd,
    /// `+ imm -> ptr`; printed without suffix.
    Scratch,
    /// `@symbol(any..) -> T`, or nothing without a suffix.
    Call,
    /// `(bool, T) @symbol(any..) -> T`, or `(bool) @symbol(any..)` without a suffix.
    CallIf,
    /// `(T) @symbol(any..) -> nothing`.
    Known,
    /// `(bool) else exit -> nothing`.
    Guard,
}

/// What an op may do besides computing its result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Nothing: the op may be removed, merged with its equal, or computed earlier or later.
    None,
    /// It reads memory.
    Read,
    /// It writes memory.
    Write,
    /// It makes memory that nobody else knows. When that happens cannot be seen, nor whether it
    /// does if the result is not used; but two of them make two.
    Make,
    /// It reads and writes memory and may do anything visible outside.
    Any,
    /// It may leave the trace.
    Exit,
}

/// Which types an op's suffix may name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Domain {
    /// `i8` to `i64`.
    Int,
    /// Integers and `bool`.
    Bits,
    /// Integers, `bool` and `ptr`.
    Word,
    /// Integers and `ptr`.
    Ordered,
    /// `f32`, `f64`.
    Float,
    /// `ptr`.
    Ptr,
    /// Every type.
    Any,
}

impl Domain {
    /// Is `ty` in this domain?
    pub fn contains(self, ty: Ty) -> bool {
        match self {
            Domain::Int => ty.is_int(),
            Domain::Bits => ty.is_int() || ty == Ty::Bool,
            Domain::Word => !ty.is_float(),
            Domain::Ordered => ty.is_int() || ty == Ty::Ptr,
            Domain::Float => ty.is_float(),
            Domain::Ptr => ty == Ty::Ptr,
            Domain::Any => true,
        }
    }
}

macro_rules! ops {
    ($($(#[doc = $doc:literal])+ $name:ident $text:literal $sig:ident $domain:ident $effect:ident;)+) => {
        /// An operation of a trace. See the table in this file, or `docs/ir.md`.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
        pub enum Op { $($(#[doc = $doc])+ $name),+ }

        impl Op {
            /// Every op, in the order of the table.
            pub const ALL: &'static [Op] = &[$(Op::$name),+];

            /// The name in trace text, without the type suffix.
            pub fn mnemonic(self) -> &'static str {
                match self { $(Op::$name => $text),+ }
            }

            /// What operands and result are.
            #[inline]
            pub const fn sig(self) -> Sig {
                match self { $(Op::$name => Sig::$sig),+ }
            }

            /// Which types the suffix may name.
            pub fn domain(self) -> Domain {
                match self { $(Op::$name => Domain::$domain),+ }
            }

            /// What the op may do besides computing its result.
            pub fn effect(self) -> Effect {
                match self { $(Op::$name => Effect::$effect),+ }
            }

            /// The documentation of the table's row.
            pub fn doc(self) -> &'static str {
                match self { $(Op::$name => concat!($($doc, "\n"),+)),+ }
            }
        }
    };
}

ops! {
    /// Wrapping sum.
    Add "add" Binary Int None;
    /// Wrapping difference.
    Sub "sub" Binary Int None;
    /// Wrapping product.
    Mul "mul" Binary Int None;
    /// Signed quotient, rounded to zero. Undefined for a divisor of 0 and for `MIN / -1`.
    DivS "div_s" Binary Int None;
    /// Unsigned quotient. Undefined for a divisor of 0.
    DivU "div_u" Binary Int None;
    /// Signed remainder, with the dividend's sign. Undefined where `div_s` is.
    RemS "rem_s" Binary Int None;
    /// Unsigned remainder. Undefined for a divisor of 0.
    RemU "rem_u" Binary Int None;
    /// Bitwise and.
    And "and" Binary Bits None;
    /// Bitwise or.
    Or "or" Binary Bits None;
    /// Bitwise exclusive or.
    Xor "xor" Binary Bits None;
    /// Shift left by the second operand modulo the width.
    Shl "shl" Binary Int None;
    /// Arithmetic shift right by the second operand modulo the width.
    ShrS "shr_s" Binary Int None;
    /// Logical shift right by the second operand modulo the width.
    ShrU "shr_u" Binary Int None;
    /// Wrapping negation.
    Neg "neg" Unary Int None;
    /// Bitwise complement; for `bool` the logical not.
    Not "not" Unary Bits None;
    /// Does the signed sum overflow?
    AddOvfS "add_ovf_s" Compare Int None;
    /// Does the unsigned sum overflow?
    AddOvfU "add_ovf_u" Compare Int None;
    /// Does the signed difference overflow?
    SubOvfS "sub_ovf_s" Compare Int None;
    /// Does the unsigned difference overflow?
    SubOvfU "sub_ovf_u" Compare Int None;
    /// Does the signed product overflow?
    MulOvfS "mul_ovf_s" Compare Int None;
    /// Does the unsigned product overflow?
    MulOvfU "mul_ovf_u" Compare Int None;
    /// Equal.
    Eq "eq" Compare Word None;
    /// Not equal.
    Ne "ne" Compare Word None;
    /// Signed less.
    LtS "lt_s" Compare Int None;
    /// Signed less or equal.
    LeS "le_s" Compare Int None;
    /// Unsigned less.
    LtU "lt_u" Compare Ordered None;
    /// Unsigned less or equal.
    LeU "le_u" Compare Ordered None;
    /// IEEE sum.
    FAdd "fadd" Binary Float None;
    /// IEEE difference.
    FSub "fsub" Binary Float None;
    /// IEEE product.
    FMul "fmul" Binary Float None;
    /// IEEE quotient.
    FDiv "fdiv" Binary Float None;
    /// Sign flipped, also of a NaN.
    FNeg "fneg" Unary Float None;
    /// Ordered and equal.
    FEq "feq" Compare Float None;
    /// Unordered or not equal (Rust's `!=`).
    FNe "fne" Compare Float None;
    /// Ordered and less.
    FLt "flt" Compare Float None;
    /// Ordered and less or equal.
    FLe "fle" Compare Float None;
    /// The low bits of a wider integer.
    Trunc "trunc" Cast Int None;
    /// Zero-extension of a narrower integer or a `bool`.
    Zext "zext" Cast Int None;
    /// Sign-extension of a narrower integer.
    Sext "sext" Cast Int None;
    /// Signed integer to the nearest float.
    FromS "from_s" Cast Float None;
    /// Unsigned integer to the nearest float.
    FromU "from_u" Cast Float None;
    /// Float to signed integer as Rust's `as`: saturating, NaN to 0.
    ToS "to_s" Cast Int None;
    /// Float to unsigned integer as Rust's `as`: saturating, NaN to 0.
    ToU "to_u" Cast Int None;
    /// `f32` to `f64` or back, rounding to nearest.
    FCvt "fcvt" Cast Float None;
    /// The same bits as another type of the same size.
    Bitcast "bitcast" Cast Any None;
    /// The operand itself. The optimizer removes it.
    Copy "copy" Unary Any None;
    /// Address plus a wrapping byte offset.
    PtrAdd "ptr_add" PtrAdd Any None;
    /// The address of byte `imm` of the scratch area of the trace's frame.
    Scratch "scratch" Scratch Any None;
    /// The value in memory.
    Load "load" Load Any Read;
    /// The pointer in memory, where a word is now that owns what it leads to, as a `Box` does.
    LoadOwned "load_owned" Load Ptr Read;
    /// Write the value to memory.
    Store "store" Store Any Write;
    /// A residual call that may read and write memory and do anything visible.
    Call "call" Call Any Any;
    /// A residual call that reads memory and does nothing else.
    CallRead "call_read" Call Any Read;
    /// A portal's call: cell, constants, place in scratch memory (there the result is), arguments.
    CallCode "call_code" Call Any Any;
    /// A residual call whose result depends on its arguments alone.
    CallPure "call_pure" Call Any None;
    /// A `call` if the condition is true; else nothing happens, and the result is the second operand.
    CallIf "call_if" CallIf Any Any;
    /// The same of a `call_pure`.
    CallIfPure "call_if_pure" CallIf Any None;
    /// A call that allocates: fresh memory of so many bytes as the first operand says, a constant.
    /// No other pointer leads there, and it is not null; what is in it is not defined. `#7` behind
    /// it is the number of the allocation in the recording. With five operands it takes a free
    /// cell, if there is one, instead of calling: bytes of a cell, its first word, addresses of
    /// cursor and limit.
    New "new" Call Ptr Make;
    /// A `new` that happens also if nobody uses the result: of an object with a destructor.
    NewKept "new_kept" Call Ptr Any;
    /// A call that frees what a `new` has allocated, its first operand: nobody accesses that again.
    Free "free" Call Any Any;
    /// The operand is what a `call_pure` with these arguments would give. Nothing happens.
    ResultOf "result_of" Known Any None;
    /// Leave by the exit unless the condition is true.
    Guard "guard" Guard Any Exit;
    /// Leave by the exit unless the condition is false.
    GuardNot "guard_not" Guard Any Exit;
}

impl Op {
    /// The op of that mnemonic (without suffix).
    pub fn from_mnemonic(text: &str) -> Option<Op> {
        Op::ALL.iter().copied().find(|op| op.mnemonic() == text)
    }

    /// Is the mnemonic followed by `.type`? A call has a suffix when it has a result.
    pub fn has_suffix(self) -> bool {
        !matches!(self.sig(), Sig::PtrAdd | Sig::Scratch | Sig::Guard)
    }

    /// The type of the result, if there is one, for the type suffix `ty`. For a call without
    /// result the caller must look at its suffix.
    pub fn result(self, ty: Ty) -> Option<Ty> {
        match self.sig() {
            Sig::Binary | Sig::Unary | Sig::Cast | Sig::Load | Sig::Call | Sig::CallIf => Some(ty),
            Sig::Compare => Some(Ty::Bool),
            Sig::PtrAdd | Sig::Scratch => Some(Ty::Ptr),
            Sig::Store | Sig::Known | Sig::Guard => None,
        }
    }

    /// Are the operands exchangeable, bit for bit? (`fadd` and `fmul` are not: a NaN's payload comes
    /// from the first operand that is one.)
    pub fn is_commutative(self) -> bool {
        matches!(
            self,
            Op::Add
                | Op::Mul
                | Op::And
                | Op::Or
                | Op::Xor
                | Op::Eq
                | Op::Ne
                | Op::AddOvfS
                | Op::AddOvfU
                | Op::MulOvfS
                | Op::MulOvfU
                | Op::FEq
                | Op::FNe
        )
    }

    /// Is it one of the two guards?
    pub fn is_guard(self) -> bool {
        self.sig() == Sig::Guard
    }

    /// Is it one of the calls?
    pub fn is_call(self) -> bool {
        matches!(self.sig(), Sig::Call | Sig::CallIf)
    }

    /// Is it one of the calls that allocate?
    pub fn makes(self) -> bool {
        matches!(self, Op::New | Op::NewKept)
    }

    /// Is it a call whose result depends on its operands alone?
    pub fn is_pure_call(self) -> bool {
        matches!(self, Op::CallPure | Op::CallIfPure)
    }

    /// The call that a conditional one is where its condition is true.
    pub fn unconditional(self) -> Op {
        match self {
            Op::CallIf => Op::Call,
            Op::CallIfPure => Op::CallPure,
            op => op,
        }
    }
}
