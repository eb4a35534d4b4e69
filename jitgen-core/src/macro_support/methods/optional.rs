//! Methods of `Option` and `Result`.
//!
//! Which variant it is becomes a guard, as in `match`; what is inside costs nothing. A closure is
//! called where the method calls it, so it is traced too.
//!
//! Not here: `?` (`call`), methods that need an iterator.

use crate::macro_support::call::{err, ok, some, split, split_option};
use crate::macro_support::pattern::{head, matched, part};
use crate::macro_support::place::{Place, shared, unique};
use crate::macro_support::traced::{Traced, Tv, lift};

/// Is it `Some`? A guard says so.
fn is_some<T: Traced>(place: Place<Option<T>>) -> bool {
    let head = head(matched(place));
    // SAFETY: of a head only the variant is looked at.
    let yes = unsafe { head.shown() }.is_some();
    head.found.test("Some", yes)
}

/// The place of what is inside of a `Some`.
fn inside<T: Traced>(place: Place<Option<T>>) -> Place<T> {
    let head = head(matched(place));
    // SAFETY: only the address of the payload is computed.
    let address = match unsafe { head.shown() } {
        Some(x) => std::ptr::from_ref(x),
        None => unreachable!("it has been found to be `Some`"),
    };
    part(&head.found, address)
}

/// What `Option`s have.
pub trait Optional: Sized + Traced {
    /// What is inside.
    type Item: Traced;
    /// The twin of `is_some`.
    fn is_some__twin(&self, this: Place<Self>) -> Tv<bool>;
    /// The twin of `is_none`.
    fn is_none__twin(&self, this: Place<Self>) -> Tv<bool>;
    /// The twin of `as_ref`.
    fn as_ref__twin<'a>(&self, this: Place<Self>) -> Tv<Option<&'a Self::Item>>
    where
        Self::Item: 'a;
    /// The twin of `as_mut`.
    fn as_mut__twin<'a>(&self, this: Place<Self>) -> Tv<Option<&'a mut Self::Item>>
    where
        Self::Item: 'a;
    /// The twin of `take`.
    fn take__twin(&self, this: Place<Self>) -> Tv<Self>;
    /// The twin of `replace`.
    fn replace__twin(&self, this: Place<Self>, value: Tv<Self::Item>) -> Tv<Self>;
    /// The twin of `unwrap`.
    ///
    /// # Panics
    /// As the method does.
    fn unwrap__twin(&self, this: Tv<Self>) -> Tv<Self::Item>;
    /// The twin of `expect`.
    ///
    /// # Panics
    /// As the method does.
    fn expect__twin(&self, this: Tv<Self>, message: Tv<&str>) -> Tv<Self::Item>;
    /// The twin of `unwrap_or`.
    fn unwrap_or__twin(&self, this: Tv<Self>, other: Tv<Self::Item>) -> Tv<Self::Item>;
    /// The twin of `unwrap_or_default`.
    fn unwrap_or_default__twin(&self, this: Tv<Self>) -> Tv<Self::Item>
    where
        Self::Item: Default;
    /// The twin of `unwrap_or_else`.
    fn unwrap_or_else__twin(
        &self,
        this: Tv<Self>,
        f: impl FnOnce() -> Tv<Self::Item>,
    ) -> Tv<Self::Item>;
    /// The twin of `map`.
    fn map__twin<R: Traced>(
        &self,
        this: Tv<Self>,
        f: impl FnOnce(Tv<Self::Item>) -> Tv<R>,
    ) -> Tv<Option<R>>;
    /// The twin of `map_or`.
    fn map_or__twin<R: Traced>(
        &self,
        this: Tv<Self>,
        other: Tv<R>,
        f: impl FnOnce(Tv<Self::Item>) -> Tv<R>,
    ) -> Tv<R>;
    /// The twin of `and_then`.
    fn and_then__twin<R: Traced>(
        &self,
        this: Tv<Self>,
        f: impl FnOnce(Tv<Self::Item>) -> Tv<Option<R>>,
    ) -> Tv<Option<R>>;
    /// The twin of `or`.
    fn or__twin(&self, this: Tv<Self>, other: Tv<Self>) -> Tv<Self>;
    /// The twin of `or_else`.
    fn or_else__twin(&self, this: Tv<Self>, f: impl FnOnce() -> Tv<Self>) -> Tv<Self>;
    /// The twin of `ok_or`.
    fn ok_or__twin<E: Traced>(&self, this: Tv<Self>, error: Tv<E>) -> Tv<Result<Self::Item, E>>;
    /// The twin of `ok_or_else`.
    fn ok_or_else__twin<E: Traced>(
        &self,
        this: Tv<Self>,
        f: impl FnOnce() -> Tv<E>,
    ) -> Tv<Result<Self::Item, E>>;
}

