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

use super::ask;
use super::derived::Case;
use super::elements::{Indexable, element};
use super::kind::{HasKind, Kind, erased, holding};
use super::memory;
use super::place::{At, Fields, HasFields, Inside, Place, addr_of, project};
use super::reach::Peel;
use super::shape::{Owner, TagAt};
use super::traced::{Scalar, Traced, Tv};
use crate::ir::{Const, Op, Ty};
use crate::tracer::{AbortReason, Opnd, Tag, Word};
use std::cell::Cell;
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
    /// The value, for rustc to compute addresses of fields from.
    ///
    /// # Safety
    /// Nothing is read.
    pub unsafe fn here<'a>(self) -> &'a T {
        // SAFETY: the caller's promise.
        unsafe { self.place.here() }
    }
}

impl<T, M: Binding> Matched<T, M> {
    /// A field at that address.
    #[inline(never)]
    pub fn field<F>(self, field: *const F) -> Matched<F, M>
    where
        T: Traced,
    {
        Matched { place: project(field.cast_mut(), &self.place), mode: self.mode }
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

impl<T: Indexable + ?Sized, M: Binding> Matched<T, M> {
    /// `[a, b]`, and with `rest` `[a, .., b]`: are there so many elements? A guard says so.
    pub fn has_elements(self, number: usize, rest: bool) -> bool {
        let (_, len) = T::elements(self.place);
        let wanted = Word { now: Const::i64(number as i64), opnd: Opnd::Const };
        let (op, a, b) = if rest { (Op::LeU, wanted, len) } else { (Op::Eq, len, wanted) };
        let yes = if rest { number as u64 <= len.now.bits } else { number as u64 == len.now.bits };
        let opnd = ask::op(op, Ty::I64, a, Some(b));
        ask::branch(Word { now: Const::bool(yes), opnd });
        yes
    }

    /// The element of that number, from the front or from the end.
    pub fn element(self, number: usize, from_end: bool) -> Matched<T::Item, M> {
        let (first, len) = T::elements(self.place);
        let constant = |n: usize| Word { now: Const::i64(n as i64), opnd: Opnd::Const };
        let index = if from_end {
            let now = Const::i64(len.now.signed() - number as i64);
            let opnd = ask::op(Op::Sub, Ty::I64, len, Some(constant(number)));
            Word { now, opnd }
        } else {
            constant(number)
        };
        Matched { place: element(first, index), mode: self.mode }
    }
}

impl<T: Scalar, M> Matched<T, M> {
    /// The word, for a literal or a range.
    pub fn word(self) -> Tv<T> {
        self.place.get()
    }
}

/// What rustc's `match` looks at: what a value is behind its references.
pub struct Head<X, M> {
    /// What is known of it, whatever its type is.
    pub found: Shown<M>,
    /// The value, if the twin has it.
    at: *const X,
    /// Else a head that holds its tag.
    copy: MaybeUninit<X>,
}

/// What is known of a value that is matched, and how names bind in it.
pub struct Shown<M> {
    found: Found,
    mode: M,
}

/// What is known of a value that is matched.
struct Found {
    seen: Seen,
    place: Place<u8>,
    of: &'static Fields,
    /// Where rustc looks, since it has been shown that.
    shown: Cell<u64>,
    /// Does it look at the value itself?
    here: bool,
}

/// What the trace knows of a head.
struct Seen {
    kind: &'static Kind,
    tag: Option<Tag>,
}

impl<X, M> Head<X, M> {
    /// Where to look, for a pattern.
    ///
    /// # Safety
    /// Nothing but the variant is looked at, and addresses of fields are computed. The head must
    /// stay where it is.
    pub unsafe fn shown<'a>(&self) -> &'a X {
        let found = &self.found.found;
        let at = if found.here { self.at } else { &raw const self.copy as *const X };
        found.shown.set(at as u64);
        // SAFETY: a head, or the value itself.
        unsafe { &*at }
    }
}

impl<M: Binding> Shown<M> {
    /// rustc has found out whether it is the variant of that name (or of another name for it).
    pub fn test(&self, name: &str, yes: bool) -> bool {
        self.found.seen.test(name, yes)
    }

    /// rustc has found out which of these patterns, each a variant, is the first that matches;
    /// their number, if none does.
    pub fn chosen(&self, names: &[&str], number: usize) {
        self.found.seen.chosen(names, number);
    }

    /// A field of the variant that has been shown.
    pub fn inner<F>(&self, field: &F) -> Matched<F, M> {
        Matched { place: part(self, field), mode: self.mode }
    }
}

impl Found {
    /// The place of a field of the variant that has been shown.
    fn inner(&self, field: u64, size: usize) -> Place<u8> {
        let mut at = self.place.at;
        let to = at.inner(self.place.address as u64, [self.shown.get(), field], self.of, size);
        Place { address: to as *mut u8, at }
    }
}

/// The place of a field of the variant that has been shown.
pub fn part<F, M>(shown: &Shown<M>, field: *const F) -> Place<F> {
    holding!(F, shown.found.inner(field as u64, size_of::<F>()))
}

/// Several names at once: a call in an expansion costs more to compile than another argument.
macro_rules! bind_several {
    ($($name:ident $($field:ident $f:ident)+;)+) => {
        impl<M: Binding> Shown<M> {
            /// Binds a name to a field of the variant that has been shown.
            pub fn bind<'a, F: 'a>(&self, field: &F) -> Tv<<M as Binds<'a, F>>::Bound>
            where
                M: Binds<'a, F>,
            {
                let field = &raw const *field as u64;
                M::bind(holding!(F, self.found.inner(field, size_of::<F>())))
            }
            $(
                /// The same of several, in this order.
                pub fn $name<'a, $($f: 'a),+>(
                    &self,
                    $($field: &$f),+
                ) -> ($(Tv<<M as Binds<'a, $f>>::Bound>),+)
                where
                    $(M: Binds<'a, $f>),+
                {
                    ($(self.bind::<$f>($field)),+)
                }
            )+
        }
    };
}
bind_several! {
    bind_2 a A b B;
    bind_3 a A b B c C;
    bind_4 a A b B c C d D;
}

impl Seen {
    fn test(&self, name: &str, yes: bool) -> bool {
        if let Some(tag) = self.tag {
            let tested = match self.kind.tag {
                TagAt::Niche { .. } => match name {
                    "None" => Some(0),
                    "Some" => Some(1),
                    _ => None,
                },
                _ => self.kind.tag_named(name),
            };
            ask::test(tag, tested, yes);
        }
        yes
    }

    fn chosen(&self, names: &[&str], number: usize) {
        if self.kind.is_plain_word() {
            // These are constants, which the names do not show.
            ask::abort(AbortReason::OpaqueValue);
        }
        for (index, name) in names.iter().enumerate().take(number + 1) {
            self.test(name, index == number);
        }
    }
}

/// Has the variant that a value of the twin is something to drop? The trace asks for those that
/// have, one after the other.
///
/// # Safety
/// The place must be in the twin, and a value of the kind there.
pub(super) unsafe fn has_to_drop(kind: &'static Kind, place: Place<u8>, cases: &[Case]) -> bool {
    // SAFETY: the caller's promise.
    let variant = unsafe { kind.variant(place.addr()) };
    let mut dropping = cases.iter().zip(0..).filter(|(case, _)| case.drops);
    dropping.any(|(case, number)| {
        // SAFETY: the caller's promise.
        unsafe { test_value(kind, place, case.name, number == variant) };
        number == variant
    })
}

/// What rustc has found out about a value of the twin, without a head of its own.
///
/// # Safety
/// The place must be in the twin, and a value of the kind there.
pub(super) unsafe fn test_value(kind: &'static Kind, place: Place<u8>, name: &str, yes: bool) {
    let At::Value(inside) = place.at else { unreachable!("a value of the twin") };
    // SAFETY: the caller's promise.
    let tag = unsafe { tag_of_value(kind, place, inside) };
    Seen { kind, tag }.test(name, yes);
}

/// What a pattern with a path is tested against, through the references around it.
#[inline(never)]
pub fn head<T, M: Binding>(m: Matched<T, M>) -> Head<T::End, T::Then<M>>
where
    T: Peel<End: Traced>,
{
    let place = T::peel(m.place);
    let mut copy = MaybeUninit::<T::End>::uninit();
    let to = &raw mut copy as *mut u8;
    // SAFETY: there is room for a value, and one lives at the place.
    let found = unsafe { find_head(T::End::KIND, T::End::OF, erased!(place), to) };
    Head { found: Shown { found, mode: Default::default() }, at: place.address, copy }
}

/// Where to look (at the place itself, or else at `copy`), and the tag.
///
/// # Safety
/// A value of the kind must be at the place, and room for one at `copy`.
unsafe fn find_head(
    kind: &'static Kind,
    of: &'static Fields,
    place: Place<u8>,
    copy: *mut u8,
) -> Found {
    // SAFETY: the caller's promise.
    let (here, tag) = unsafe { find_tag(kind, place, copy) };
    Found { seen: Seen { kind, tag }, place, of, shown: Cell::new(0), here }
}

/// # Safety
/// As for [`find_head`].
unsafe fn find_tag(kind: &Kind, place: Place<u8>, copy: *mut u8) -> (bool, Option<Tag>) {
    if let At::Value(inside) = place.at {
        // SAFETY: the caller's promise.
        return (true, unsafe { tag_of_value(kind, place, inside) });
    }
    // SAFETY: the caller's promise: zeros but for one word.
    let show = |offset: u32, word: Const| unsafe {
        copy.write_bytes(0, kind.size as usize);
        memory::write(copy as u64 + u64::from(offset), word);
    };
    match kind.tag {
        TagAt::Nowhere => {
            if kind.variants != 0 && !place.is_frozen() {
                ask::abort(AbortReason::OpaqueValue);
            }
            if kind.is_plain_word() && !place.is_frozen() {
                // SAFETY: a live value of one word is here.
                let word = unsafe { place.word(0, kind.shape.first(), Owner::Place) };
                show(0, word.now);
                return (false, None);
            }
            // Frozen memory is alive in replay too; what has no variants is not read at all.
            (true, None)
        }
        // Loaded, also from frozen memory: only recording knows whether an index made the address
        // a value of the trace.
        TagAt::Word { offset, ty, .. } | TagAt::Niche { offset, ty, .. } => {
            let mut words = kind.shape.words().iter();
            let owner =
                words.find(|word| word.offset == offset).map_or(Owner::Any, |word| word.owner);
            // SAFETY: a live value is here, whose tag lies there.
            let word = unsafe { place.word(offset, ty, owner) };
            show(offset, word.now);
            (false, Some(tag(kind, word)))
        }
    }
}

/// # Safety
/// A value of the kind must be at the place.
unsafe fn tag_of_value(kind: &Kind, place: Place<u8>, inside: Inside) -> Option<Tag> {
    match kind.tag {
        TagAt::Nowhere => match inside.whole() {
            Opnd::Blob(blob) if kind.variants != 0 => {
                // The word is that of the whole value: no enum within it has one.
                let opnd = ask::blob_tag(blob).filter(|_| inside.local.of == (kind.name)());
                if opnd.is_none() {
                    ask::abort(AbortReason::OpaqueValue);
                }
                // SAFETY: the twin's own value lives there.
                let now = Const::new(Ty::I64, unsafe { kind.variant(place.addr()) });
                let opnd = ask::resolve(opnd.unwrap_or(Opnd::Const), now);
                Some(Tag { word: Word { now, opnd }, all: kind.variants })
            }
            _ => None,
        },
        TagAt::Word { offset, ty, .. } | TagAt::Niche { offset, ty, .. } => {
            // SAFETY: the twin's own value lives there.
            Some(tag(kind, unsafe { place.word(offset, ty, Owner::Place) }))
        }
    }
}

/// The tag from the word where it lies.
fn tag(kind: &Kind, word: Word) -> Tag {
    match kind.tag {
        TagAt::Word { all, .. } => Tag { word, all },
        TagAt::Niche { none, ty, .. } => {
            let none = Const::new(ty, none);
            let constant = Word { now: none, opnd: Opnd::Const };
            let opnd = ask::op(Op::Ne, ty, word, Some(constant));
            let now = Const::bool(word.now.bits != none.bits);
            let opnd = ask::resolve(opnd, now);
            Tag { word: Word { now, opnd }, all: 0b11 }
        }
        TagAt::Nowhere => unreachable!("asked only of types that have a tag"),
    }
}

/// A pattern that is a mere name in capitals: a constant of a word type, or a variant without
/// fields. `yes` is what rustc found, `value` what that name stands for.
#[inline(never)]
pub fn named<X: Traced, M>(head: &Head<X, M>, name: &str, yes: bool, value: X) -> bool {
    // SAFETY: a live value of this kind is at both.
    unsafe {
        let value = (&raw const value).cast();
        is_named(&head.found.found, name, yes, value)
    }
}

/// # Safety
/// A value of the kind must be at the place, and at `value`.
unsafe fn is_named(found: &Found, name: &str, yes: bool, value: *const u8) -> bool {
    let (seen, place) = (&found.seen, found.place);
    let kind = seen.kind;
    if !kind.is_plain_word() {
        return seen.test(name, yes);
    }
    // SAFETY: a live value of one word is here.
    let word = unsafe { place.word(0, kind.shape.first(), Owner::Place) };
    // SAFETY: a value of one word.
    let now = unsafe { memory::read(value as u64, kind.shape.first()) };
    let op = if now.ty.is_float() { Op::FEq } else { Op::Eq };
    let opnd = ask::op(op, now.ty, word, Some(Word { now, opnd: Opnd::Const }));
    ask::branch(Word { now: Const::bool(yes), opnd });
    yes
}
