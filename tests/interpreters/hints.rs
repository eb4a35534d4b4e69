//! An interpreter with an instruction for each hint.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
pub use vm::{Insn, Vm};

/// Runs the program so many times; gives the outcome and all that can be seen of the machine.
pub fn run(code: &[Insn], rounds: i64) -> String {
    run_shared(&Rc::new(code.to_vec()), rounds)
}

/// Runs a program that may have been run before.
pub fn run_shared(code: &Rc<Vec<Insn>>, rounds: i64) -> String {
    let mut vm = machine(rounds);
    let result = catch_unwind(AssertUnwindSafe(|| vm::run(code, &mut vm)));
    let result = result.map_err(|payload| payload.downcast_ref::<String>().cloned());
    format!("{result:?} {vm:?}")
}

/// A machine as it is at the beginning.
pub fn machine(rounds: i64) -> Vm {
    Vm {
        x: 3,
        y: 0,
        sum: 0,
        left: rounds,
        limit: Rc::default(),
        count: 0,
        seen: 0,
        table: vec![5, 7, 11, 13],
        hash: 0,
        cell: None,
        object: None,
        pair: vm::Pair { a: 1, b: 2 },
        frame: vm::Frame { registers: vec![1, 2, 3], fixed: [4, 5, 6, 7], ..Default::default() },
        counter: COUNTER.with(Rc::clone),
        shape: Box::new(shape()),
        class: Rc::new(shape()),
    }
}

/// What [`vm::Vm::cell`] is filled with.
static NUMBERS: [i64; 4] = [100, 200, 300, 400];

fn shape() -> vm::Shape {
    vm::Shape { size: 4, slots: vec![1, 2, 3], hits: Default::default(), inner: Default::default() }
}

thread_local! {
    /// What [`vm::Vm::counter`] is.
    static COUNTER: Rc<vm::Counter> = Rc::default();
    /// How often the interpreter has noticed something.
    pub static NOTICED: std::cell::Cell<i64> = const { std::cell::Cell::new(0) };
}

/// The interpreter.
#[jitgen_core::interpreter]
pub mod vm {
    use jitgen_core::gc::Gc;
    use jitgen_core::prelude::*;
    use std::cell::Cell;
    use std::rc::Rc;

    /// An instruction.
    #[derive(Clone, Copy, Debug, Traced)]
    pub enum Insn {
        /// An elidable function of a constant, which panics for 1000.
        Fold(i64),
        /// An elidable function of a variable that seldom changes.
        Call,
        /// The same of one that changes.
        Vary,
        /// An elidable function behind an effect, before a guard that fails sometimes.
        Behind,
        /// An elidable function that promotes.
        Promote,
        /// An elidable function whose result is no word.
        Find(i64),
        /// A residual function that writes nothing.
        Quiet,
        /// One that writes one field.
        Counts,
        /// One that writes one field and says that it is another.
        Lies,
        /// One that says it writes a field, elements and a struct, and reads what it is given.
        Many,
        /// Something that traces do without.
        Notice,
        /// A loop invariant.
        Invariant,
        /// A function that is looked into where its argument is constant.
        Inside(i64),
        /// It where it is not.
        Outside,
        /// It behind an effect, inside of another one.
        InsideBehind(i64),
        /// What is known to be green.
        Green,
        /// What is not.
        NotGreen,
        /// What depends on what is constant.
        Ask,
        /// The same behind an effect.
        AskBehind,
        /// Asks whether an object is one of the trace's own, before and after others know it.
        AskObject,
        /// What only traces do.
        Jitted,
        /// What is known to be exact.
        Exact,
        /// An immutable field and immutable elements of what is not constant, around a call.
        Shape,
        /// The same of what is promoted.
        Promoted,
        /// An immutable field is assigned.
        Spoil,
        /// Reads a quasi-immutable cell.
        Limit,
        /// The same in one round of four.
        LimitOften,
        /// Writes it in traced code, seldom.
        SetLimit,
        /// The same, more seldom.
        SetLimitLate,
        /// A residual function that seldom writes it.
        Disturb,
        /// One that runs a program of its own, which writes it.
        Nested,
        /// A call that is made seldom.
        CallIf,
        /// One behind which a guard fails sometimes, and which comes behind an effect.
        CallIfBehind,
        /// A number that is computed when there is none.
        CallElse,
        /// Something that is made when there is none.
        Fill,
        /// Forgets both, seldom.
        Empty,
        /// An elidable function that is called seldom, twice.
        CallIfElidable,
        /// One behind which a guard fails sometimes.
        CallIfElidableBehind,
        /// Conditions that are known.
        CallIfKnown,
        /// A call that is made once, and panics.
        PanicIf,
        /// The same of an elidable function.
        PanicIfElidable,
        /// What an elidable function would give.
        Known,
        /// It behind an effect, before a guard that fails sometimes.
        KnownBehind,
        /// The frame's registers, around a call that is not handed them.
        Frame,
        /// Around one that is handed a pair, which is not in a register.
        FramePair,
        /// Around one that is handed the frame.
        FrameHanded,
        /// Around one that is handed what the frame is in.
        FrameOwner,
        /// Around one that is handed elements of the frame's vector.
        FrameElements,
        /// Around one that is handed a pair with the frame in it.
        FrameInside,
        /// A virtualizable counter, around a call that changes it behind the trace's back.
        Cheat,
        /// Goes on only if `x` is small.
        Step,
    }

