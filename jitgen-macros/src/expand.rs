//! The attributes: from items to items with twins.
//!
//! Inside an interpreter module only functions that a portal reaches get a twin, so that whatever
//! else lives there is left alone. An attribute on a single item asks for the twins of all that the
//! item contains.
//!
//! Invariant: all errors come out together, with the plain code, so that nothing else breaks.
//!
//! Not here: how the functions are found (`collect`), what a twin is (`twin`).

use crate::collect::collect;
use crate::diagnostics::Errors;
use crate::model::{Function, Home, Module, Role};
use crate::{coverage, portal, residual, signature, twin};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use std::collections::{BTreeMap, HashSet};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::visit::Visit;
use syn::visit_mut::VisitMut;
use syn::{Block, Expr, ImplItem, Item, ItemMod, Token, TraitItem};

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
                "write `mod vm { .. }` around it, or mark the item itself: `#[traced]`, `#[portal(..)]`",
            );
            return [errors.tokens(), item].into_iter().collect();
        }
    };
    let Some((_, items)) = &mut module.content else {
        errors.on(
            &module.ident,
            "`interpreter` needs the module's contents",
            "write `mod vm { .. }` with the functions inside; a module in a file of its own can hold it, \
             or mark its items one by one: `#[traced]`, `#[portal(..)]`",
        );
        return [errors.tokens(), item].into_iter().collect();
    };
    let mut model = collect(items, false, &mut errors);
    let reached = reach(&model);
    note_called(&mut model, &reached);
    let twins = twins(&model, &reached, &mut errors);
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
    place(items, &model, twins);
    items.push(Item::Verbatim(overflow_probe()));
    let described: Vec<&Function> = reached.iter().map(|index| &model.functions[*index]).collect();
    items.push(Item::Verbatim(coverage::table(&described)));
    module.into_token_stream()
}

