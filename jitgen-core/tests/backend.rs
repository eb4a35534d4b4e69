//! The backend, by running what it compiles: values at exits, links, budgets, calls, edge cases.
//!
//! `run` compiles a trace's text, enters it with the given bits in the slots, and says by which exit
//! it was left, with which bits in the slots.

use jitgen_core::backend::{
    Code, CompileError, Compiler, ExitCell, Frame, Options, SLOTS, Symbols, enter,
};
use jitgen_core::ir::{ExitId, Trace, Ty, parse, verify};

struct Helpers;

/// The trace passes `bool`, `i8` and `i16` where this takes words: it sees how they were extended.
extern "C" fn mix(flag: u32, byte: u32, word: u32, float: f64, wide: i64) -> f64 {
    let narrow = u64::from(byte) * 1_000_000 + u64::from(word);
    let sign = if flag == 1 { 1.0 } else { -1.0 };
    sign * (narrow as f64 + float) + wide as f64
}

extern "C" fn is_even(value: u8) -> bool {
    value.is_multiple_of(2)
}

extern "C" fn increment(cell: &mut u16) -> u16 {
    *cell = cell.wrapping_add(1);
    *cell
}

impl Symbols for Helpers {
    fn address(&self, symbol: &str) -> Option<usize> {
        match symbol {
            "mix" => Some(mix as *const () as usize),
            "is_even" => Some(is_even as *const () as usize),
            "increment" => Some(increment as *const () as usize),
            "more_cells" => Some(more_cells as *const () as usize),
            _ => None,
        }
    }
}

fn trace(text: &str) -> Trace {
    let trace = match parse(text) {
        Ok(traces) => traces.into_iter().next().expect("there is a trace"),
        Err(error) => panic!("{error} in\n{text}"),
    };
    assert_eq!(verify(&trace), [], "in\n{text}");
    trace
}

fn compile(text: &str) -> Code {
    let mut compiler = Compiler::new(&Options::default()).expect("this machine is supported");
    let code = compiler.compile(&trace(text), &Helpers, 0);
    code.unwrap_or_else(|error| panic!("{error} in\n{text}"))
}

/// Enters `code`; the exit's number and what it left in the slots.
fn enter_with(code: &Code, types: &[Ty], inputs: &[u64], frame: &mut Frame) -> ExitId {
    // What lies beyond a narrow value in its slot must not matter.
    frame.slots = [0xa5a5_a5a5_a5a5_a5a5; SLOTS];
    for (slot, (ty, bits)) in types.iter().zip(inputs).enumerate() {
        let mut bytes = frame.slots[slot].to_le_bytes();
        let size = ty.size() as usize;
        bytes[..size].copy_from_slice(&bits.to_le_bytes()[..size]);
        frame.slots[slot] = u64::from_le_bytes(bytes);
    }
    // SAFETY: the slots hold the entry's values, the code is alive and linked to nothing, the
    // helpers have the signatures that the traces assume, and pointers point to live data.
    let cell = unsafe { &*enter(code.entry(), frame) };
    ExitId(cell.exit)
}

fn run(text: &str, inputs: &[u64]) -> (u32, Vec<u64>) {
    let trace = trace(text);
    let code = compile(text);
    let mut frame = Frame::new();
    let exit = enter_with(&code, &trace.param_types(), inputs, &mut frame);
    let args = trace.exit(exit).args().enumerate();
    let values = args.map(|(slot, arg)| frame.read(slot, trace.ty(arg)));
    (exit.0, values.collect())
}

