//! The portal: the function with the dispatch loop, on both sides.
//!
//! ```text
//! prologue; while c { merge_point!(); body } epilogue
//!
//! plain   prologue; 'l: while c { body, with can_enter_jit!() => { if tick { enter } continue 'l } } epilogue
//! twin    state of the entry;  'l: loop { Merge; if !c { break } body } epilogue
//! ```
//!
//! The merge point stands before the loop's condition, so that a state can be handed over without
//! evaluating the condition twice.
//!
//! The twin's entry ends in a block of its own before anything is called. What is to be dropped, and
//! may be there when a call unwinds, makes rustc write a way out for every call of a function; the
//! author's own values excepted, a twin holds nothing like that for long.
//!
//! Invariants: `copies-only` (the plain side never lets the address of a local escape, so that its
//! locals stay in registers), `written-back` (what is `mut` is taken back after compiled code ran).
//!
//! Not here: expressions (`twin`), counting (`jitgen_core::runtime`).

use crate::diagnostics::Errors;
use crate::model::{Function, Module};
use crate::recursion;
use crate::scope::Scope;
use crate::twin::{Breaks, Return, Twin, preamble, return_type, seen, support, wrap};
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::visit_mut::VisitMut;
use syn::{Attribute, Block, Expr, FnArg, Ident, Lifetime, Pat, Stmt, Token};

/// The variables of a merge point.
#[derive(Default)]
pub struct Portal {
    /// Constant in a trace: together they are the guest program's position.
    pub greens: Vec<Expr>,
    /// All others that live across the merge point; `self` is the first.
    pub reds: Vec<Ident>,
    /// Gives the portal's result where the native stack ends.
    pub overflow: Option<syn::Path>,
    /// Do twins of other files call it?
    pub recursive: bool,
}

impl Portal {
    /// Reads `#[portal(greens(..), reds(..))]`.
    pub fn parse(attr: &Attribute, errors: &mut Errors) -> Option<Portal> {
        let lists = match attr.parse_args_with(Punctuated::<List, Token![,]>::parse_terminated) {
            Ok(lists) => lists,
            Err(error) => {
                errors.add(error);
                return None;
            }
        };
        let mut portal = Portal::default();
        for list in lists {
            let list = match list {
                List::Items(list) => list,
                List::Overflow(path) => {
                    portal.overflow = Some(path);
                    continue;
                }
                List::Recursive => {
                    portal.recursive = true;
                    continue;
                }
            };
            match &*list.name.to_string() {
                "greens" => portal.greens.extend(list.items),
                "reds" => {
                    for item in list.items {
                        match as_ident(&item) {
                            Some(name) => portal.reds.push(name),
                            None => errors.on(
                                &item,
                                "a red is a local variable or `self`",
                                "state in memory needs no red: name the local that points to it",
                            ),
                        }
                    }
                }
                _ => errors.on(
                    &list.name,
                    "a portal has `greens(..)`, `reds(..)` and `overflow = ..`",
                    "write `#[portal(greens(code, pc), reds(stack))]`",
                ),
            }
        }
        portal.reds.sort_by_key(|red| red != "self");
        if portal.greens.is_empty() {
            errors.on(
                attr,
                "a portal needs greens: without them every position looks the same",
                "name what tells where the guest program is: `greens(code, pc)`",
            );
        }
        Some(portal)
    }
}

struct Items {
    name: Ident,
    items: Punctuated<Expr, Token![,]>,
}

enum List {
    Items(Items),
    Overflow(syn::Path),
    Recursive,
}

impl Parse for List {
    fn parse(input: ParseStream) -> syn::Result<List> {
        let name: Ident = input.parse()?;
        if name == "overflow" {
            input.parse::<Token![=]>()?;
            return Ok(List::Overflow(input.parse()?));
        }
        if name == "recursive" {
            return Ok(List::Recursive);
        }
        let content;
        syn::parenthesized!(content in input);
        Ok(List::Items(Items { name, items: Punctuated::parse_terminated(&content)? }))
    }
}

fn as_ident(e: &Expr) -> Option<Ident> {
    match e {
        Expr::Path(path) => path.path.get_ident().cloned(),
        _ => None,
    }
}

/// The three parts of a portal's body.
struct Parts<'a> {
    prologue: &'a [Stmt],
    label: Option<Lifetime>,
    condition: Option<&'a Expr>,
    body: &'a Block,
    epilogue: &'a [Stmt],
    is_tail: bool,
}

