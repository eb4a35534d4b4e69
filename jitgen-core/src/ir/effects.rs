//! What an access to memory may touch: alias classes, the effects of calls in terms of them, owners.
//!
//! ```text
//! v2 = load.i64 v0+8 @3
//! store.i8 v1+0 @4, 7                      ;; cannot change what v2 has read
//! call @f(v0) writes(@4) reads(@3, @4)     ;; nor can this
//! v3 = load.i64 v0+8 @3                    ;; is v2
//! ```
//!
//! Invariant `partition`, promised by whoever makes a trace: *as long as it runs, no byte is
//! accessed under two classes that are not [`Class::ANY`] and differ.* A load and a store of
//! different classes touch different memory, then, whatever their addresses are. (Memory that has
//! been freed and is used again is other memory.) The type of an access says nothing: a word may be
//! read as an `i64` and as an `f64`.
//!
//! Invariant `owners`, promised likewise: *a word that `load_owned` loads is an owner at that time,
//! and has been one since it was written. At no time do two owners lead to the same object, nor does
//! one lead to an object from which it can be reached by owners.* An object is the memory that is
//! accessed through a pointer, before or behind it, until it is freed. Words from which an owner has
//! been moved hold the same pointer still; who loads that with `load` promises nothing. (A pointer
//! that leads to nothing is no matter: nothing is accessed through it.)
//!
//! Not here: which classes there are. A recorder derives them from the types of its language.

use std::fmt;

/// A part of memory: no byte belongs to two of them, but for [`Class::ANY`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord, Default)]
pub struct Class(pub u32);

impl Class {
    /// Any memory, but for what is immutable.
    pub const ANY: Class = Class(0);
    /// The bit of classes that nothing writes as long as the trace runs: no call either, whatever
    /// it declares. It is written `@3!`.
    const IMMUTABLE: u32 = 1 << 31;

    /// This class, of memory that nothing writes.
    pub const fn immutable(self) -> Class {
        Class(self.0 | Class::IMMUTABLE)
    }

    /// Is it a class that nothing writes?
    pub const fn is_immutable(self) -> bool {
        self.0 & Class::IMMUTABLE != 0
    }

    /// May memory be of both classes, whether something writes it or not?
    pub fn may_share(self, other: Class) -> bool {
        let (a, b, any) = (self.immutable(), other.immutable(), Class::ANY.immutable());
        a == b || a == any || b == any
    }

    /// May accesses of these classes touch the same byte, if one of them writes it?
    pub fn may_alias(self, other: Class) -> bool {
        let any = self == Class::ANY || other == Class::ANY;
        self == other || any && !self.is_immutable() && !other.is_immutable()
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.0 & !Class::IMMUTABLE;
        write!(f, "@{number}{}", if self.is_immutable() { "!" } else { "" })
    }
}

/// What is declared of a call beyond its op. The empty declaration, which is the default, leaves it
/// at what the op says.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Effects {
    /// The classes that it may write; undeclared, all of them if the op is `call`, else none.
    ///
    /// Of a `call_pure` or `call_read` these are what it writes when it fails (a panic's flag):
    /// what is known of such memory ends at the call, which is still dropped if its result is not
    /// used, and merged with its equal if pure.
    pub writes: Option<Vec<Class>>,
    /// The classes that it may read; undeclared, all of them unless the op is `call_pure`.
    pub reads: Option<Vec<Class>>,
    /// Does no pointer among its arguments, and none in memory that they lead to, outlive the call?
    pub no_escape: bool,
}

/// Does one of `classes` include memory of `class`?
pub(super) fn touches(classes: &[Class], class: Class) -> bool {
    classes.iter().any(|other| other.may_alias(class))
}