#[test]
fn a_loop_leaves_with_the_values_of_every_type() {
    let text = "
        trace @types {
        b0(v0: i64, v1: bool, v2: i8, v3: i16, v4: i32, v5: f32, v6: f64, v7: ptr):
            v8 = lt_s.i64 v0, 5
            guard v8 else exit0
            v9 = add.i64 v0, 1
            v10 = not.bool v1
            v11 = add.i8 v2, 100
            v12 = mul.i16 v3, 3
            v13 = sub.i32 v4, 7
            v14 = fmul.f32 v5, 1.5
            v15 = fadd.f64 v6, 0.25
            v16 = ptr_add v7, 8
            jump b0(v9, v10, v11, v12, v13, v14, v15, v16)
        exit0: resume 0 [v7, v6, v5, v4, v3, v2, v1, v0, i16 -2, f64 1.0]
        }";
    let inputs = [0, 1, 10, 1, 3, 1f32.to_bits().into(), 0, 0x1000];
    let expected = [
        0x1028,
        1.25f64.to_bits(),
        1.5f32.powi(5).to_bits().into(),
        u64::from(-32i32 as u32),
        243,
        u64::from(10u8.wrapping_add(244)),
        0,
        5,
        0xfffe,
        1f64.to_bits(),
    ];
    assert_eq!(run(text, &inputs), (0, expected.to_vec()));
}

#[test]
fn guards_share_exits_and_exits_compute_what_only_they_need() {
    let text = "
        trace @shared {
        b0(v0: i64, v1: i64):
            v2 = mul.i64 v0, 10
            v3 = add.i64 v2, v1
            v4 = lt_s.i64 v0, 3
            guard v4 else exit0
            v5 = eq.i64 v1, 7
            guard_not v5 else exit0
            v6 = flt.f64 0.0, 1.0
            guard v6 else exit1
            v7 = add.i64 v0, 1
            jump b0(v7, v1)
        exit0: resume 0 [v3, v4]
        exit1: resume 0 [v2]
        }";
    assert_eq!(run(text, &[0, 5]), (0, vec![35, 0]));
    assert_eq!(run(text, &[1, 7]), (0, vec![17, 1]));
}

#[test]
fn work_moved_into_exits_stays_linear() {
    // Each guard's exit needs the whole chain so far.
    let chain = |length: u32| {
        let mut text = "trace @chain {\nb0(v0: i64, v1: ptr):\n".to_string();
        let mut exits = String::new();
        let mut hash = 0;
        for index in 0..length {
            let [load, product, test, next] = [2, 3, 4, 5].map(|k| k + 4 * index);
            text += &format!("v{load} = load.i64 v1+0\nv{product} = mul.i64 v{hash}, 31\n");
            text += &format!("v{next} = xor.i64 v{product}, v{load}\n");
            text += &format!("v{test} = ne.i64 v{load}, 5\nguard v{test} else exit{index}\n");
            exits += &format!("exit{index}: resume 0 [v{next}]\n");
            hash = next;
        }
        compile(&format!("{text}leave exit{}\n{exits}}}", length - 1)).code_size()
    };
    assert!(chain(400) < 5 * chain(100));
}

#[cfg(target_arch = "x86_64")]
#[test]
fn comparisons_are_part_of_the_guards_branches() {
    let text = "
        trace @branches {
        b0(v0: i64, v1: f64, v2: i8):
            v3 = lt_s.i64 v0, 100
            guard v3 else exit0
            v4 = flt.f64 v1, 2.0
            guard_not v4 else exit0
            v5 = eq.i8 v2, 0
            guard_not v5 else exit1
            v6 = add_ovf_s.i64 v0, 1
            guard_not v6 else exit1
            v7 = add.i64 v0, 1
            jump b0(v7, v1, v2)
        exit0: resume 0 [v0]
        exit1: resume 1 [v0, v3]
        }";
    let options = Options { disassemble: true };
    let mut compiler = Compiler::new(&options).expect("this machine is supported");
    let code = compiler.compile(&trace(text), &Helpers, 0).expect(text);
    let machine = &code.disassembly().expect("it was asked for").machine;
    // `set*` makes a truth value. Only exit1 needs one, and it comes behind the loop's last jump.
    let makes_a_value = |line: &&str| line.trim_start().starts_with("set");
    let values: Vec<_> = machine.lines().filter(makes_a_value).collect();
    assert_eq!(values.len(), 1, "{machine}");
    let (hot, _) = machine.split_once(values[0]).expect("it is there");
    assert_eq!(hot.matches("jmp     label1\n").count(), 2, "{machine}");
}

