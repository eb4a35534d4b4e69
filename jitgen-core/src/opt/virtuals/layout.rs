//! The layout of an object that a loop carries: which words it has, and which of them are objects.
//!
//! ```text
//! v2: [+0 i64, +8 ptr -> [+0 f64]]      words: v3, v4
//! ```
//!
//! Invariant `tree`: no object is in a layout twice, or in two of them: each is made once where it
//! has to be.

use super::walk::{Field, Walk};
use crate::ir::{Arg, Call, Class, Inst, Ty, ValueId};
use std::collections::HashSet;

/// More words than this are not carried.
const MAX_WORDS: usize = 48;

/// How an object is made, and its words in the order of their offsets.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub new: Inst,
    call: Call,
    words: Vec<(i32, Ty, Class, Option<Layout>)>,
}

/// The number of the `new` says nothing about the object.
impl PartialEq for Layout {
    fn eq(&self, other: &Layout) -> bool {
        self.call == other.call && self.words == other.words
    }
}

impl Walk<'_> {
    /// The layout of the object that is not made, and its words, which are added to `words`.
    pub fn take_apart(
        &mut self,
        object: Arg,
        seen: &mut HashSet<usize>,
        words: &mut Vec<Arg>,
    ) -> Option<Layout> {
        let (index, Some(0)) = self.object(object)? else { return None };
        if !seen.insert(index) {
            return None;
        }
        let new = self.objects[index].new;
        let mut fields = self.objects[index].fields.clone();
        fields.sort_by_key(|field| field.offset);
        let mut layout =
            Layout { new, call: self.trace.calls[new.call().index()].clone(), words: vec![] };
        for Field { offset, ty, class, value } in fields {
            let inner = match self.object(value) {
                Some(_) => Some(self.take_apart(value, seen, words)?),
                None => {
                    words.push(self.resolve(value));
                    None
                }
            };
            layout.words.push((offset, ty, class, inner));
        }
        (words.len() <= MAX_WORDS).then_some(layout)
    }

    /// An object of that layout is what a parameter has been; its words are new parameters.
    pub fn receive(&mut self, object: ValueId, layout: &Layout) -> Vec<ValueId> {
        let mut params = vec![];
        let value = self.receive_inner(layout, &mut params);
        self.subst.insert(object, value.into());
        params
    }

    fn receive_inner(&mut self, layout: &Layout, params: &mut Vec<ValueId>) -> ValueId {
        let mut fields = vec![];
        for (offset, ty, class, inner) in &layout.words {
            let value = match inner {
                Some(inner) => self.receive_inner(inner, params),
                None => {
                    let param = self.out.add_value(*ty);
                    params.push(param);
                    param
                }
            };
            fields.push(Field { offset: *offset, ty: *ty, class: *class, value: value.into() });
        }
        let value = self.out.add_value(Ty::Ptr);
        let new = Inst { dst: Some(value), ..layout.new };
        self.insts.push(new);
        self.add_object(value, new, fields);
        value
    }
}