    /// Two numbers.
    #[derive(Clone, Copy, Debug, Traced)]
    pub struct Pair {
        /// One.
        pub a: i64,
        /// The other.
        pub b: i64,
    }

    /// State that only those see who are handed it.
    #[derive(Debug, Default, Traced)]
    #[virtualizable]
    pub struct Frame {
        /// A word.
        pub acc: i64,
        /// Elements elsewhere.
        pub registers: Vec<i64>,
        /// Elements in it.
        pub fixed: [i32; 4],
        /// A struct in it.
        pub pair: Option<Pair>,
    }

    /// The same, shared.
    #[derive(Debug, Default, Traced)]
    #[virtualizable]
    pub struct Counter {
        /// A number.
        pub n: Cell<i64>,
        /// Another one.
        pub m: i64,
    }

    /// What never changes.
    #[derive(Debug, Traced)]
    pub struct Shape {
        /// A word.
        #[immutable]
        pub size: i64,
        /// Elements.
        #[immutable]
        pub slots: Vec<i64>,
        /// What does change.
        pub hits: Cell<i64>,
        /// What points to something that does.
        #[immutable]
        pub inner: Box<Cell<i64>>,
    }

    /// What an instruction works on.
    #[derive(Debug, Traced)]
    pub struct Vm {
        /// A number that stays what it is for long.
        pub x: i64,
        /// A number that changes.
        pub y: i64,
        /// The result.
        pub sum: i64,
        /// Rounds to go.
        pub left: i64,
        /// What residual functions count.
        pub count: i64,
        /// Counted only in the interpreter.
        pub seen: i64,
        /// Elements.
        pub table: Vec<i64>,
        /// An object.
        pub object: Option<Gc<Option<Gc<Cell<i64>>>>>,
        /// A struct.
        pub pair: Pair,
        /// A number that is computed when it is 0.
        pub hash: i64,
        /// A number that is made when it is asked for.
        pub cell: Option<&'static i64>,
        /// The current one.
        pub shape: Box<Shape>,
        /// One that is shared.
        pub class: Rc<Shape>,
        /// Virtualizable state.
        pub frame: Frame,
        /// More of it.
        pub counter: Rc<Counter>,
        /// A number that seldom changes.
        pub limit: Rc<Quasi<i64>>,
    }

