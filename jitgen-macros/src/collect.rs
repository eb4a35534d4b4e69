//! Finding the functions of a module or an item, with their marks.
//!
//! Marks (`#[portal]`, `#[residual]`, `#[unroll]`, `#[traced]`) are taken out, so that what remains
//! is the author's plain code.
//!
//! Of a trait's `impl`, the twins can only be methods that the trait declares. So an `impl` is
//! looked at if its trait is in the module, or if it is marked `#[traced]`, as the trait is then.
//!
//! Not here: what is reached and written (`expand`).

use crate::diagnostics::Errors;
use crate::hints::{self, Calling};
use crate::model::{Function, Home, Module, Role};
use crate::portal::Portal;
use proc_macro2::Span;
use std::collections::{HashMap, HashSet};
use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{Attribute, Block, Expr, Ident, ImplItem, Item, Signature, TraitItem, Type, UseTree};
use syn::{Generics, Visibility};

/// What the items define. `alone`: they are single items, outside of an interpreter module.
pub fn collect(items: &mut [Item], alone: bool, errors: &mut Errors) -> Module {
    let mut module = Module::default();
    module.closed = !alone;
    let own: HashSet<String> = items.iter().filter_map(trait_name).collect();
    let traced: HashSet<String> = items
        .iter()
        .filter(|item| matches!(item, Item::Trait(t) if marked(&t.attrs)))
        .filter_map(trait_name)
        .collect();
    for (index, item) in items.iter_mut().enumerate() {
        Imports(&mut module).visit_item(item);
        match item {
            Item::Fn(f) => {
                let seat = Seat {
                    home: Home::Free,
                    at: (index, 0),
                    owner: None,
                    generics: Generics::default(),
                    vis: f.vis.clone(),
                    wanted: alone,
                    alone,
                };
                let body = Some((*f.block).clone());
                module.add(function(&mut f.attrs, seat, f.sig.clone(), body, errors));
            }
            Item::Impl(block) => {
                let explicit = take_mark(&mut block.attrs);
                let (home, wanted) = match &block.trait_ {
                    None => (Home::Inherent, explicit),
                    Some((path, _)) => {
                        let name = path.segments.last().map(|s| s.ident.to_string());
                        let name = name.unwrap_or_default();
                        if !alone && !explicit && !own.contains(&name) {
                            continue;
                        }
                        (Home::Impl(path.clone()), explicit || traced.contains(&name))
                    }
                };
                for (part, item) in block.items.iter_mut().enumerate() {
                    let ImplItem::Fn(f) = item else { continue };
                    let seat = Seat {
                        home: home.clone(),
                        at: (index, part),
                        owner: Some((*block.self_ty).clone()),
                        generics: block.generics.clone(),
                        vis: f.vis.clone(),
                        wanted: wanted || alone,
                        alone,
                    };
                    let body = Some(f.block.clone());
                    module.add(function(&mut f.attrs, seat, f.sig.clone(), body, errors));
                }
            }
            Item::Trait(definition) => {
                let wanted = take_mark(&mut definition.attrs) || alone;
                for (part, item) in definition.items.iter_mut().enumerate() {
                    let TraitItem::Fn(f) = item else { continue };
                    let seat = Seat {
                        home: Home::Trait,
                        at: (index, part),
                        owner: Some(syn::parse_quote!(Self)),
                        generics: definition.generics.clone(),
                        vis: Visibility::Inherited,
                        wanted,
                        alone,
                    };
                    let body = f.default.clone();
                    module.add(function(&mut f.attrs, seat, f.sig.clone(), body, errors));
                }
            }
            _ => (),
        }
    }
    module
}

fn trait_name(item: &Item) -> Option<String> {
    match item {
        Item::Trait(definition) => Some(definition.ident.to_string()),
        _ => None,
    }
}

/// Where a function stands.
struct Seat {
    home: Home,
    at: (usize, usize),
    owner: Option<Type>,
    generics: Generics,
    vis: Visibility,
    wanted: bool,
    alone: bool,
}

/// The marks of functions that are not looked into.
const RESIDUAL: [&str; 4] = ["residual", "elidable", "loop_invariant", "not_in_trace"];

