//! An interpreter whose guest functions call each other with all in reds: a number, a sum, and a list
//! on the collected heap that grows on the way down and is looked at on the way up.

use jitgen_core::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
pub use vm::Insn;

/// Calls the first function with each of these numbers; gives the results and what was seen.
pub fn run(functions: &[Vec<Insn>], arguments: &[i64]) -> String {
    let functions = functions.to_vec();
    let program = Rc::new(vm::Program { functions, factor: Rc::new(Quasi::new(3)) });
    let mut vm = vm::Vm { count: 0, notes: 0 };
    let results = arguments.iter().map(|argument| {
        let result = catch_unwind(AssertUnwindSafe(|| {
            vm::run(&program, &mut vm, 0, *argument, None).map_err(|error| format!("{error:?}"))
        }));
        result.unwrap_or_else(|payload| {
            Err(payload.downcast_ref::<String>().cloned().unwrap_or_default())
        })
    });
    let results: Vec<_> = results.collect();
    let hash = results.iter().flat_map(|result| format!("{result:?}").into_bytes());
    let hash = hash.fold(7u64, |hash, byte| hash.wrapping_mul(31) ^ u64::from(byte));
    format!("{:?} {hash} count={} notes={}", results.last(), vm.count, vm.notes)
}

#[jitgen_core::interpreter]
#[allow(clippy::manual_unwrap_or, reason = "the tracer knows `match`")]
pub mod vm {
    use super::*;
    use jitgen_core::gc::OutOfMemory;

    /// A program.
    #[derive(Traced)]
    pub struct Program {
        /// The instructions of its functions.
        pub functions: Vec<Vec<Insn>>,
        /// Traces take it for constant.
        pub factor: Rc<Quasi<i64>>,
    }

    /// An instruction; `n` is the function's argument.
    #[derive(Clone, Copy, Debug, PartialEq, Traced)]
    pub enum Insn {
        /// Goes there if `n` is less than 1.
        Unless(usize),
        /// Adds to the sum what a function gives for `n` less that number.
        Call(usize, i64),
        /// The same, where an error counts as 1.
        Try(usize, i64),
        /// Puts `n` before the list.
        Cons,
        /// Adds the first numbers of the list, in residual code.
        Walk,
        /// Multiplies the sum by the factor.
        Scale,
        /// Changes the factor if `n` is this number.
        Change(i64),
        /// Counts, in traced code.
        Count,
        /// Notes the sum, in residual code that panics if `n` is this number.
        Note(i64),
        /// Is an error if `n` is this number.
        Fail(i64),
        /// Returns the sum.
        Return,
    }

    /// Why a function has no result.
    #[derive(Clone, Copy, Debug, PartialEq, Traced)]
    pub enum Error {
        /// It failed with this number.
        Failed(i64),
        /// There is no memory left.
        Memory,
        /// The recursion is too deep.
        TooDeep,
    }

    impl From<OutOfMemory> for Error {
        fn from(_: OutOfMemory) -> Error {
            Error::Memory
        }
    }

    /// A list.
    #[derive(Traced, Collect)]
    pub struct Node {
        /// A number.
        pub value: i64,
        /// The others.
        pub next: Option<Gc<Node>>,
    }

    /// What can be seen.
    #[derive(Traced)]
    pub struct Vm {
        /// Counted by `Count`.
        pub count: i64,
        /// Noted by `Note`.
        pub notes: i64,
    }

    /// One call of a guest function.
    #[portal(greens(program, function, pc), reds(vm, n, sum, list), overflow = too_deep)]
    pub fn run(
        program: &Rc<Program>,
        vm: &mut Vm,
        function: usize,
        n: i64,
        list: Option<Gc<Node>>,
    ) -> Result<i64, Error> {
        let mut pc = 0;
        let mut sum = 0;
        let mut list = list;
        loop {
            merge_point!();
            let insn = program.functions[function][pc];
            pc += 1;
            match insn {
                Insn::Unless(target) => {
                    if n < 1 {
                        pc = target;
                    }
                }
                Insn::Call(callee, less) => {
                    let result = run(program, vm, callee, n - less, list)?;
                    sum = mix(sum, result);
                }
                Insn::Try(callee, less) => {
                    let result = match run(program, vm, callee, n - less, list) {
                        Ok(result) => result,
                        Err(_) => 1,
                    };
                    sum = mix(sum, result);
                }
                Insn::Cons => list = Some(Gc::try_new(Node { value: n, next: list })?),
                Insn::Walk => sum = mix(sum, walk(list)),
                Insn::Scale => sum = sum.wrapping_mul(program.factor.get()),
                Insn::Change(at) => {
                    if n == at {
                        change(program);
                    }
                }
                Insn::Count => vm.count += 1,
                Insn::Note(at) => note(vm, n, sum, at),
                Insn::Fail(at) => {
                    if n == at {
                        return Err(Error::Failed(sum));
                    }
                }
                Insn::Return => return Ok(mix(sum, n)),
            }
        }
    }

    fn mix(a: i64, b: i64) -> i64 {
        a.wrapping_mul(31).wrapping_add(b) & 0xff_ffff
    }

    #[residual]
    fn walk(list: Option<Gc<Node>>) -> i64 {
        let mut sum = 0;
        let mut next = list;
        for _ in 0..20 {
            let Some(node) = next else { break };
            sum = mix(sum, node.value);
            next = node.next;
        }
        sum
    }

    #[residual]
    fn change(program: &Rc<Program>) {
        program.factor.set(program.factor.get() % 7 + 2);
    }

    #[residual]
    fn note(vm: &mut Vm, n: i64, sum: i64, at: i64) {
        assert!(n != at, "noted {n} and {sum}");
        vm.notes = mix(vm.notes, sum);
    }

    fn too_deep() -> Result<i64, Error> {
        Err(Error::TooDeep)
    }
}
