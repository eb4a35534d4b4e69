//! The portal: what the macro puts at the merge point, in the interpreter and in its twin.
//!
//! ```text
//! interpreter   can_enter_jit!()   =>  if tick(&[key, key]) { match enter(…) { … } } continue
//! twin          merge_point!()     =>  Merge: greens become constant, the session says go or stop
//! ```
//!
//! State crosses between the two as words: [`State`]. A green is identified by a key; a green
//! pointer is kept alive by the compiled code that knows it ([`Green`]).
//!
//! Not here: counting and compiling (`runtime`).

use super::ask;
use super::carrier::Carrier;
use super::kind::HasKind;
use super::place::Place;
use super::shape::Shape;
use super::traced::{Machine, Ptr, Scalar, Traced, Tv};
use crate::ir::{Const, Ty};
use crate::tracer::{self, MergeState, Opnd, Part, Step, Word};
use std::any::Any;
use std::rc::Rc;

/// A type that can be green.
///
/// Machine words are. A pointer is only if compiled code can keep alive what it points to: else
/// an object that is freed, and another one at its address, would run the old one's code.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be green",
    label = "not a green",
    note = "greens are integers, `bool`, `char`, and `Gc`s and references to `Rc`s, which compiled code keeps alive"
)]
pub trait Green: Traced {
    /// What identifies the value.
    fn key(value: &Self::V) -> u64;
    /// Makes the value constant in the trace, and keeps alive what it points to.
    fn fix(value: &mut Tv<Self>) -> tracer::Green;
}

macro_rules! green_words {
    ($($t:ty),+) => {$(
        impl Green for $t {
            #[inline(always)]
            fn key(value: &$t) -> u64 {
                value.bits()
            }
            fn fix(value: &mut Tv<$t>) -> tracer::Green {
                ask::promote(value.word());
                *value = super::traced::lift(value.nat());
                let bits = value.nat().bits();
                tracer::Green { key: bits, bits, keep: None }
            }
        }
    )+};
}
green_words!(u8, u16, u32, u64, usize, i8, i16, i32, i64, isize, bool, char);

impl<T: 'static> Green for &Rc<T> {
    #[inline(always)]
    fn key(value: &Ptr<Rc<T>>) -> u64 {
        // SAFETY: a green reference is valid at its merge point.
        Rc::as_ptr(unsafe { value.0.as_ref() }) as u64
    }
    fn fix(value: &mut Tv<Self>) -> tracer::Green {
        if ask::is_started() {
            // The `Rc` in memory is the identity, not the address of the reference to it.
            let rc = super::reach::deref(super::place::local(value));
            let pointer = super::reach::pointer_in(rc);
            ask::promote(pointer);
        }
        // SAFETY: a green reference is valid at its merge point.
        let keep: Rc<Rc<T>> = Rc::new(Rc::clone(unsafe { value.0.c.0.as_ref() }));
        let key = Self::key(&value.0.c);
        value.0.c = Ptr(std::ptr::NonNull::from(&*keep));
        value.0.o = Opnd::Frozen;
        let keep: Rc<dyn Any> = keep;
        ask::keep(Rc::clone(&keep));
        tracer::Green { key, bits: value.0.c.bits(), keep: Some(keep) }
    }
}

/// The greens and reds at a merge point.
#[derive(Clone, Debug, Default)]
pub struct State {
    at: MergeState,
    /// The reds as the trace has them, while one is recorded.
    words: Vec<Word>,
    next_green: usize,
    next_red: usize,
}

impl State {
    /// A state to be read.
    pub fn new(at: MergeState) -> State {
        State { at, ..State::default() }
    }

    /// The state of an inner portal, as a log has it.
    pub(super) fn of_level(portal: &tracer::Portal, image: &tracer::Image) -> State {
        let bits = |at: usize| {
            let mut bits = [0; 8];
            bits.copy_from_slice(&image.bytes[8 * at..8 * at + 8]);
            u64::from_le_bytes(bits)
        };
        let (first, count) = (portal.greens.len(), image.bytes.len() / 8);
        // Of greens that are not words the key is not known here, and not asked for.
        let green = |bits| tracer::Green { key: bits, bits, keep: None };
        let greens = (0..first).map(|at| green(bits(at)));
        let words = (first..count).map(|at| {
            let now = Const::new(Ty::I64, bits(at));
            Word { now, opnd: image.opnd(8 * at as u32) }
        });
        let words: Vec<Word> = words.collect();
        let reds = words.iter().map(|word| word.now).collect();
        State { words, ..State::new(MergeState { greens: greens.collect(), reds }) }
    }

