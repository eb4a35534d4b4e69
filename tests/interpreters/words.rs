//! A register machine over every machine word: all operators, casts and pattern tests.

use std::rc::Rc;

/// A program.
#[derive(Debug, jitgen_core::Traced)]
pub struct Program {
    /// The instructions.
    pub code: Vec<vm::Insn>,
}

/// Runs a program for `count` rounds; gives the final registers.
pub fn run(program: &Rc<Program>, count: u64) -> String {
    let mut vm = vm::Vm::default();
    vm::run(program, &mut vm, count);
    format!("{vm:?}")
}

/// The interpreter.
#[jitgen_core::interpreter]
pub mod vm {
    use super::Program;
    use jitgen_core::{Traced, promote};
    use std::rc::Rc;

    /// An instruction; operands are register numbers.
    #[derive(Clone, Copy, Debug, Traced)]
    pub enum Insn {
        /// Arithmetic on `i8`.
        I8(u8, usize, usize),
        /// Arithmetic on `u8`.
        U8(u8, usize, usize),
        /// Arithmetic on `i16`.
        I16(u8, usize, usize),
        /// Arithmetic on `u32`.
        U32(u8, usize, usize),
        /// Arithmetic on `i64`.
        I64(u8, usize, usize),
        /// Arithmetic on `usize`.
        Usize(u8, usize, usize),
        /// Arithmetic on `f64`.
        F64(u8, usize, usize),
        /// Arithmetic on `f32`.
        F32(u8, usize, usize),
        /// A cast between two banks.
        Cast { from: u8, to: u8, a: usize, b: usize },
        /// Skip the next instruction if the test of `a` holds.
        Skip { test: u8, a: usize },
        /// Make a register constant in the trace.
        Promote(usize),
        /// The next round.
        Again,
    }

    /// The machine: a bank of registers for each type.
    #[derive(Debug, Traced)]
    #[allow(missing_docs, reason = "banks")]
    pub struct Vm {
        pub i8s: [i8; 4],
        pub u8s: [u8; 4],
        pub i16s: [i16; 4],
        pub u32s: [u32; 4],
        pub i64s: [i64; 4],
        pub usizes: [usize; 4],
        pub f64s: [f64; 4],
        pub f32s: [f32; 4],
        pub flags: [bool; 4],
    }

    impl Default for Vm {
        fn default() -> Vm {
            Vm {
                i8s: [1, -2, 3, 100],
                u8s: [1, 2, 200, 4],
                i16s: [1, -200, 3, 30000],
                u32s: [1, 2, 4_000_000_000, 7],
                i64s: [1, -2, 3, i64::MAX],
                usizes: [1, 2, 3, 40],
                f64s: [1.0, -0.5, 1e18, 3.25],
                f32s: [1.0, 0.5, -3.0e9, 2.5],
                flags: [true, false, false, true],
            }
        }
    }

    /// Rounds that are left when `limit` is reached.
    const LIMIT: u64 = 0;