    /// The dispatch loop.
    #[portal(greens(code, pc), reds(vm))]
    pub fn run(code: &Rc<Vec<Insn>>, vm: &mut Vm) -> i64 {
        let mut pc = 0;
        loop {
            merge_point!();
            if pc == code.len() {
                pc = 0;
                vm.left -= 1;
                if vm.left == 0 {
                    return vm.sum;
                }
                can_enter_jit!();
            }
            let insn = code[pc];
            pc += 1;
            match insn {
                Insn::Fold(n) => vm.sum = vm.sum.wrapping_add(square(n)),
                Insn::Call => vm.sum = vm.sum.wrapping_add(square(vm.x)),
                Insn::Vary => {
                    vm.y += 1;
                    vm.sum = vm.sum.wrapping_add(square(vm.y));
                }
                Insn::Behind => {
                    vm.y += 1;
                    let s = square(vm.y / 8);
                    // In replay, this load comes behind the call.
                    if (s ^ vm.table[0]) & 1 == 1 {
                        vm.sum += 1;
                    }
                }
                Insn::Promote => vm.sum = vm.sum.wrapping_add(cube(vm.x)),
                Insn::Find(n) => {
                    if let Some(place) = find(n) {
                        vm.sum = vm.sum.wrapping_add(place);
                    }
                }
                Insn::Quiet => {
                    let before = vm.x;
                    vm.sum = vm.sum.wrapping_add(quiet(&*vm));
                    vm.sum = vm.sum.wrapping_add(before ^ vm.x);
                }
                Insn::Counts => {
                    let (x, count) = (vm.x, vm.count);
                    counts(vm);
                    vm.sum = vm.sum.wrapping_add((x ^ vm.x) + (vm.count - count));
                }
                Insn::Lies => {
                    let count = vm.count;
                    lies(vm);
                    vm.sum = vm.sum.wrapping_add(vm.count - count);
                }
                Insn::Many => {
                    let before = vm.table[1] + vm.pair.a + vm.count + vm.x;
                    many(vm);
                    let after = vm.table[1] + vm.pair.a + vm.count + vm.x;
                    vm.sum = vm.sum.wrapping_add(after - before);
                }
                Insn::Notice => {
                    vm.y += 1;
                    notice(vm);
                    if vm.y & 31 == 31 {
                        vm.sum += 1;
                    }
                }
                Insn::Invariant => vm.sum = vm.sum.wrapping_add(invariant(2)),
                Insn::Inside(n) => vm.sum = vm.sum.wrapping_add(power(vm.x, n)),
                Insn::Outside => {
                    vm.y = (vm.y + 1) & 7;
                    vm.sum = vm.sum.wrapping_add(power(vm.x, vm.y));
                }
                Insn::InsideBehind(n) => {
                    vm.y = (vm.y + 1) & 7;
                    let p = powers(vm, n);
                    if p & 64 == 64 {
                        vm.sum += 1;
                    }
                }
                Insn::Green => vm.sum += assert_green(code.len() as i64),
                Insn::NotGreen => vm.sum += assert_green(vm.x),
                Insn::Ask => {
                    if is_constant(insn_size(code)) && !is_constant(vm.x) && !is_virtual(vm.x) {
                        vm.sum += 1;
                    } else {
                        vm.sum += one(vm);
                    }
                }
                Insn::AskObject => {
                    let (inner, number) = (Gc::new(Cell::new(vm.y)), vm.x);
                    let outer = Gc::new(Some(inner));
                    let own = is_virtual(inner) && is_virtual(outer) && !is_virtual(number);
                    vm.sum += if own { 1 } else { one(vm) };
                    vm.sum += inner.get();
                    vm.object = Some(outer);
                    let own = is_virtual(outer) || is_virtual(inner);
                    vm.sum += if own { 1 } else { one(vm) };
                    // Its address is not the same in all modes.
                    vm.object = None;
                }
                Insn::AskBehind => {
                    vm.y += 1;
                    let constant = is_constant(code.len());
                    let by = if constant { 1 } else { one(vm) };
                    if vm.y & 15 == vm.table[1] + 8 {
                        vm.sum += by;
                    }
                }
                Insn::Jitted => vm.sum += if we_are_jitted() { 1 } else { one(vm) },
                Insn::Exact => {
                    let x = record_exact(vm.x, 3);
                    vm.sum = vm.sum.wrapping_add(x * x);
                }
                Insn::Shape => {
                    let shape = &*vm.shape;
                    let before = shape_sum(shape, 2);
                    let one = anything();
                    let after = shape_sum(shape, 2);
                    vm.sum = vm.sum.wrapping_add(one + (before ^ after));
                }
                Insn::Promoted => {
                    let shape = promote(&vm.class);
                    let fixed = shape.size + shape.slots[1] + shape.slots.len() as i64;
                    shape.hits.set(shape.hits.get() + 1);
                    shape.inner.set(shape.inner.get() + 1);
                    let changes = shape.hits.get() + shape.inner.get();
                    vm.sum = vm.sum.wrapping_add(fixed + changes);
                }
                Insn::Spoil => vm.shape.size += 1,
                Insn::Limit => {
                    let limit = promote(&vm.limit).get();
                    vm.sum = vm.sum.wrapping_mul(3).wrapping_add(limit);
                }
                Insn::LimitOften => {
                    if vm.left & 3 == 0 {
                        vm.sum = vm.sum.wrapping_add(promote(&vm.limit).get());
                    }
                }
                Insn::SetLimit => {
                    if vm.left & 63 == 0 {
                        vm.limit.set(vm.left);
                    }
                }
                Insn::SetLimitLate => {
                    if vm.left & 511 == 0 {
                        vm.limit.set(vm.left);
                    }
                }
                Insn::Disturb => disturb(vm),
                Insn::Nested => nested(vm),
                Insn::Known => {
                    vm.y = (vm.y + 1) & 7;
                    let s = vm.y * vm.y;
                    record_known!(square(vm.y), s);
                    vm.sum = vm.sum.wrapping_mul(3).wrapping_add(square(vm.y));
                }
                Insn::KnownBehind => {
                    vm.y = (vm.y + 1) & 7;
                    let s = vm.y * vm.y;
                    record_known!(square(vm.y), s);
                    let s = square(vm.y);
                    if (s ^ vm.table[0]) & 3 == 1 {
                        vm.sum = vm.sum.wrapping_mul(3).wrapping_add(s);
                    }
                }
                Insn::Frame => {
                    work(&mut vm.frame);
                    let one = anything();
                    vm.frame.acc = vm.frame.acc.wrapping_add(one);
                    work(&mut vm.frame);
                }
                Insn::FramePair => {
                    work(&mut vm.frame);
                    let pair = Pair { a: vm.left, b: vm.frame.acc };
                    vm.sum = vm.sum.wrapping_add(total(pair));
                    work(&mut vm.frame);
                }
                Insn::FrameHanded => {
                    work(&mut vm.frame);
                    touch(&mut vm.frame);
                    work(&mut vm.frame);
                }
                Insn::FrameOwner => {
                    work(&mut vm.frame);
                    touch_owner(vm);
                    work(&mut vm.frame);
                }
                Insn::FrameElements => {
                    work(&mut vm.frame);
                    touch_element(&mut vm.frame.registers[1]);
                    work(&mut vm.frame);
                }
                Insn::FrameInside => {
                    work(&mut vm.frame);
                    touch_inside((vm.left, &mut vm.frame));
                    work(&mut vm.frame);
                }
                Insn::Cheat => {
                    let before = vm.counter.n.get();
                    cheat();
                    vm.sum = vm.sum.wrapping_add(vm.counter.n.get() - before);
                }
                Insn::CallIf => {
                    vm.y += 1;
                    let x = vm.x;
                    conditional_call!(vm.y & 7 == 3, tally(vm.y, vm));
                    vm.sum = vm.sum.wrapping_add(x ^ vm.x);
                }
                Insn::CallIfBehind => {
                    vm.y += 1;
                    conditional_call!(vm.y & 7 == 3, tally(vm.y, vm));
                    conditional_call!(vm.y & 3 == 3, tally(1, &mut *vm));
                    if vm.y & 31 == 31 {
                        vm.sum += 1;
                    }
                }
                Insn::CallElse => {
                    let hash = conditional_call!(vm.hash == 0, hash(vm.left, vm), vm.hash);
                    vm.sum = vm.sum.wrapping_mul(3).wrapping_add(hash);
                }
                Insn::Fill => {
                    let made = conditional_value!(vm.cell, make(vm));
                    vm.sum = vm.sum.wrapping_mul(3).wrapping_add(*made);
                }
                Insn::Empty => conditional_call!(vm.left & 15 == 1, empty(vm)),
                Insn::CallIfElidable => {
                    vm.y += 1;
                    let seldom = vm.y & 7 == 3;
                    let a = conditional_call!(seldom, square(vm.y), vm.left);
                    let b = conditional_call!(seldom, square(vm.y), vm.left);
                    vm.sum = vm.sum.wrapping_mul(3).wrapping_add(a ^ b).wrapping_add(a);
                }
                Insn::CallIfElidableBehind => {
                    vm.y += 1;
                    let a = conditional_call!(vm.y & 7 == 3, square(vm.y), vm.left);
                    if (a ^ vm.table[0]) & 7 == 3 {
                        vm.sum = vm.sum.wrapping_add(a);
                    }
                }
                Insn::CallIfKnown => {
                    vm.y += 1;
                    let small = code.len() < 100;
                    conditional_call!(small, tally(vm.y, vm));
                    conditional_call!(!small, tally(vm.y, vm));
                    let a = conditional_call!(small, square(3), vm.y);
                    let b = conditional_call!(!small, square(3), vm.y);
                    let c = conditional_call!(small, square(vm.y), vm.y);
                    if vm.y & 31 == 31 {
                        vm.sum = vm.sum.wrapping_add(a ^ b ^ c);
                    }
                }
                Insn::PanicIf => conditional_call!(vm.left == 150, fail(vm)),
                Insn::PanicIfElidable => {
                    vm.y = if vm.left == 150 { 1000 } else { vm.left };
                    let seldom = vm.left & 3 == 2;
                    vm.sum ^= conditional_call!(seldom, square(vm.y), vm.x);
                }
                Insn::Step => {
                    if vm.left & 63 == 63 {
                        vm.x += 1;
                    }
                }
            }
        }
    }

