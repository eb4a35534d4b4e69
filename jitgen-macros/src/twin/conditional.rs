//! Calls that are not always made: `conditional_call!` and `conditional_value!`, and one that is never
//! made, `record_known!`.
//!
//! ```text
//! conditional_call!(c, f(a, b))    =>   { let __if = only_if(c); let (__c0, __c1) = (a, b);
//!                                         __if.begin(); __if.result(f::twin(__c0, __c1)) }
//! ```
//!
//! The interpreter evaluates the arguments only where it calls, a trace always. So they must be
//! such that nobody can tell: places and literals, whose evaluation has no effect and cannot fail.
//!
//! Not here: how the function's twin comes to know of the condition (`macro_support::conditional`).

use super::{Twin, support_at, twin_name};
use crate::model::{Function, Role};
use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Expr, Token, UnOp};

/// The marks of functions that may be called conditionally, and whose results may be told.
pub const IS_RESIDUAL: &str = "IS_RESIDUAL";
pub const IS_ELIDABLE: &str = "IS_ELIDABLE";

/// What a method's mark is called.
pub fn mark_ident(method: &syn::Ident, mark: &str) -> syn::Ident {
    format_ident!("{method}__{}", mark.to_lowercase(), span = method.span())
}

/// A call that is not always made.
struct Called<'e> {
    target: Target<'e>,
    args: &'e Punctuated<Expr, Token![,]>,
}