    /// The state, and the reds as the trace has them.
    pub(super) fn into_parts(self) -> (MergeState, Vec<Word>) {
        (self.at, self.words)
    }

    /// What the runtime sees of it.
    pub fn into_merge_state(self) -> MergeState {
        self.at
    }

    /// The interpreter hands over a green; `_like` gives the type.
    #[inline(always)]
    pub fn put_green<X: Green>(mut self, carrier: X::V, _like: &X) -> State
    where
        X::V: Machine,
    {
        let key = X::key(&carrier);
        self.at.greens.push(tracer::Green { key, bits: carrier.bits(), keep: None });
        self
    }

    /// The interpreter hands over a red, which is then the trace's.
    pub fn put_red<X: Traced>(mut self, red: X) -> State {
        const { assert!(!X::SHAPE.is_opaque(), "a red consists of machine words") };
        let red = std::mem::ManuallyDrop::new(red);
        // SAFETY: the value is there.
        self.at.reds.extend(unsafe { X::KIND.exact((&raw const red) as *const u8) });
        self
    }

    /// The interpreter hands over a red that it keeps as it is.
    #[inline(always)]
    pub fn put_copy<X: Traced>(self, red: &X) -> State {
        const { assert!(!std::mem::needs_drop::<X>(), "a red with a destructor is declared `mut`") };
        // SAFETY: a value without a destructor owns nothing, and the interpreter does not use it
        // while the copy is in use.
        self.put_red(unsafe { std::ptr::from_ref(red).read() })
    }

    /// The interpreter takes the green of that number back.
    pub fn plain_green<X: Traced>(&self, index: usize) -> X
    where
        X::V: Machine,
    {
        super::traced::uncarry(X::V::from_bits(self.at.greens[index].bits))
    }

    /// The interpreter takes the next red back; call it for every red, in order.
    pub fn plain_red<X: Traced>(&mut self) -> X {
        let words = self.take_words(const { &X::SHAPE }, |_| Opnd::Const);
        super::traced::uncarry(super::traced::bits_of(&now(&words)))
    }

    /// The first red, as the interpreter has it; it can still be taken.
    pub fn first_red<X: Traced>(&self) -> X
    where
        X::V: Machine,
    {
        super::traced::uncarry(X::V::from_bits(self.at.reds[0].bits))
    }

    /// The interpreter leaves the next red as it is: it is not mutable.
    #[inline(always)]
    pub fn skip_red<X: Traced>(&mut self, _: &X) {
        self.next_red += X::SHAPE.words().len();
    }

    /// The next green lives in memory. Its value at the merge point from which the twin starts is
    /// the one of this state: a log may already be past a store to it.
    pub fn green_in_memory(&mut self) {
        let green = self.at.greens[self.next_green].clone();
        self.next_green += 1;
        ask::start_green(green);
    }

    /// The twin takes the next green.
    pub fn green<X: Green>(&mut self) -> Tv<X>
    where
        X::V: Machine,
    {
        let green = &self.at.greens[self.next_green];
        self.next_green += 1;
        Tv(Carrier::new(X::V::from_bits(green.bits), Opnd::Const))
    }

    /// The twin takes the next red.
    pub fn red<X: Traced>(&mut self) -> Tv<X> {
        const { assert!(!X::SHAPE.is_opaque(), "a red consists of machine words") };
        let words = self.take_words(const { &X::SHAPE }, ask::param);
        if X::FREEZES {
            share(&words);
        }
        Tv::received(&words)
    }

    fn take_words(&mut self, shape: &Shape, opnd: fn(usize) -> Opnd) -> Vec<(u32, Word)> {
        let words = shape.words().iter().map(|at| {
            let now = Const::new(at.ty, self.at.reds[self.next_red].bits);
            // An inner portal's reds come from a log, those of the outermost are parameters.
            let opnd = match self.words.get(self.next_red) {
                Some(word) => word.opnd,
                None => opnd(self.next_red),
            };
            let word = Word { now, opnd };
            self.next_red += 1;
            (at.offset, word)
        });
        words.collect()
    }
}

/// The words without their operands.
fn now(words: &[(u32, Word)]) -> Vec<(u32, Const)> {
    words.iter().map(|(offset, word)| (*offset, word.now)).collect()
}

/// Nothing changes behind these pointers.
fn share(words: &[(u32, Word)]) {
    words.iter().for_each(|(_, word)| ask::share(word.opnd));
}

