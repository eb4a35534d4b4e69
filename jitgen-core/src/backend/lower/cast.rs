//! Casts between integers and floats, as Rust's `as`.
//!
//! Cranelift converts between floats and 32- and 64-bit integers; a narrower integer goes by way of
//! 32 bits:
//!
//! ```text
//! v1 = from_u.f64 i16 v0     =>    fcvt_from_sint(uextend.i32 v0)
//! v1 = to_s.i8 f64 v0        =>    ireduce.i8(smin(smax(fcvt_to_sint_sat.i32 v0, -128), 127))
//! ```
//!
//! Saturating twice is saturating once, because the narrow range lies within the wide one; NaN
//! becomes 0 at the first step.

use super::{Lowering, clif_type};
use crate::ir::{Inst, Ty};
use cranelift_codegen::ir::{InstBuilder, Value, types};

impl Lowering<'_> {
    pub(super) fn signed_to_float(&mut self, inst: &Inst) -> Value {
        let (from, to) = (self.trace.ty(inst.a), clif_type(inst.ty));
        let mut a = self.value(inst.a);
        if matches!(from, Ty::I8 | Ty::I16) {
            a = self.builder.ins().sextend(types::I32, a);
        }
        self.builder.ins().fcvt_from_sint(to, a)
    }

    pub(super) fn unsigned_to_float(&mut self, inst: &Inst) -> Value {
        let (from, to) = (self.trace.ty(inst.a), clif_type(inst.ty));
        let a = self.value(inst.a);
        // In a wider signed type the value is the same, and the signed conversion is one instruction.
        let wider = match from {
            Ty::I8 | Ty::I16 => types::I32,
            Ty::I32 => types::I64,
            _ => return self.builder.ins().fcvt_from_uint(to, a),
        };
        let a = self.builder.ins().uextend(wider, a);
        self.builder.ins().fcvt_from_sint(to, a)
    }

    pub(super) fn float_to_signed(&mut self, inst: &Inst) -> Value {
        let a = self.value(inst.a);
        match inst.ty {
            Ty::I8 => self.clamped(a, i8::MIN.into(), i8::MAX.into(), inst.ty),
            Ty::I16 => self.clamped(a, i16::MIN.into(), i16::MAX.into(), inst.ty),
            ty => self.builder.ins().fcvt_to_sint_sat(clif_type(ty), a),
        }
    }

    pub(super) fn float_to_unsigned(&mut self, inst: &Inst) -> Value {
        let a = self.value(inst.a);
        match inst.ty {
            Ty::I8 => self.clamped(a, 0, u8::MAX.into(), inst.ty),
            Ty::I16 => self.clamped(a, 0, u16::MAX.into(), inst.ty),
            ty => self.builder.ins().fcvt_to_uint_sat(clif_type(ty), a),
        }
    }

    fn clamped(&mut self, float: Value, min: i32, max: i32, ty: Ty) -> Value {
        let ins = self.builder.ins();
        let wide = ins.fcvt_to_sint_sat(types::I32, float);
        let bits = |bound: i32| i64::from(bound as u32);
        let min = self.builder.ins().iconst(types::I32, bits(min));
        let wide = self.builder.ins().smax(wide, min);
        let max = self.builder.ins().iconst(types::I32, bits(max));
        let wide = self.builder.ins().smin(wide, max);
        self.builder.ins().ireduce(clif_type(ty), wide)
    }
}