fn parts<'a>(block: &'a Block, errors: Option<&mut Errors>) -> Option<Parts<'a>> {
    let position = block.stmts.iter().position(|stmt| {
        let body = match stmt {
            Stmt::Expr(Expr::Loop(e), _) => &e.body,
            Stmt::Expr(Expr::While(e), _) => &e.body,
            _ => return false,
        };
        body.stmts.first().is_some_and(is_merge_point)
    });
    let Some(position) = position else {
        if let Some(errors) = errors {
            errors.on(
                &block.brace_token.span.join(),
                "the portal has no merge point",
                "make `merge_point!();` the first statement of the dispatch loop (`loop` or `while`)",
            );
        }
        return None;
    };
    let (label, condition, body, is_tail) = match &block.stmts[position] {
        Stmt::Expr(Expr::Loop(e), semi) => (&e.label, None, &e.body, semi.is_none()),
        Stmt::Expr(Expr::While(e), semi) => (&e.label, Some(&*e.cond), &e.body, semi.is_none()),
        _ => return None,
    };
    let is_tail = is_tail && position + 1 == block.stmts.len();
    Some(Parts {
        prologue: &block.stmts[..position],
        label: label.as_ref().map(|label| label.name.clone()),
        condition,
        body,
        epilogue: &block.stmts[position + 1..],
        is_tail,
    })
}

fn is_merge_point(stmt: &Stmt) -> bool {
    let mac = match stmt {
        Stmt::Macro(stmt) => &stmt.mac,
        Stmt::Expr(Expr::Macro(e), _) => &e.mac,
        _ => return false,
    };
    mac.path.segments.last().is_some_and(|segment| segment.ident == "merge_point")
}

fn label(parts: &Parts) -> Lifetime {
    parts.label.clone().unwrap_or_else(|| Lifetime::new("'__portal", Span::call_site()))
}

/// The name of a variable in a twin.
fn twin_name(name: &Ident) -> Ident {
    if name == "self" { format_ident!("__self") } else { name.clone() }
}

