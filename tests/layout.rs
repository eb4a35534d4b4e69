//! The shapes that the tracer takes for granted, compared with what rustc has made.
//!
//! Rust fixes the layout of few `Option`s; that of the others is looked up here, for each kind of
//! type whose `Option` is read from memory word by word.

#![allow(dead_code, reason = "variants that only their numbers are asked of")]

use jitgen_core::macro_support::{
    Shape, TagAt, Traced, counted_layout, counts_of, leaves_of, lift, none_bits, tag_named,
    variant_of,
};
use jitgen_core::prelude::*;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};
use std::mem::offset_of;
use std::rc::Rc;

#[derive(Clone, Copy, Debug, PartialEq, Traced)]
#[repr(C, u8)]
enum Value {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Small(u8, u16),
}

#[derive(Clone, Copy, Debug, PartialEq, Traced)]
enum Kind {
    One,
    Two,
    Three,
}

#[derive(Clone, Copy, Debug, PartialEq, Traced)]
#[repr(u16)]
enum Numbered {
    One = 3,
    Two = 40,
}

#[derive(Clone, Copy, Traced)]
struct Point {
    x: i64,
    value: Value,
    flag: bool,
}

#[derive(Clone, Copy, Traced)]
enum Loose {
    Word(i64),
    Byte(u8),
}

/// `None` has the bits that the tracer takes for `None`, and `some` has not.
fn option<T: Traced>(some: T) {
    let name = std::any::type_name::<T>();
    let (found, expected) = none_bits::<T>().unwrap_or_else(|| panic!("{name} has no shape"));
    assert_eq!(found, expected, "{name}");
    let words = words(Some(some));
    let TagAt::Niche { offset, none, .. } = Option::<T>::TAG else { panic!("{name}") };
    let tag = words.iter().find(|(at, _)| *at == offset).expect("the tag is a word");
    assert_ne!(tag.1, none, "{name}");
}

/// The bits of the words of a value.
fn words<X: Traced>(x: X) -> Vec<(u32, u64)> {
    let value = std::mem::ManuallyDrop::new(lift(x));
    let read = |(offset, ty): (u32, jitgen_core::ir::Ty)| {
        let at = value.raw().cast::<u8>().wrapping_add(offset as usize);
        let mut bytes = [0; 8];
        // SAFETY: `leaves` names initialized bytes of the value.
        unsafe { at.copy_to_nonoverlapping(bytes.as_mut_ptr(), ty.size() as usize) };
        (offset, u64::from_le_bytes(bytes))
    };
    leaves_of(&value).into_iter().map(read).collect()
}

#[test]
fn options_have_the_shapes_that_are_assumed() {
    let (mut seven, eight) = (7i64, 8u8);
    option::<&u8>(&eight);
    option::<&mut i64>(&mut seven);
    option(Box::new(7));
    option(Rc::new(7));
    option(7u8);
    option(7u16);
    option(7i32);
    option(7u64);
    option(7.5f32);
    option(7.5f64);
    option(Value::Nil);
    option(Value::Small(1, 2));
    option(Kind::Three);
    // Niches that nobody has looked up: such an `Option` is known by variant alone.
    assert!(none_bits::<bool>().is_none() && none_bits::<char>().is_none());
    assert!(none_bits::<Numbered>().is_none(), "rustc may take a number on either side");
    assert!(none_bits::<Point>().is_none() && none_bits::<Loose>().is_none());
}

fn offsets(shape: &Shape) -> Vec<(u32, &'static str)> {
    shape.words().iter().map(|word| (word.offset, word.ty.name())).collect()
}

#[test]
fn shapes_are_composed_of_what_rustc_says() {
    assert_eq!(offsets(&Value::SHAPE), [(0, "i8"), (8, "i64")]);
    assert_eq!(words(Value::Int(5)), [(0, 2), (8, 5)]);
    assert_eq!(words(Value::Small(1, 2)), [(0, 4), (8, 1), (10, 2)]);
    assert_eq!(offsets(&Kind::SHAPE), [(0, "i8")]);
    assert_eq!(offsets(&Numbered::SHAPE), [(0, "i16")]);
    assert_eq!(words(Numbered::Two), [(0, 40)]);
    let at = offset_of!(Point, value) as u32;
    let mut expected = vec![
        (offset_of!(Point, x) as u32, "i64"),
        (at, "i8"),
        (at + 8, "i64"),
        (offset_of!(Point, flag) as u32, "bool"),
    ];
    expected.sort_unstable();
    let mut found = offsets(&Point::SHAPE);
    found.sort_unstable();
    assert_eq!(found, expected);
    assert!(Loose::SHAPE.is_opaque(), "rustc does not say where the tag of a loose enum is");
    assert_eq!(words(Loose::Byte(9)).len(), 1);
}

#[test]
fn variants_have_the_numbers_of_their_names() {
    let number = |name| tag_named::<Numbered>(name);
    assert_eq!((number("One"), number("Two"), number("Three")), (Some(3), Some(40), None));
    assert_eq!(tag_named::<Value>("Float"), Some(3));
    assert_eq!(variant_of(&Loose::Byte(1)), 1);
    assert_eq!(tag_named::<Loose>("Byte"), Some(1));
    assert_eq!(variant_of(&None::<Loose>), 0);
}

thread_local! {
    static LAST: Cell<Option<Layout>> = const { Cell::new(None) };
}

/// The system's allocator, which notes what was allocated last.
struct Noting;

// SAFETY: it is the system's.
unsafe impl GlobalAlloc for Noting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = LAST.try_with(|last| last.set(Some(layout)));
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static NOTING: Noting = Noting;

/// A trace allocates for an `Rc` what the standard library does.
fn counted<T>(value: T) {
    let name = std::any::type_name::<T>();
    let rc = Rc::new(value);
    let layout = LAST.get().unwrap_or_else(|| panic!("an Rc<{name}> is allocated"));
    assert_eq!(counted_layout::<T>(), Some(layout), "{name}");
    // SAFETY: an `Rc` of a sized type is one pointer, to what was allocated.
    let start = unsafe { (&raw const rc).cast::<*const usize>().read() };
    let others = [Rc::clone(&rc), Rc::clone(&rc)];
    let weak = Rc::downgrade(&rc);
    let (strong, weakly) = counts_of();
    // SAFETY: the counts are in what was allocated.
    unsafe {
        assert_eq!(start.byte_add(strong as usize).read(), 3, "{name}");
        assert_eq!(start.byte_add(weakly as usize).read(), 2, "{name}: all owners count as one");
    }
    drop((others, weak));
}

#[test]
fn counted_values_are_where_they_are_assumed() {
    counted(7u8);
    counted(7i64);
    counted([1u8; 13]);
    counted((1u8, 2u64, 3u16));
    counted(RefCell::new(vec![1]));
    counted(1u128);
}

#[test]
fn the_content_of_a_cell_is_behind_its_flag() {
    assert_eq!(offsets(&RefCell::<i64>::SHAPE), [(0, "i64"), (8, "i64")]);
    assert_eq!(words(RefCell::new(5i64)), [(0, 0), (8, 5)]);
    assert_eq!(words(RefCell::new(5u8)), [(0, 0), (8, 5)]);
    assert_eq!(words(RefCell::new((6u16, 7u64))).len(), 3);
    let cell = RefCell::new(8u16);
    let borrowed = cell.borrow_mut();
    // SAFETY: the flag of a cell is an initialized word.
    let flag = unsafe { (&raw const cell).cast::<i64>().read() };
    assert_eq!(flag, -1);
    drop(borrowed);
}
