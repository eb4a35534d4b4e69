//! Methods of words, each on edge values, as an interpreter with one instruction per method.
//!
//! An instruction takes its operands from memory, so they are red. A panic is an outcome like
//! others: the machine goes on with the next pair of values.
//!
//! Not here: operators (`words`).

#![allow(
    clippy::unnecessary_cast,
    clippy::manual_clamp,
    clippy::cast_abs_to_unsigned,
    reason = "one text for all types"
)]

/// Runs the guest; says nothing if it panics.
fn panics(run: impl FnOnce()) -> i32 {
    thread_local!(static QUIET: std::cell::Cell<bool> = const { std::cell::Cell::new(false) });
    static HOOK: std::sync::Once = std::sync::Once::new();
    HOOK.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                loud(info);
            }
        }));
    });
    QUIET.set(true);
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
    QUIET.set(false);
    i32::from(result.is_err())
}

/// Runs every method in `0..count` on every pair; gives a line for each.
macro_rules! machine {
    ($name:ident, $t:ident, $count:literal, $options:expr, $values:expr, { $($apply:tt)* }) => {
        pub mod $name {
            use std::rc::Rc;

            /// How many methods there are.
            pub const COUNT: u8 = $count + ($options.end - $options.start) as u8;

            /// Runs them all.
            pub fn run() -> String {
                let values: Vec<$t> = $values;
                let mut out = String::new();
                for method in (0..$count).chain($options) {
                    let code = Rc::new(vec![vm::Insn { method, again: false }, vm::Insn { method, again: true }]);
                    let mut machine = vm::Machine { a: vec![], b: vec![], at: 0, hash: 0 };
                    for round in 0..2 {
                        for i in 0..values.len() {
                            for j in 0..values.len() {
                                machine.a.push(values[i]);
                                machine.b.push(values[if round == 0 { j } else { (i + j) % values.len() }]);
                            }
                        }
                    }
                    let mut panics = 0;
                    while machine.at < machine.a.len() {
                        panics += super::panics(|| vm::run(&code, &mut machine));
                    }
                    out += &format!("{method}: {:x} {panics}\n", machine.hash);
                }
                out
            }

            /// The interpreter.
            #[jitgen_core::interpreter]
            pub mod vm {
                use jitgen_core::Traced;
                use std::rc::Rc;

                /// An instruction.
                #[derive(Clone, Copy, Debug, Traced)]
                pub struct Insn {
                    /// Which method.
                    pub method: u8,
                    /// Or rather the jump back.
                    pub again: bool,
                }

                /// The machine.
                #[derive(Debug, Traced)]
                pub struct Machine {
                    /// First operands.
                    pub a: Vec<$t>,
                    /// Second operands.
                    pub b: Vec<$t>,
                    /// The pair that is next.
                    pub at: usize,
                    /// Of all results.
                    pub hash: u64,
                }

                /// The dispatch loop.
                #[portal(greens(code, pc), reds(machine))]
                pub fn run(code: &Rc<Vec<Insn>>, machine: &mut Machine) {
                    let mut pc = 0;
                    loop {
                        merge_point!();
                        if code[pc].again {
                            if machine.at == machine.a.len() {
                                return;
                            }
                            pc = 0;
                            can_enter_jit!();
                        }
                        if machine.at == machine.a.len() {
                            return;
                        }
                        let at = machine.at;
                        machine.at = at + 1;
                        let result = apply(code[pc].method, machine.a[at], machine.b[at]);
                        machine.hash = machine.hash.rotate_left(5).wrapping_mul(31) ^ result;
                        pc += 1;
                    }
                }

                $($apply)*
            }
        }
    };
}