#[test]
fn cells_link_code_until_their_budget_is_spent() {
    // The loop counts v0 to 100 and leaves at every third; the bridge adds 1000 to v1 and returns.
    let main = "
        trace @loop {
        b0(v0: i64, v1: i64):
            v2 = add.i64 v0, 1
            v3 = lt_s.i64 v2, 100
            guard v3 else exit0
            v4 = rem_u.i64 v2, 3
            v5 = ne.i64 v4, 0
            guard v5 else exit1
            jump b0(v2, v1)
        exit0: resume 0 [v2, v1]
        exit1: resume 1 [v2, v1]
        }";
    let bridge = "
        trace @bridge {
        b0(v0: i64, v1: i64):
            v2 = add.i64 v1, 1000
            leave exit0
        exit0: resume 0 [v0, v2]
        }";
    let (main, bridge) = (compile(main), compile(bridge));
    let hot = main.exit_cell(ExitId(1));
    let back = bridge.exit_cell(ExitId(0));
    let mut frame = Frame::new();
    let mut go = |from: &Code, slots: [u64; 2]| -> (*const ExitCell, [u64; 2]) {
        frame.slots[..2].copy_from_slice(&slots);
        // SAFETY: both codes take two integers and live longer than this call.
        let cell = unsafe { enter(from.entry(), &mut *frame) };
        (cell, [frame.slots[0], frame.slots[1]])
    };

    assert_eq!(go(&main, [0, 0]), (hot as *const _, [3, 0]));
    assert_eq!((hot.is_linked(), hot.budget()), (false, -1));

    hot.link(bridge.entry());
    assert_eq!(go(&main, [0, 0]), (back as *const _, [3, 1000]));

    back.link(main.entry());
    let end = main.exit_cell(ExitId(0));
    assert_eq!(go(&main, [0, 0]), (end as *const _, [100, 33_000]));

    hot.set_budget(4);
    assert_eq!(go(&main, [0, 0]), (hot as *const _, [12, 3000]));
    assert_eq!((hot.is_linked(), hot.budget()), (true, 0));
    assert_eq!(go(&main, [12, 3000]), (end as *const _, [100, 32_000]));

    hot.unlink();
    assert_eq!(go(&main, [0, 0]), (hot as *const _, [3, 0]));
    assert!(!hot.is_linked());
}

#[test]
fn a_linked_exit_stays_within_the_region() {
    let text = "
        trace @region {
        b0(v0: i64, v1: i64):
            v2 = add.i64 v0, 1
            v3 = lt_s.i64 v2, 100
            guard v3 else exit0
            v4 = rem_u.i64 v2, 3
            v5 = ne.i64 v4, 0
            guard v5 else exit1
            jump b0(v2, v1)
        b1(v6: i64, v7: i64):
            v8 = add.i64 v7, 1000
            v9 = lt_s.i64 v8, 20000
            guard v9 else exit2
            jump b0(v6, v8)
        exit0: resume 0 [v2, v1]
        exit1: resume 1 [v2, v1] -> b1
        exit2: resume 2 [v8, v6]
        }";
    assert_eq!(run(text, &[0, 0]), (2, vec![20_000, 60]));
    assert_eq!(run(text, &[50, 0]), (0, vec![100, 17_000]));
}

#[test]
fn calls_pass_and_return_narrow_and_float_values() {
    let text = "
        trace @calls {
        b0(v0: bool, v1: i64, v2: i64, v3: f64, v4: i64, v5: ptr):
            v6 = trunc.i8 v1
            v7 = trunc.i16 v2
            v8 = call.f64 @mix(v0, v6, v7, v3, v4)
            v9 = call_pure.bool @is_even(v6)
            guard v9 else exit0
            v10 = call.i16 @increment(v5)
            call @increment(v5)
            v11 = load.i16 v5+0
            leave exit1
        exit0: resume 0 [v8]
        exit1: resume 1 [v8, v9, v10, v11]
        }";
    let mut counter = 0xffffu16;
    let pointer = &raw mut counter as u64;
    let mut inputs = [0, 300, 66_000, 0.5f64.to_bits(), -3i64 as u64, pointer];
    // 300 and 66,000 are truncated to 44 and 464.
    let expected = -(44_000_464.5f64) - 3.0;
    let values = vec![expected.to_bits(), 1, 0, 1];
    assert_eq!(run(text, &inputs), (1, values));
    inputs[..2].copy_from_slice(&[1, 256 + 101]);
    assert_eq!(run(text, &inputs), (0, vec![101_000_461.5f64.to_bits()]));
    assert_eq!(counter, 1);
}