    /// The dispatch loop.
    #[portal(greens(program, pc), reds(vm, left))]
    pub fn run(program: &Rc<Program>, vm: &mut Vm, count: u64) {
        let mut pc = 0;
        let mut left = count;
        while left != LIMIT {
            merge_point!();
            let insn = program.code[pc];
            pc += 1;
            match insn {
                Insn::I8(op, a, b) => vm.i8s[a] = int8(op, vm.i8s[a], vm.i8s[b]),
                Insn::U8(op, a, b) => vm.u8s[a] = uint8(op, vm.u8s[a], vm.u8s[b]),
                Insn::I16(op, a, b) => {
                    let x = vm.i16s[b];
                    match op {
                        0 => vm.i16s[a] = vm.i16s[a].wrapping_add(x),
                        1 => vm.i16s[a] ^= x,
                        2 => vm.i16s[a] &= x,
                        3 => vm.i16s[a] |= x,
                        4 => vm.i16s[a] = vm.i16s[a].wrapping_neg(),
                        _ => vm.i16s[a] = vm.i16s[a].wrapping_sub(x),
                    }
                }
                Insn::U32(op, a, b) => vm.u32s[a] = uint32(op, vm.u32s[a], vm.u32s[b]),
                Insn::I64(op, a, b) => vm.i64s[a] = int64(op, vm.i64s[a], vm.i64s[b]),
                Insn::Usize(op, a, b) => {
                    let at = vm.usizes[b] % 4;
                    match op {
                        0 => {
                            vm.usizes[a] = vm.usizes[a].wrapping_mul(31).wrapping_add(vm.usizes[at])
                        }
                        1 => vm.usizes[a] /= vm.usizes[at] | 1,
                        2 => {
                            // The two places are sometimes the same.
                            let before = vm.usizes[a];
                            vm.usizes[at] = before.wrapping_add(1);
                            vm.usizes[b] = vm.usizes[a].wrapping_mul(3);
                        }
                        _ => vm.usizes[a] = vm.usizes[a] >> 1 ^ vm.usizes[b] << 3,
                    }
                }
                Insn::F64(op, a, b) => vm.f64s[a] = float64(op, vm.f64s[a], vm.f64s[b]),
                Insn::F32(op, a, b) => {
                    let x = vm.f32s[b];
                    match op {
                        0 => vm.f32s[a] += x,
                        1 => vm.f32s[a] *= x,
                        2 => vm.f32s[a] -= x,
                        _ => vm.f32s[a] = -(vm.f32s[a] / x),
                    }
                }
                Insn::Cast { from, to, a, b } => {
                    let wide = match from {
                        0 => vm.i8s[b] as i64,
                        1 => vm.u8s[b] as i64,
                        2 => vm.i16s[b] as i64,
                        3 => vm.u32s[b] as i64,
                        4 => vm.i64s[b],
                        5 => vm.usizes[b] as i64,
                        6 => vm.f64s[b] as i64,
                        7 => vm.f32s[b] as u64 as i64,
                        _ => vm.flags[b % 4] as i64,
                    };
                    match to {
                        0 => vm.i8s[a] = wide as i8,
                        1 => vm.u8s[a] = wide as u8,
                        2 => vm.i16s[a] = wide as i16,
                        3 => vm.u32s[a] = wide as u32,
                        4 => vm.i64s[a] = wide,
                        5 => vm.usizes[a] = wide as usize,
                        6 => vm.f64s[a] = wide as f64 + wide as u64 as f64,
                        7 => vm.f32s[a] = wide as f32,
                        _ => vm.flags[a] = wide != 0 && !vm.flags[b],
                    }
                }
                Insn::Skip { test, a } => {
                    let skip = match test {
                        0 => vm.i64s[a] > 0,
                        1 => vm.u8s[a] >= 100 || vm.flags[a],
                        2 => vm.f64s[a] <= 0.5,
                        3 => match vm.i64s[a] & 7 {
                            0 | 5 => true,
                            1..=2 => vm.flags[a],
                            odd if odd & 1 == 1 => false,
                            _ => vm.i8s[a] < 0,
                        },
                        4 => vm.f32s[a] != vm.f32s[1],
                        _ => vm.u32s[a] & 1 == 0,
                    };
                    if skip {
                        pc += 1;
                    }
                }
                Insn::Promote(a) => {
                    let value = promote(vm.u8s[a] & 1);
                    vm.u8s[a] = vm.u8s[a].wrapping_add(value);
                }
                Insn::Again => {
                    left -= 1;
                    pc = 0;
                    can_enter_jit!();
                }
            }
        }
    }

    fn int8(op: u8, x: i8, y: i8) -> i8 {
        match op {
            0 => x.wrapping_add(y),
            1 => x.wrapping_sub(y),
            2 => x.wrapping_mul(y),
            3 => {
                if y == 0 || y == -1 {
                    return x;
                }
                x / y
            }
            4 => {
                if y == 0 || y == -1 {
                    x
                } else {
                    x % y
                }
            }
            5 => x >> (y & 7),
            6 => x << (y & 7),
            _ => !x,
        }
    }

    fn uint8(op: u8, x: u8, y: u8) -> u8 {
        let mut result = x;
        match op {
            0 => result = result.wrapping_add(y),
            1 => result = result.wrapping_sub(y),
            2 => result = result.wrapping_mul(y),
            3 => result /= y | 1,
            4 => result %= y | 1,
            5 => result >>= y & 7,
            _ => result = if x < y { y } else { x & y },
        }
        result
    }

    fn uint32(op: u8, x: u32, y: u32) -> u32 {
        match op {
            0 => x.wrapping_add(y),
            1 => x.wrapping_mul(y),
            2 => x / (y | 3),
            3 => x % (y | 3),
            4 => x << (y % 32),
            5 => x >> (y & 31),
            _ => x ^ (y | 1),
        }
    }

    fn int64(op: u8, x: i64, y: i64) -> i64 {
        match op {
            0 => x.wrapping_add(y),
            1 => x.wrapping_sub(y),
            2 => x.wrapping_mul(y),
            3 if y != 0 && y != -1 => x / y,
            4 if y != 0 && y != -1 => x % y,
            5 => x >> (y & 63),
            6 => x & y | x ^ !y,
            _ => {
                if x <= y {
                    x.wrapping_neg()
                } else {
                    7
                }
            }
        }
    }

    fn float64(op: u8, x: f64, y: f64) -> f64 {
        match op {
            0 => x + y,
            1 => x - y,
            2 => x * y,
            3 => x / y,
            4 => -x,
            5 => x % 3.5,
            _ => {
                if x < y {
                    0.25
                } else {
                    y
                }
            }
        }
    }
}
