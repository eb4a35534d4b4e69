//! What the macros know of an interpreter: its functions, and what is to become of each.
//!
//! A function is a portal, traced, or residual. It is residual when the author says so, or when it
//! has a loop and is not marked `#[unroll]`. It has a *home*, which says where its twin goes:
//!
//! ```text
//! fn f            enum f {} impl f { fn twin }      in the type namespace, so that `use` brings it along
//! impl T { fn m   impl T { fn m__twin }
//! trait, its impl fn m__twin inside
//! ```
//!
//! Not here: how they are found (`collect`), how a body is rewritten (`twin`).

use crate::hints::Calling;
use crate::portal::Portal;
use proc_macro2::Span;
use std::collections::HashMap;
use syn::{Block, Ident, Path, Signature, Type, Visibility};

/// What becomes of a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// The dispatch loop.
    Portal,
    /// It is looked into.
    Traced,
    /// It is called.
    Residual,
}

/// Where a function stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Home {
    /// By itself.
    Free,
    /// In an inherent `impl`.
    Inherent,
    /// In the `impl` of this trait.
    Impl(Path),
    /// In a trait.
    Trait,
}

/// A function or method.
pub struct Function {
    /// Where it stands.
    pub home: Home,
    /// Which item it is or is in, and which part of that.
    pub at: (usize, usize),
    /// The type of its `impl`, if it is a method; `Self` in a trait.
    pub owner: Option<Type>,
    /// The generics of that `impl`.
    pub generics: syn::Generics,
    /// Its visibility.
    pub vis: Visibility,
    /// Its signature.
    pub sig: Signature,
    /// Its body.
    pub body: Block,
    /// Is it only declared (in a trait)?
    pub declared: bool,
    /// What becomes of it.
    pub role: Role,
    /// How it is called, if it is residual.
    pub calling: Calling,
    /// The parameters that must be constant for it to be looked into; else it is called.
    pub inside_if: Option<Vec<Ident>>,
    /// The loop that makes it residual.
    pub looping: Option<Span>,
    /// The portal's greens and reds.
    pub portal: Option<Portal>,
    /// Does it get a twin even if no portal of the module reaches it?
    pub wanted: bool,
    /// Is it outside of an interpreter module?
    pub alone: bool,
    /// Is it a portal that traced code calls?
    pub called: bool,
}

impl Function {
    /// Does it take `self`?
    pub fn has_receiver(&self) -> bool {
        self.sig.receiver().is_some()
    }
}

/// The `mut` of a receiver that is a reference; `None` for `self` by value or of a named type.
pub fn reference(this: &syn::Receiver) -> Option<Option<syn::Token![mut]>> {
    match &this.kind {
        syn::ReceiverKind::Reference(_, _, mutable) => Some(*mutable),
        _ => None,
    }
}

/// The functions of a module, or of one item, by name.
#[derive(Default)]
pub struct Module {
    /// All functions and methods.
    pub functions: Vec<Function>,
    /// What `use` brings in, with its full path.
    pub imports: HashMap<String, Vec<String>>,
    /// Are all names known that can be called without a path? Not of a single item, and not with a
    /// glob import.
    pub closed: bool,
    free: HashMap<String, usize>,
    methods: HashMap<String, Vec<usize>>,
}

impl Module {
    /// Adds a function.
    pub fn add(&mut self, function: Function) {
        let name = function.sig.ident.to_string();
        let index = self.functions.len();
        match function.home {
            Home::Free => {
                self.free.insert(name, index);
            }
            _ => self.methods.entry(name).or_default().push(index),
        }
        self.functions.push(function);
    }

    /// The free function of that name.
    pub fn free(&self, name: &Ident) -> Option<&Function> {
        self.free_index(name).map(|index| &self.functions[index])
    }

    /// Its index.
    pub fn free_index(&self, name: &Ident) -> Option<usize> {
        self.free.get(&name.to_string()).copied()
    }

    /// The indices of the methods and associated functions of that name.
    pub fn methods(&self, name: &Ident) -> &[usize] {
        self.methods.get(&name.to_string()).map_or(&[], Vec::as_slice)
    }

    /// Does `Type::name` take `self`, as far as is known here?
    pub fn takes_self(&self, name: &Ident) -> bool {
        let methods = self.methods(name);
        !methods.is_empty() && methods.iter().all(|index| self.functions[*index].has_receiver())
    }

    /// The path that a name comes from, if it is imported.
    pub fn import(&self, name: &Ident) -> Option<&[String]> {
        self.imports.get(&name.to_string()).map(Vec::as_slice)
    }
}