#[test]
fn scratch_is_memory_of_the_frame() {
    let text = "
        trace @scratch {
        b0(v0: i16):
            v1 = scratch +24
            store.i16 v1+2, v0
            v2 = ptr_add v1, 1
            v3 = load.i8 v2+1
            leave exit0
        exit0: resume 0 [v3]
        }";
    let (code, mut frame) = (compile(text), Frame::new());
    enter_with(&code, &[Ty::I16], &[0x1234], &mut frame);
    assert_eq!(frame.read(0, Ty::I8), 0x34);
    assert_eq!(frame.scratch[3], 0x1234_0000);
}

const INTS: [Ty; 4] = [Ty::I8, Ty::I16, Ty::I32, Ty::I64];

/// Values around the ends of the signed and unsigned range, and small ones.
fn edges(ty: Ty) -> Vec<u64> {
    let half = 1u64 << (ty.width() - 1);
    let values = [0, 1, 2, 3, half - 2, half - 1, half, half + 1];
    let negative = [u64::MAX, u64::MAX - 1];
    values.iter().chain(&negative).map(|v| v & ty.mask()).collect()
}

#[test]
fn overflow_is_found_at_the_edges_of_every_width() {
    // As a value before and behind the sum, as a condition, with and without the sum, in an exit.
    let forms = [
        "v2 = OVF
            v3 = OP
            jump b1(v2, v3)",
        "v3 = OP
            v2 = OVF
            jump b1(v2, v3)",
        "v2 = OVF
            guard_not v2 else exit0
            v3 = OP
            jump b1(bool false, v3)",
        "v3 = OP
            v2 = OVF
            guard_not v2 else exit0
            jump b1(bool false, v3)",
        "v2 = OVF
            guard_not v2 else exit0
            v3 = OP
            leave exit1",
        "v2 = OVF
            v3 = OP
            leave exit1",
    ];
    for ty in INTS {
        for op in ["add", "sub", "mul"] {
            for sign in ["s", "u"] {
                check_overflow(ty, op, sign, "v1", &forms);
                for constant in edges(ty) {
                    let constant = ty.sign_extend(constant).to_string();
                    check_overflow(ty, op, sign, &constant, &forms[..4]);
                }
            }
        }
    }
}

fn check_overflow(ty: Ty, op: &str, sign: &str, b: &str, forms: &[&str]) {
    for form in forms {
        let form = form.replace("OVF", &format!("{op}_ovf_{sign}.{ty} v0, {b}"));
        let form = form.replace("OP", &format!("{op}.{ty} v0, {b}"));
        let text = format!(
            "trace @overflow {{
            b0(v0: {ty}, v1: {ty}):
            {form}
            b1(v4: bool, v5: {ty}):
            leave exit2
            exit0: resume 0 []
            exit1: resume 0 [{}, v3]
            exit2: resume 0 [v4, v5]
            }}",
            if form.contains("guard") { "bool false" } else { "v2" }
        );
        let (code, mut frame) = (compile(&text), Frame::new());
        for x in edges(ty) {
            for y in edges(ty) {
                let y = b.parse::<i64>().map_or(y, |c| c as u64 & ty.mask());
                let exit = enter_with(&code, &[ty, ty], &[x, y], &mut frame);
                let (result, overflows) = reference(ty, op, sign, x, y);
                let found = exit.0 == 0 || frame.read(0, Ty::Bool) == 1;
                assert_eq!(found, overflows, "{x:#x} {y:#x} in\n{text}");
                if exit.0 != 0 {
                    assert_eq!(frame.read(1, ty), result, "{x:#x} {y:#x} in\n{text}");
                }
            }
        }
    }
}

