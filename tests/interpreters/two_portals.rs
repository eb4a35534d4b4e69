//! Two portals in one module: a script, and the patterns that it matches, each with a loop and
//! greens of its own.

use std::rc::Rc;

/// Counts, in a text that is walked again and again, the places where one of the patterns matches.
pub fn run(patterns: &[&str], text: &str, rounds: u64) -> String {
    let patterns: Vec<Vec<u8>> = patterns.iter().map(|p| p.as_bytes().to_vec()).collect();
    let script = Rc::new(vm::Script { patterns: patterns.into_iter().map(Rc::new).collect() });
    let mut vm = vm::Vm { text: text.as_bytes().to_vec(), found: 0, steps: 0, left: rounds };
    let last = vm::run(&script, &mut vm);
    format!("{last} found={} steps={}", vm.found, vm.steps)
}

/// The interpreter.
#[jitgen_core::interpreter]
pub mod vm {
    use jitgen_core::Traced;
    use std::rc::Rc;

    /// Patterns to be looked for in turn.
    #[derive(Traced)]
    pub struct Script {
        /// The patterns: a byte is itself, `?` any byte, `*` any number of the byte before it.
        pub patterns: Vec<Rc<Vec<u8>>>,
    }

    /// What is being searched.
    #[derive(Traced)]
    pub struct Vm {
        /// The text.
        pub text: Vec<u8>,
        /// Matches.
        pub found: u64,
        /// Steps of patterns.
        pub steps: u64,
        /// Rounds to go.
        pub left: u64,
    }

    /// Matches every pattern at every place.
    #[portal(greens(script, number), reds(vm, at, last))]
    pub fn run(script: &Rc<Script>, vm: &mut Vm) -> usize {
        let mut number = 0;
        let mut at = 0;
        let mut last = 0;
        loop {
            merge_point!();
            if number == script.patterns.len() {
                number = 0;
                at += 1;
                if at == vm.text.len() {
                    at = 0;
                    vm.left -= 1;
                    if vm.left == 0 {
                        break last;
                    }
                }
                can_enter_jit!();
            }
            let pattern = &script.patterns[number];
            number += 1;
            if matches(pattern, vm, at) {
                vm.found += 1;
                last = at + number;
            }
        }
    }

    /// Does the pattern match there?
    #[portal(greens(pattern, step), reds(vm, at))]
    fn matches(pattern: &Rc<Vec<u8>>, vm: &mut Vm, start: usize) -> bool {
        let mut step = 0;
        let mut at = start;
        loop {
            merge_point!();
            if step == pattern.len() {
                return true;
            }
            vm.steps += 1;
            if at == vm.text.len() {
                return false;
            }
            let byte = pattern[step];
            let here = vm.text[at];
            if byte == b'*' {
                if here == pattern[step - 1] {
                    at += 1;
                    can_enter_jit!();
                }
                step += 1;
            } else if byte == b'?' || byte == here {
                at += 1;
                step += 1;
            } else {
                return false;
            }
        }
    }
}