/// The twin of a portal.
pub fn twin(module: &Module, function: &Function, errors: &mut Errors) -> TokenStream {
    let m = support();
    let Some(portal) = &function.portal else { return quote!() };
    let Some(parts) = parts(&function.body, Some(errors)) else { return quote!() };
    let label = label(&parts);
    let mut twin = Twin {
        module,
        errors,
        scope: Scope::default(),
        returns: Return::Body,
        portal_loop: Some(label.clone()),
        innermost: None,
        loops: false,
        counter: 0,
        slots: vec![],
        heads: vec![],
        deferred: vec![],
        tuples: vec![],
    };
    twin.scope.enter();
    let mut arguments = vec![];
    for input in &function.sig.inputs {
        match input {
            FnArg::Receiver(_) => {
                let this = Ident::new("self", Span::call_site());
                twin.scope.declare(&this);
                arguments.push(quote!(mut __self));
            }
            FnArg::Typed(arg) => {
                if let Some(name) = twin.simple_binding(&arg.pat) {
                    arguments.push(quote!(mut #name));
                }
            }
        }
    }
    let prologue = prologue(&mut twin, parts.prologue);
    check_variables(&mut twin, portal);
    let types = Twin::parameter_types(&function.sig);
    let green_locals: Vec<Ident> = portal.greens.iter().filter_map(as_ident).collect();
    let variables: Vec<Ident> = green_locals.iter().chain(&portal.reds).map(twin_name).collect();
    let kept: Vec<String> = green_locals.iter().chain(&portal.reds).map(Ident::to_string).collect();
    twin.scope.keep_only(&kept);
    let takes = portal.greens.iter().map(|green| match as_ident(green) {
        Some(name) => {
            let name = twin_name(&name);
            quote_spanned!(name.span()=> let mut #name = __state.green();)
        }
        None => quote!(__state.green_in_memory();),
    });
    let takes: Vec<_> = takes.collect();
    let reds: Vec<Ident> = portal.reds.iter().map(twin_name).collect();
    let take_reds: Vec<_> =
        reds.iter().map(|red| quote_spanned!(red.span()=> let mut #red = __state.red();)).collect();
    let greens: Vec<TokenStream> = portal
        .greens
        .iter()
        .map(|green| match as_ident(green) {
            Some(name) => {
                let name = twin_name(&name);
                quote_spanned!(name.span()=> __merge.green(&mut #name);)
            }
            None => {
                let place = twin.place(green);
                quote! {
                    if __merge.at_start() {
                        __merge.start_green();
                    } else {
                        __merge.green_place(#place);
                    }
                }
            }
        })
        .collect();
    let learns: Vec<TokenStream> = portal
        .greens
        .iter()
        .enumerate()
        .filter(|(_, green)| as_ident(green).is_none())
        .map(|(index, green)| {
            let place = twin.place(green);
            quote!(__merge.learn(#index, #place);)
        })
        .collect();
    let condition = parts.condition.map(|condition| {
        let value = twin.value(condition);
        quote!(if !#m::branch(#value) { break #label; })
    });
    twin.scope.enter();
    twin.innermost = Some(label.clone());
    let body = twin.statements(&parts.body.stmts[1..]);
    twin.innermost = None;
    twin.scope.leave();
    let end = if parts.is_tail && parts.condition.is_none() {
        let breaks = Breaks::of(parts.body, Some(&label));
        if breaks.unit || breaks.value {
            quote!(#m::LoopValue::into_traced(__result))
        } else {
            quote!(__result)
        }
    } else {
        twin.loops = true;
        let epilogue = twin.statements(parts.epilogue);
        quote!({ #epilogue })
    };
    let result = return_type(&function.sig);
    let name = recursion::beside(function, "portal_twin");
    let (lifetimes, preamble) = (&function.sig.generics, preamble(function, true));
    let seen = seen(function);
    let description = describe(function, portal);
    let recursion = recursion::functions(function, portal);
    wrap(
        function,
        quote! {
                   #description
                   #recursion

                   #[cold]
                   pub fn #name #lifetimes (
                       __entry: #m::Entry<(#(#m::Tv<#types>,)*)>
                   ) -> #m::Outcome<#result> {
                       #preamble
                       let __returned: #m::Tv<#result> = '__body: {
                              let (#(mut #variables,)*) = { let __entry = __entry;
                               #seen
        match __entry {
                           #m::Entry::Resume(mut __state) => {
                               #(#takes)*
                               #(#take_reds)*
                               (#(#variables,)*)
                           }
                           #m::Entry::Call((#(#arguments,)*)) => {
                               #prologue
                               (#(#variables,)*)
                           }
                       } };
                       let __result = #label: loop {
                           {
                               let mut __merge = #m::Merge::new();
                               #(#greens)*
                               #(__merge.red(&#reds);)*
                               if __merge.stops() {
                                   // What they hold goes with the state.
                                   #(::core::mem::forget(#reds);)*
                                   return #m::Outcome::Merge(__merge.state());
                               }
                               #(__merge.update(&mut #reds);)*
                               #(#learns)*
                           }
                           #condition
                           { #body };
                       };
                       #end
                       };
                       #m::returns(__returned)
                   }
               },
    )
}

fn prologue(twin: &mut Twin, stmts: &[Stmt]) -> TokenStream {
    let body = twin.statements(stmts);
    quote!(#body;)
}

/// Greens and reds must be variables that exist at the merge point.
fn check_variables(twin: &mut Twin, portal: &Portal) {
    let locals = portal.greens.iter().filter_map(as_ident).chain(portal.reds.iter().cloned());
    let mut seen: Vec<Ident> = vec![];
    for name in locals {
        if !twin.scope.has(&name) {
            twin.errors.on(
                &name,
                &format!("there is no variable `{name}` at the merge point"),
                "name parameters of the portal, or locals declared before its loop",
            );
        }
        if seen.contains(&name) {
            twin.errors.on(
                &name,
                &format!("`{name}` is named twice"),
                "a variable is green or red",
            );
        }
        seen.push(name);
    }
}

/// The portal's description, beside its twin.
fn describe(function: &Function, portal: &Portal) -> TokenStream {
    let m = support();
    let (name, beside) = (function.sig.ident.to_string(), recursion::beside(function, "portal"));
    let greens = portal.greens.iter();
    let greens = greens.map(|green| green.to_token_stream().to_string().replace(' ', ""));
    quote! {
        #[inline(always)]
        pub const fn #beside() -> &'static #m::Portal {
            static PORTAL: #m::Portal = #m::Portal {
                name: ::core::concat!(::core::module_path!(), "::", #name),
                greens: &[#(#greens),*],
            };
            &PORTAL
        }
    }
}

/// The body of the plain portal, which is the author's own but for the merge point.
pub fn plain(function: &Function) -> Block {
    let m = support();
    let Some(portal) = &function.portal else { return function.body.clone() };
    let Some((mut block, prologue)) = plain_parts(function) else { return function.body.clone() };
    let check = recursion::check_depth(function, portal);
    let enter: Stmt = syn::parse_quote!(#m::enter_portal(););
    block.stmts.splice(0..0, check.into_iter().chain([enter]).chain(prologue));
    block
}

/// The plain portal behind its prologue, and the prologue.
pub fn plain_parts(function: &Function) -> Option<(Block, Vec<Stmt>)> {
    let mut block = function.body.clone();
    let portal = function.portal.as_ref()?;
    let found = parts(&function.body, None)?;
    let label = label(&found);
    let prologue: Vec<Stmt> = block.stmts.drain(..found.prologue.len()).collect();
    let mutable = mutable_names(function, &prologue);
    let body = match block.stmts.first_mut()? {
        Stmt::Expr(Expr::Loop(e), _) => {
            e.label = Some(syn::parse_quote!(#label:));
            &mut e.body
        }
        Stmt::Expr(Expr::While(e), _) => {
            e.label = Some(syn::parse_quote!(#label:));
            &mut e.body
        }
        _ => return None,
    };
    body.stmts.remove(0);
    let back = enter(function, portal, &mutable, false);
    Entries { enter: syn::parse_quote!({ #back continue #label }) }.visit_block_mut(body);
    body.stmts.insert(
        0,
        syn::parse_quote! {
            // A label that no `can_enter_jit!()` uses is no mistake of the author's.
            #[allow(unused_labels, unreachable_code, reason = "generated")]
            if false { continue #label; }
        },
    );
    if function.called {
        let begin = enter(function, portal, &mutable, true);
        block.stmts.insert(0, Stmt::Expr(begin, None));
    }
    Some((block, prologue))
}

/// The names of the variables that are declared `mut`.
fn mutable_names(function: &Function, prologue: &[Stmt]) -> Vec<Ident> {
    fn collect(pat: &Pat, names: &mut Vec<Ident>) {
        match pat {
            Pat::Ident(pat) if pat.mutability.is_some() => names.push(pat.ident.clone()),
            Pat::Type(pat) => collect(&pat.pat, names),
            Pat::Paren(pat) => collect(&pat.pat, names),
            _ => (),
        }
    }
    let mut names = vec![];
    for input in &function.sig.inputs {
        if let FnArg::Typed(arg) = input {
            collect(&arg.pat, &mut names);
        }
    }
    for stmt in prologue {
        if let Stmt::Local(local) = stmt {
            collect(&local.pat, &mut names);
        }
    }
    names
}

/// What stands for `can_enter_jit!()` in the plain portal, or where its loop begins.
fn enter(function: &Function, portal: &Portal, mutable: &[Ident], at_entry: bool) -> Expr {
    let m = support();
    let tick = if at_entry { quote!(tick_call) } else { quote!(tick) };
    let description = recursion::description(function);
    let (greens, reds) = (&portal.greens, &portal.reds);
    let (name, twin) = (&function.sig.ident, recursion::beside(function, "portal_twin"));
    let twin = if function.owner.is_some() { quote!(Self::#twin) } else { quote!(#name::#twin) };
    let back_greens = greens.iter().enumerate().filter_map(|(index, green)| {
        let name = as_ident(green)?;
        mutable.contains(&name).then(|| quote!(#name = __state.plain_green(#index);))
    });
    let put_reds = reds.iter().map(|red| {
        if mutable.contains(red) { quote!(.put_red(#red)) } else { quote!(.put_copy(&#red)) }
    });
    let back_reds = reds.iter().map(|red| {
        if mutable.contains(red) {
            quote!(#red = __state.plain_red();)
        } else {
            quote!(__state.skip_red(&#red);)
        }
    });
    syn::parse_quote! {
        if #m::#tick(#description, &[#(#m::key(&#greens)),*]) {
            let __state = #m::State::default()
                #(.put_green(#m::carrier(&#greens), &#greens))*
                #(#put_reds)*;
            match #m::enter(#description, __state, #at_entry, #twin) {
                #m::Outcome::Return(__result) => return __result.native(),
                #m::Outcome::Merge(mut __state) => {
                    #(#back_greens)*
                    #(#back_reds)*
                }
            }
        }
    }
}

/// Puts the entry into the JIT where the author wrote `can_enter_jit!()`.
struct Entries {
    enter: Expr,
}

impl Entries {
    fn matches(mac: &syn::Macro) -> bool {
        mac.path.segments.last().is_some_and(|segment| segment.ident == "can_enter_jit")
    }
}

impl VisitMut for Entries {
    fn visit_stmt_mut(&mut self, stmt: &mut Stmt) {
        if let Stmt::Macro(mac) = stmt
            && Self::matches(&mac.mac)
        {
            *stmt = Stmt::Expr(self.enter.clone(), Some(Token![;](Span::call_site())));
            return;
        }
        syn::visit_mut::visit_stmt_mut(self, stmt);
    }

    fn visit_expr_mut(&mut self, e: &mut Expr) {
        if let Expr::Macro(mac) = e
            && Self::matches(&mac.mac)
        {
            *e = self.enter.clone();
            return;
        }
        syn::visit_mut::visit_expr_mut(self, e);
    }
}
