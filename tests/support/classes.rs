//! Watches which memory a run accesses under which alias class.
//!
//! The optimizer relies on the promise `partition` of `ir::Class`: a run that breaks it tells
//! nothing. What was accessed under a class is what calls that declare the class read and write.

use jitgen_core::eval::{Model, Observer};
use jitgen_core::ir::{Class, Const, ExitId, Trace, Ty};
use std::collections::{BTreeMap, BTreeSet};

/// What has been accessed.
#[derive(Debug, Default)]
pub struct Watch {
    /// The class of each byte; those that are accessed under no other than any are not in it.
    bytes: BTreeMap<u64, Class>,
    words: BTreeSet<(u64, Ty)>,
    /// The first broken promise.
    pub broken: Option<String>,
}

impl Observer for Watch {
    fn guard(&mut self, _: ExitId, _: &dyn Fn() -> Vec<Const>, _: bool) {}

    fn access(&mut self, address: u64, ty: Ty, class: Class) {
        self.words.insert((address, ty));
        if class == Class::ANY {
            return;
        }
        for byte in 0..u64::from(ty.size()) {
            let known = *self.bytes.entry(address.wrapping_add(byte)).or_insert(class);
            if known != class {
                let message = format!("{address:#x} is accessed as {class}, and was as {known}");
                self.broken.get_or_insert(message);
            }
        }
    }
}

impl Watch {
    /// Tells a model what it needs to know for the declared effects of the calls of `trace`; all
    /// calls of a function must declare the same. A word that has bytes of several classes is not
    /// told: a call that may write one of them must not write the others. Nor are objects.
    pub fn tell(&self, trace: &Trace, model: &mut Model) {
        for (address, ty) in &self.words {
            // Where an object is, is not the same in another run.
            if model.is_object(*address) {
                continue;
            }
            let class = |byte| self.bytes.get(&address.wrapping_add(u64::from(byte))).copied();
            if (1..ty.size()).all(|byte| class(byte) == class(0)) {
                model.classify(*address, *ty, class(0).unwrap_or_default());
            }
        }
        for call in &trace.calls {
            model.declare(&call.symbol, &call.effects);
        }
    }
}
