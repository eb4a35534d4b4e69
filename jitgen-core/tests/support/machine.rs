//! A small interpreter with a hand-made twin, written as the macros would write it.
//!
//! Instructions are four words: operation and three operands. Registers live in the machine, so
//! that the trace has loads and stores; the accumulator is a red of its own.
//!
//! Not here: the macros. This shows what they rely on.

use jitgen_core::macro_support::methods::found::*;
use jitgen_core::macro_support::{
    Auto, Bin, ByMemory, Checked, Choose, Drops, Entry, Function, Merge, Outcome, Place, Plain,
    Shape, State, Traced, Tv, auto, bin, branch, carrier, cast, enter, enter_portal, equals, err,
    guarded_with, index, key, lift, local, ok, project, residual, returns, split, tick, word,
};
use jitgen_core::tracer::{Portal, with};
use std::rc::Rc;

/// Of operators that are checked, and of those that are not.
static YES: Checked = Checked::new(true, |_, _| 0);
static NO: Checked = Checked::new(false, |_, _| 0);

/// `return acc`
pub const HALT: i64 = 0;
/// `r[a] = b`
pub const SET: i64 = 1;
/// `r[a] += b`
pub const ADDI: i64 = 2;
/// `r[a] += r[b]`
pub const ADD: i64 = 3;
/// `if r[a] < r[b] { goto c }`, a loop if `c` is behind
pub const LESS: i64 = 4;
/// `if r[a] is even { goto c }`
pub const EVEN: i64 = 5;
/// `acc += r[a]`
pub const ACC: i64 = 6;
/// `r[a] = out(r[b])?`, then `acc += 1` if that is more than 10
pub const OUT: i64 = 7;
/// `r[a] = nested(r[b])`
pub const CALL: i64 = 8;
/// `goto c`
pub const GOTO: i64 = 9;
/// `if r[a] % 3 == 0 { goto c }`
pub const THIRD: i64 = 10;

/// `if word(r[b]) > 10 { acc += 1 }`: a call whose result decides at once
pub const WORD: i64 = 11;

/// A program.
pub type Code = Rc<Vec<i64>>;

/// What programs work on.
#[derive(Debug, Default, PartialEq, Clone)]
pub struct Machine {
    /// The registers.
    pub r: Vec<i64>,
    /// What has been put out.
    pub out: Vec<i64>,
    /// The program that `CALL` runs.
    pub callee: Option<Code>,
}

/// What `OUT` says of 777.
#[derive(Debug, PartialEq, Clone, Copy)]
pub struct Refused(pub i64);

// SAFETY: the carrier is the type itself.
unsafe impl Traced for Refused {
    type V = Refused;
    type O = Plain;
    type Pass = ByMemory;
    const SHAPE: Shape = Shape::OPAQUE;
}

// SAFETY: the carrier is the type itself, which is known only as a whole.
unsafe impl Traced for Machine {
    type V = Machine;
    type O = <Drops<true> as Choose>::O;
    type Pass = ByMemory;
    const SHAPE: Shape = Shape::OPAQUE;
}

impl Auto for Machine {
    type Target = Machine;
    fn auto(place: Place<Self>) -> Place<Machine> {
        place
    }
}

/// Puts a value out; 777 is refused, 888 panics.
pub fn out(machine: &mut Machine, x: i64) -> Result<i64, Refused> {
    assert_ne!(x, 888, "no such output");
    if x == 777 {
        return Err(Refused(x));
    }
    machine.out.push(x);
    Ok(x % 20)
}

/// Notes a value and maps it; 888 panics.
pub fn noted(machine: &mut Machine, x: i64) -> i64 {
    assert_ne!(x, 888, "no such word");
    machine.out.push(x ^ 1);
    x & 15
}

/// Runs another program on registers of its own.
pub fn nested(machine: &mut Machine, x: i64) -> i64 {
    let code = machine.callee.clone().expect("there is something to call");
    let mut inner = Machine {
        r: {
            let mut r = vec![0; 32];
            r[1] = x;
            r
        },
        ..Machine::default()
    };
    let result = run(&code, &mut inner).expect("the callee refuses nothing");
    machine.out.push(result);
    result
}