fn reference(ty: Ty, op: &str, sign: &str, x: u64, y: u64) -> (u64, bool) {
    let wide = |v: u64| match sign {
        "s" => i128::from(ty.sign_extend(v)),
        _ => i128::from(v),
    };
    let exact = match op {
        "add" => wide(x) + wide(y),
        "sub" => wide(x) - wide(y),
        // The product of two unsigned 64-bit numbers may exceed i128; then it overflows anyway.
        _ => wide(x).checked_mul(wide(y)).unwrap_or(i128::MAX - i128::from(u64::MAX)),
    };
    let wrapped = match op {
        "mul" => x.wrapping_mul(y) & ty.mask(),
        _ => exact as u64 & ty.mask(),
    };
    (wrapped, exact != wide(wrapped))
}

/// Runs a trace of one op on every pair of edges and compares with `expected`.
fn check_binary(ty: Ty, op: &str, expected: impl Fn(u64, u64) -> Option<u64>) {
    let text = format!(
        "trace @binary {{
        b0(v0: {ty}, v1: {ty}):
            v2 = {op}.{ty} v0, v1
            leave exit0
        exit0: resume 0 [v2]
        }}"
    );
    let (code, mut frame) = (compile(&text), Frame::new());
    for x in edges(ty) {
        for y in edges(ty) {
            if let Some(expected) = expected(x, y) {
                enter_with(&code, &[ty, ty], &[x, y], &mut frame);
                let result = frame.read(0, ty);
                assert_eq!(result, expected & ty.mask(), "{op}.{ty} {x:#x}, {y:#x}");
            }
        }
    }
}

#[test]
fn narrow_integers_shift_and_divide_as_rust_does() {
    for ty in INTS {
        let s = |v: u64| ty.sign_extend(v);
        let amount = |v: u64| (v % u64::from(ty.width())) as u32;
        check_binary(ty, "shl", |x, y| Some(x << amount(y)));
        check_binary(ty, "shr_u", |x, y| Some(x >> amount(y)));
        check_binary(ty, "shr_s", |x, y| Some((s(x) >> amount(y)) as u64));
        // Undefined are a divisor of 0 and MIN / -1.
        let min = 1u64 << (ty.width() - 1);
        let defined = |x: u64, y: u64| y != 0 && !(x == min && y == ty.mask());
        check_binary(ty, "div_s", |x, y| defined(x, y).then(|| (s(x) / s(y)) as u64));
        check_binary(ty, "rem_s", |x, y| defined(x, y).then(|| (s(x) % s(y)) as u64));
        check_binary(ty, "div_u", |x, y| x.checked_div(y));
        check_binary(ty, "rem_u", |x, y| x.checked_rem(y));
    }
}

#[test]
fn constants_divide_as_rust_does() {
    for ty in INTS {
        let s = |v: u64| ty.sign_extend(v);
        let constants = edges(ty).into_iter().chain([7, 10, 100, 250 & ty.mask()]);
        for y in constants.filter(|y| *y != 0) {
            let text = format!(
                "trace @by_constant {{
                b0(v0: {ty}):
                    v1 = div_u.{ty} v0, {0}
                    v2 = rem_u.{ty} v0, {0}
                    v3 = ne.{ty} v0, {min}
                    guard v3 else exit0
                    v4 = div_s.{ty} v0, {0}
                    v5 = rem_s.{ty} v0, {0}
                    leave exit1
                exit0: resume 0 [v1, v2]
                exit1: resume 1 [v1, v2, v4, v5]
                }}",
                s(y),
                min = s(1 << (ty.width() - 1)),
            );
            let (code, mut frame) = (compile(&text), Frame::new());
            let dividends = edges(ty).into_iter().chain((0..200).map(|n| (n * n * n) & ty.mask()));
            for x in dividends {
                let exit = enter_with(&code, &[ty], &[x], &mut frame);
                let signed = [s(x).wrapping_div(s(y)), s(x).wrapping_rem(s(y))];
                let expected = [x / y, x % y, signed[0] as u64, signed[1] as u64];
                let count = if exit.0 == 0 { 2 } else { 4 };
                for (place, expected) in expected[..count].iter().enumerate() {
                    let result = frame.read(place, ty);
                    assert_eq!(result, expected & ty.mask(), "{place}: {ty} {x:#x}, {y:#x}");
                }
            }
        }
    }
}