macro_rules! integers {
    ($name:ident, $t:ident, $count:literal, { $($extra:tt)* }) => {
        machine!($name, $t, $count, 100..117, vec![
            0, 1, 2, 3, 7, 10, 64, 100, $t::MAX, $t::MAX - 1, $t::MAX / 2, $t::MIN, $t::MIN + 1,
            $t::MIN / 2, (0 as $t).wrapping_sub(1), (0 as $t).wrapping_sub(8),
        ], {
            fn apply(method: u8, a: $t, b: $t) -> u64 {
                let n = b as u32 & 127;
                match method {
                    0 => a.count_ones() as u64,
                    1 => a.count_zeros() as u64,
                    2 => a.leading_zeros() as u64,
                    3 => a.leading_ones() as u64,
                    4 => a.trailing_zeros() as u64,
                    5 => a.trailing_ones() as u64,
                    6 => a.swap_bytes() as u64,
                    7 => a.reverse_bits() as u64,
                    8 => a.saturating_add(b) as u64,
                    9 => a.saturating_sub(b) as u64,
                    10 => a.saturating_mul(b) as u64,
                    11 => a.saturating_pow(n) as u64,
                    12 => a.wrapping_pow(n) as u64,
                    13 => a.wrapping_div(b) as u64,
                    14 => a.wrapping_rem(b) as u64,
                    15 => a.wrapping_div_euclid(b) as u64,
                    16 => a.wrapping_rem_euclid(b) as u64,
                    17 => a.saturating_div(b) as u64,
                    18 => a.pow(n % 9) as u64,
                    19 => a.div_euclid(b) as u64,
                    20 => a.rem_euclid(b) as u64,
                    21 => a.ilog2() as u64,
                    22 => a.ilog10() as u64,
                    23 => a.ilog(b) as u64,
                    24 => a.isqrt() as u64,
                    25 => a.abs_diff(b) as u64,
                    26 => a.wrapping_add(b) as u64,
                    27 => a.wrapping_sub(b) as u64,
                    28 => a.wrapping_mul(b) as u64,
                    29 => a.wrapping_neg() as u64,
                    30 => a.wrapping_shl(n) as u64,
                    31 => a.wrapping_shr(n) as u64,
                    32 => a.rotate_left(n) as u64,
                    33 => a.rotate_right(n) as u64,
                    34 => a.min(b) as u64,
                    35 => a.max(b) as u64,
                    36 => a.clamp(b, 90) as u64,
                    37 => $t::wrapping_sub(a, b) as u64,
                    38 => (a.wrapping_add(1).wrapping_mul(b)).max(3).min(1 + a / 2) as u64,
                    100.. => options(method, a, b),
                    _ => more(method, a, b),
                }
            }

            fn option(x: Option<$t>) -> u64 {
                match x {
                    Some(x) => (x as u64).wrapping_mul(2),
                    None => 1,
                }
            }

            fn pair(x: ($t, bool)) -> u64 {
                let (x, fails) = x;
                (x as u64).wrapping_mul(2) ^ fails as u64
            }

            fn options(method: u8, a: $t, b: $t) -> u64 {
                let n = b as u32 & 127;
                match method {
                    100 => option(a.checked_add(b)),
                    101 => option(a.checked_sub(b)),
                    102 => option(a.checked_mul(b)),
                    103 => pair(a.overflowing_add(b)),
                    104 => pair(a.overflowing_sub(b)),
                    105 => pair(a.overflowing_mul(b)),
                    106 => option(a.checked_div(b)),
                    107 => option(a.checked_rem(b)),
                    108 => option(a.checked_div_euclid(b)),
                    109 => option(a.checked_rem_euclid(b)),
                    110 => option(a.checked_neg()),
                    111 => option(a.checked_shl(n)),
                    112 => option(a.checked_shr(n)),
                    113 => option(a.checked_pow(n % 9)),
                    114 => match a.checked_ilog2() {
                        Some(log) => log as u64,
                        None => 99,
                    },
                    115 => match a.checked_ilog10() {
                        Some(log) => log as u64,
                        None => 99,
                    },
                    116 => checked_more(a),
                    _ => 0,
                }
            }

            $($extra)*
        });
    };
}

macro_rules! unsigned {
    ($($name:ident $t:ident)+) => {$(
        integers!($name, $t, 42, {
            fn checked_more(a: $t) -> u64 {
                option(a.checked_next_power_of_two())
            }

            fn more(method: u8, a: $t, b: $t) -> u64 {
                match method {
                    39 => a.is_power_of_two() as u64,
                    40 => a.next_power_of_two() as u64,
                    41 => a.div_ceil(b) as u64,
                    _ => 0,
                }
            }
        });
    )+};
}

macro_rules! signed {
    ($($name:ident $t:ident)+) => {$(
        integers!($name, $t, 47, {
            fn checked_more(a: $t) -> u64 {
                option(a.checked_abs())
            }

            fn more(method: u8, a: $t, _: $t) -> u64 {
                match method {
                    39 => a.abs() as u64,
                    40 => a.wrapping_abs() as u64,
                    41 => a.signum() as u64,
                    42 => a.unsigned_abs() as u64,
                    43 => a.saturating_abs() as u64,
                    44 => a.saturating_neg() as u64,
                    45 => a.is_negative() as u64,
                    46 => a.is_positive() as u64,
                    _ => 0,
                }
            }
        });
    )+};
}