    fn shape_sum(shape: &Shape, at: usize) -> i64 {
        shape.size + shape.slots[at]
    }

    fn insn_size(code: &Rc<Vec<Insn>>) -> usize {
        code.len()
    }

    #[elidable]
    fn square(n: i64) -> i64 {
        assert!(n != 1000, "the square of {n} is not known");
        n.wrapping_mul(n)
    }

    #[elidable(promote)]
    fn cube(n: i64) -> i64 {
        n.wrapping_mul(n).wrapping_mul(n)
    }

    #[elidable]
    fn find(n: i64) -> Option<i64> {
        [5, 7, 11].iter().position(|x| *x == n).map(|x| x as i64)
    }

    #[residual(writes())]
    fn quiet(vm: &Vm) -> i64 {
        vm.table.iter().sum()
    }

    #[residual(writes(Vm.count), no_escape)]
    fn counts(vm: &mut Vm) {
        vm.count += 1;
    }

    #[residual(writes(Vm.seen))]
    fn lies(vm: &mut Vm) {
        vm.count += 1;
    }

    #[residual(reads(Vm.x), writes([i64], Vm.pair, Vm.table))]
    fn many(vm: &mut Vm) {
        vm.table[1] += vm.x;
        vm.pair.a += 1;
        vm.table.reserve(1);
    }

