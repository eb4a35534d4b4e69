//! The layout of what a loop carries: which words the objects have, and how they lead to each other.
//!
//! ```text
//! v2: [+0 i64, +8 ptr -> [+0 f64, +8 ptr -> #0]], v5: #1      words: v3, v4
//! ```
//!
//! Objects are numbered as they are met, so one that is met again, in a circle or by another
//! parameter, is its number.
//!
//! Invariant `once`: each object has its words in one place of all layouts.

use super::walk::{Field, Walk};
use crate::ir::{Arg, Call, Class, Inst, Ty, ValueId};

/// More words than this are not carried.
const MAX_WORDS: usize = 48;

/// What a word or parameter that leads to an object stands for.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Carried {
    /// An object that has not been met before.
    Object(Box<Layout>),
    /// The one of that number.
    Met(usize),
}

/// How an object is made, and its words in the order of their offsets.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    new: Inst,
    call: Call,
    words: Vec<(i32, Ty, Class, Option<Carried>)>,
}

/// The number of the `new` says nothing about the object.
impl PartialEq for Layout {
    fn eq(&self, other: &Layout) -> bool {
        self.call == other.call && self.words == other.words
    }
}

/// The objects met, and their words.
#[derive(Default)]
pub(super) struct Parts {
    objects: Vec<usize>,
    pub words: Vec<Arg>,
}

/// The objects of the body, by number, and the parameters for their words.
#[derive(Default)]
pub(super) struct Received {
    objects: Vec<ValueId>,
    pub params: Vec<ValueId>,
}

impl Walk<'_> {
    /// What an operand stands for, if that is an object that is not made, the words of which are
    /// added.
    pub fn take_apart(&mut self, object: Arg, parts: &mut Parts) -> Option<Carried> {
        let (index, Some(0)) = self.object(object)? else { return None };
        if let Some(number) = parts.objects.iter().position(|met| *met == index) {
            return Some(Carried::Met(number));
        }
        parts.objects.push(index);
        let new = self.objects[index].new;
        let mut fields = self.objects[index].fields.clone();
        fields.sort_by_key(|field| field.offset);
        let mut layout =
            Layout { new, call: self.trace.calls[new.call().index()].clone(), words: vec![] };
        for Field { offset, ty, class, value } in fields {
            let inner = match self.object(value) {
                Some(_) => Some(self.take_apart(value, parts)?),
                None => {
                    parts.words.push(self.resolve(value));
                    None
                }
            };
            layout.words.push((offset, ty, class, inner));
        }
        (parts.words.len() <= MAX_WORDS).then(|| Carried::Object(Box::new(layout)))
    }

    /// A parameter of the body stands for that.
    pub fn receive(&mut self, param: ValueId, carried: &Carried, received: &mut Received) {
        let object = self.receive_inner(carried, received);
        self.name(param, object);
    }

    fn receive_inner(&mut self, carried: &Carried, received: &mut Received) -> ValueId {
        let layout = match carried {
            Carried::Met(number) => return received.objects[*number],
            Carried::Object(layout) => layout,
        };
        let object = self.out.add_value(Ty::Ptr);
        received.objects.push(object);
        let new = Inst { dst: Some(object), ..layout.new };
        self.insts.push(new);
        let index = self.add_object(object, new);
        let mut fields = vec![];
        for (offset, ty, class, inner) in &layout.words {
            let value = self.out.add_value(*ty);
            match inner {
                Some(inner) => {
                    let inner = self.receive_inner(inner, received);
                    self.name(value, inner);
                }
                None => received.params.push(value),
            }
            fields.push(Field { offset: *offset, ty: *ty, class: *class, value: value.into() });
        }
        self.objects[index].fields = fields;
        object
    }
}
