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

use super::{Twin, support_at};
use crate::model::{Function, Role};
use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Expr, Token, UnOp};

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
        let Some((function, args)) = self.called(call, can_be_left_out) else {
            self.errors.on(
                call,
                "only a #[residual] or #[elidable] function that is no method can be called conditionally",
                "write such a function, and call it by its name",
            );
            return quote!(::core::unreachable!());
        };
        self.check_simple(args.iter().chain(otherwise));
        let m = support_at(mac.span());
        let condition_value = self.value(condition);
        let only_if = match otherwise.map(|e| self.value(e)) {
            None if value => quote_spanned!(condition.span()=> #m::unless_some(#condition_value)),
            None => quote_spanned!(condition.span()=> #m::only_if(#condition_value)),
            Some(otherwise) => {
                quote_spanned!(mac.span()=> #m::only_if_else(#condition_value, #otherwise))
            }
        };
        self.diverted(function, args, &only_if, &quote!(IS_RESIDUAL))
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
        let Some((function, args)) = called else {
            self.errors.on(
                mac,
                "`record_known!` takes a call of an #[elidable] function that is no method, and its result",
                "write `record_known!(f(a), result)`",
            );
            return quote!(::core::unreachable!());
        };
        self.check_simple(args.iter().chain([&arguments[1]]));
        let (m, result) = (support_at(mac.span()), self.value(&arguments[1]));
        let known = quote_spanned!(mac.span()=> #m::known(#result));
        self.diverted(function, args, &known, &quote!(IS_ELIDABLE))
    }

    /// The twin of a call of which `how` tells the function's twin something; `mark` is what the
    /// function must have.
    fn diverted(
        &mut self,
        function: &syn::Path,
        args: &Punctuated<Expr, Token![,]>,
        how: &TokenStream,
        mark: &TokenStream,
    ) -> TokenStream {
        let m = support_at(function.span());
        let values: Vec<TokenStream> = args.iter().map(|e| self.value(e)).collect();
        let names: Vec<_> = (0..values.len()).map(|index| format_ident!("__c{index}")).collect();
        let mut path = function.clone();
        let generics = path.segments.last_mut().map(|last| std::mem::take(&mut last.arguments));
        quote_spanned!(function.span()=> {
            let () = #path::#mark;
            let __how = #how;
            #(let #names = #values; #m::not_an_owner(&#names);)*
            __how.begin();
            __how.result(#path::twin #generics (#(#names),*))
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

    /// The function that is called, and its arguments, if it is a free one that fits.
    fn called<'e>(
        &mut self,
        call: &'e Expr,
        fits: impl FnOnce(&Function) -> bool,
    ) -> Option<(&'e syn::Path, &'e Punctuated<Expr, Token![,]>)> {
        if let Expr::Call(call) = call
            && let Expr::Path(function) = &*call.func
            && function.qself.is_none()
            && self.is_free(&function.path)
        {
            let known = function.path.get_ident().and_then(|name| self.module.free(name));
            if known.is_none_or(fits) {
                return Some((&function.path, &call.args));
            }
        }
        None
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
