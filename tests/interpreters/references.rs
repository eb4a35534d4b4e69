//! What authors write about references: `for` over elements, patterns of slices, arguments and
//! locals to which references to boxes are coerced, comparisons of references, code that is reached
//! through a counted pointer in the guest's memory and promoted.

use std::rc::Rc;

/// Runs so many rounds.
pub fn run(rounds: i64) -> String {
    let rule = |weights: &[i64], next: Option<vm::Rule>| {
        let next = next.map(Box::new);
        vm::Rule { weights: weights.to_vec(), next }
    };
    let short = Rc::new(rule(&[3], Some(rule(&[1, 2], None))));
    let long = Rc::new(rule(&[2, 3, 5], Some(rule(&[7, 11], Some(rule(&[], None))))));
    let mut vm = vm::Vm { rules: vec![short, long], sums: vec![], digest: 0, left: rounds };
    let program = Rc::new(3);
    vm::run(&program, &mut vm);
    format!("{} {:?}", vm.digest, vm.sums)
}

/// The interpreter.
#[jitgen_core::interpreter]
pub mod vm {
    use jitgen_core::prelude::*;
    use std::rc::Rc;

    /// Weights, and another rule.
    #[derive(Debug, Traced)]
    pub struct Rule {
        /// The weights.
        pub weights: Vec<i64>,
        /// The next one.
        pub next: Option<Box<Rule>>,
    }

    /// The machine.
    #[derive(Debug, Traced)]
    pub struct Vm {
        /// What the rounds use in turn.
        pub rules: Vec<Rc<Rule>>,
        /// Sums by depth.
        pub sums: Vec<i64>,
        /// Of all.
        pub digest: i64,
        /// Rounds to go.
        pub left: i64,
    }

    /// The dispatch loop.
    #[portal(greens(program), reds(vm))]
    pub fn run(program: &Rc<usize>, vm: &mut Vm) {
        loop {
            merge_point!();
            if vm.left == 0 {
                return;
            }
            vm.left -= 1;
            let which = if vm.left % 5 < 3 { 0 } else { 1 };
            let rule = promote(&vm.rules[which]);
            let found = depth(rule);
            let at = match usize::try_from(vm.left % 4 - 1) {
                Ok(at) if at <= **program => at + found,
                _ => 0,
            };
            let sums = all_sums(rule, at);
            vm.digest = vm.digest.wrapping_mul(31) ^ digest(&sums);
            vm.sums = sums;
            can_enter_jit!();
        }
    }

    /// So many rules follow.
    #[unroll]
    fn depth(rule: &Rule) -> usize {
        let mut rule = rule;
        let mut depth = 0;
        while rule.next.is_some() {
            rule = rule.next.as_ref().unwrap();
            depth += 1;
        }
        depth
    }

    /// The sums of a rule and of those that follow, and zeros.
    #[unroll]
    fn all_sums(rule: &Rule, least: usize) -> Vec<i64> {
        let mut sums: Vec<i64> = Vec::with_capacity(1);
        let mut sum = 0;
        for weight in &rule.weights {
            sum += *weight;
        }
        sums.push(sum);
        if let Some(next) = &rule.next {
            for sum in all_sums(next, 0).iter() {
                sums.push(*sum);
            }
        }
        sums.resize(least, 100);
        sums
    }

    fn digest(sums: &[i64]) -> i64 {
        match sums {
            [] => -1,
            [one] => *one,
            [first, last] if first == last => 7,
            [first, .., last] if first < last => *first * 3 + *last,
            [first, second, ..] => *first * 5 + *second,
        }
    }
}
