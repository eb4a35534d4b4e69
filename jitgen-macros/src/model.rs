//! What is in an interpreter module, and what is to be written beside it.
//!
//! A function is a portal, traced, or residual. It is residual when the author says so, or when it
//! has a loop and is not marked `#[unroll]`. Only functions that a portal reaches get a twin, so
//! that whatever else lives in the module is left alone.
//!
//! Not here: how a body is rewritten (`twin`).

use crate::diagnostics::Errors;
use crate::portal::Portal;
use crate::{portal, residual, twin};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use std::collections::{HashMap, HashSet};
use syn::visit::Visit;
use syn::visit_mut::VisitMut;
use syn::{Attribute, Block, Expr, Ident, ImplItem, Item, ItemMod, Signature, Type, Visibility};

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

/// A function or method of the module.
pub struct Function {
    /// The type of its `impl`, if it is a method.
    pub owner: Option<Type>,
    /// The generics of that `impl`.
    pub generics: syn::Generics,
    /// Its visibility.
    pub vis: Visibility,
    /// Its signature.
    pub sig: Signature,
    /// Its body.
    pub body: Block,
    /// What becomes of it.
    pub role: Role,
    /// The portal's greens and reds.
    pub portal: Option<Portal>,
    /// Is it a portal that traced code calls?
    pub called: bool,
}

/// The `mut` of a receiver that is a reference; `None` for `self` by value or of a named type.
pub fn reference(this: &syn::Receiver) -> Option<Option<syn::Token![mut]>> {
    match &this.kind {
        syn::ReceiverKind::Reference(_, _, mutable) => Some(*mutable),
        _ => None,
    }
}

/// The functions of a module by name.
pub struct Module {
    /// All functions and methods.
    pub functions: Vec<Function>,
    free: HashMap<String, usize>,
    methods: HashMap<String, Vec<usize>>,
}

impl Module {
    /// The free function of that name.
    pub fn free(&self, name: &Ident) -> Option<&Function> {
        self.free.get(&name.to_string()).map(|index| &self.functions[*index])
    }

    /// Is a method of that name a portal?
    pub fn is_portal_method(&self, name: &Ident) -> bool {
        let methods = self.methods.get(&name.to_string());
        methods.into_iter().flatten().any(|index| self.functions[*index].role == Role::Portal)
    }

    /// Is there a method or associated function of that name?
    pub fn has_method(&self, name: &Ident) -> bool {
        self.methods.contains_key(&name.to_string())
    }
}

/// The expansion of `#[interpreter]`.
pub fn interpreter(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    if !args.is_empty() {
        errors.on(&args, "`interpreter` takes no arguments", "write `#[interpreter]`");
    }
    let mut module: ItemMod = match syn::parse2(item.clone()) {
        Ok(module) => module,
        Err(_) => {
            errors.on(
                &item,
                "`interpreter` belongs on a module",
                "write `mod vm { .. }` around it",
            );
            return [errors.tokens(), item].into_iter().collect();
        }
    };
    let Some((_, items)) = &mut module.content else {
        errors.on(
            &module.ident,
            "`interpreter` needs the module's contents",
            "write `mod vm { .. }` with the functions inside; a module in a file of its own can hold it",
        );
        return [errors.tokens(), item].into_iter().collect();
    };
    let mut model = collect(items, &mut errors);
    let (reached, called) = reach(&model);
    called.into_iter().for_each(|index| model.functions[index].called = true);
    let mut generated = vec![];
    for index in 0..model.functions.len() {
        if reached.contains(&index) {
            generated.push(expand(&model, index, &mut errors));
        }
    }
    if model.functions.iter().all(|f| f.role != Role::Portal) {
        errors.on(
            &module.ident,
            "the module has no portal",
            "mark the function with the dispatch loop: `#[portal(greens(..), reds(..))]`",
        );
    }
    if errors.any() {
        // The plain interpreter stays visible to editors and to the rest of the crate.
        PlainWithout.visit_item_mod_mut(&mut module);
        return [errors.tokens(), module.into_token_stream()].into_iter().collect();
    }
    rewrite_portals(items, &mut model);
    items.push(Item::Verbatim(overflow_probe()));
    items.extend(generated.into_iter().map(Item::Verbatim));
    module.into_token_stream()
}

