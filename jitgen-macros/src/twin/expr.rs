//! Expressions: the value of each as a `Tv`.
//!
//! Not here: calls (`call`), operators (`operator`), patterns (`pattern`), places (`place`).

use super::operator::compound;
use super::{Breaks, Return, Twin, short, short_at};
use crate::span::Begins;
use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Expr, Lifetime, Lit, Token, UnOp};

impl Twin<'_> {
    /// The value of an expression.
    pub fn value(&mut self, e: &Expr) -> TokenStream {
        let at = e.span();
        let m = short_at(at);
        if self.is_constant(e) {
            return quote_spanned!(at=> #m::lift(#e));
        }
        match e {
            Expr::Paren(e) => self.value(&e.expr),
            Expr::Group(e) => self.value(&e.expr),
            Expr::Lit(e) => self.literal(e),
            Expr::Path(path) => self.path(path),
            Expr::Binary(binary) if compound(&binary.op).is_some() => self.assigned(e),
            Expr::Binary(e) => self.binary(e),
            Expr::Unary(e) => self.unary(e),
            Expr::Cast(cast) => {
                let ty = &cast.ty;
                if let Some(name) = self.local_name(strip(&cast.expr)) {
                    return quote_spanned!(at=> #m::cast(&#name, #name.nat() as #ty));
                }
                let value = self.value(&cast.expr);
                quote_spanned!(at=> match #value { __a => #m::cast(&__a, __a.nat() as #ty) })
            }
            Expr::Assign(_) => self.assigned(e),
            Expr::Field(_) | Expr::Index(_) => {
                let place = self.place(e);
                quote_spanned!(at=> #place.get())
            }
            Expr::Reference(e) => {
                let borrow = if e.mutability.is_some() { "unique" } else { "shared" };
                let borrow = syn::Ident::new(borrow, at);
                let place = self.place(&e.expr);
                quote_spanned!(at=> #m::#borrow(#place))
            }
            Expr::Call(e) => self.call(e),
            Expr::MethodCall(e) => self.method_call(e),
            Expr::Struct(e) => self.struct_literal(e),
            Expr::Macro(e) => self.macro_call(&e.mac),
            Expr::If(e) => self.if_expr(e),
            Expr::Match(e) => self.match_expr(e),
            Expr::Block(e) => {
                let (label, block) = (&e.label, self.block(&e.block));
                quote!(#label #block)
            }
            Expr::While(e) => {
                self.check_loop(e);
                let label = self.loop_label(&e.label);
                if contains_let(&e.cond) {
                    self.scope.enter();
                    let (test, failed) = self.conditions(&e.cond);
                    let body = self.loop_body(&label, &e.body);
                    self.scope.leave();
                    return quote!({
                        #label: loop {
                            #failed: { #test #body; continue #label; }
                            break #label;
                        }
                        #m::UNIT
                    });
                }
                let condition = self.scoped(&e.cond);
                let body = self.loop_body(&label, &e.body);
                quote!({ #label: while #m::branch(#condition) { #body; } #m::UNIT })
            }
            Expr::Loop(e) => {
                self.check_loop(e);
                let label = self.loop_label(&e.label);
                let body = self.loop_body(&label, &e.body);
                if Breaks::of(&e.body, Some(&label)).unit {
                    quote!({ #label: loop { #body; } #m::UNIT })
                } else {
                    quote!(#label: loop { #body; })
                }
            }
            Expr::Return(e) => self.return_expr(e),
            Expr::Break(e) => {
                let value = e.expr.as_ref().map(|e| self.value(e));
                let label = e.label.as_ref().or(self.innermost.as_ref());
                quote!(break #label #value)
            }
            Expr::Continue(e) => {
                let label = e.label.as_ref().or(self.innermost.as_ref());
                quote!(continue #label)
            }
            Expr::Try(e) => self.try_expr(e),
            Expr::Tuple(e) if e.elems.is_empty() => quote!(#m::UNIT),
            Expr::Tuple(tuple) => {
                let values = tuple.elems.iter().map(|e| self.value(e)).collect();
                let comma = (tuple.elems.len() == 1).then(|| quote!(,));
                self.construct(e.span(), values, None, |parts| quote!((#(#parts),* #comma)))
            }
            Expr::Array(array) => {
                let values = array.elems.iter().map(|e| self.value(e)).collect();
                self.construct(e.span(), values, None, |parts| quote!([#(#parts),*]))
            }
            Expr::Repeat(repeat) => {
                let (value, len) = (self.value(&repeat.expr), &repeat.len);
                quote_spanned!(at=> match #value { __e => #m::repeated::<_, { #len }>(__e) })
            }
            Expr::Closure(closure) => self.closure(closure),
            Expr::ForLoop(e) => {
                self.check_loop(e);
                self.for_loop(e)
            }
            other => {
                let (what, help) = name_of(other);
                self.unsupported(other, what, help)
            }
        }
    }

    /// Only literals, constants and operators on them: lifted as a whole, so that rustc infers and
    /// checks the literals as in the interpreter.
    fn is_constant(&self, e: &Expr) -> bool {
        match e {
            Expr::Lit(e) => !matches!(e.lit, Lit::Str(_) | Lit::ByteStr(_) | Lit::CStr(_)),
            Expr::Path(e) => {
                let local = e.path.get_ident().is_some_and(|name| self.scope.has(name));
                let name = e.path.segments.last().map(|s| s.ident.to_string()).unwrap_or_default();
                let upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
                !local && name.len() > 1 && name.chars().all(upper)
            }
            Expr::Paren(e) => self.is_constant(&e.expr),
            Expr::Unary(e) => !matches!(e.op, UnOp::Deref(_)) && self.is_constant(&e.expr),
            Expr::Cast(e) => self.is_constant(&e.expr),
            Expr::Binary(e) => {
                let whole = compound(&e.op).is_none();
                whole && self.is_constant(&e.left) && self.is_constant(&e.right)
            }
            _ => false,
        }
    }

    /// The label of a loop. Every loop has one in the twin, where it may be left out of the blocks
    /// that patterns come to.
    fn loop_label(&mut self, label: &Option<syn::Label>) -> Lifetime {
        match label {
            Some(label) => label.name.clone(),
            None => self.fresh_label(),
        }
    }

    fn loop_body(&mut self, label: &Lifetime, body: &syn::Block) -> TokenStream {
        let outer = self.innermost.replace(label.clone());
        let body = self.block(body);
        self.innermost = outer;
        body
    }

    fn check_loop(&mut self, e: &impl syn::spanned::Spanned) {
        if !self.loops {
            self.errors.on(
                e,
                "a loop inside the portal's loop would be unrolled into every trace",
                "move it into a helper: #[residual] to call it, #[unroll] to unroll it",
            );
        }
    }

    fn literal(&mut self, e: &syn::ExprLit) -> TokenStream {
        match &e.lit {
            Lit::ByteStr(_) | Lit::CStr(_) => {
                self.unsupported(e, "byte strings are", "use them in a #[residual] function")
            }
            _ => {
                let m = short();
                quote!(#m::lift(#e))
            }
        }
    }

    fn path(&mut self, e: &syn::ExprPath) -> TokenStream {
        let m = short();
        let Some(name) = e.path.get_ident() else { return quote!(#m::lift(#e)) };
        if name == "self" {
            return quote_spanned!(name.span()=> __self);
        }
        if self.scope.has(name) {
            return name.to_token_stream();
        }
        if self.scope.hidden.iter().any(|hidden| name == hidden) {
            self.hidden(name);
        }
        quote!(#m::lift(#e))
    }

    /// A local of the portal's prologue is used in its loop and is neither green nor red.
    pub fn hidden(&mut self, name: &syn::Ident) {
        self.errors.at(
            name.span(),
            &format!("`{name}` lives across the merge point, but is neither green nor red"),
            &format!("add it: `reds(.., {name})`, or `greens(.., {name})` if it is part of the code position"),
        );
        let text = name.to_string();
        self.scope.hidden.retain(|hidden| *hidden != text);
        self.scope.declare(name);
    }

    /// An assignment as a statement.
    pub fn assignment(&mut self, e: &Expr) -> TokenStream {
        match e {
            Expr::Assign(e) => self.assign(e),
            Expr::Binary(e) => self.compound_assign(e),
            _ => quote!(),
        }
    }

    /// An assignment as a value.
    fn assigned(&mut self, e: &Expr) -> TokenStream {
        let (m, assignment) = (short(), self.assignment(e));
        quote!({ #assignment #m::UNIT })
    }

    fn assign(&mut self, e: &syn::ExprAssign) -> TokenStream {
        if matches!(&*e.left, Expr::Infer(_)) {
            let value = self.value(&e.right);
            return quote!({ let _ = #value; });
        }
        if matches!(&*e.left, Expr::Tuple(_) | Expr::Struct(_) | Expr::Array(_) | Expr::Call(_)) {
            return self.unsupported(
                &e.left,
                "assigning to several places at once is",
                "assign to one place after the other",
            );
        }
        let value = self.value(&e.right);
        if let Some(local) = self.local_name(&e.left) {
            if gives_reference(&e.right) && !self.deferred.contains(&local) {
                let m = short_at(e.right.span());
                return quote!(#local = #m::coerced(#value, &#local););
            }
            return quote!(#local = #value;);
        }
        let place = self.place(&e.left);
        quote_spanned!(e.span()=> { let __v = #value; #place.set(__v); })
    }

    /// The local that the expression names, if it is one.
    pub fn local_name(&mut self, e: &Expr) -> Option<syn::Ident> {
        let Expr::Path(path) = e else { return None };
        let name = path.path.get_ident()?;
        // A name of an inner block may hide a local of the prologue.
        if !self.scope.has(name) && self.scope.hidden.iter().any(|hidden| name == hidden) {
            self.hidden(name);
        }
        self.scope.has(name).then(|| name.clone())
    }

    fn if_expr(&mut self, e: &syn::ExprIf) -> TokenStream {
        let m = short();
        if contains_let(&e.cond) {
            self.scope.enter();
            let (whole, (test, failed)) = (self.fresh_label(), self.conditions(&e.cond));
            let then = self.block(&e.then_branch);
            self.scope.leave();
            let otherwise = self.else_branch(e);
            return quote!(#whole: { #failed: { #test break #whole #then } #otherwise });
        }
        let condition = self.scoped(&e.cond);
        let then = self.block(&e.then_branch);
        let otherwise = self.else_branch(e);
        quote!(if #m::branch(#condition) #then else { #otherwise })
    }

    /// What an `if` does otherwise.
    pub fn else_branch(&mut self, e: &syn::ExprIf) -> TokenStream {
        let m = short();
        match &e.else_branch {
            Some((_, otherwise)) => self.value(otherwise),
            None => quote!(#m::UNIT),
        }
    }

    fn return_expr(&mut self, e: &syn::ExprReturn) -> TokenStream {
        let m = short();
        let value = match &e.expr {
            Some(e) => self.value(e),
            None => quote!(#m::UNIT),
        };
        self.return_value(&value)
    }

    /// `return` with a traced value.
    pub fn return_value(&self, value: &TokenStream) -> TokenStream {
        match self.returns {
            Return::Value => quote!(return #value),
            Return::Body => quote!(break '__body #value),
        }
    }

    fn try_expr(&mut self, e: &syn::ExprTry) -> TokenStream {
        let m = short_at(e.span());
        let value = self.value(&e.expr);
        let failed = self.return_value(&quote!(#m::FromResidual::from_residual(__e)));
        quote_spanned!(e.span()=> match #m::Try::branch(#value) {
            __m::Ok(__v) => __v,
            __m::Err(__e) => #failed,
        })
    }

    /// A closure: it captures what the original captures. `return` and `?` leave the closure.
    fn closure(&mut self, e: &syn::ExprClosure) -> TokenStream {
        let m = short();
        let outer =
            (self.returns, self.portal_loop.take(), std::mem::replace(&mut self.loops, true));
        let innermost = self.innermost.take();
        self.returns = Return::Value;
        let slots = std::mem::take(&mut self.slots);
        self.scope.enter();
        let mut bind = TokenStream::new();
        let mut inputs = vec![];
        for pat in &e.inputs {
            let (pat, ty) = match pat {
                syn::Pat::Type(typed) => (&*typed.pat, Some(&typed.ty)),
                pat => (pat, None),
            };
            let ty = ty.map(|ty| quote!(: #m::Tv<#ty>));
            let (name, binds) = self.parameter(pat);
            inputs.push(quote!(mut #name #ty));
            bind.extend(binds);
        }
        let body = self.value(&e.body);
        self.scope.leave();
        let own = std::mem::replace(&mut self.slots, slots);
        (self.returns, self.portal_loop, self.loops) = outer;
        self.innermost = innermost;
        let capture = &e.capture;
        let result = match &e.output {
            syn::ReturnType::Default => quote!(),
            syn::ReturnType::Type(_, ty) => quote!(-> #m::Tv<#ty>),
        };
        let body = quote!({ #(let mut #own = __m::None;)* #bind #body });
        quote!(#capture |#(#inputs),*| #result #body)
    }

    /// `for` over a range, unrolled.
    fn for_loop(&mut self, e: &syn::ExprForLoop) -> TokenStream {
        let m = short();
        let Expr::Range(range) = strip(&e.expr) else {
            return self.for_each(e);
        };
        let (Some(start), Some(end)) = (&range.start, &range.end) else {
            return self.unsupported(&e.expr, "`for` over an open range is", "write both bounds");
        };
        let (start, end) = (self.value(start), self.value(end));
        let inclusive = matches!(range.limits, syn::RangeLimits::Closed(_));
        let compare = if inclusive { quote!(Le) } else { quote!(Lt) };
        self.scope.enter();
        let (name, bind) = self.parameter(&e.pat);
        let label = self.loop_label(&e.label);
        let body = self.loop_body(&label, &e.body);
        self.scope.leave();
        quote!({
            let (mut __next, __end) = (#start, #end);
            let mut __done = false;
            #label: loop {
                let __more = #m::compare(#m::Bin::#compare, __next, __end);
                if __done || !#m::branch(__more) { break; }
                let mut #name = __next;
                (__next, __done) = #m::next_of_range(__next, __end, #inclusive);
                #bind
                #body;
            }
            #m::UNIT
        })
    }

    /// `for` over the elements of a slice, by reference, unrolled.
    fn for_each(&mut self, e: &syn::ExprForLoop) -> TokenStream {
        let m = short_at(e.expr.span());
        let all = match strip(&e.expr) {
            Expr::MethodCall(call) if call.method == "iter" && call.args.is_empty() => {
                let place = self.place(&call.receiver);
                quote!(#m::as_slice(#m::auto(#place)))
            }
            e => {
                let place = self.place(e);
                quote!(#m::each(#place))
            }
        };
        self.scope.enter();
        let (name, bind) = self.parameter(&e.pat);
        let label = self.loop_label(&e.label);
        let body = self.loop_body(&label, &e.body);
        self.scope.leave();
        quote!({
            let __all = #all;
            let mut __at = 0usize;
            #label: while let __m::Some(mut #name) =
                #m::next_of_each(__all, &mut __at)
            {
                #bind
                #body;
            }
            #m::UNIT
        })
    }

    /// A macro call; those of the standard library are known one by one.
    pub fn macro_call(&mut self, mac: &syn::Macro) -> TokenStream {
        let m = short();
        let name = mac.path.segments.last().map(|s| s.ident.to_string()).unwrap_or_default();
        match &*name {
            "panic" | "unreachable" | "todo" | "unimplemented" => self.panic(mac),
            "can_enter_jit" => match self.portal_loop.clone() {
                Some(label) => {
                    if let Some(name) = self.scope.shadowed() {
                        self.errors.on(
                            mac,
                            &format!("`{name}` is another variable here than at the merge point"),
                            "rename the inner variable",
                        );
                    }
                    quote!({ #m::loop_header(); continue #label; })
                }
                None => self.unsupported(mac, "`can_enter_jit!` outside of a portal is", ""),
            },
            "merge_point" => {
                self.errors.on(
                    mac,
                    "the merge point belongs at the head of the portal's loop",
                    "make `merge_point!();` the first statement of the loop",
                );
                quote!()
            }
            "assert" | "debug_assert" => self.assertion(mac, name == "debug_assert"),
            "assert_eq" | "debug_assert_eq" => self.comparison(mac, &name, quote!(==)),
            "assert_ne" | "debug_assert_ne" => self.comparison(mac, &name, quote!(!=)),
            "matches" => match mac.parse_body::<Matches>() {
                Ok(body) => self.matches(&body.e, &body.pat, body.guard.as_ref()),
                Err(error) => {
                    self.errors.add(error);
                    quote!()
                }
            },
            "conditional_call" => self.conditional(mac, false),
            "conditional_value" => self.conditional(mac, true),
            "record_known" => self.known_result(mac),
            _ => self.unsupported(
                mac,
                &format!("`{name}!` is"),
                "write it in a #[residual] function",
            ),
        }
    }

    /// `panic!` and its like: what is printed are the concrete values.
    fn panic(&mut self, mac: &syn::Macro) -> TokenStream {
        let parser = Punctuated::<Expr, Token![,]>::parse_terminated;
        let Ok(arguments) = parser.parse2(mac.tokens.clone()) else {
            return mac.to_token_stream();
        };
        let path = &mac.path;
        let arguments = arguments.iter().map(|argument| match argument {
            Expr::Lit(_) => argument.to_token_stream(),
            Expr::Assign(named) => {
                let (name, value) = (&named.left, self.value(&named.right));
                quote!(#name = #value)
            }
            other => self.value(other),
        });
        let arguments: Vec<_> = arguments.collect();
        quote!(#path!(#(#arguments),*))
    }

    /// `assert_eq!` and its like.
    fn comparison(&mut self, mac: &syn::Macro, name: &str, op: TokenStream) -> TokenStream {
        let parser = Punctuated::<Expr, Token![,]>::parse_terminated;
        let arguments = match parser.parse2(mac.tokens.clone()) {
            Ok(arguments) if arguments.len() >= 2 => arguments,
            Ok(_) => return quote!(),
            Err(error) => {
                self.errors.add(error);
                return quote!();
            }
        };
        let (a, b) = (&arguments[0], &arguments[1]);
        let rest = arguments.iter().skip(2);
        let message = format!("assertion `left {op} right` failed");
        let message = if arguments.len() > 2 { quote!(#(#rest),*) } else { quote!(#message) };
        let assertion: syn::Macro = syn::parse_quote!(assert!((#a) #op (#b), #message));
        self.assertion(&assertion, name.starts_with("debug"))
    }

    fn assertion(&mut self, mac: &syn::Macro, debug: bool) -> TokenStream {
        let m = short();
        let parser = Punctuated::<Expr, Token![,]>::parse_terminated;
        let arguments = match parser.parse2(mac.tokens.clone()) {
            Ok(arguments) => arguments,
            Err(error) => {
                self.errors.add(error);
                return quote!();
            }
        };
        let mut arguments = arguments.iter();
        let Some(first) = arguments.next() else { return quote!() };
        let condition = self.value(first);
        let rest: Vec<_> = arguments.collect();
        let text = format!("assertion failed: {}", first.to_token_stream());
        let message = if rest.is_empty() { quote!("{}", #text) } else { quote!(#(#rest),*) };
        let active = if debug { quote!(::core::cfg!(debug_assertions)) } else { quote!(true) };
        quote!({
            if #active && !#m::branch(#condition) { ::core::panic!(#message) }
            #m::UNIT
        })
    }
}

/// The arguments of `matches!`.
struct Matches {
    e: Expr,
    pat: syn::Pat,
    guard: Option<Expr>,
}

impl syn::parse::Parse for Matches {
    fn parse(input: syn::parse::ParseStream) -> syn::Result<Matches> {
        let e = input.parse()?;
        input.parse::<Token![,]>()?;
        let pat = syn::Pat::parse_multi_with_leading_vert(input)?;
        let guard = if input.peek(Token![if]) {
            input.parse::<Token![if]>()?;
            Some(input.parse()?)
        } else {
            None
        };
        input.parse::<Option<Token![,]>>()?;
        Ok(Matches { e, pat, guard })
    }
}

pub(super) fn strip(e: &Expr) -> &Expr {
    match e {
        Expr::Paren(e) => strip(&e.expr),
        Expr::Group(e) => strip(&e.expr),
        e => e,
    }
}

/// May its value be a reference that is coerced where it is assigned?
fn gives_reference(e: &Expr) -> bool {
    match e {
        Expr::Reference(_) => true,
        Expr::MethodCall(e) => e.method == "expect" || e.method == "unwrap",
        e => matches!(strip(e), Expr::Reference(_)),
    }
}

fn contains_let(e: &Expr) -> bool {
    match e {
        Expr::Let(_) => true,
        Expr::Binary(e) => contains_let(&e.left) || contains_let(&e.right),
        Expr::Paren(e) => contains_let(&e.expr),
        _ => false,
    }
}

/// What an expression is called in messages, and what to do instead.
fn name_of(e: &Expr) -> (&'static str, &'static str) {
    let residual = "move it into a #[residual] function";
    match e {
        Expr::Async(_) | Expr::Await(_) => ("`async` and `await` are", residual),
        Expr::Range(_) => ("range values are", residual),
        Expr::Unsafe(_) => ("`unsafe` blocks are", residual),
        _ => ("this expression is", residual),
    }
}
