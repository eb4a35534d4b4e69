//! Calls: of functions and methods of the module, of constructors, of what the tracer knows.

use super::{Twin, support_at};
use crate::model::Role;
use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
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
        if path.segments.len() == 1 && self.scope.has(name) {
            // A closure in a local.
            let arguments = self.arguments(&e.args);
            return quote_spanned!(e.span()=> #name(#(#arguments),*));
        }
        if path.segments.len() == 1
            && let Some(callee) = self.module.free(name)
        {
            let entry = if callee.role == Role::Portal { "call" } else { "twin" };
            let entry = format_ident!("{entry}", span = name.span());
            let arguments = self.arguments(&e.args);
            return quote_spanned!(e.span()=> #name::#entry(#(#arguments),*));
        }
        match &*name.to_string() {
            "promote" if e.args.len() == 1 => {
                let value = self.value(&e.args[0]);
                return quote!(#m::promote(#value));
            }
            text if text.starts_with(|c: char| c.is_uppercase()) => {
                let arguments = self.arguments(&e.args);
                return self.construct(e, arguments, None, |parts| quote!(#path(#(#parts),*)));
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
                let (a, b) = (self.place(&e.receiver), self.value(&e.args[0]));
                quote_spanned!(e.span()=> #m::#name(#m::auto(#a).get(), #b))
            }
            ("wrapping_neg", 0) => {
                let a = self.place(&e.receiver);
                quote_spanned!(e.span()=> #m::#name(#m::auto(#a).get()))
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
        let path = &e.path;
        let members: Vec<_> = e.fields.iter().map(|field| field.member.clone()).collect();
        let values = e.fields.iter().map(|field| self.value(&field.expr)).collect();
        let base = e.rest.as_ref().map(|rest| self.value(rest));
        self.construct(e, values, base, |parts| quote!(#path { #(#members: #parts,)* }))
    }

    /// A value that is made of others. `build` writes the constructor, around values or patterns.
    pub fn construct(
        &mut self,
        e: &impl Spanned,
        values: Vec<TokenStream>,
        base: Option<TokenStream>,
        build: impl Fn(&[TokenStream]) -> TokenStream,
    ) -> TokenStream {
        let m = support_at(e.span());
        let name = |prefix: &'static str| {
            move |index: usize| format_ident!("__{prefix}{index}", span = Span::call_site())
        };
        let names: Vec<_> = (0..values.len()).map(name("p")).collect();
        let opnds: Vec<_> = (0..values.len()).map(name("o")).collect();
        let natives: Vec<_> = names.iter().map(|name| quote!(#name.native())).collect();
        let fields: Vec<_> = (0..values.len()).map(|index| name("f")(index).to_token_stream()).collect();
        let (mut built, mut pattern) = (build(&natives), build(&fields));
        let base_value = base.unwrap_or(quote!(()));
        let mut base_opnd = quote!(#m::constant());
        if base_value.to_string() != "()" {
            built = with_rest(&built, &quote!(..__base.native()));
            pattern = with_rest(&pattern, &quote!(..));
            base_opnd = quote!(__base.opnd());
        }
        quote_spanned!(e.span()=> match (#(#values,)*) {
            (#(#names,)*) => {
                let __base = #base_value;
                let __rest = #base_opnd;
                #(let #opnds = #names.opnd();)*
                let __x = #built;
                let mut __parts = #m::Parts::of(&raw const __x, __rest);
                match &__x {
                    #pattern => { #(__parts.put(#fields, #opnds);)* }
                    _ => ::core::unreachable!(),
                }
                __parts.finish(__x)
            }
        })
    }

    fn arguments<'e>(&mut self, args: impl IntoIterator<Item = &'e Expr>) -> Vec<TokenStream> {
        args.into_iter().map(|e| self.value(e)).collect()
    }
}

/// A struct expression or pattern with something more before its closing brace.
fn with_rest(tokens: &TokenStream, rest: &TokenStream) -> TokenStream {
    let mut trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
    if let Some(TokenTree::Group(group)) = trees.pop() {
        let inner = group.stream();
        trees.push(TokenTree::Group(proc_macro2::Group::new(group.delimiter(), quote!(#inner #rest))));
    }
    trees.into_iter().collect()
}