    #[not_in_trace]
    fn notice(vm: &mut Vm) {
        super::NOTICED.set(super::NOTICED.get() + vm.seen + 1);
    }

    #[loop_invariant]
    fn invariant(n: i64) -> i64 {
        n + 40
    }

    #[unroll(if_constant(n))]
    fn power(x: i64, n: i64) -> i64 {
        let mut p = 1i64;
        let mut i = 0;
        while i < n {
            p = p.wrapping_mul(x);
            i += 1;
        }
        p
    }

    fn powers(vm: &mut Vm, n: i64) -> i64 {
        let a = power(vm.y, n);
        vm.count += 1;
        let b = power(vm.x, vm.y);
        if b & 4 == 4 {
            vm.count += 2;
        }
        a.wrapping_add(b)
    }

    #[residual]
    fn disturb(vm: &mut Vm) {
        if vm.left % 50 == 0 {
            vm.limit.set(vm.left);
        }
    }

    #[residual]
    fn nested(vm: &mut Vm) {
        if vm.left % 100 == 7 {
            let code = Rc::new(vec![Insn::Limit, Insn::SetLimit, Insn::Limit]);
            let mut inner = super::machine(200 + vm.left);
            inner.limit = Rc::clone(&vm.limit);
            vm.sum ^= run(&code, &mut inner);
        }
    }