/// A function of the module that says whether arithmetic is checked in this crate. A macro cannot
/// see that; a build that cannot be probed counts as checked, which is always right.
fn overflow_probe() -> TokenStream {
    quote! {
        #[doc(hidden)]
        fn __jitgen_checked() -> bool {
            static CHECKED: ::std::sync::OnceLock<bool> = ::std::sync::OnceLock::new();
            *CHECKED.get_or_init(|| {
                ::core::cfg!(debug_assertions)
                    || ::core::cfg!(panic = "abort")
                    || ::jitgen_core::macro_support::panics(|| {
                        ::core::hint::black_box(u8::MAX) + ::core::hint::black_box(1)
                    })
            })
        }
    }
}

fn collect(items: &mut [Item], errors: &mut Errors) -> Module {
    let mut module = Module { functions: vec![], free: HashMap::new(), methods: HashMap::new() };
    for item in items {
        match item {
            Item::Fn(f) => {
                let (attrs, vis, sig) = (&mut f.attrs, f.vis.clone(), f.sig.clone());
                let place = (None, syn::Generics::default());
                let function = function(attrs, place, vis, sig, (*f.block).clone(), errors);
                module.free.insert(f.sig.ident.to_string(), module.functions.len());
                module.functions.push(function);
            }
            Item::Impl(block) if block.trait_.is_none() => {
                let owner = (*block.self_ty).clone();
                for item in &mut block.items {
                    let ImplItem::Fn(f) = item else { continue };
                    let (vis, sig) = (f.vis.clone(), f.sig.clone());
                    let body = f.block.clone();
                    let place = (Some(owner.clone()), block.generics.clone());
                    let function = function(&mut f.attrs, place, vis, sig, body, errors);
                    let name = f.sig.ident.to_string();
                    module.methods.entry(name).or_default().push(module.functions.len());
                    module.functions.push(function);
                }
            }
            _ => (),
        }
    }
    module
}

fn function(
    attrs: &mut Vec<Attribute>,
    (owner, generics): (Option<Type>, syn::Generics),
    vis: Visibility,
    sig: Signature,
    body: Block,
    errors: &mut Errors,
) -> Function {
    let mut marks: HashMap<String, Attribute> = HashMap::new();
    attrs.retain(|attr| {
        let name = attr.path().get_ident().map(Ident::to_string).unwrap_or_default();
        let ours = matches!(&*name, "portal" | "residual" | "unroll");
        if ours && let Some(first) = marks.insert(name.clone(), attr.clone()) {
            errors.on(&first, &format!("`{name}` is given twice"), "");
        }
        !ours
    });
    let portal = marks.get("portal").and_then(|attr| Portal::parse(attr, errors));
    let role = if marks.contains_key("portal") {
        Role::Portal
    } else if marks.contains_key("residual") || has_loop(&body) && !marks.contains_key("unroll") {
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
    Function { owner, generics, vis, sig, body, role, portal, called: false }
}

fn has_loop(body: &Block) -> bool {
    struct Loops(bool);
    impl Visit<'_> for Loops {
        fn visit_expr(&mut self, e: &Expr) {
            self.0 |= matches!(e, Expr::Loop(_) | Expr::While(_) | Expr::ForLoop(_));
            syn::visit::visit_expr(self, e);
        }
    }
    let mut loops = Loops(false);
    loops.visit_block(body);
    loops.0
}

