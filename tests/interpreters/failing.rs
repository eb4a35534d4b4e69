//! A machine whose instructions cannot be recorded, each for another reason.
//!
//! Most of these types and calls are what an author should not do.

use std::rc::Rc;

/// Runs an instruction 100 times; gives the state of the machine.
pub fn run(insn: vm::Insn) -> String {
    let code = Rc::new(vec![insn]);
    let mut vm = vm::Vm { sum: 0, shape: vm::Shape::One(3), copy: vm::Shape::Two(1, 2) };
    vm::run(&code, &mut vm);
    format!("{} {:?} {:?}", vm.sum, vm.shape, vm.copy)
}

/// The interpreter.
#[jitgen_core::interpreter]
pub mod vm {
    use jitgen_core::Traced;
    use std::collections::BTreeMap;
    use std::rc::Rc;

    /// What cannot be recorded.
    #[derive(Clone, Copy, Debug, Traced)]
    pub enum Insn {
        /// Nothing: it can be.
        Add,
        /// Looks at an enum in memory whose layout is rustc's.
        MatchShape,
        /// Looks at one within the result of a call.
        MatchInside,
        /// Copies it.
        CopyShape,
        /// Drops what is left of a value that owns something and is no words.
        Forget,
        /// Passes a reference to a local variable to a residual function.
        LendLocal,
        /// Keeps results that need much room.
        Large,
    }

    /// An enum whose layout is rustc's.
    #[derive(Clone, Copy, Debug, PartialEq, Traced)]
    pub enum Shape {
        /// A number.
        One(u64),
        /// Two.
        Two(u32, u32),
    }

    /// What owns something in a way that the tracer does not know.
    #[derive(Debug, Traced)]
    pub struct Owner {
        /// What is moved away.
        pub number: Box<u64>,
        /// What is dropped.
        #[allow(dead_code, reason = "it is there for that")]
        pub rest: BTreeMap<u64, u64>,
    }

    /// An error that needs much room.
    #[derive(Clone, Copy, Debug, Traced)]
    pub struct Big(#[allow(dead_code, reason = "it is there for its size")] pub [u64; 150]);

    /// The machine.
    #[derive(Debug, Traced)]
    pub struct Vm {
        /// The result.
        pub sum: u64,
        /// What is copied.
        pub shape: Shape,
        /// Its copy.
        pub copy: Shape,
    }

    /// The dispatch loop.
    #[allow(
        clippy::manual_unwrap_or_default,
        clippy::manual_unwrap_or,
        reason = "the tracer knows `match`"
    )]
    #[portal(greens(code), reds(vm, n))]
    pub fn run(code: &Rc<Vec<Insn>>, vm: &mut Vm) {
        let mut n = 0;
        loop {
            merge_point!();
            match code[0] {
                Insn::Add => vm.sum += n,
                Insn::MatchShape => {
                    vm.sum += match vm.shape {
                        Shape::One(x) => x,
                        Shape::Two(x, y) => (x + y) as u64,
                    };
                    turn(vm);
                }
                Insn::MatchInside => {
                    vm.sum += match shaped(n) {
                        Ok(()) => 1,
                        Err(Shape::One(x)) => x,
                        Err(Shape::Two(x, y)) => (x + y) as u64,
                    };
                }
                Insn::CopyShape => {
                    vm.copy = vm.shape;
                    turn(vm);
                }
                Insn::Forget => {
                    let owner = own(vm, n);
                    let number = owner.number;
                    vm.sum += *number;
                }
                Insn::LendLocal => {
                    let local = n;
                    vm.sum += read(&local);
                }
                Insn::Large => {
                    vm.sum += match large(n) {
                        Ok(x) => x,
                        Err(_) => 0,
                    };
                    vm.sum += match large(n) {
                        Ok(x) => x,
                        Err(_) => 0,
                    };
                    vm.sum += match large(n) {
                        Ok(x) => x,
                        Err(_) => 0,
                    };
                    vm.sum += match large(n) {
                        Ok(x) => x,
                        Err(_) => 0,
                    };
                }
            }
            n += 1;
            if n == 100 {
                break;
            }
            can_enter_jit!();
        }
    }

    #[residual]
    fn turn(vm: &mut Vm) {
        vm.shape = match vm.shape {
            Shape::One(x) => Shape::Two(x as u32, 1),
            Shape::Two(x, y) => Shape::One(u64::from(x) * u64::from(y)),
        };
    }

    #[residual]
    fn shaped(n: u64) -> Result<(), Shape> {
        Err(if n.is_multiple_of(3) { Shape::One(n) } else { Shape::Two(n as u32, 2) })
    }

    #[residual]
    fn own(vm: &mut Vm, n: u64) -> Owner {
        vm.sum += n;
        Owner { number: Box::new(n), rest: BTreeMap::from([(n, n)]) }
    }

    #[residual]
    fn read(x: &u64) -> u64 {
        *x * 2
    }

    #[allow(clippy::result_large_err, reason = "that is what it is for")]
    #[residual]
    fn large(n: u64) -> Result<u64, Big> {
        if n == 50 { Err(Big([n; 150])) } else { Ok(n) }
    }
}