    fn work(frame: &mut Frame) {
        let sum = frame.registers[0].wrapping_add(frame.fixed[2] as i64);
        frame.registers[1] = frame.registers[1].wrapping_mul(3).wrapping_add(sum);
        frame.fixed[1] ^= frame.registers[1] as i32;
        frame.acc = frame.acc.wrapping_add(frame.fixed[1] as i64);
    }

    #[residual]
    fn total(pair: Pair) -> i64 {
        pair.a ^ pair.b
    }

    #[residual]
    fn touch(frame: &mut Frame) {
        frame.acc ^= 5;
        frame.fixed[2] += 1;
        frame.registers[0] += 1;
        if frame.acc & 7 == 3 {
            frame.registers = frame.registers.clone();
        }
    }

    #[residual]
    fn touch_owner(vm: &mut Vm) {
        touch(&mut vm.frame);
    }

    #[residual]
    fn touch_element(register: &mut i64) {
        *register ^= 1;
    }

    #[residual]
    fn touch_inside(it: (i64, &mut Frame)) {
        it.1.acc ^= it.0;
        touch(it.1);
    }

    #[residual]
    fn cheat() {
        super::COUNTER.with(|counter| counter.n.set(counter.n.get() + 1));
    }

    #[residual(writes(Vm.count), no_escape)]
    fn tally(by: i64, vm: &mut Vm) {
        vm.count += by;
    }

    #[residual(writes(Vm.hash))]
    fn hash(seed: i64, vm: &mut Vm) -> i64 {
        vm.hash = seed.wrapping_mul(31) | 1;
        vm.hash
    }

    #[residual(writes(Vm.cell, Vm.count))]
    fn make(vm: &mut Vm) -> &'static i64 {
        vm.count += 1;
        let made = super::NUMBERS.get(vm.count as usize & 3).expect("there are four");
        vm.cell = Some(made);
        made
    }

    #[residual(writes(Vm.cell, Vm.hash))]
    fn empty(vm: &mut Vm) {
        vm.cell = None;
        vm.hash = 0;
    }

    #[residual]
    fn fail(vm: &mut Vm) {
        vm.count += 1;
        panic!("it is {}", vm.left);
    }

    #[residual]
    fn anything() -> i64 {
        1
    }

    #[residual]
    fn one(_: &mut Vm) -> i64 {
        1
    }
}