/// The functions that the portals reach without going through residual ones, and which portals are
/// called by them.
fn reach(module: &Module) -> (HashSet<usize>, Vec<usize>) {
    struct Names<'a>(&'a Module, Vec<usize>);
    impl Visit<'_> for Names<'_> {
        fn visit_expr_call(&mut self, e: &syn::ExprCall) {
            if let Expr::Path(path) = &*e.func
                && let Some(last) = path.path.segments.last()
            {
                let name = last.ident.to_string();
                if path.path.segments.len() == 1 {
                    self.1.extend(self.0.free.get(&name));
                } else {
                    self.1.extend(self.0.methods.get(&name).into_iter().flatten());
                }
            }
            syn::visit::visit_expr_call(self, e);
        }
        fn visit_expr_method_call(&mut self, e: &syn::ExprMethodCall) {
            self.1.extend(self.0.methods.get(&e.method.to_string()).into_iter().flatten());
            syn::visit::visit_expr_method_call(self, e);
        }
    }
    let mut names = Names(module, vec![]);
    let portals = module.functions.iter().enumerate().filter(|(_, f)| f.role == Role::Portal);
    let mut work: Vec<usize> = portals.map(|(index, _)| index).collect();
    let mut reached = HashSet::new();
    let mut called = vec![];
    while let Some(index) = work.pop() {
        if reached.insert(index) && module.functions[index].role != Role::Residual {
            names.visit_block(&module.functions[index].body);
            let is_portal = |index: &&usize| module.functions[**index].role == Role::Portal;
            called.extend(names.1.iter().filter(is_portal));
            work.append(&mut names.1);
        }
    }
    (reached, called)
}

fn expand(module: &Module, index: usize, errors: &mut Errors) -> TokenStream {
    let function = &module.functions[index];
    if let Some(what) = unsupported_signature(&function.sig) {
        errors.on(
            &function.sig,
            &format!("{what} are not supported yet in traced code"),
            "mark what it calls #[residual] and keep this function plain",
        );
        return TokenStream::new();
    }
    match function.role {
        Role::Portal => portal::twin(module, function, errors),
        Role::Traced => twin::function(module, function, errors),
        Role::Residual => residual::twin(function, errors),
    }
}

fn unsupported_signature(sig: &Signature) -> Option<&'static str> {
    if sig.asyncness.is_some() {
        Some("async functions")
    } else if sig.variadic.is_some() {
        Some("variadic functions")
    } else if sig.generics.type_params().next().is_some()
        || sig.generics.const_params().next().is_some()
    {
        Some("generic functions")
    } else {
        None
    }
}

/// Puts the plain side of the merge points into the portals.
fn rewrite_portals(items: &mut [Item], model: &mut Module) {
    for item in items {
        match item {
            Item::Fn(f) => {
                let function = &model.functions[model.free[&f.sig.ident.to_string()]];
                if function.role == Role::Portal {
                    *f.block = portal::plain(function);
                }
            }
            Item::Impl(block) if block.trait_.is_none() => {
                let owner = (*block.self_ty).clone();
                for item in &mut block.items {
                    let ImplItem::Fn(f) = item else { continue };
                    let indices = &model.methods[&f.sig.ident.to_string()];
                    let function = indices
                        .iter()
                        .map(|index| &model.functions[*index])
                        .find(|function| function.owner.as_ref() == Some(&owner));
                    if let Some(function) = function
                        && function.role == Role::Portal
                    {
                        f.block = portal::plain(function);
                    }
                }
            }
            _ => (),
        }
    }
}

/// Takes the marks out of a module that does not expand, so that rustc does not complain again.
struct PlainWithout;

impl VisitMut for PlainWithout {
    fn visit_block_mut(&mut self, block: &mut Block) {
        block.stmts.retain(
            |stmt| !matches!(stmt, syn::Stmt::Macro(m) if m.mac.path.is_ident("merge_point")),
        );
        syn::visit_mut::visit_block_mut(self, block);
    }
    fn visit_expr_mut(&mut self, e: &mut Expr) {
        if matches!(e, Expr::Macro(m) if m.mac.path.is_ident("can_enter_jit")) {
            *e = syn::parse_quote!(continue);
        }
        syn::visit_mut::visit_expr_mut(self, e);
    }
    fn visit_stmt_mut(&mut self, stmt: &mut syn::Stmt) {
        if matches!(stmt, syn::Stmt::Macro(m) if m.mac.path.is_ident("can_enter_jit")) {
            *stmt = syn::parse_quote!(continue;);
        }
        syn::visit_mut::visit_stmt_mut(self, stmt);
    }
}
