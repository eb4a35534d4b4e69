//! The examples of the author's guide: one function for each construct that is traced.
//!
//! ```text
//! examples! { tuples let_else … }    a portal that runs one of these functions in a loop
//! fn tuples(m, a, b) -> i64          uses the construct on `a` and `b`, which are not constant
//! ```
//!
//! The table in `docs/interpreter-guide.md` names these functions, and `tests/guide.rs` runs them.
//!
//! Not here: constructs that are refused (`tests/ui`) or given up (`failing`).

use jitgen_core::prelude::*;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

#[macro_use]
mod portal;
pub mod calls;
pub mod expressions;
pub mod hints;
pub mod methods;
pub mod patterns;
pub mod types;

/// A guest value.
#[derive(Clone, Copy, Debug, PartialEq, Traced)]
#[repr(C, u8)]
pub enum Value {
    /// Nothing.
    Nil,
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
    /// Two small numbers.
    Pair(i32, i32),
    /// A named field.
    Point {
        /// One.
        x: i64,
    },
}

/// A struct.
#[derive(Clone, Copy, Debug, PartialEq, Traced)]
pub struct Point {
    /// One.
    pub x: i64,
    /// Two.
    pub y: i64,
}

/// A value that owns something.
#[derive(Clone, Debug, Traced)]
#[traced(clone)]
#[repr(C, u8)]
pub enum Shared {
    /// Nothing.
    Empty,
    /// A number that others see, too.
    Number(Rc<Cell<i64>>),
}

/// Guest registers.
#[derive(Debug, Traced)]
#[virtualizable]
pub struct Frame {
    /// A word.
    pub top: i64,
    /// Elements.
    pub slots: Vec<i64>,
}

/// The machine: memory that is not constant.
#[derive(Debug, Traced)]
pub struct Machine {
    /// An operand of the examples.
    pub a: i64,
    /// Another one.
    pub b: i64,
    /// Rounds to go.
    pub left: i64,
    /// What the examples have given.
    pub digest: i64,
    /// How often a residual function has run.
    pub calls: i64,
    /// A guest value.
    pub value: Value,
    /// An option.
    pub option: Option<i64>,
    /// A struct.
    pub point: Point,
    /// Virtualizable state.
    pub frame: Frame,
    /// A vector.
    pub list: Vec<i64>,
    /// A slice.
    pub slice: &'static [i64],
    /// A box.
    pub boxed: Box<Point>,
    /// An array.
    pub array: [i64; 4],
    /// Shared.
    pub shared: Shared,
    /// A cell.
    pub cell: Cell<i64>,
    /// A checked cell.
    pub ref_cell: RefCell<Vec<i64>>,
    /// Nested counted memory.
    pub counted: Rc<Point>,
    /// A float.
    pub float: f64,
    /// What never changes.
    #[immutable]
    pub fixed: i64,
    /// Elements that never change.
    #[immutable]
    pub fixed_list: Vec<i64>,
    /// What seldom changes.
    pub mode: Rc<Quasi<i64>>,
    /// A text.
    pub text: Rc<str>,
    /// Another text.
    pub other: Rc<str>,
}

/// The machine at the beginning.
pub fn machine() -> Machine {
    Machine {
        a: 1,
        b: 7,
        left: 200,
        digest: 0,
        calls: 0,
        value: Value::Int(3),
        option: None,
        point: Point { x: 1, y: 2 },
        frame: Frame { top: 1, slots: vec![2, 3] },
        list: vec![5, 6, 7],
        slice: &[4, 9],
        boxed: Box::new(Point { x: 3, y: 4 }),
        array: [1, 2, 3, 4],
        shared: Shared::Number(Rc::new(Cell::new(8))),
        cell: Cell::new(9),
        ref_cell: RefCell::new(vec![1, 2, 3]),
        counted: Rc::new(Point { x: 10, y: 11 }),
        float: 1.5,
        fixed: 12,
        fixed_list: vec![13, 14],
        mode: Rc::new(Quasi::new(15)),
        text: Rc::from("text"),
        other: Rc::from("text"),
    }
}