extern "C" fn out_thunk(machine: *mut Machine, x: i64, to: *mut u8) -> u64 {
    guarded_with(0, || {
        // SAFETY: the trace passes the machine that the portal borrows.
        let result = out(unsafe { &mut *machine }, x);
        // SAFETY: the trace passes scratch memory of the size of the result.
        unsafe { jitgen_core::macro_support::deliver(result, to) }
    })
}

extern "C" fn noted_thunk(machine: *mut Machine, x: i64) -> i64 {
    // SAFETY: as above.
    guarded_with(0, || noted(unsafe { &mut *machine }, x))
}

extern "C" fn nested_thunk(machine: *mut Machine, x: i64) -> i64 {
    // SAFETY: as above.
    guarded_with(0, || nested(unsafe { &mut *machine }, x))
}

static PORTAL: Portal = Portal { name: "machine::run", greens: &["code", "pc"] };

/// The plain interpreter, with what the macros put at its merge point.
pub fn run(code: &Code, machine: &mut Machine) -> Result<i64, Refused> {
    enter_portal();
    let mut pc = 0usize;
    let mut acc = 0i64;
    loop {
        let (op, a, b, c) = (code[pc], code[pc + 1] as usize, code[pc + 2], code[pc + 3]);
        pc += 4;
        let back = match op {
            HALT => return Ok(acc),
            SET => {
                machine.r[a] = b;
                false
            }
            ADDI => {
                machine.r[a] = machine.r[a].wrapping_add(b);
                false
            }
            ADD => {
                machine.r[a] = machine.r[a].wrapping_add(machine.r[b as usize]);
                false
            }
            LESS => {
                let less = machine.r[a] < machine.r[b as usize];
                let back = less && (c as usize) < pc;
                if less {
                    pc = c as usize;
                }
                back
            }
            EVEN => {
                if machine.r[a] & 1 == 0 {
                    pc = c as usize;
                }
                false
            }
            THIRD => {
                if machine.r[a] % 3 == 0 {
                    pc = c as usize;
                }
                false
            }
            ACC => {
                acc = acc.wrapping_add(machine.r[a]);
                false
            }
            OUT => {
                let x = machine.r[b as usize];
                let y = out(machine, x)?;
                machine.r[a] = y;
                if y > 10 {
                    acc = acc.wrapping_add(1);
                }
                false
            }
            CALL => {
                let x = machine.r[b as usize];
                let y = nested(machine, x);
                machine.r[a] = y;
                if y > 10 {
                    acc = acc.wrapping_add(1);
                }
                false
            }
            WORD => {
                let x = machine.r[b as usize];
                if noted(machine, x) > 10 {
                    acc = acc.wrapping_add(1);
                }
                false
            }
            GOTO => {
                let back = (c as usize) < pc;
                pc = c as usize;
                back
            }
            _ => unreachable!("an operation"),
        };
        if back && tick(&PORTAL, &[key(&code), key(&pc)]) {
            let state =
                State::default().put_green(carrier(&code), &code).put_green(carrier(&pc), &pc);
            let state = state.put_copy(&machine).put_copy(&acc);
            match enter(&PORTAL, state, false, twin) {
                Outcome::Return(result) => return result.native(),
                Outcome::Merge(mut state) => {
                    pc = state.plain_green(1);
                    state.skip_red(&machine);
                    acc = state.plain_red();
                }
            }
        }
    }
}

type Portal4<'a> = (Tv<&'a Code>, Tv<&'a mut Machine>);
type Ended = Result<i64, Refused>;

fn operand(code: &mut Tv<&Code>, pc: Tv<usize>, k: usize) -> Tv<i64> {
    let at = bin(Bin::Add, &NO, &pc, &lift(k), pc.nat() + k);
    index(auto(local(code)), at).get()
}

fn register(machine: &mut Tv<&mut Machine>, r: Tv<i64>) -> Place<i64> {
    let place = auto(local(machine));
    // SAFETY: only an address is taken.
    let registers = project(unsafe { &raw mut (*place.address).r }, &place);
    index(auto(registers), cast(&r, r.nat() as usize))
}