/// The expansion of an attribute on a single item.
pub fn item(name: &str, args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let mut parsed: Item = match syn::parse2(item.clone()) {
        Ok(parsed) => parsed,
        Err(error) => return [error.to_compile_error(), item].into_iter().collect(),
    };
    let attrs = match &mut parsed {
        Item::Fn(f) => &mut f.attrs,
        Item::Impl(block) if name == "traced" => &mut block.attrs,
        Item::Trait(definition) if name == "traced" => &mut definition.attrs,
        other => {
            let (what, help) = match name {
                "traced" => ("a function, an `impl` or a trait", ""),
                _ => ("a function", "inside of an `impl`: write `#[traced]` on the `impl`"),
            };
            errors.on(other, &format!("`{name}` belongs on {what}"), help);
            return [errors.tokens(), item].into_iter().collect();
        }
    };
    if name == "traced" && !args.is_empty() {
        errors.on(&args, &format!("`{name}` takes no arguments"), "");
    }
    let path = syn::Ident::new(name, proc_macro2::Span::call_site());
    let args = (!args.is_empty()).then(|| quote!((#args)));
    attrs.push(syn::parse_quote!(#[#path #args]));
    if let Item::Fn(f) = &parsed
        && let Some(this) = f.sig.receiver()
    {
        errors.on(
            this,
            &format!("`{name}` on a method is seen only by an attribute of its `impl`"),
            "write `#[traced]` on the `impl` block",
        );
        return [errors.tokens(), item].into_iter().collect();
    }
    let mut items = vec![parsed];
    let mut model = collect(&mut items, true, &mut errors);
    let all: Vec<usize> = (0..model.functions.len()).collect();
    note_called(&mut model, &all);
    let twins = twins(&model, &all, &mut errors);
    if errors.any() {
        items.iter_mut().for_each(|item| PlainWithout.visit_item_mut(item));
        return [errors.tokens(), quote!(#(#items)*)].into_iter().collect();
    }
    place(&mut items, &model, twins);
    quote!(#(#items)*)
}

/// What says, in a module or item, whether arithmetic is checked in this crate.
pub fn overflow_probe() -> TokenStream {
    quote! {
        #[doc(hidden)]
        static __JITGEN_CHECKED: ::jitgen_core::macro_support::Checked = {
            fn probe(a: u8, b: u8) -> u8 { a + b }
            ::jitgen_core::macro_support::Checked::new(
                ::core::cfg!(debug_assertions) || ::core::cfg!(panic = "abort"), probe,
            )
        };
    }
}

/// The functions that the portals reach without going through residual ones, in their order.
fn reach(module: &Module) -> Vec<usize> {
    let functions = module.functions.iter().enumerate();
    let roots = functions.filter(|(_, f)| f.role == Role::Portal || f.wanted);
    let mut work: Vec<usize> = roots.map(|(index, _)| index).collect();
    let mut reached = HashSet::new();
    let mut names = Names(module, vec![]);
    while let Some(index) = work.pop() {
        if reached.insert(index) && module.functions[index].role != Role::Residual {
            names.visit_block(&module.functions[index].body);
            work.append(&mut names.1);
        }
    }
    let mut reached: Vec<usize> = reached.into_iter().collect();
    reached.sort_unstable();
    reached
}

/// Notes which portals are called by traced code, as far as can be seen here.
fn note_called(module: &mut Module, reached: &[usize]) {
    let mut names = Names(module, vec![]);
    for index in reached {
        let function = &module.functions[*index];
        if function.role != Role::Residual {
            names.visit_block(&function.body);
        }
    }
    let called = names.1;
    for function in &mut module.functions {
        function.called = function.portal.as_ref().is_some_and(|portal| portal.recursive);
    }
    for index in called {
        module.functions[index].called |= module.functions[index].role == Role::Portal;
    }
}

/// What a body calls.
struct Names<'a>(&'a Module, Vec<usize>);

impl Visit<'_> for Names<'_> {
    fn visit_expr_call(&mut self, e: &syn::ExprCall) {
        if let Expr::Path(path) = &*e.func
            && let Some(last) = path.path.segments.last()
        {
            self.1.extend(self.0.free_index(&last.ident));
            if path.path.segments.len() > 1 {
                self.1.extend(self.0.methods(&last.ident));
            }
        }
        syn::visit::visit_expr_call(self, e);
    }
    fn visit_expr_method_call(&mut self, e: &syn::ExprMethodCall) {
        self.1.extend(self.0.methods(&e.method));
        syn::visit::visit_expr_method_call(self, e);
    }
    fn visit_macro(&mut self, mac: &syn::Macro) {
        let parser = Punctuated::<Expr, Token![,]>::parse_terminated;
        for e in parser.parse2(mac.tokens.clone()).iter().flatten() {
            self.visit_expr(e);
        }
    }
}

/// The twins of these functions.
fn twins(model: &Module, indices: &[usize], errors: &mut Errors) -> Vec<(usize, TokenStream)> {
    let mut twins = vec![];
    for index in indices {
        let function = &model.functions[*index];
        if !signature::check(function, errors) {
            continue;
        }
        let twin = match function.role {
            Role::Portal => portal::twin(model, function, errors),
            Role::Traced if function.inside_if.is_some() => residual::twin(model, function, errors),
            Role::Traced => twin::function(model, function, errors),
            Role::Residual => residual::twin(model, function, errors),
        };
        twins.push((*index, twin));
    }
    twins
}

/// Puts the twins where they belong, and the plain side of the merge points into the portals.
fn place(items: &mut Vec<Item>, model: &Module, twins: Vec<(usize, TokenStream)>) {
    for function in model.functions.iter().filter(|f| f.role == Role::Portal) {
        let body: Block = portal::plain(function);
        match &mut items[function.at.0] {
            Item::Fn(f) => *f.block = body,
            Item::Impl(block) => {
                if let ImplItem::Fn(f) = &mut block.items[function.at.1] {
                    f.block = body;
                }
            }
            _ => (),
        }
    }
    let mut together: BTreeMap<usize, (Vec<&Function>, Vec<TokenStream>)> = BTreeMap::new();
    for (index, twin) in twins {
        let function = &model.functions[index];
        if twin::shares_impl(function) {
            let (functions, twins) = together.entry(function.at.0).or_default();
            functions.push(function);
            twins.push(twin);
            continue;
        }
        match (&function.home, &mut items[function.at.0]) {
            (Home::Impl(_), Item::Impl(block)) => block.items.push(ImplItem::Verbatim(twin)),
            (Home::Trait, Item::Trait(definition)) => {
                definition.items.push(TraitItem::Verbatim(twin));
            }
            _ => items.push(Item::Verbatim(twin)),
        }
    }
    for (functions, twins) in together.into_values() {
        // In a module they are there for all.
        let around = functions[0].alone.then(|| {
            let traced = functions.iter().filter(|function| function.role != Role::Residual);
            let checks = traced.map(|f| &f.body).any(coverage::has_operators);
            let (probe, table) = (checks.then(overflow_probe), coverage::table(&functions));
            quote!(#probe #table)
        });
        items.push(Item::Verbatim(twin::implement(functions[0], &twins, around)));
    }
}

/// Takes the marks out of code that does not expand, so that rustc does not complain again.
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
