//! The optimizer: a pure function from trace to trace.
//!
//! ```text
//! b0(v0: ptr):                          b0(v0: ptr):
//!     v1 = load.i64 v0+8                    v1 = load.i64 v0+8
//!     v2 = add.i64 v1, 1          =>        v2 = add.i64 v1, 1
//!     store.i64 v0+8, v2                    jump b1(v2)
//!     jump b0(v0)                       b1(v3: i64): ...
//! ```
//!
//! One forward pass (`forward`) sees each operation once, with everything known at that place:
//! what values are equal to (`fold`, the expression table), which bits and bounds they have (`values`,
//! `domain`), which comparisons are decided (`guards`), what memory holds (`memory`). The pass is run a second time over the same input with
//! the knowledge of the first as its start, which peels the loop (`peel`). One backward pass
//! (`backward`) then drops what nothing needs (`live`), and before that moves stores into exits (`sink`).
//!
//! Laws for whoever writes a rule:
//! 1. A rule holds for every input, bit for bit, also where the guard that the interpreter would
//!    want before it is missing. NaN payloads are bits.
//! 2. It never moves an operation (`sink` moves stores, `virtuals` what makes and fills objects,
//!    `bounded` what a guard compares, and nothing else is moved). Operations stay in the order of the input, so a division stays behind
//!    the guard that protects it.
//! 3. It has a name in `rules`, fires under it, and has a filetest. A rule of integers is a row of
//!    `fold/table`, which the tests prove; each row has a filetest.
//! 4. It rewrites toward the normal form (constants right, `sub x, c` as `add x, -c`, `le` with a
//!    constant as `lt`, overflow predicates with a constant as comparisons), never away from it.
//!
//! Invariants: `pure` (same input, same output; no clock, environment, globals), `subset` (every
//! set of [`Passes`] is correct), `well-formed` (the output passes `ir::verify`, its ids are
//! numbered in order of definition, so that `parse(print(t)) == t`).
//!
//! Not here: traces of several blocks that are no tree (`tree`; they are returned as they are), and
//! anything about how a trace was recorded or will be compiled.

#![forbid(unsafe_code)]

mod address;
mod age;
mod backward;
mod behind;
mod bounded;
mod compact;
mod dense;
mod domain;
mod fold;
mod forward;
mod fresh;
mod guards;
mod implied;
mod induct;
mod lines;
mod live;
mod meet;
mod memory;
mod node;
mod numbered;
mod owners;
mod params;
mod passes;
mod peel;
mod rules;
mod sink;
mod site_set;
mod sites;
mod table;
mod tested;
#[cfg(test)]
mod tests;
mod tree;
mod truths;
mod values;
mod virtuals;
mod words;

pub use behind::optimize_behind;
pub use fold::questions;
pub use passes::Passes;
pub use rules::rules;
pub use tree::is_tree;

use crate::ir::{Arg, Const, ExitId, Trace, ValueId, verify};
use forward::Forward;
use peel::Peeled;
use rules::{Fired, Rule};
use tree::Origins;

/// What [`optimize`] returns.
#[derive(Clone, Debug)]
pub struct Optimized {
    /// The optimized trace.
    pub trace: Trace,
    /// By exit of that trace: the exit of the input that it is, with what is known in its place.
    pub origins: Vec<ExitId>,
    /// The rules that have fired, as positions in [`rules`].
    pub fired: Vec<usize>,
    /// A loop whose own end decides that one of its guards fails in the next round: the guest loop
    /// takes two ways (or more) in turn, and only a trace of several rounds is one that repeats.
    pub alternates: bool,
}

/// Optimizes a recorded loop (one block that jumps to itself), a bridge (one block that leaves), or a
/// tree of them: behind exits that are linked there are blocks which jump to the first one or leave.
/// Traces of another shape are returned unchanged.
pub fn optimize(trace: &Trace, passes: Passes) -> Optimized {
    optimize_seen(trace, passes, &|_, _| false)
}

/// Has that value of the input been seen to be that constant when it was recorded? What is answered
/// has no influence on what the trace does, only on how fast.
pub type Seen<'a> = &'a dyn Fn(ValueId, Const) -> bool;

/// [`optimize`], with what has been seen while the trace was recorded.
pub fn optimize_seen(trace: &Trace, passes: Passes, seen: Seen) -> Optimized {
    if !tree::is_tree(trace) {
        let origins = (0..trace.exits.len() as u32).map(ExitId).collect();
        return Optimized { trace: trace.clone(), origins, fired: vec![], alternates: false };
    }
    debug_assert_eq!(verify(trace), vec![], "the input is well formed:\n{trace}");
    let (mut preamble, args) = first_round(trace, passes);
    let peeled = match &args {
        Some(args) if passes.contains(Passes::PEEL) => peel::peel(&mut preamble, args, seen),
        _ => Peeled::Nothing,
    };
    let alternates = matches!(peeled, Peeled::Alternates);
    let (result, origins, fired) = match peeled {
        Peeled::Loop(peeled, origins, apart, mut fired) => {
            let (peeled, origins, effects) = backward::backward(*peeled, origins, apart, passes);
            let body = peeled.blocks[1].insts.len();
            let gains_little = || body >= backward::least(&preamble.out, &preamble.insts);
            let straight = (body >= peeled.blocks[0].insts.len()
                || trace.blocks.len() == 1 && gains_little())
            .then(|| match trace.blocks.len() {
                1 => straight(preamble, args, passes),
                // The peeled loop has taken the blocks behind its guards.
                _ => {
                    let (first, args) = first_round(trace, passes);
                    straight(first, args, passes)
                }
            });
            // A body that is as long as the unpeeled loop has gained nothing for twice the code.
            match straight {
                Some(straight) if body >= straight.0.blocks[0].insts.len() => straight,
                _ => {
                    fired.extend(effects);
                    fired.fire(Rule::PeelLoop);
                    (peeled, origins, fired)
                }
            }
        }
        Peeled::Alternates | Peeled::Nothing => straight(preamble, args, passes),
    };
    Optimized { alternates, ..optimized(trace, (result, origins, fired)) }
}

/// What a trace has become.
fn optimized(from: &Trace, (trace, origins, fired): (Trace, Origins, Fired)) -> Optimized {
    debug_assert_eq!(verify(&trace), vec![], "from:\n{from}\nto:\n{trace}");
    debug_assert_eq!(origins.0.len(), trace.exits.len());
    Optimized { trace, origins: origins.0, fired: fired.numbers(), alternates: false }
}

/// The state at the end of the first block, and the arguments of the jump there.
fn first_round(trace: &Trace, passes: Passes) -> (Forward<'_>, Option<Vec<Arg>>) {
    let mut first = Forward::new(trace, passes);
    first.sides = (trace.blocks.len() > 1).then(Vec::new);
    let args = first.run();
    (first, args)
}

/// The trace without a peeled round, of which the first block has been walked.
fn straight(mut first: Forward, args: Option<Vec<Arg>>, passes: Passes) -> (Trace, Origins, Fired) {
    first.close(args);
    first.walk_sides();
    let (trace, origins, effects) =
        backward::backward(first.out, first.origins, first.apart, passes);
    let mut fired = first.fired;
    fired.extend(effects);
    (trace, origins, fired)
}
