//! Patterns: which variant a value is, and what its parts are bound to.
//!
//! ```text
//! match v { Value::Int(x) if g => a, .. }
//!     place and binding of v, through its references        peel
//!     head(place), test("Int", matches!(head, Value::Int(..)))
//!     place of the field, at the offset that rustc says      inner
//!     bind(place) as x: its value, or a reference to it
//! ```
//!
//! rustc's own `match` decides, on the value itself if the twin has it, else on a *head*: bytes
//! that hold only the tag, which was loaded.
//!
//! Invariant `tag-only`: of a head, nothing but its variant is ever asked.
//!
//! Not here: the guards that tests come to (`tracer::tags`).

use super::memory;
use super::place::{At, Place, addr_of};
use super::reach::Peel;
use super::shape::{Owner, TagAt};
use super::traced::{Scalar, Traced, Tv};
use crate::ir::{Const, Op, Ty};
use crate::tracer::{AbortReason, Opnd, Tag, Word, with};
use std::mem::MaybeUninit;

/// How a name binds what it matches.
pub trait Binding: Copy + Default {
    /// How it does under `&mut`.
    type UnderUnique: Binding;
}

/// By value.
#[derive(Clone, Copy, Default)]
pub struct ByValue;
/// As `&`.
#[derive(Clone, Copy, Default)]
pub struct Shared;
/// As `&mut`.
#[derive(Clone, Copy, Default)]
pub struct Unique;

impl Binding for ByValue {
    type UnderUnique = Unique;
}
impl Binding for Shared {
    type UnderUnique = Shared;
}
impl Binding for Unique {
    type UnderUnique = Unique;
}

/// What a name is bound to.
pub trait Binds<'a, F: 'a>: Binding {
    /// Its type.
    type Bound: Traced;
    /// Binds it.
    fn bind(place: Place<F>) -> Tv<Self::Bound>;
}

impl<'a, F: Traced + 'a> Binds<'a, F> for ByValue {
    type Bound = F;
    fn bind(place: Place<F>) -> Tv<F> {
        place.get()
    }
}

impl<'a, F: 'a> Binds<'a, F> for Shared {
    type Bound = &'a F;
    fn bind(place: Place<F>) -> Tv<&'a F> {
        addr_of(place)
    }
}

impl<'a, F: 'a> Binds<'a, F> for Unique {
    type Bound = &'a mut F;
    fn bind(place: Place<F>) -> Tv<&'a mut F> {
        addr_of(place)
    }
}

/// A place that is matched, and how names bind there.
pub struct Matched<T: ?Sized, M> {
    place: Place<T>,
    mode: M,
}

impl<T: ?Sized, M: Copy> Clone for Matched<T, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized, M: Copy> Copy for Matched<T, M> {}

/// What is matched, as a whole.
pub fn matched<T: ?Sized>(place: Place<T>) -> Matched<T, ByValue> {
    Matched { place, mode: ByValue }
}

/// Through the references around what a pattern takes apart.
pub fn peel<T: Peel, M: Binding>(m: Matched<T, M>) -> Matched<T::End, T::Then<M>> {
    Matched { place: T::peel(m.place), mode: Default::default() }
}

/// `&pattern`: what the reference points to, by value.
pub fn behind<R: super::reach::Deref, M>(m: Matched<R, M>) -> Matched<R::Target, ByValue> {
    Matched { place: R::deref(m.place), mode: ByValue }
}

impl<T, M: Binding> Matched<T, M> {
    /// The place.
    pub(super) fn place(self) -> Place<T> {
        self.place
    }

    /// The address, for rustc to compute those of fields from.
    pub fn addr(self) -> *mut T {
        self.place.addr()
    }
}

impl<T: Traced, M: Binding> Matched<T, M> {
    /// A field at that address.
    pub fn field<F>(self, field: *const F) -> Matched<F, M> {
        Matched { place: self.place.project(field.cast_mut()), mode: self.mode }
    }

    /// A field of the variant that `head` shows.
    pub fn inner<F>(self, head: &Head<T>, field: *const F) -> Matched<F, M> {
        let distance = (field as u64).wrapping_sub(head.native() as u64);
        let address = (self.place.addr() as u64).wrapping_add(distance) as *mut F;
        Matched { place: self.place.project(address), mode: self.mode }
    }

    /// The place of a field of the variant that `head` shows.
    pub fn part<F>(self, head: &Head<T>, field: *const F) -> Place<F> {
        self.inner(head, field).place
    }
}

impl<T, M: Binding> Matched<T, M> {
    /// Binds a name.
    pub fn bind<'a>(self) -> Tv<M::Bound>
    where
        M: Binds<'a, T>,
        T: 'a,
    {
        M::bind(self.place)
    }

    /// Binds a name for a condition that may still say no: nothing is moved, and the result must
    /// be forgotten.
    pub fn peek<'a>(self) -> Tv<M::Bound>
    where
        M: Binds<'a, T>,
        T: 'a,
    {
        M::bind(self.place.unmoved())
    }

    /// `ref name`.
    pub fn bind_shared<'a>(self) -> Tv<&'a T> {
        addr_of(self.place)
    }

    /// `ref mut name`.
    pub fn bind_unique<'a>(self) -> Tv<&'a mut T> {
        addr_of(self.place)
    }
}

impl<T: Scalar, M> Matched<T, M> {
    /// The word, for a literal or a range.
    pub fn word(self) -> Tv<T> {
        self.place.get()
    }
}

/// What rustc's `match` looks at.
pub struct Head<X> {
    /// The value, or a head that holds its tag.
    at: Option<*const X>,
    copy: MaybeUninit<X>,
    tag: Option<Tag>,
}

