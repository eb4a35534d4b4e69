//! Which names are locals of the function that is being rewritten.
//!
//! Only these become traced values; every other path is a constant, a function or a type.
//!
//! Not here: types. A local's name is all that the macro needs.

/// A stack of blocks with their locals.
#[derive(Default)]
pub struct Scope {
    blocks: Vec<Vec<String>>,
    /// Locals of a portal's prologue that do not live in the loop: name of each.
    pub hidden: Vec<String>,
}

impl Scope {
    /// A block begins.
    pub fn enter(&mut self) {
        self.blocks.push(vec![]);
    }

    /// A block ends.
    pub fn leave(&mut self) {
        self.blocks.pop();
    }

    /// A local is declared.
    pub fn declare(&mut self, name: &syn::Ident) {
        if let Some(block) = self.blocks.last_mut() {
            block.push(name.to_string());
        }
    }

    /// Is that name a local here?
    pub fn has(&self, name: &syn::Ident) -> bool {
        self.blocks.iter().flatten().any(|local| name == local)
    }

    /// The locals of the outermost blocks, in order of declaration.
    pub fn names(&self) -> Vec<String> {
        self.blocks.iter().flatten().cloned().collect()
    }

    /// A variable of the merge point that an inner block hides.
    pub fn shadowed(&self) -> Option<String> {
        let (outer, inner) = self.blocks.split_first()?;
        inner.iter().flatten().find(|name| outer.contains(name)).cloned()
    }

    /// Forgets all locals but `keep`; the others are hidden.
    pub fn keep_only(&mut self, keep: &[String]) {
        let all = self.names();
        self.hidden = all.into_iter().filter(|name| !keep.contains(name)).collect();
        self.blocks = vec![keep.to_vec()];
    }
}