impl<T: Traced> Optional for Option<T> {
    type Item = T;
    fn is_some__twin(&self, this: Place<Self>) -> Tv<bool> {
        lift(is_some(this))
    }
    fn is_none__twin(&self, this: Place<Self>) -> Tv<bool> {
        lift(!is_some(this))
    }
    fn as_ref__twin<'a>(&self, this: Place<Self>) -> Tv<Option<&'a T>>
    where
        T: 'a,
    {
        if is_some(this) { some(shared(inside(this))) } else { lift(None) }
    }
    fn as_mut__twin<'a>(&self, this: Place<Self>) -> Tv<Option<&'a mut T>>
    where
        T: 'a,
    {
        if is_some(this) { some(unique(inside(this))) } else { lift(None) }
    }
    fn take__twin(&self, this: Place<Self>) -> Tv<Self> {
        let value = this.get();
        this.put(lift(None));
        value
    }
    fn replace__twin(&self, this: Place<Self>, value: Tv<T>) -> Tv<Self> {
        let old = this.get();
        this.put(some(value));
        old
    }
    fn unwrap__twin(&self, this: Tv<Self>) -> Tv<T> {
        match split_option(this) {
            Some(x) => x,
            None => panic!("called `Option::unwrap()` on a `None` value"),
        }
    }
    fn expect__twin(&self, this: Tv<Self>, message: Tv<&str>) -> Tv<T> {
        match split_option(this) {
            Some(x) => x,
            None => panic!("{}", message.native()),
        }
    }
    fn unwrap_or__twin(&self, this: Tv<Self>, other: Tv<T>) -> Tv<T> {
        split_option(this).unwrap_or(other)
    }
    fn unwrap_or_default__twin(&self, this: Tv<Self>) -> Tv<T>
    where
        T: Default,
    {
        split_option(this).unwrap_or_else(|| lift(T::default()))
    }
    fn unwrap_or_else__twin(&self, this: Tv<Self>, f: impl FnOnce() -> Tv<T>) -> Tv<T> {
        split_option(this).unwrap_or_else(f)
    }
    fn map__twin<R: Traced>(
        &self,
        this: Tv<Self>,
        f: impl FnOnce(Tv<T>) -> Tv<R>,
    ) -> Tv<Option<R>> {
        match split_option(this) {
            Some(x) => some(f(x)),
            None => lift(None),
        }
    }
    fn map_or__twin<R: Traced>(
        &self,
        this: Tv<Self>,
        other: Tv<R>,
        f: impl FnOnce(Tv<T>) -> Tv<R>,
    ) -> Tv<R> {
        match split_option(this) {
            Some(x) => f(x),
            None => other,
        }
    }
    fn and_then__twin<R: Traced>(
        &self,
        this: Tv<Self>,
        f: impl FnOnce(Tv<T>) -> Tv<Option<R>>,
    ) -> Tv<Option<R>> {
        match split_option(this) {
            Some(x) => f(x),
            None => lift(None),
        }
    }
    fn or__twin(&self, this: Tv<Self>, other: Tv<Self>) -> Tv<Self> {
        match split_option(this) {
            Some(x) => some(x),
            None => other,
        }
    }
    fn or_else__twin(&self, this: Tv<Self>, f: impl FnOnce() -> Tv<Self>) -> Tv<Self> {
        match split_option(this) {
            Some(x) => some(x),
            None => f(),
        }
    }
    fn ok_or__twin<E: Traced>(&self, this: Tv<Self>, error: Tv<E>) -> Tv<Result<T, E>> {
        match split_option(this) {
            Some(x) => ok(x),
            None => err(error),
        }
    }
    fn ok_or_else__twin<E: Traced>(
        &self,
        this: Tv<Self>,
        f: impl FnOnce() -> Tv<E>,
    ) -> Tv<Result<T, E>> {
        match split_option(this) {
            Some(x) => ok(x),
            None => err(f()),
        }
    }
}

/// What `Option`s of references have.
pub trait OptionalReference: Traced {
    /// What it refers to.
    type Of: Traced;
    /// The twin of `copied`.
    fn copied__twin(&self, this: Tv<Self>) -> Tv<Option<Self::Of>>
    where
        Self::Of: Copy;
}

impl<T: Traced> OptionalReference for Option<&T> {
    type Of = T;
    fn copied__twin(&self, this: Tv<Self>) -> Tv<Option<T>>
    where
        T: Copy,
    {
        match split_option(this) {
            Some(mut x) => some(
                crate::macro_support::reach::deref(crate::macro_support::place::local(&mut x))
                    .get(),
            ),
            None => lift(None),
        }
    }
}