unsigned!(u8s u8 u16s u16 u32s u32 u64s u64 usizes usize);
signed!(i8s i8 i16s i16 i32s i32 i64s i64 isizes isize);

macro_rules! floats {
    ($($name:ident $t:ident)+) => {$(
        machine!($name, $t, 49, 0..0, vec![
            0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.5, 1e-3, 12345.678, -1e18, $t::MAX, $t::MIN_POSITIVE,
            $t::INFINITY, $t::NEG_INFINITY, $t::NAN,
        ], {
            fn apply(method: u8, a: $t, b: $t) -> u64 {
                bits(match method {
                    0 => a.sqrt(),
                    1 => a.cbrt(),
                    2 => a.floor(),
                    3 => a.ceil(),
                    4 => a.trunc(),
                    5 => a.round(),
                    6 => a.round_ties_even(),
                    7 => a.fract(),
                    8 => a.signum(),
                    9 => a.min(b),
                    10 => a.max(b),
                    11 => a.mul_add(b, 1.5),
                    12 => a.powi(b as i32 & 7),
                    13 => a.powf(b),
                    14 => a.exp(),
                    15 => a.exp2(),
                    16 => a.exp_m1(),
                    17 => a.ln(),
                    18 => a.ln_1p(),
                    19 => a.log(b),
                    20 => a.log2(),
                    21 => a.log10(),
                    22 => a.hypot(b),
                    23 => a.sin(),
                    24 => a.cos(),
                    25 => a.tan(),
                    26 => a.asin(),
                    27 => a.acos(),
                    28 => a.atan(),
                    29 => a.atan2(b),
                    30 => a.sinh(),
                    31 => a.cosh(),
                    32 => a.tanh(),
                    33 => a.to_degrees(),
                    34 => a.to_radians(),
                    35 => a.div_euclid(b),
                    36 => a.rem_euclid(b),
                    37 => a.abs(),
                    38 => a.copysign(b),
                    39 => a.recip(),
                    40 => a.is_nan() as u8 as $t,
                    41 => a.is_finite() as u8 as $t,
                    42 => a.is_infinite() as u8 as $t,
                    43 => a.is_sign_negative() as u8 as $t,
                    44 => a.is_sign_positive() as u8 as $t,
                    45 => $t::from_bits(a.to_bits() ^ 1),
                    46 => $t::max(a, b),
                    47 => (a + b).abs(),
                    _ => -a.min(2.0),
                })
            }

            /// All NaNs are one: their bits are not those of the plain interpreter's operations.
            fn bits(x: $t) -> u64 {
                if x.is_nan() { 77 } else { x.to_bits() as u64 }
            }
        });
    )+};
}

floats!(f32s f32 f64s f64);

macro_rules! letters {
    ($name:ident, $t:ident, $count:literal, $values:expr, { $($extra:tt)* }) => {
        machine!($name, $t, $count, 0..0, $values, {
            fn apply(method: u8, a: $t, b: $t) -> u64 {
                match method {
                    0 => a.is_ascii() as u64,
                    1 => a.is_ascii_alphabetic() as u64,
                    2 => a.is_ascii_uppercase() as u64,
                    3 => a.is_ascii_lowercase() as u64,
                    4 => a.is_ascii_alphanumeric() as u64,
                    5 => a.is_ascii_digit() as u64,
                    6 => a.is_ascii_hexdigit() as u64,
                    7 => a.is_ascii_punctuation() as u64,
                    8 => a.is_ascii_graphic() as u64,
                    9 => a.is_ascii_whitespace() as u64,
                    10 => a.is_ascii_control() as u64,
                    11 => a.to_ascii_uppercase() as u64,
                    12 => b.to_ascii_lowercase() as u64,
                    _ => more(method, a, b),
                }
            }

            $($extra)*
        });
    };
}

letters!(bytes, u8, 13, b"aZ09 \n\x7f\x80\xff~!f".to_vec(), {
    fn more(_method: u8, _a: u8, _b: u8) -> u64 {
        0
    }
});
letters!(chars, char, 21, "aZ09 \n\u{7f}ßΣ中½\u{10ffff}~!f".chars().collect(), {
    fn more(method: u8, a: char, _: char) -> u64 {
        match method {
            13 => a.is_alphabetic() as u64,
            14 => a.is_alphanumeric() as u64,
            15 => a.is_control() as u64,
            16 => a.is_lowercase() as u64,
            17 => a.is_numeric() as u64,
            18 => a.is_uppercase() as u64,
            19 => a.is_whitespace() as u64,
            20 => a.len_utf8() as u64,
            _ => 0,
        }
    }
});