/// Runs a cast and returns its bits.
fn cast(op: &str, from: Ty, to: Ty, inputs: &[u64]) -> Vec<u64> {
    let text = format!(
        "trace @cast {{
        b0(v0: {from}):
            v1 = {op}.{to} v0
            leave exit0
        exit0: resume 0 [v1]
        }}"
    );
    let (code, mut frame) = (compile(&text), Frame::new());
    let mut one = |bits: &u64| {
        enter_with(&code, &[from], &[*bits], &mut frame);
        frame.read(0, to)
    };
    inputs.iter().map(&mut one).collect()
}

/// Compares the casts between one integer type and the floats with Rust's `as`.
macro_rules! check_casts {
    ($op_from:literal $op_to:literal $($int:ident $ty:ident)+) => {$(
        let ints = edges(Ty::$ty);
        let to_f64 = ints.iter().map(|v| (*v as $int as f64).to_bits()).collect::<Vec<_>>();
        let to_f32 = ints.iter().map(|v| u64::from((*v as $int as f32).to_bits()));
        assert_eq!(cast($op_from, Ty::$ty, Ty::F64, &ints), to_f64);
        assert_eq!(cast($op_from, Ty::$ty, Ty::F32, &ints), to_f32.collect::<Vec<_>>());

        let mut doubles = vec![0.0, -0.0, 0.5, -0.5, -1.0, 1e30, -1e30, f64::NAN, -f64::NAN];
        for bound in [<$int>::MIN as f64, <$int>::MAX as f64, f64::INFINITY, -f64::INFINITY] {
            doubles.extend([bound - 1.0, bound - 0.5, bound, bound + 0.5, bound + 1.0]);
        }
        let bits = doubles.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        let expected = doubles.iter().map(|v| *v as $int as u64 & Ty::$ty.mask());
        assert_eq!(cast($op_to, Ty::F64, Ty::$ty, &bits), expected.collect::<Vec<_>>());

        let floats = doubles.iter().map(|v| *v as f32).collect::<Vec<_>>();
        let bits = floats.iter().map(|v| v.to_bits().into()).collect::<Vec<_>>();
        let expected = floats.iter().map(|v| *v as $int as u64 & Ty::$ty.mask());
        assert_eq!(cast($op_to, Ty::F32, Ty::$ty, &bits), expected.collect::<Vec<_>>());
    )+};
}

#[test]
fn casts_between_integers_and_floats_are_those_of_rust() {
    check_casts!("from_s" "to_s" i8 I8 i16 I16 i32 I32 i64 I64);
    check_casts!("from_u" "to_u" u8 I8 u16 I16 u32 I32 u64 I64);
    assert_eq!(cast("sext", Ty::I8, Ty::I64, &[0x80]), [0xffff_ffff_ffff_ff80]);
    assert_eq!(cast("zext", Ty::I16, Ty::I32, &[0x8000]), [0x8000]);
    assert_eq!(cast("zext", Ty::Bool, Ty::I8, &[1]), [1]);
    assert_eq!(cast("trunc", Ty::I64, Ty::I8, &[0x1ff]), [0xff]);
    let (double, single) = (0.1f64, 0.1f64 as f32);
    let rounded = cast("fcvt", Ty::F64, Ty::F32, &[double.to_bits()]);
    assert_eq!(rounded, [u64::from(single.to_bits())]);
    let bits = cast("bitcast", Ty::F64, Ty::I64, &[double.to_bits()]);
    assert_eq!(bits, [double.to_bits()]);
}

