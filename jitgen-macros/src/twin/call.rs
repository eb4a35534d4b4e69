//! Calls: of functions and methods of the module, of constructors, of what the tracer knows.

use super::{Twin, support_at};
use crate::model::Role;
use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, ExprCall, ExprMethodCall, ExprStruct};

impl Twin<'_> {
    /// `f(args)`.
    pub fn call(&mut self, e: &ExprCall) -> TokenStream {
        let m = support_at(e.span());
        let Expr::Path(function) = &*e.func else {
            return self.unsupported(
                &e.func,
                "calls through values are",
                "call a function by name",
            );
        };
        let path = &function.path;
        let Some(last) = path.segments.last() else { return quote!() };
        let name = &last.ident;
        if path.segments.len() == 1
            && let Some(callee) = self.module.free(name)
        {
            let entry = if callee.role == Role::Portal { "call" } else { "twin" };
            let entry = format_ident!("{entry}", span = name.span());
            let arguments = self.arguments(&e.args);
            return quote_spanned!(e.span()=> #name::#entry(#(#arguments),*));
        }
        match &*name.to_string() {
            "Ok" | "Err" if e.args.len() == 1 => {
                let function = if name == "Ok" { quote!(ok) } else { quote!(err) };
                let value = self.value(&e.args[0]);
                return quote!(#m::#function(#value));
            }
            "promote" if e.args.len() == 1 => {
                let value = self.value(&e.args[0]);
                return quote!(#m::promote(#value));
            }
            text if text.starts_with(|c: char| c.is_uppercase()) => {
                let arguments = self.arguments(&e.args);
                return self.construct(e, arguments, |parts| quote!(#path(#(#parts),*)));
            }
            _ => (),
        }
        if path.segments.len() > 1 && self.module.is_portal_method(name) {
            return self.unsupported(
                e,
                "calling a portal by its path is",
                "write `receiver.method(..)`",
            );
        }
        if path.segments.len() > 1 && self.module.has_method(name) {
            let mut path = path.clone();
            if let Some(last) = path.segments.last_mut() {
                last.ident = format_ident!("{name}__twin", span = name.span());
            }
            let arguments = self.arguments(&e.args);
            return quote_spanned!(e.span()=> #path(#(#arguments),*));
        }
        self.errors.on(
            function,
            &format!("`{name}` is not a function of this module, so it cannot be traced"),
            "call it from a #[residual] function of this module",
        );
        quote!(::core::unreachable!())
    }

    /// `receiver.method(args)`.
    pub fn method_call(&mut self, e: &ExprMethodCall) -> TokenStream {
        let m = support_at(e.span());
        let name = &e.method;
        if self.module.has_method(name) {
            let is_portal = self.module.is_portal_method(name);
            let entry = if is_portal { "call" } else { "twin" };
            let twin = format_ident!("{name}__{entry}", span = name.span());
            let receiver = self.place(&e.receiver);
            let arguments = self.arguments(&e.args);
            return quote_spanned!(e.span()=> {
                let __r = #m::auto(#receiver);
                // SAFETY: the receiver is alive; the twin uses the reference for its address only.
                (unsafe { &*__r.addr() }).#twin(__r, #(#arguments),*)
            });
        }
        match (&*name.to_string(), e.args.len()) {
            ("wrapping_add" | "wrapping_sub" | "wrapping_mul", 1) => {
                let (a, b) = (self.value(&e.receiver), self.value(&e.args[0]));
                quote_spanned!(e.span()=> #m::#name(#a, #b))
            }
            ("wrapping_neg", 0) => {
                let a = self.value(&e.receiver);
                quote_spanned!(e.span()=> #m::#name(#a))
            }
            ("len", 0) => {
                let place = self.place(&e.receiver);
                quote_spanned!(e.span()=> #m::len(#m::auto(#place)))
            }
            ("is_empty", 0) => {
                let place = self.place(&e.receiver);
                quote_spanned!(e.span()=> #m::is_empty(#m::auto(#place)))
            }
            _ => {
                self.errors.on(
                    name,
                    &format!("the method `{name}` is not known to the tracer"),
                    "call it from a #[residual] function of this module",
                );
                quote!(::core::unreachable!())
            }
        }
    }

    /// `Type { field: value }`.
    pub fn struct_literal(&mut self, e: &ExprStruct) -> TokenStream {
        if let Some(rest) = &e.rest {
            return self.unsupported(rest, "`..base` in a struct expression is", "name all fields");
        }
        let path = &e.path;
        let members: Vec<_> = e.fields.iter().map(|field| field.member.clone()).collect();
        let values = e.fields.iter().map(|field| self.value(&field.expr)).collect();
        self.construct(e, values, |parts| quote!(#path { #(#members: #parts),* }))
    }

    fn construct(
        &mut self,
        e: &impl Spanned,
        values: Vec<TokenStream>,
        build: impl FnOnce(&[TokenStream]) -> TokenStream,
    ) -> TokenStream {
        let m = support_at(e.span());
        let names: Vec<_> = (0..values.len()).map(|index| format_ident!("__p{index}")).collect();
        let natives: Vec<_> = names.iter().map(|name| quote!(#name.native())).collect();
        let built = build(&natives);
        quote_spanned!(e.span()=> match (#(#values,)*) {
            (#(#names,)*) => {
                let __parts = [#(#names.o),*];
                #m::construct(#built, &__parts)
            }
        })
    }

    fn arguments<'e>(&mut self, args: impl IntoIterator<Item = &'e Expr>) -> Vec<TokenStream> {
        args.into_iter().map(|e| self.value(e)).collect()
    }
}
