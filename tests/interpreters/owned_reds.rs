//! A machine whose functions call each other by the portal, each with an environment that it owns.

use std::rc::Rc;
pub use vm::Insn;

/// Runs a program so often; gives what came out, and who still holds the outermost environment.
pub fn run(code: &[Insn], rounds: i64) -> String {
    let code = Rc::new(code.to_vec());
    let root = Rc::new(vm::Env { number: 0, outer: None });
    let mut machine = vm::Machine { sum: 0 };
    let mut errors = 0;
    for round in 0..rounds {
        let env = Rc::new(vm::Env { number: round % 7, outer: Some(root.clone()) });
        errors += vm::run(&code, &mut machine, env).map_or_else(|error| error, |result| result & 1);
    }
    format!("{} {errors} {}", machine.sum, Rc::strong_count(&root))
}

/// The interpreter.
#[jitgen_core::interpreter]
pub mod vm {
    use jitgen_core::Traced;
    use std::rc::Rc;

    /// An instruction.
    #[derive(Clone, Copy, Debug, Traced)]
    pub enum Insn {
        /// Return the environment's number if it is less than this.
        Below(i64),
        /// Call the program with a number that is less by this, in an environment within this one.
        Call(i64),
        /// Fail if the sum is a multiple of this, while something else is held.
        Fail(i64),
        /// Return what the environment around holds.
        Outer,
    }

    /// The environment of a call.
    #[derive(Debug, Traced)]
    pub struct Env {
        /// The number that it was called with.
        pub number: i64,
        /// The one around.
        pub outer: Option<Rc<Env>>,
    }

    /// What all calls share.
    #[derive(Debug, Traced)]
    pub struct Machine {
        /// What they have added up.
        pub sum: i64,
    }

    /// A call.
    #[portal(greens(code, pc), reds(machine, env))]
    pub fn run(code: &Rc<Vec<Insn>>, machine: &mut Machine, mut env: Rc<Env>) -> Result<i64, i64> {
        let mut pc = 0;
        loop {
            merge_point!();
            let insn = code[pc];
            pc += 1;
            match insn {
                Insn::Below(limit) => {
                    if env.number < limit {
                        return Ok(env.number);
                    }
                }
                Insn::Call(by) => {
                    let number = env.number - by;
                    let inner = Rc::new(Env { number, outer: Some(env.clone()) });
                    let result = run(code, machine, inner)?;
                    machine.sum += result + 1;
                }
                Insn::Fail(number) => {
                    let held = env.clone();
                    check(machine, number + held.number - env.number)?;
                }
                Insn::Outer => {
                    let Some(outer) = env.outer.clone() else {
                        return Ok(-1);
                    };
                    return Ok(outer.number);
                }
            }
        }
    }

    fn check(machine: &mut Machine, number: i64) -> Result<(), i64> {
        if machine.sum % number == 0 { Err(number) } else { Ok(()) }
    }
}