impl<X> Head<X> {
    /// Where to look.
    pub fn native(&self) -> *const X {
        self.at.unwrap_or(self.copy.as_ptr())
    }
}

impl<X: Traced> Head<X> {
    /// rustc has found out whether it is the variant of that name (or of another name for it).
    pub fn test(&self, name: &str, yes: bool) -> bool {
        if let Some(tag) = self.tag {
            let tested = match X::TAG {
                TagAt::Niche { .. } => match name {
                    "None" => Some(0),
                    "Some" => Some(1),
                    _ => None,
                },
                _ => X::tag_named(name),
            };
            with(|s| s.test(tag, tested, yes));
        }
        yes
    }
}

/// What a pattern with a path is tested against.
pub fn head<X: Traced, M: Binding>(m: Matched<X, M>) -> Head<X> {
    let place = m.place;
    match place.at {
        At::Value(_) => head_of_value(place),
        At::Memory { .. } => match X::TAG {
            TagAt::Nowhere => {
                let variants = X::VARIANTS != 0;
                if variants && !place.is_frozen() {
                    with(|s| s.abort(AbortReason::OpaqueValue));
                }
                if is_plain_word::<X>() && !place.is_frozen() {
                    // SAFETY: a live value of one word is here.
                    let word = unsafe { place.word(0, X::SHAPE.first(), Owner::Place) };
                    return Head { at: None, copy: holding(0, word.now), tag: None };
                }
                // Frozen memory is alive in replay too; what has no variants is not read at all.
                Head { at: Some(place.addr()), copy: MaybeUninit::uninit(), tag: None }
            }
            // Loaded, also from frozen memory: only recording knows whether an index made the
            // address a value of the trace.
            TagAt::Word { offset, ty, .. } | TagAt::Niche { offset, ty, .. } => {
                let owner = X::SHAPE
                    .words()
                    .iter()
                    .find(|word| word.offset == offset)
                    .map_or(Owner::Any, |word| word.owner);
                // SAFETY: a live value is here, whose tag lies there.
                let word = unsafe { place.word(offset, ty, owner) };
                Head { at: None, copy: holding(offset, word.now), tag: Some(tag::<X>(word)) }
            }
        },
    }
}

/// Zeros but for one word.
fn holding<X>(offset: u32, word: Const) -> MaybeUninit<X> {
    let mut copy = MaybeUninit::<X>::zeroed();
    let at = copy.as_mut_ptr() as u64 + u64::from(offset);
    // SAFETY: the word lies inside `copy`, which is ours.
    unsafe { memory::write(at, word) };
    copy
}

fn head_of_value<X: Traced>(place: Place<X>) -> Head<X> {
    let At::Value(inside) = place.at else { unreachable!("asked by `head`") };
    let tag = match X::TAG {
        TagAt::Nowhere => match inside.whole() {
            Opnd::Blob(blob) if X::VARIANTS != 0 => {
                let opnd = with(|s| s.blob_tag(blob));
                if opnd.is_none() {
                    with(|s| s.abort(AbortReason::OpaqueValue));
                }
                // SAFETY: the twin's own value lives there.
                let now = Const::new(Ty::I64, unsafe { X::variant(place.addr()) });
                let opnd = opnd.unwrap_or(Opnd::Const);
                let opnd = with(|s| s.resolve(opnd, now));
                Some(Tag { word: Word { now, opnd }, all: X::VARIANTS })
            }
            _ => None,
        },
        TagAt::Word { offset, ty, .. } | TagAt::Niche { offset, ty, .. } => {
            // SAFETY: the twin's own value lives there.
            Some(tag::<X>(unsafe { place.word(offset, ty, Owner::Place) }))
        }
    };
    Head { at: Some(place.addr()), copy: MaybeUninit::uninit(), tag }
}

/// The tag from the word where it lies.
fn tag<X: Traced>(word: Word) -> Tag {
    match X::TAG {
        TagAt::Word { all, .. } => Tag { word, all },
        TagAt::Niche { none, ty, .. } => {
            let none = Const::new(ty, none);
            let constant = Word { now: none, opnd: Opnd::Const };
            let opnd = with(|s| s.op(Op::Ne, ty, word, Some(constant)));
            let now = Const::bool(word.now.bits != none.bits);
            let opnd = with(|s| s.resolve(opnd, now));
            Tag { word: Word { now, opnd }, all: 0b11 }
        }
        TagAt::Nowhere => unreachable!("asked only of types that have a tag"),
    }
}

/// A pattern that is a mere name in capitals: a constant of a word type, or a variant without
/// fields. `yes` is what rustc found, `value` what that name stands for.
pub fn named<X: Traced, M: Binding>(
    m: Matched<X, M>,
    head: &Head<X>,
    name: &str,
    yes: bool,
    value: X,
) -> bool {
    if !is_plain_word::<X>() {
        return head.test(name, yes);
    }
    // SAFETY: a live value of one word is here.
    let word = unsafe { m.place.word(0, X::SHAPE.first(), Owner::Place) };
    // SAFETY: a value of one word.
    let now = unsafe { memory::read((&raw const value) as u64, X::SHAPE.first()) };
    let op = if now.ty.is_float() { Op::FEq } else { Op::Eq };
    let opnd = with(|s| s.op(op, now.ty, word, Some(Word { now, opnd: Opnd::Const })));
    with(|s| s.branch(Word { now: Const::bool(yes), opnd }));
    yes
}

/// Is it a word that has no variants?
const fn is_plain_word<X: Traced>() -> bool {
    X::SHAPE.is_word() && matches!(X::TAG, TagAt::Nowhere) && X::VARIANTS == 0
}
