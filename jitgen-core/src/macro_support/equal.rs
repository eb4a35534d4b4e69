//! `==` and `!=`.
//!
//! ```text
//! a == b        words, enums without fields: one operation
//! v == w        other types that are `Copy`: a call of the author's `PartialEq`
//! &a == &b      what the references lead to, in the same way
//! s == t        `Rc<str>`, `String`: a call of their `Ord`
//! ```
//!
//! The call is pure where a type's bytes are all that there is to it (`Traced::BITS`): its words are
//! then passed one by one. Else, or with too many words, it is residual.
//!
//! Invariant `same-way`: types alone say which kind of call it is, so that replay meets the same.
//!
//! Not here: `<` and the like (`compare`), the other operators (`ops`), patterns (`pattern`).

use super::ask;
use super::call::{compare_thunk, residual};
use super::carrier::Plain;
use super::compare::{compare_called, compared, comparisons};
use super::ops::{Bin, Un, un};
use super::overflow::UNCHECKED;
use super::passing::word;
use super::place::{Place, local};
use super::reach::deref;
use super::traced::{Machine, Scalar, Traced, Tv, bits_of, uncarry};
use crate::ir::Const;
use crate::tracer::{Function, Opnd, Word, pure};
use std::rc::Rc;

/// What can be compared in traced code.
#[diagnostic::on_unimplemented(
    message = "operators on `{Self}` cannot be traced",
    label = "neither a machine word nor a traced type that is `Copy`",
    note = "move the operation into a #[residual] function, or take the value apart with `match`"
)]
pub trait Equal: Traced {
    /// `a op b`.
    fn equal(op: Bin, a: Tv<Self>, b: Tv<Self>) -> Tv<bool>;
    /// The same of values in places.
    fn equal_in(op: Bin, a: Place<Self>, b: Place<Self>) -> Tv<bool> {
        Self::equal(op, a.get(), b.get())
    }
}

/// `a == b` or `a != b`.
pub fn equal<A: Equal>(op: Bin, a: Tv<A>, b: Tv<A>) -> Tv<bool> {
    A::equal(op, a, b)
}

/// Of words.
pub fn equal_scalars<X: Scalar + PartialEq>(op: Bin, a: Tv<X>, b: Tv<X>) -> Tv<bool> {
    let now = (a.nat() == b.nat()) == (op == Bin::Eq);
    compared(op, X::SIGNED, a.word(), b.word(), now)
}

/// The comparison by the author's function.
pub fn equal_called<A>(op: Bin, a: Tv<A>, b: Tv<A>) -> Tv<bool>
where
    A: Traced<O = Plain> + Copy + PartialEq,
{
    let symbol = std::any::type_name::<fn(A, A) -> bool>();
    let (x, y) = (a.nat(), b.nat());
    let thunk = if A::BITS { thunk_of::<A>() } else { None };
    let same = match thunk {
        Some((address, evaluate)) => {
            pure::register(symbol, evaluate);
            pure_equal(Function { symbol, address }, &a, &b, x == y)
        }
        None => {
            let words = [word(&a), word(&b)];
            let address = compare_thunk::<A> as *const () as usize;
            residual(Function { symbol, address }, &words, || x == y)
        }
    };
    if op == Bin::Eq { same } else { un(Un::Not, &UNCHECKED, &same, !same.nat()) }
}

fn pure_equal<A>(function: Function, a: &Tv<A>, b: &Tv<A>, same: bool) -> Tv<bool>
where
    A: Traced<O = Plain> + Copy + PartialEq,
{
    let constant = a.opnd().is_const() && b.opnd().is_const();
    if constant || !ask::is_recording() {
        return Tv::of(same, Opnd::Const);
    }
    let args: Vec<Word> =
        a.words(true).into_iter().chain(b.words(true)).map(|(_, word)| word).collect();
    let now = Const::new(bool::TY, u64::from(same));
    Tv::of(same, ask::end_pure_call(function, &args, now))
}

/// The value that consists of the words with these bits.
fn from_words<A: Traced, const N: usize>(bits: [u64; N]) -> A {
    let shape = const { &A::SHAPE };
    let words: [(u32, Const); N] = std::array::from_fn(|index| {
        let word = shape.words()[index];
        let unused = 64 - 8 * word.ty.size();
        (word.offset, Const::new(word.ty, bits[index] << unused >> unused))
    });
    uncarry(bits_of::<A::V>(&words))
}

macro_rules! thunks {
    ($($n:literal $name:ident($($a:ident)+; $($b:ident)+);)+) => {
        $(extern "C" fn $name<A>($($a: u64,)+ $($b: u64),+) -> bool
        where
            A: Traced<O = Plain> + Copy + PartialEq,
        {
            from_words::<A, $n>([$($a),+]) == from_words::<A, $n>([$($b),+])
        })+

        /// The function that takes two values by their words, and the same for the checker.
        fn thunk_of<A>() -> Option<(usize, pure::Evaluator)>
        where
            A: Traced<O = Plain> + Copy + PartialEq,
        {
            let shape = const { &A::SHAPE };
            if shape.is_opaque() || shape.words().iter().any(|word| word.ty.is_float()) {
                return None;
            }
            match shape.words().len() {
                $($n => Some(($name::<A> as *const () as usize, |args: &[Const]| {
                    let half = |from: usize| std::array::from_fn(|index| args[from + index].bits);
                    u64::from(from_words::<A, $n>(half(0)) == from_words::<A, $n>(half($n)))
                })),)+
                _ => None,
            }
        }
    };
}
thunks! {
    1 one(a; b);
    2 two(a b; c d);
    3 three(a b c; d e f);
}

impl<T> Equal for Option<T>
where
    Option<T>: Traced<O = Plain> + Copy + PartialEq,
{
    fn equal(op: Bin, a: Tv<Self>, b: Tv<Self>) -> Tv<bool> {
        equal_called(op, a, b)
    }
}

comparisons!(all by Equal::equal, equal_in, equal_scalars);