#[test]
fn comparisons_are_ordered_as_the_table_says() {
    let nan = f64::NAN.to_bits();
    let (one, two) = (1f64.to_bits(), 2f64.to_bits());
    let pairs = [(one, two), (two, one), (one, one), (nan, one), (one, nan)];
    let expected = [
        ("feq", [0, 0, 1, 0, 0]),
        ("fne", [1, 1, 0, 1, 1]),
        ("flt", [1, 0, 0, 0, 0]),
        ("fle", [1, 0, 1, 0, 0]),
    ];
    for (op, expected) in expected {
        for (guard, passes) in [("guard", 1), ("guard_not", 0)] {
            // v3 is a value on the hot path, v2 a condition.
            let text = format!(
                "trace @compare {{
                b0(v0: f64, v1: f64):
                    v2 = {op}.f64 v0, v1
                    v3 = {op}.f64 v0, v1
                    {guard} v2 else exit0
                    jump b1(v3)
                b1(v4: bool):
                    {guard} v4 else exit2
                    leave exit1
                exit0: resume 0 [v2]
                exit1: resume 0 [v4]
                exit2: resume 0 [v4]
                }}"
            );
            for ((x, y), expected) in pairs.iter().zip(expected) {
                let exit = u32::from(expected == passes);
                assert_eq!(run(&text, &[*x, *y]), (exit, vec![expected]), "{x:x} {y:x}\n{text}");
            }
        }
    }
}

#[test]
fn what_cannot_be_compiled_is_named() {
    let compile = |text: &str| {
        let mut compiler = Compiler::new(&Options::default()).expect("this machine is supported");
        compiler.compile(&trace(text), &Helpers, 0).err()
    };
    let symbol = compile("trace @t {\nb0():\ncall @nowhere()\nleave exit0\nexit0: resume 0 []\n}");
    assert_eq!(symbol, Some(CompileError::UnknownSymbol("nowhere".into())));

    let many = vec!["i64 1"; SLOTS + 1].join(", ");
    let slots = compile(&format!("trace @t {{\nb0():\nleave exit0\nexit0: resume 0 [{many}]\n}}"));
    assert!(
        matches!(slots, Some(CompileError::TooManySlots { needed, .. }) if needed == SLOTS + 1)
    );

    let scratch = "trace @t {\nb0():\nv0 = scratch +8000\nleave exit0\nexit0: resume 0 [v0]\n}";
    let scratch = compile(scratch);
    assert!(matches!(scratch, Some(CompileError::ScratchTooLarge { needed: 8008, .. })));
}

/// Bytes, bytes of a cell, header: what is passed where no cell is free.
extern "C" fn more_cells(size: u64, cell: u64, header: u64) -> u64 {
    size * 10_000 + cell * 100 + header
}

#[test]
fn a_free_cell_is_taken_without_a_call() {
    let mut cells = [0u64; 8];
    let start = cells.as_mut_ptr().expose_provenance() as u64;
    let mut span = [start, start + 48];
    let [cursor, limit] = [&raw mut span[0], &raw mut span[1]].map(|end| end.expose_provenance());
    let text = format!(
        "
        trace @cells {{
        b0(v0: i64):
            v1 = new.ptr @more_cells(i64 16, i64 24, i64 77, ptr {cursor:#x}, ptr {limit:#x}) #0
            v2 = new.ptr @more_cells(i64 16, i64 24, i64 78, ptr {cursor:#x}, ptr {limit:#x}) #1
            v3 = new.ptr @more_cells(i64 16, i64 24, i64 79, ptr {cursor:#x}, ptr {limit:#x}) #2
            v4 = new.ptr @more_cells(i64 16, i64 24, i64 80, ptr {cursor:#x}, ptr {limit:#x}) #3
            store.i64 v1+8, v0
            store.i64 v2+8, v0
            v5 = ne.ptr v3, 0x0
            guard v5 else exit0
            leave exit0
        exit0: resume 0 [v1, v2, v3, v4]
        }}"
    );
    let (_, left) = run(&text, &[5]);
    // The last one only the exit needs: there it is a call.
    assert_eq!(left, [start + 8, start + 32, 162_479, 162_480]);
    let [cell, end] = [cursor, limit].map(std::ptr::with_exposed_provenance::<u64>);
    // SAFETY: both are in `span`, which nobody else uses.
    assert_eq!(unsafe { [cell.read(), end.read()] }, [start + 48; 2]);
    let words = std::ptr::with_exposed_provenance::<[u64; 8]>(start as usize);
    // SAFETY: these are the words of `cells`, which nobody else uses.
    assert_eq!(unsafe { words.read() }, [77, 0, 5, 78, 0, 5, 0, 0]);
}