enum Target<'e> {
    Free(&'e syn::Path),
    Associated(&'e syn::ExprPath),
    Method(&'e syn::ExprMethodCall),
}

impl Called<'_> {
    fn span(&self) -> proc_macro2::Span {
        match self.target {
            Target::Free(path) => path.span(),
            Target::Associated(path) => path.span(),
            Target::Method(call) => call.span(),
        }
    }

    /// All that is evaluated before.
    fn operands(&self) -> impl Iterator<Item = &Expr> {
        let receiver = match self.target {
            Target::Method(call) => Some(&*call.receiver),
            Target::Free(_) | Target::Associated(_) => None,
        };
        receiver.into_iter().chain(self.args)
    }
}

/// A path, and what it ends with in `<>`.
fn without_arguments(path: &syn::Path) -> (syn::Path, Option<syn::PathArguments>) {
    let mut path = path.clone();
    let generics = path.segments.last_mut().map(|last| std::mem::take(&mut last.arguments));
    (path, generics)
}

impl Twin<'_> {
    /// The twin of one of the macros; `value`: of the one whose condition is an `Option`.
    pub fn conditional(&mut self, mac: &syn::Macro, value: bool) -> TokenStream {
        let arguments = mac.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated);
        let arguments: Vec<Expr> = match arguments {
            Ok(arguments) => arguments.into_iter().collect(),
            Err(error) => {
                self.errors.add(error);
                return quote!(::core::unreachable!());
            }
        };
        let (condition, call, otherwise) = match (&arguments[..], value) {
            ([condition, call], _) => (condition, call, None),
            ([condition, call, otherwise], false) => (condition, call, Some(otherwise)),
            _ => {
                let help = match value {
                    true => "write `conditional_value!(option, f(a))`",
                    false => {
                        "write `conditional_call!(condition, f(a))`, or with a third argument what it gives otherwise"
                    }
                };
                self.errors.on(mac, "these are not the arguments of a conditional call", help);
                return quote!(::core::unreachable!());
            }
        };
        let Some(called) = self.called(call, can_be_left_out) else {
            self.errors.on(
                call,
                "only a #[residual] or #[elidable] function can be called conditionally",
                "write such a function, not in a trait, and call it by its name",
            );
            return quote!(::core::unreachable!());
        };
        self.check_simple(called.operands().chain(otherwise));
        let m = support_at(mac.span());
        let condition_value = self.value(condition);
        let only_if = match otherwise.map(|e| self.value(e)) {
            None if value => quote_spanned!(condition.span()=> #m::unless_some(#condition_value)),
            None => quote_spanned!(condition.span()=> #m::only_if(#condition_value)),
            Some(otherwise) => {
                quote_spanned!(mac.span()=> #m::only_if_else(#condition_value, #otherwise))
            }
        };
        self.diverted(&called, &only_if, IS_RESIDUAL)
    }

    /// The twin of `record_known!`.
    pub fn known_result(&mut self, mac: &syn::Macro) -> TokenStream {
        let parser = Punctuated::<Expr, Token![,]>::parse_terminated;
        let arguments = mac.parse_body_with(parser).unwrap_or_default();
        let elidable = |f: &Function| can_be_left_out(f) && f.calling.is_elidable();
        let called = match arguments.first() {
            Some(call) if arguments.len() == 2 => self.called(call, elidable),
            _ => None,
        };
        let Some(called) = called else {
            self.errors.on(
                mac,
                "`record_known!` takes a call of an #[elidable] function, and its result",
                "write `record_known!(f(a), result)`",
            );
            return quote!(::core::unreachable!());
        };
        self.check_simple(called.operands().chain([&arguments[1]]));
        let (m, result) = (support_at(mac.span()), self.value(&arguments[1]));
        let known = quote_spanned!(mac.span()=> #m::known(#result));
        self.diverted(&called, &known, IS_ELIDABLE)
    }

    /// The twin of a call of which `how` tells the function's twin something; `mark` is what the
    /// function must have.
    fn diverted(&mut self, called: &Called<'_>, how: &TokenStream, mark: &str) -> TokenStream {
        let span = called.span();
        let m = support_at(span);
        let values: Vec<TokenStream> = called.args.iter().map(|e| self.value(e)).collect();
        let names: Vec<_> = (0..values.len()).map(|index| format_ident!("__c{index}")).collect();
        let (before, check, call) = match &called.target {
            Target::Free(function) => {
                let (path, generics) = without_arguments(function);
                let mark = format_ident!("{mark}");
                (quote!(), quote!(#path::#mark), quote!(#path::twin #generics (#(#names),*)))
            }
            Target::Associated(function) => {
                let (mut path, generics) = without_arguments(&function.path);
                let last = path.segments.last_mut().expect("a path has segments");
                let name = last.ident.clone();
                last.ident = mark_ident(&name, mark);
                let check = syn::ExprPath { path: path.clone(), ..(*function).clone() };
                path.segments.last_mut().expect("as above").ident = twin_name(&name);
                let twin = syn::ExprPath { path, ..(*function).clone() };
                (quote!(), quote!(#check()), quote!(#twin #generics (#(#names),*)))
            }
            Target::Method(e) => {
                let (twin, mark) = (twin_name(&e.method), mark_ident(&e.method, mark));
                let (receiver, generics) = (self.receiver(&e.receiver, span), &e.turbofish);
                let before = quote_spanned! {span=>
                    // SAFETY: the receiver is alive; the twin uses the reference for its address only.
                    let (__this, __taken) = unsafe { #receiver };
                };
                let check = quote_spanned!(span=> (__this).#mark());
                let call = quote_spanned!(span=> (__this).#twin #generics (__taken, #(#names),*));
                (before, check, call)
            }
        };
        quote_spanned!(span=> {
            let __how = #how;
            #(let #names = #values; #m::not_an_owner(&#names);)*
            #before
            let () = #check;
            __how.begin();
            __how.result(#call)
        })
    }

    /// Nobody must be able to tell whether these are evaluated.
    fn check_simple<'e>(&mut self, all: impl Iterator<Item = &'e Expr>) {
        for e in all.filter(|e| !is_simple(e)) {
            self.errors.on(
                e,
                "what a conditional call is given is evaluated in a trace even if the call is not made",
                "give it a name with `let` before",
            );
        }
    }

    /// The call, if it is one of a function that fits, as far as can be seen.
    fn called<'e>(
        &mut self,
        call: &'e Expr,
        fits: impl Fn(&Function) -> bool,
    ) -> Option<Called<'e>> {
        let methods_fit = |name: &syn::Ident| {
            let mut known = self.module.methods(name).iter().map(|at| &self.module.functions[*at]);
            known.len() > 0 && known.all(&fits)
        };
        match call {
            Expr::Call(call) => {
                let Expr::Path(function) = &*call.func else { return None };
                let last = &function.path.segments.last()?.ident;
                let known = function.path.get_ident().and_then(|name| self.module.free(name));
                let target = if function.qself.is_none() && self.is_free(&function.path) {
                    known.is_none_or(fits).then_some(Target::Free(&function.path))
                } else {
                    // One with a receiver is called as a method.
                    let fits = methods_fit(last) && !self.module.takes_self(last);
                    fits.then_some(Target::Associated(function))
                };
                Some(Called { target: target?, args: &call.args })
            }
            Expr::MethodCall(call) if methods_fit(&call.method) => {
                Some(Called { target: Target::Method(call), args: &call.args })
            }
            _ => None,
        }
    }

    /// Does the path lead to a free function, as far as can be seen?
    fn is_free(&self, path: &syn::Path) -> bool {
        let lower = |name: &syn::Ident| name.to_string().starts_with(|c: char| !c.is_uppercase());
        path.segments.iter().all(|segment| lower(&segment.ident))
            && path.get_ident().is_none_or(|name| !self.scope.has(name))
    }
}

/// Is it a function that may be called or not?
pub fn can_be_left_out(function: &Function) -> bool {
    function.role == Role::Residual
        && function.inside_if.is_none()
        && function.calling.may_be_conditional()
}

/// Has its evaluation no effect, and can it not fail?
fn is_simple(e: &Expr) -> bool {
    match e {
        Expr::Lit(_) | Expr::Path(_) => true,
        Expr::Field(e) => is_simple(&e.base),
        Expr::Paren(e) => is_simple(&e.expr),
        Expr::Group(e) => is_simple(&e.expr),
        Expr::Reference(e) => is_simple(&e.expr),
        Expr::Cast(e) => is_simple(&e.expr),
        Expr::Unary(e) => matches!(e.op, UnOp::Deref(_)) && is_simple(&e.expr),
        _ => false,
    }
}
