//! The rules of the optimizer by name. Each is fired by a filetest under `tests/filetests/opt`.
//!
//! ```text
//! AddZero "add-zero" "x + 0 => x";
//! ```
//!
//! A rule's code is found by its variant: it is named exactly where it fires.
//!
//! Not here: the rules' conditions and why they hold; those stand at the code.

macro_rules! rules {
    ($($name:ident $text:literal $law:literal;)+) => {
        /// Names a rule.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(super) enum Rule { $(#[doc = $law] $name),+ }

        /// Every rule: its name in `fired`, and what it does.
        pub const RULES: &[(&str, &str)] = &[$(($text, $law)),+];
    };
}

rules! {
    ConstantFold "constant-fold" "an operation on constants => its result";
    ConstantRight "constant-right" "c op x => x op c, where operands are exchangeable";
    Copy "copy" "copy x => x";
    AddZero "add-zero" "x + 0 => x";
    AddAdd "add-add" "(x + c) + d => x + (c + d)";
    AddSubCancel "add-sub-cancel" "(x - y) + y => x";
    SubSelf "sub-self" "x - x => 0";
    SubConstant "sub-constant" "x - c => x + -c";
    SubFromZero "sub-from-zero" "0 - x => neg x";
    SubAddCancel "sub-add-cancel" "(x + y) - y => x";
    SubSameBase "sub-same-base" "(x + c) - (x + d) => c - d";
    NegNeg "neg-neg" "neg neg x => x; also fneg";
    NegSub "neg-sub" "neg (x - y) => y - x";
    MulZero "mul-zero" "x * 0 => 0";
    MulOne "mul-one" "x * 1 => x";
    MulMinusOne "mul-minus-one" "x * -1 => neg x";
    MulMul "mul-mul" "(x * c) * d => x * (c * d)";
    MulAdd "mul-add" "(x + c) * d => x * d + c * d";
    MulPowerOfTwo "mul-power-of-two" "x * 2^k => x << k";
    DivOne "div-one" "x / 1 => x";
    RemOne "rem-one" "x % 1 => 0";
    DivPowerOfTwo "div-power-of-two" "x /u 2^k => x >>u k";
    RemPowerOfTwo "rem-power-of-two" "x %u 2^k => x & (2^k - 1)";
    AndZero "and-zero" "x & 0 => 0";
    AndOnes "and-ones" "x & -1 => x";
    AndSelf "and-self" "x & x => x";
    AndAnd "and-and" "(x & c) & d => x & (c & d)";
    AndRange "and-range" "x & c => x, where c has all bits that x can have";
    AndDisjoint "and-disjoint" "x & c => 0, where c has none of the bits that x can have";
    AndOr "and-or" "(x | y) & c => y & c, where c has none of the bits that x can have";
    OrZero "or-zero" "x | 0 => x";
    OrOnes "or-ones" "x | -1 => -1";
    OrSelf "or-self" "x | x => x";
    OrOr "or-or" "(x | c) | d => x | (c | d)";
    XorZero "xor-zero" "x ^ 0 => x";
    XorOnes "xor-ones" "x ^ -1 => not x";
    XorSelf "xor-self" "x ^ x => 0";
    XorXor "xor-xor" "(x ^ c) ^ d => x ^ (c ^ d)";
    ShiftZero "shift-zero" "x << 0 => x, for each shift";
    ZeroShift "zero-shift" "0 << x => 0, for each shift";
    ShiftShift "shift-shift" "(x << c) << d => x << (c + d), for each shift";
    ShiftOut "shift-out" "x >>u c => 0, where x < 2^c";
    ShiftOr "shift-or" "(x | y) >>u c => x >>u c, where y < 2^c";
    ShlShrU "shl-shr" "(x << c) >>u c => x & mask, (x >>u c) << c => x & mask";
    ShlAdd "shl-add" "(x + c) << k => (x << k) + (c << k)";
    NotNot "not-not" "not not x => x";
    NotCompare "not-compare" "not (x == y) => x != y, and so on";
    PtrAddZero "ptr-add-zero" "ptr_add p, 0 => p";
    PtrAddPtrAdd "ptr-add-ptr-add" "ptr_add (ptr_add p, c), d => ptr_add p, c + d";
    PtrAddSplit "ptr-add-split" "ptr_add p, (x + c) => ptr_add (ptr_add p, x), c";
    PtrAddConstantLast "ptr-add-constant-last" "ptr_add (ptr_add p, c), x => ptr_add (ptr_add p, x), c";
    AddressOffset "address-offset" "load (ptr_add p, c)+k => load p+(k+c), also store";
    CompareSelf "compare-self" "x == x => true, x < x => false, and so on";
    EqAdd "eq-add" "x + c == d => x == d - c, also !=";
    EqSameBase "eq-same-base" "x + c == x + d => c == d, also !=";
    EqSubZero "eq-sub-zero" "x - y == 0 => x == y, also !=";
    EqBool "eq-bool" "b == true => b, b == false => not b, also !=";
    EqExtend "eq-extend" "zext x == c => x == c or false, also != and sext";
    EqExtendBoth "eq-extend-both" "zext x == zext y => x == y, also != and sext";
    LeConstant "le-constant" "x <= c => x < c + 1, c <= x => c - 1 < x";
    LtLimit "lt-limit" "x <u 0 => false, x <u 1 => x == 0, x <u MAX => x != MAX, and so on";
    LtWrap "lt-wrap" "x + c <u c => x >u -1 - c (it has wrapped)";
    LtExtend "lt-extend" "zext x <u zext y => x <u y, also <=";
    CompareRange "compare-range" "a comparison that the operands' ranges decide => its result";
    OverflowZero "overflow-zero" "no overflow in x + 0, x - 0, x * 0, x * 1";
    OverflowRange "overflow-range" "no overflow where the operands' ranges are small";
    AddOverflowConstant "add-overflow-constant" "overflow of x + c => a comparison of x";
    SubOverflowConstant "sub-overflow-constant" "signed overflow of x - c => a comparison of x";
    SubOverflowUnsigned "sub-overflow-unsigned" "unsigned overflow of x - y => x <u y";
    MulOverflowConstant "mul-overflow-constant" "unsigned overflow of x * c => MAX / c <u x";
    TruncTrunc "trunc-trunc" "trunc (trunc x) => trunc x";
    TruncExtend "trunc-extend" "trunc (zext x) => x, zext x or trunc x, also sext";
    ExtendExtend "extend-extend" "zext (zext x) => zext x, sext (sext x) => sext x, sext (zext x) => zext x";
    TruncOr "trunc-or" "trunc (x | y) => trunc y, where all bits of x are cut off";
    TruncAnd "trunc-and" "trunc (x & c) => trunc x, where c has all bits that stay";
    TruncZero "trunc-zero" "trunc x => 0, where all bits of x are cut off";
    ZextTrunc "zext-trunc" "zext (trunc x) => x & mask, back at x's type";
    BitcastBitcast "bitcast-bitcast" "bitcast (bitcast x) => x or bitcast x";
    FDivPowerOfTwo "fdiv-power-of-two" "x / 2^k => x * 2^-k";
    Cse "cse" "an operation that has been computed => its result";
    CseCall "cse-call" "call_pure with the same operands => its result";
    KnownTruth "known-truth" "a comparison that a guard has decided => its result";
    GuardConstant "guard-constant" "a guard that always passes => nothing";
    GuardNot "guard-not" "guard (not b) => guard_not b, and back";
    GuardEqConstant "guard-eq-constant" "behind guard x == c: x => c";
    FreshCompare "fresh-compare" "v == x => false, where v has just been allocated and x is another pointer, also !=";
    LoadForward "load-forward" "a load of what was loaded => the value";
    StoreForward "store-forward" "a load of what was stored => the value";
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
    MergeParam "merge-param" "a parameter that is always another value => that value";
    DeadParam "dead-param" "a parameter that is only passed on => nothing";
}

/// A set of rules that have fired.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Fired(u128);

const _: () = assert!(RULES.len() <= 128, "Fired holds 128 rules");

impl Fired {
    pub fn fire(&mut self, rule: Rule) {
        self.0 |= 1 << rule as u32;
    }

    pub fn extend(&mut self, other: Fired) {
        self.0 |= other.0;
    }

    pub fn names(self) -> Vec<&'static str> {
        let rules = RULES.iter().enumerate();
        let fired = rules.filter(|(index, _)| self.0 >> index & 1 == 1);
        fired.map(|(_, (name, _))| *name).collect()
    }
}
