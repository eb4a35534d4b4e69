//! Bridges that begin with what is known at their exit.
//!
//! ```text
//! the way                          the bridge               what it becomes
//! b0(v0: ptr):                     b0(v0: ptr):             b0(v0: ptr):
//!     v1 = load.ptr v0+0               v1 = load.ptr v0+0       v1 = load.ptr v0+0
//!     v2 = load.i8 v1+8                v2 = load.i8 v1+8
//!     v3 = eq.i8 v2, 3                 v3 = eq.i8 v2, 3
//!     guard v3 else exit0              guard v3 else exit0
//!     leave exit1                      store.i8 v1+8, 4         store.i8 v1+8, 4
//! exit1: resume 0 [v0]                 ...                      ...
//! ```
//!
//! The way (`ir::way`) is walked as any trace is, and what comes out of it is thrown away: the bridge goes
//! on with what is known. It knows of more values than it has: what is not an operand of the exit is
//! *latent*. A value that is computed again from the same operands, or loaded again from a word that
//! still holds it, is that value, with all that is known of it; so is a word behind a pointer that has
//! to be loaded again.
//!
//! That a guard of the way has failed is not taken for known: an optimized guard may test more than the
//! recorded one.
//!
//! Invariants: `there` (no operand of an instruction or an exit is latent), `interface` (the parameters are those
//! of the bridge, whatever is known of them).
//!
//! Not here: how code gets from the exit to the bridge; it does what is pending before.

use super::forward::Forward;
use super::passes::Passes;
use super::rules::{Fired, Rule};
use super::tree::{self, Origins};
use super::{Optimized, optimize, optimized, straight};
use crate::ir::{Arg, BlockId, End, Trace, ValueId};

/// Values of which something is known, but which have not been computed in this trace (yet).
#[derive(Clone, Debug, Default)]
pub(super) struct Latent(Vec<bool>);

impl Latent {
    pub fn has(&self, arg: Arg) -> bool {
        let latent = |index: usize| self.0.get(index).copied().unwrap_or(false);
        !self.0.is_empty() && arg.as_value().is_some_and(|v| latent(v.index()))
    }

    fn take(&mut self, v: ValueId) -> bool {
        self.0.get_mut(v.index()).is_some_and(std::mem::take)
    }
}

/// [`optimize`](super::optimize) for a bridge, which is one block that leaves, when `way` has been
/// executed before: a straight line which leaves with the arguments of the bridge.
pub fn optimize_behind(way: &Trace, bridge: &Trace, passes: Passes) -> Optimized {
    let Some(args) = arguments(way, bridge) else { return optimize(bridge, passes) };
    // Most of it has been optimized.
    let mut known = Forward::new(way, passes.without(Passes::FOLD));
    known.walk();
    known.passes = passes;
    let args: Vec<Arg> = args.iter().map(|arg| known.operand(*arg)).collect();
    let mut first = known.go_on(bridge, &args);
    let args = first.run();
    first.fired.fire(Rule::Behind);
    optimized(bridge, straight(first, args, passes))
}

/// What the way leaves with, if both are what they should be.
fn arguments(way: &Trace, bridge: &Trace) -> Option<Vec<Arg>> {
    let ([before], [after]) = (&way.blocks[..], &bridge.blocks[..]) else { return None };
    let (End::Leave(exit), End::Leave(_)) = (&before.end, &after.end) else { return None };
    let args: Vec<Arg> = way.exit(*exit).args().collect();
    let types = args.iter().map(|arg| way.ty(*arg));
    (tree::is_tree(bridge) && types.eq(bridge.param_types())).then_some(args)
}

impl<'t> Forward<'t> {
    /// Begins another trace, whose parameters are these operands, with what is known here.
    fn go_on(mut self, bridge: &'t Trace, args: &[Arg]) -> Forward<'t> {
        self.latent = Latent(vec![true; self.out.values.len()]);
        let mut params = vec![];
        for arg in args {
            // What is a constant, or passed on twice, is not taken from the parameter.
            params.push(match arg {
                Arg::Value(v) if self.latent.take(*v) => *v,
                _ => self.out.add_value(self.out.ty(*arg)),
            });
        }
        args.iter().for_each(|arg| self.define_by_what_is_there(*arg));
        self.calls.retain(|_, value| value.is_none_or(|value| !self.latent.has(value)));
        self.out =
            Trace { values: std::mem::take(&mut self.out.values), ..Trace::new(&bridge.name) };
        self.insts.clear();
        self.exits.clear();
        self.subst.clear();
        (self.origins, self.fired) = (Origins::default(), Fired::default());
        self.contradiction = false;
        self.facts.go_on();
        let mut first = Forward { input: bridge, params, ..self };
        first.enter(BlockId(0), args);
        first
    }

    /// Is it latent, and so has to be computed or loaded? The caller does so, and it is there.
    pub fn comes(&mut self, arg: Arg) -> bool {
        let comes = arg.as_value().is_some_and(|v| self.latent.take(v));
        if comes {
            self.define_by_what_is_there(arg);
        }
        comes
    }

    /// Forgets how a value was computed, if that was from latent ones.
    fn define_by_what_is_there(&mut self, arg: Arg) {
        // What follows from its definition has to be computed now.
        self.known_of(arg);
        let node = self.defs.get(arg);
        if let Arg::Value(v) = arg
            && node.is_some_and(|node| self.latent.has(node.a) || self.latent.has(node.b))
        {
            self.defs.forget(v);
        }
    }
}