/// A copy of a variable of the interpreter. Its address does not escape, so that the variable can
/// stay in a register.
#[inline(always)]
pub fn carrier<X: Traced>(x: &X) -> X::V
where
    X::V: Copy,
{
    // SAFETY: the carrier has the layout of `X` and is `Copy`: it owns nothing.
    unsafe { std::mem::transmute_copy::<X, X::V>(x) }
}

/// The key of a green of the interpreter.
#[inline(always)]
pub fn key<X: Green>(x: &X) -> u64
where
    X::V: Copy,
{
    X::key(&carrier(x))
}

/// `can_enter_jit!()` in a twin: the next merge point may be a loop's head.
pub fn loop_header() {
    ask::mark_header();
}

/// A merge point of a twin in progress.
#[derive(Default)]
pub struct Merge {
    greens: Vec<tracer::Green>,
    reds: Vec<Word>,
    renamed: Option<std::vec::IntoIter<crate::ir::ValueId>>,
}

impl Merge {
    /// Begins.
    pub fn new() -> Merge {
        Merge::default()
    }

    /// A green local.
    pub fn green<X: Green>(&mut self, x: &mut Tv<X>) {
        self.greens.push(X::fix(x));
    }

    /// Is this the merge point from which the twin starts?
    pub fn at_start(&self) -> bool {
        !ask::is_started()
    }

    /// A green in memory, at the merge point from which the twin starts: nothing is read, because
    /// a log may already be past a store to it.
    pub fn start_green(&mut self) {
        let green = ask::take_start_green();
        self.greens.push(green.expect("the state has a value for every green"));
    }

    /// A green in memory, at a later merge point: it is read and promoted.
    pub fn green_place<X: Green + Scalar>(&mut self, place: Place<X>) {
        let mut value = place.get();
        self.greens.push(X::fix(&mut value));
    }

    /// Behind the merge point, the green of that number is known where it lives in memory.
    pub fn learn<X: Green + Scalar>(&self, index: usize, place: Place<X>) {
        if !ask::is_replaying() {
            let value = super::traced::lift(X::from_bits(self.greens[index].bits));
            super::place::learn(place, value);
        }
    }

    /// A red.
    pub fn red<X: Traced>(&mut self, x: &Tv<X>) {
        self.put_red(x.words(true));
    }

    fn put_red(&mut self, words: Vec<(u32, Word)>) {
        self.reds.extend(words.into_iter().map(|(_, word)| word));
    }

    /// Does the twin stop here?
    pub fn stops(&mut self) -> bool {
        match ask::merge(self.greens.clone(), &self.reds) {
            Step::Go => false,
            Step::Rename(values) => {
                self.renamed = Some(values.into_iter());
                false
            }
            Step::Stop => true,
        }
    }

    /// The red's operand from here on; call it for every red, in order.
    pub fn update<X: Traced>(&mut self, x: &mut Tv<X>) {
        if let Some(opnd) = self.renamed_to(const { &X::SHAPE }, X::FREEZES) {
            // SAFETY: this is a carrier.
            unsafe { X::KIND.set_opnd(&raw mut *x as *mut u8, opnd) };
        }
    }

    fn renamed_to(&mut self, shape: &Shape, freezes: bool) -> Option<Opnd> {
        let renamed = self.renamed.as_mut()?;
        let parts = shape.words().iter().map(|at| {
            let opnd = Opnd::Ssa(renamed.next().expect("a value for every word"));
            if freezes {
                ask::share(opnd);
            }
            Part::word(at.offset, at.ty, opnd)
        });
        Some(ask::settle(parts.collect()))
    }

    /// The state to go on with elsewhere.
    pub fn state(self) -> State {
        let reds = self.reds.iter().map(|word| word.now).collect();
        let at = MergeState { greens: self.greens, reds };
        State { words: self.reds, ..State::new(at) }
    }
}

/// How a twin is entered.
pub enum Entry<P> {
    /// At a merge point.
    Resume(State),
    /// At the beginning, with the portal's arguments (for portals that traced code calls).
    Call(P),
}

/// How a twin ends.
pub enum Outcome<R: Traced> {
    /// At a merge point.
    Merge(State),
    /// The portal returns.
    Return(Tv<R>),
}

/// What the portal's loop has for a value: `break` gives `()`, `break value` a traced value.
pub trait LoopValue {
    /// The type that the portal returns.
    type Native: Traced;
    /// The value.
    fn into_traced(self) -> Tv<Self::Native>;
}

impl LoopValue for () {
    type Native = ();
    fn into_traced(self) -> Tv<()> {
        super::traced::UNIT
    }
}

impl<X: Traced> LoopValue for Tv<X> {
    type Native = X;
    fn into_traced(self) -> Tv<X> {
        self
    }
}