/// The name of a mark, whether it is imported or written with its path.
fn mark(attr: &Attribute) -> Option<String> {
    let segments = &attr.path().segments;
    let qualified = segments.len() == 2 && segments[0].ident == "jitgen_core";
    let name = segments.last()?.ident.to_string();
    let ours = RESIDUAL.contains(&&*name) || matches!(&*name, "portal" | "unroll" | "traced");
    (ours && (segments.len() == 1 || qualified)).then_some(name)
}

fn marked(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|attr| mark(attr).as_deref() == Some("traced"))
}

fn take_mark(attrs: &mut Vec<Attribute>) -> bool {
    let found = marked(attrs);
    attrs.retain(|attr| mark(attr).as_deref() != Some("traced"));
    found
}

fn function(
    attrs: &mut Vec<Attribute>,
    seat: Seat,
    sig: Signature,
    body: Option<Block>,
    errors: &mut Errors,
) -> Function {
    let explicit = take_mark(attrs);
    let mut marks: HashMap<String, Attribute> = HashMap::new();
    attrs.retain(|attr| {
        let Some(name) = mark(attr) else { return true };
        if let Some(first) = marks.insert(name.clone(), attr.clone()) {
            errors.on(&first, &format!("`{name}` is given twice"), "");
        }
        false
    });
    let portal = marks.get("portal").and_then(|attr| Portal::parse(attr, errors));
    let declared = body.is_none();
    if declared && let Some(attr) = marks.values().next() {
        errors.on(
            attr,
            "this mark says what becomes of a body, and there is none",
            "write it on the method in each `impl`",
        );
    }
    let body = body.unwrap_or_else(|| syn::parse_quote!({}));
    let looping = first_loop(&body);
    let calling = RESIDUAL
        .iter()
        .find_map(|name| marks.get(*name).map(|attr| Calling::parse(name, attr, errors)));
    let inside_if = marks.get("unroll").and_then(|attr| hints::unroll_condition(attr, errors));
    let unrolled = marks.contains_key("unroll");
    let role = if declared {
        Role::Traced
    } else if marks.contains_key("portal") {
        Role::Portal
    } else if calling.is_some() || looping.is_some() && !unrolled {
        Role::Residual
    } else {
        Role::Traced
    };
    if marks.len() > 1 {
        errors.on(
            &sig.ident,
            "a function is either a portal, residual, or unrolled",
            "keep one of the attributes",
        );
    }
    let looping = looping.filter(|_| calling.is_none());
    let Seat { home, at, owner, generics, vis, wanted, alone } = seat;
    let wanted = wanted || explicit;
    Function {
        home,
        at,
        owner,
        generics,
        vis,
        sig,
        body,
        declared,
        role,
        calling: calling.unwrap_or_default(),
        inside_if,
        looping,
        portal,
        wanted,
        alone,
        called: false,
    }
}

/// Where the first loop of a body begins.
fn first_loop(body: &Block) -> Option<Span> {
    struct Loops(Option<Span>);
    impl Visit<'_> for Loops {
        fn visit_expr(&mut self, e: &Expr) {
            if matches!(e, Expr::Loop(_) | Expr::While(_) | Expr::ForLoop(_)) {
                self.0 = self.0.or(Some(e.span()));
            }
            syn::visit::visit_expr(self, e);
        }
    }
    let mut loops = Loops(None);
    loops.visit_block(body);
    loops.0
}

/// What `use` brings in, anywhere in the module.
struct Imports<'a>(&'a mut Module);

impl Imports<'_> {
    fn tree(&mut self, tree: &UseTree, path: &mut Vec<String>) {
        let depth = path.len();
        let mut add = |path: &[String], last: &Ident, name: &Ident| {
            let full = path.iter().cloned().chain([last.to_string()]).collect();
            self.0.imports.insert(name.to_string(), full);
        };
        match tree {
            UseTree::Path(part) => {
                path.push(part.ident.to_string());
                self.tree(&part.tree, path);
            }
            UseTree::Name(name) => add(path, &name.ident, &name.ident),
            UseTree::Rename(name) => add(path, &name.ident, &name.rename),
            UseTree::Glob(_) => self.0.closed = false,
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.tree(tree, path);
                }
            }
        }
        path.truncate(depth);
    }
}

impl Visit<'_> for Imports<'_> {
    fn visit_item_use(&mut self, item: &syn::ItemUse) {
        self.tree(&item.tree, &mut vec![]);
    }
    fn visit_item_mod(&mut self, _: &syn::ItemMod) {}
}