/// The twin.
pub fn twin(entry: Entry<Portal4<'_>>) -> Outcome<Ended> {
    let Entry::Resume(mut state) = entry else { unreachable!("this portal does not call itself") };
    let mut code: Tv<&Code> = state.green();
    let mut pc: Tv<usize> = state.green();
    let mut machine: Tv<&mut Machine> = state.red();
    let mut acc: Tv<i64> = state.red();
    loop {
        let mut merge = Merge::new();
        merge.green(&mut code);
        merge.green(&mut pc);
        merge.red(&machine);
        merge.red(&acc);
        if merge.stops() {
            return Outcome::Merge(merge.state());
        }
        merge.update(&mut machine);
        merge.update(&mut acc);

        let op = operand(&mut code, pc, 0);
        let a = operand(&mut code, pc, 1);
        let b = operand(&mut code, pc, 2);
        let c = operand(&mut code, pc, 3);
        let target = cast(&c, c.nat() as usize);
        pc = bin(Bin::Add, &NO, &pc, &lift(4usize), pc.nat() + 4);
        let mut back = false;
        if equals(op, HALT) {
            return returns(ok(acc));
        } else if equals(op, SET) {
            register(&mut machine, a).set(b);
        } else if equals(op, ADDI) {
            let x = register(&mut machine, a).get();
            register(&mut machine, a).set(x.nat().wrapping_add__twin(x, b));
        } else if equals(op, ADD) {
            let x = register(&mut machine, a).get();
            let y = register(&mut machine, b).get();
            register(&mut machine, a).set(x.nat().wrapping_add__twin(x, y));
        } else if equals(op, LESS) {
            let x = register(&mut machine, a).get();
            let y = register(&mut machine, b).get();
            if branch(bin(Bin::Lt, &NO, &x, &y, x.nat() < y.nat())) {
                back = target.nat() < pc.nat();
                pc = target;
            }
        } else if equals(op, EVEN) {
            let x = register(&mut machine, a).get();
            let bit = bin(Bin::And, &NO, &x, &lift(1i64), x.nat() & 1);
            if branch(bin(Bin::Eq, &NO, &bit, &lift(0i64), bit.nat() == 0)) {
                pc = target;
            }
        } else if equals(op, THIRD) {
            let x = register(&mut machine, a).get();
            let rest = bin(Bin::Rem, &YES, &x, &lift(3i64), x.nat() % 3);
            if branch(bin(Bin::Eq, &NO, &rest, &lift(0i64), rest.nat() == 0)) {
                pc = target;
            }
        } else if equals(op, ACC) {
            let x = register(&mut machine, a).get();
            acc = acc.nat().wrapping_add__twin(acc, x);
        } else if equals(op, OUT) {
            let x = register(&mut machine, b).get();
            let function =
                Function { symbol: "machine::out", address: out_thunk as *const () as usize };
            let words = [word(&machine), word(&x)];
            let result: Tv<Ended> =
                residual(function, &words, move || out(machine.native(), x.native()));
            let y = match split(result) {
                Ok(y) => y,
                Err(error) => return returns(err(error)),
            };
            register(&mut machine, a).set(y);
            if branch(bin(Bin::Gt, &NO, &y, &lift(10i64), y.nat() > 10)) {
                acc = acc.nat().wrapping_add__twin(acc, lift(1i64));
            }
        } else if equals(op, CALL) {
            let x = register(&mut machine, b).get();
            let function =
                Function { symbol: "machine::nested", address: nested_thunk as *const () as usize };
            let words = [word(&machine), word(&x)];
            let y: Tv<i64> =
                residual(function, &words, move || nested(machine.native(), x.native()));
            register(&mut machine, a).set(y);
            if branch(bin(Bin::Gt, &NO, &y, &lift(10i64), y.nat() > 10)) {
                acc = acc.nat().wrapping_add__twin(acc, lift(1i64));
            }
        } else if equals(op, WORD) {
            let x = register(&mut machine, b).get();
            let function =
                Function { symbol: "machine::noted", address: noted_thunk as *const () as usize };
            let words = [word(&machine), word(&x)];
            let y: Tv<i64> =
                residual(function, &words, move || noted(machine.native(), x.native()));
            if branch(bin(Bin::Gt, &NO, &y, &lift(10i64), y.nat() > 10)) {
                acc = acc.nat().wrapping_add__twin(acc, lift(1i64));
            }
        } else {
            assert!(equals(op, GOTO), "an operation");
            back = target.nat() < pc.nat();
            pc = target;
        }
        if back {
            with(|s| s.mark_header());
        }
    }
}
