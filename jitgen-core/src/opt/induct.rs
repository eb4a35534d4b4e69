//! What the parameters of a peeled loop keep to: induction variables, among others.
//!
//! ```text
//! first round                         each round
//! guard 0 <= v0 < n                   b1(v4):         ;; assumed: v4 in 1..=MAX
//! v1 = add.i64 v0, 1                      guard v4 < n
//! jump b1(v1)     ;; in 1..=MAX           v5 = add.i64 v4, 1
//!                                         jump b1(v5) ;; in 2..=MAX: it holds
//! ```
//!
//! The guess is what is known of the argument at the end of the first round, which began with nothing
//! known. The second knows more from its start, so mostly its own argument keeps to the guess; where it
//! does not, the guess is dropped and the round run again.
//!
//! Invariant `verified`: a bound is used in a loop only if every jump to it, from the first round and
//! from its own end, passes a member.
//!
//! Not here: the rounds and other assumptions (`peel`), what operations do to bounds (`domain`).

use super::domain::Known;
use super::forward::Forward;
use crate::ir::{Arg, ValueId};

/// What one parameter is assumed to keep to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Bound {
    /// Not guessed yet.
    #[default]
    New,
    /// What is known at the end of the first round.
    Kept(Known),
    Nothing,
}

impl Bound {
    /// Does it say anything?
    pub fn tells(self) -> bool {
        matches!(self, Bound::Kept(known) if known != Known::full(known.width))
    }

    /// At the head of a round: guesses from what the parameter first is, and assumes.
    pub fn assume(&mut self, round: &mut Forward, param: ValueId, first: Arg) {
        if *self == Bound::New {
            *self = Bound::Kept(round.known_of(first));
        }
        if let Bound::Kept(known) = *self {
            round.narrow(param.into(), known);
        }
    }

    /// At the end of a round: drops what its argument oversteps; answers whether it did.
    pub fn weaken(&mut self, round: &mut Forward, next: Arg) -> bool {
        let Bound::Kept(known) = *self else {
            return false;
        };
        let overstepped = !round.known_of(next).is_within(&known);
        if overstepped {
            *self = Bound::Nothing;
        }
        overstepped
    }

    /// Where another block jumps to the head: takes its argument in, if it is a constant, or drops
    /// what it oversteps; answers whether it did. What is not known (`None`) can be anything.
    pub fn widen(&mut self, end: &mut Forward, next: Option<Arg>) -> bool {
        let Bound::Kept(known) = *self else {
            return false;
        };
        let Some(next) = next.map(|next| end.known_of(next)) else {
            let told = self.tells();
            *self = Bound::Nothing;
            return told;
        };
        if next.is_within(&known) {
            return false;
        }
        *self = match next.value() {
            Some(_) => Bound::Kept(known.join(&next)),
            None => Bound::Nothing,
        };
        true
    }
}

/// Rounds know more than the first, so traces hardly ever overstep; the check stands on its own here.
#[test]
fn what_an_argument_oversteps_is_dropped() {
    let text = "trace @loop {\nb0(v0: i8):\n    jump b0(v0)\n}\n";
    let trace = crate::ir::parse(text).expect("trace text").remove(0);
    let mut round = Forward::new(&trace, super::Passes::ALL);
    let param = round.params[0];
    let small = Known::unsigned(8, 0, 3).expect("not empty");
    let mut bound = Bound::Kept(small);
    assert!(bound.weaken(&mut round, param.into()), "it can be anything");
    assert_eq!(bound, Bound::Nothing);
    let mut bound = Bound::Kept(small);
    round.narrow(param.into(), small);
    assert!(!bound.weaken(&mut round, param.into()));
    assert!(bound.tells());
}