/// What `Result`s have.
pub trait Fallible: Sized + Traced {
    /// What is in an `Ok`.
    type Item: Traced;
    /// What is in an `Err`.
    type Error: Traced;
    /// The twin of `is_ok`.
    fn is_ok__twin(&self, this: Place<Self>) -> Tv<bool>;
    /// The twin of `is_err`.
    fn is_err__twin(&self, this: Place<Self>) -> Tv<bool>;
    /// The twin of `ok`.
    fn ok__twin(&self, this: Tv<Self>) -> Tv<Option<Self::Item>>;
    /// The twin of `err`.
    fn err__twin(&self, this: Tv<Self>) -> Tv<Option<Self::Error>>;
    /// The twin of `unwrap`.
    ///
    /// # Panics
    /// As the method does.
    fn unwrap__twin(&self, this: Tv<Self>) -> Tv<Self::Item>
    where
        Self::Error: std::fmt::Debug;
    /// The twin of `expect`.
    ///
    /// # Panics
    /// As the method does.
    fn expect__twin(&self, this: Tv<Self>, message: Tv<&str>) -> Tv<Self::Item>
    where
        Self::Error: std::fmt::Debug;
    /// The twin of `unwrap_or`.
    fn unwrap_or__twin(&self, this: Tv<Self>, other: Tv<Self::Item>) -> Tv<Self::Item>;
    /// The twin of `unwrap_or_else`.
    fn unwrap_or_else__twin(
        &self,
        this: Tv<Self>,
        f: impl FnOnce(Tv<Self::Error>) -> Tv<Self::Item>,
    ) -> Tv<Self::Item>;
    /// The twin of `map`.
    fn map__twin<R: Traced>(
        &self,
        this: Tv<Self>,
        f: impl FnOnce(Tv<Self::Item>) -> Tv<R>,
    ) -> Tv<Result<R, Self::Error>>;
    /// The twin of `map_err`.
    fn map_err__twin<R: Traced>(
        &self,
        this: Tv<Self>,
        f: impl FnOnce(Tv<Self::Error>) -> Tv<R>,
    ) -> Tv<Result<Self::Item, R>>;
    /// The twin of `and_then`.
    fn and_then__twin<R: Traced>(
        &self,
        this: Tv<Self>,
        f: impl FnOnce(Tv<Self::Item>) -> Tv<Result<R, Self::Error>>,
    ) -> Tv<Result<R, Self::Error>>;
}

/// Is it `Ok`? A guard says so.
fn is_ok<T: Traced, E: Traced>(place: Place<Result<T, E>>) -> bool {
    let head = head(matched(place));
    // SAFETY: of a head only the variant is looked at.
    let yes = unsafe { head.shown() }.is_ok();
    head.found.test("Ok", yes)
}

impl<T: Traced, E: Traced> Fallible for Result<T, E> {
    type Item = T;
    type Error = E;
    fn is_ok__twin(&self, this: Place<Self>) -> Tv<bool> {
        lift(is_ok(this))
    }
    fn is_err__twin(&self, this: Place<Self>) -> Tv<bool> {
        lift(!is_ok(this))
    }
    fn ok__twin(&self, this: Tv<Self>) -> Tv<Option<T>> {
        match split(this) {
            Ok(x) => some(x),
            Err(_) => lift(None),
        }
    }
    fn err__twin(&self, this: Tv<Self>) -> Tv<Option<E>> {
        match split(this) {
            Ok(_) => lift(None),
            Err(e) => some(e),
        }
    }
    fn unwrap__twin(&self, this: Tv<Self>) -> Tv<T>
    where
        E: std::fmt::Debug,
    {
        match split(this) {
            Ok(x) => x,
            Err(e) => panic!("called `Result::unwrap()` on an `Err` value: {:?}", e.native()),
        }
    }
    fn expect__twin(&self, this: Tv<Self>, message: Tv<&str>) -> Tv<T>
    where
        E: std::fmt::Debug,
    {
        match split(this) {
            Ok(x) => x,
            Err(e) => panic!("{}: {:?}", message.native(), e.native()),
        }
    }
    fn unwrap_or__twin(&self, this: Tv<Self>, other: Tv<T>) -> Tv<T> {
        split(this).unwrap_or(other)
    }
    fn unwrap_or_else__twin(&self, this: Tv<Self>, f: impl FnOnce(Tv<E>) -> Tv<T>) -> Tv<T> {
        split(this).unwrap_or_else(f)
    }
    fn map__twin<R: Traced>(
        &self,
        this: Tv<Self>,
        f: impl FnOnce(Tv<T>) -> Tv<R>,
    ) -> Tv<Result<R, E>> {
        match split(this) {
            Ok(x) => ok(f(x)),
            Err(e) => err(e),
        }
    }
    fn map_err__twin<R: Traced>(
        &self,
        this: Tv<Self>,
        f: impl FnOnce(Tv<E>) -> Tv<R>,
    ) -> Tv<Result<T, R>> {
        match split(this) {
            Ok(x) => ok(x),
            Err(e) => err(f(e)),
        }
    }
    fn and_then__twin<R: Traced>(
        &self,
        this: Tv<Self>,
        f: impl FnOnce(Tv<T>) -> Tv<Result<R, E>>,
    ) -> Tv<Result<R, E>> {
        match split(this) {
            Ok(x) => f(x),
            Err(e) => err(e),
        }
    }
}

/// There is one more of what is inside.
pub(super) fn share_inside<T: super::counted::Share>(place: Place<Option<T>>) {
    if std::mem::needs_drop::<T>() && is_some(place) {
        T::share(inside(place));
    }
}
