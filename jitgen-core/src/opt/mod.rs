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
//! (`backward`) then drops what nothing needs, and before that moves stores into exits (`sink`).
//!
//! Laws for whoever writes a rule:
//! 1. A rule holds for every input, bit for bit, also where the guard that the interpreter would
//!    want before it is missing. NaN payloads are bits.
//! 2. It never moves an operation (`sink` moves stores, `virtuals` what makes and fills objects, and
//!    nothing else is moved). Operations stay in the order of the input, so a division stays behind
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
//! Not here: allocation removal, traces of several blocks (they are
//! returned as they are), and anything about how a trace was recorded or will be compiled.

#![forbid(unsafe_code)]

mod address;
mod age;
mod backward;
mod compact;
mod domain;
mod fold;
mod forward;
mod fresh;
mod guards;
mod implied;
mod induct;
mod memory;
mod node;
mod passes;
mod peel;
mod rules;
mod sink;
#[cfg(test)]
mod tests;
mod values;
mod virtuals;
mod words;

pub use fold::questions;
pub use passes::Passes;
pub use rules::rules;

use crate::ir::{BlockId, End, Trace, verify};
use forward::Forward;
use rules::Rule;

/// What [`optimize`] returns.
#[derive(Clone, Debug)]
pub struct Optimized {
    /// The optimized trace.
    pub trace: Trace,
    /// The rules that have fired, as positions in [`rules`].
    pub fired: Vec<usize>,
    /// A loop whose own end decides that one of its guards fails in the next round: the guest loop
    /// takes two ways (or more) in turn, and only a trace of several rounds is one that repeats.
    pub alternates: bool,
}

/// Optimizes a recorded loop (one block that jumps to itself) or a bridge (one block that leaves).
/// Traces of another shape are returned unchanged.
pub fn optimize(trace: &Trace, passes: Passes) -> Optimized {
    let own_loop = |end: &End| matches!(end, End::Leave(_) | End::Jump(BlockId(0), _));
    if trace.blocks.len() != 1 || !own_loop(&trace.blocks[0].end) {
        return Optimized { trace: trace.clone(), fired: vec![], alternates: false };
    }
    debug_assert_eq!(verify(trace), vec![], "the input is well formed:\n{trace}");
    let mut preamble = Forward::new(trace, passes);
    let args = preamble.run();
    let (peeled, alternates) = match &args {
        Some(args) if passes.contains(Passes::PEEL) => peel::peel(&preamble, args),
        _ => (None, false),
    };
    let (straight, mut fired) = preamble.finish(args);
    let (mut result, effects) = backward::backward(straight, passes);
    fired.extend(effects);
    if let Some((peeled, mut peeled_fired)) = peeled {
        let (peeled, effects) = backward::backward(peeled, passes);
        // A body that is as long as the unpeeled loop has gained nothing for twice the code.
        if peeled.blocks[1].insts.len() < result.inst_count() {
            peeled_fired.extend(effects);
            peeled_fired.fire(Rule::PeelLoop);
            (result, fired) = (peeled, peeled_fired);
        }
    }
    debug_assert_eq!(verify(&result), vec![], "from:\n{trace}\nto:\n{result}");
    Optimized { trace: result, fired: fired.numbers(), alternates }
}
