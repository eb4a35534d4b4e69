//! The rules of the optimizer by name. Each is fired by a filetest under `tests/filetests/opt`.
//!
//! ```text
//! LoadForward "load-forward" "a load of what was loaded => the value";
//! ```
//!
//! There are two kinds: rules that are code have a variant here, which is named exactly where the rule
//! fires; algebraic rules of integers are rows of `fold/table`, which this file only counts.
//!
//! Not here: the conditions of rules that are code, and why they hold; those stand at the code.

use super::fold::rows;

macro_rules! rules {
    ($($name:ident $text:literal $law:literal;)+) => {
        /// Names a rule.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(super) enum Rule { $(#[doc = $law] $name),+ }

        /// Every rule that is code: its name in `fired`, and what it does.
        const CODE: &[(&str, &str)] = &[$(($text, $law)),+];
    };
}

rules! {
    ConstantFold "constant-fold" "an operation on constants => its result";
    ConstantRight "constant-right" "c op x => x op c, where operands are exchangeable";
    KnownValue "known-value" "an operation whose operands leave one result => it";
    KnownAtEnd "known-at-end" "a value of which one is left at the end of a block => it";
    Copy "copy" "copy x => x";
    FNegFNeg "fneg-fneg" "fneg fneg x => x";
    NotFCompare "not-fcompare" "not (feq x, y) => fne x, y, and back";
    AddressOffset "address-offset" "load (ptr_add p, c)+k => load p+(k+c), also store";
    BitcastBitcast "bitcast-bitcast" "bitcast (bitcast x) => x or bitcast x";
    FDivPowerOfTwo "fdiv-power-of-two" "x / 2^k => x * 2^-k";
    Cse "cse" "an operation that has been computed => its result";
    CseCall "cse-call" "call_pure with the same operands => its result";
    ResultOf "result-of" "the result of a pure call that is known => no call";
    CallIfTrue "call-if-true" "a conditional call whose condition is true => the call";
    CallIfFalse "call-if-false" "a conditional call whose condition is false => its second operand";
    KnownTruth "known-truth" "a comparison that a guard has decided => its result";
    ImpliedTruth "implied-truth" "a comparison that follows from those decided: i < n and n <= m => i < m";
    GuardConstant "guard-constant" "a guard that always passes => nothing";
    GuardNot "guard-not" "guard (not b) => guard_not b, and back";
    GuardEqConstant "guard-eq-constant" "behind guard x == c: x => c";
    GuardRange "guard-range" "two guards of one exit that compare a word with constants => one that tests a range";
    GuardBound "guard-bound" "guards of one exit that compare sums of a word with one bound => the one of the largest sum";
    FreshCompare "fresh-compare" "v == x => false, where v has just been allocated and x is another pointer, also !=";
    LoadForward "load-forward" "a load of what was loaded => the value";
    StoreForward "store-forward" "a load of what was stored => the value";
    LoadLatent "load-latent" "a load of a word that the way to a bridge has loaded => that value, loaded again";
    Behind "behind" "a bridge => one that knows what is known at its exit";
    ApartByShape "apart-by-shape" "a store to an object ends no facts about one whose immutable words are others";
    ForwardBitcast "forward-bitcast" "a load of a known word at another type of its size => bitcast";
    ForwardPart "forward-part" "a narrower load inside of a known integer => shift and trunc";
    RedundantStore "redundant-store" "a store of what memory holds => nothing";
    DeadCode "dead-code" "an operation without effect whose result is unused => nothing";
    DeadStore "dead-store" "a store that is overwritten before anybody can see it => nothing";
    PendingStore "pending-store" "a store that is overwritten in the same round => written in the exits between";
    PendingCarry "pending-carry" "a word that a loop stores in each round => a parameter, written in the exits";
    VirtualLate "virtual-late" "an object that is made => made where somebody else gets to know it";
    VirtualExit "virtual-exit" "an object that an exit needs => made there";
    VirtualFree "virtual-free" "the end of an object that has not been made => nothing";
    VirtualCarry "virtual-carry" "an object that a loop passes on => its words";
    PeelLoop "peel-loop" "a loop => its first round, then a loop that knows what that has shown";
    PeelInvariant "peel-invariant" "a red that the loop does not change => the value before the loop";
    PeelMemory "peel-memory" "a fact about memory that the loop keeps => known at its head";
    PeelCarry "peel-carry" "a word in memory that the loop changes => also a parameter of the loop";
    PeelTruth "peel-truth" "a comparison decided at the end of each round => decided at its head";
    PeelBound "peel-bound" "bits and bounds that a loop's parameter keeps to => known at its head";
    Join "join" "a bridge whose end holds what a peeled loop assumes => goes on in its body";
    JoinLoad "join-load" "a word of which such a bridge does not know what it is => loaded at its end";
    Meet "meet" "ways behind guards that lead to one block => what all of them know is known there";
    MeetWord "meet-word" "a word of which all such ways know what it holds, but not the same => a parameter";
    Pin "pin" "a word that is a constant from the second round on => tested before the body";
    VirtualMeet "virtual-meet" "an object that has not been made on any way to where they meet => its words";
    MergeParam "merge-param" "a parameter that is always another value => that value";
    DeadParam "dead-param" "a parameter that is only passed on => nothing";
}

/// The number of a rule: those that are code, then the rows of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct RuleId(usize);

impl RuleId {
    /// The rule of that row.
    pub fn row(number: usize) -> RuleId {
        RuleId(CODE.len() + number)
    }
}

impl From<Rule> for RuleId {
    fn from(rule: Rule) -> RuleId {
        RuleId(rule as usize)
    }
}

/// Every rule: its name in `fired`, and what it does. A name may have several rows.
pub fn rules() -> Vec<(&'static str, String)> {
    let code = CODE.iter().map(|(name, law)| (*name, (*law).to_owned()));
    code.chain(rows().iter().map(|row| (row.name, row.to_string()))).collect()
}

/// A set of rules that have fired.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Fired([u64; 5]);

impl Fired {
    pub fn fire(&mut self, rule: impl Into<RuleId>) {
        let RuleId(number) = rule.into();
        self.0[number / 64] |= 1 << (number % 64);
    }

    pub fn extend(&mut self, other: Fired) {
        self.0.iter_mut().zip(other.0).for_each(|(ours, theirs)| *ours |= theirs);
    }

    /// The positions of the rules in [`rules`].
    pub fn numbers(self) -> Vec<usize> {
        let count = self.0.iter().map(|word| word.count_ones() as usize).sum();
        let mut numbers = Vec::with_capacity(count);
        for (word, mut bits) in self.0.into_iter().enumerate() {
            while bits != 0 {
                numbers.push(64 * word + bits.trailing_zeros() as usize);
                bits &= bits - 1;
            }
        }
        numbers
    }
}
