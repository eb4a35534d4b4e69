//! Environments: the variables of one call, and a way out to those of the functions around it.

use super::ast::Slot;
use super::value::Value;
use jitgen_core::{Traced, traced};
use std::cell::RefCell;
use std::rc::Rc;

/// The variables of a call.
#[derive(Debug, Traced)]
pub struct Env {
    slots: RefCell<Vec<Value>>,
    outer: Option<Rc<Env>>,
}

#[traced]
impl Env {
    /// Variables, and those around them.
    pub fn new(slots: Vec<Value>, outer: Option<Rc<Env>>) -> Rc<Env> {
        Rc::new(Env { slots: RefCell::new(slots), outer })
    }

    /// The value of a variable.
    pub fn get(&self, slot: Slot) -> Value {
        self.out(slot.depth).slots.borrow()[slot.index].clone()
    }

    /// Changes a variable.
    pub fn set(&self, slot: Slot, value: Value) {
        self.out(slot.depth).slots.borrow_mut()[slot.index] = value;
    }

    /// The environment so many steps out.
    #[unroll]
    fn out(&self, depth: usize) -> &Env {
        let mut env = self;
        for _ in 0..depth {
            env = env.outer.as_ref().expect("names are resolved");
        }
        env
    }
}
