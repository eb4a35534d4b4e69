//! Calls: of functions, methods and constructors.
//!
//! ```text
//! f(a), p::f(a)   =>   f::twin(a), p::f::twin(a)
//! T::f(a)         =>   T::f__twin(a)
//! r.m(a)          =>   (native receiver).m__twin(receiver of the twin, a)
//! ```
//!
//! A twin is found by rustc as its function is, so the macro need not know what exists. It says so
//! itself where it knows that there is none.
//!
//! Not here: the twins of the standard library's methods (`macro_support::methods`).

use super::{Twin, promoted, short_at, twin_name};
use crate::span::Begins;
use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::punctuated::Punctuated;
use syn::{Expr, ExprCall, ExprMethodCall, ExprStruct, Ident, Token};

/// Functions of word types that do not take `self`.
const WITHOUT_SELF: [&str; 5] = ["from_bits", "from", "try_from", "from_u32", "default"];

/// Functions that mean something to the tracer only, and how many arguments they take.
const HINTS: [(&str, usize); 5] = [
    ("assert_green", 1),
    ("is_constant", 1),
    ("is_virtual", 1),
    ("we_are_jitted", 0),
    ("record_exact", 2),
];

impl Twin<'_> {
    /// `f(args)`.
    pub fn call(&mut self, e: &ExprCall) -> TokenStream {
        let m = short_at(e.span());
        let Expr::Path(function) = &*e.func else {
            return self.unsupported(
                &e.func,
                "calls through values are",
                "call a function by name",
            );
        };
        let segments = &function.path.segments;
        let Some(last) = segments.last() else { return quote!() };
        let name = &last.ident;
        let single = segments.len() == 1;
        if single && self.scope.has(name) {
            // A closure in a local.
            let arguments = self.arguments(&e.args);
            return quote_spanned!(e.span()=> #name(#(#arguments),*));
        }
        match &*name.to_string() {
            "promote" if e.args.len() == 1 && self.module.free(name).is_none() => {
                let value = self.value(&e.args[0]);
                return promoted(&value);
            }
            text if HINTS.contains(&(text, e.args.len())) && self.module.free(name).is_none() => {
                let arguments = self.arguments(&e.args);
                return quote_spanned!(e.span()=> #m::#name(#(#arguments),*));
            }
            "clone" if !single && e.args.len() == 1 => {
                let place = self.place(&e.args[0]);
                return quote_spanned!(e.span()=> #m::clone_of(#place));
            }
            "replace" | "take" | "swap"
                if !single && segments[segments.len() - 2].ident == "mem" =>
            {
                let (function, arguments) = (format_ident!("mem_{name}"), self.arguments(&e.args));
                return quote_spanned!(e.span()=> #m::#function(#(#arguments),*));
            }
            "Ok" | "Err" | "Some" if single && e.args.len() == 1 => {
                let (made, arguments) = (name.to_string().to_lowercase(), self.arguments(&e.args));
                let made = Ident::new(&made, name.span());
                return quote_spanned!(e.span()=> #m::#made(#(#arguments),*));
            }
            text if text.starts_with(|c: char| c.is_uppercase()) => {
                let path = &function.path;
                if !e.args.is_empty() && !matches!(text, "Ok" | "Err" | "Some") {
                    return self.build(e.span(), path, &e.args);
                }
                let arguments = self.arguments(&e.args);
                return self.construct(
                    e.span(),
                    arguments,
                    None,
                    |parts| quote!(#path(#(#parts),*)),
                );
            }
            _ => (),
        }
        if !single && is_type(&segments[segments.len() - 2].ident) || function.qself.is_some() {
            return self.associated_call(e, function);
        }
        if !self.has_twin(&function.path) {
            let help = "call it from a #[residual] function";
            let message = match self.is_of_std(&function.path) {
                true => format!("the tracer does not know the function `{name}`"),
                false => format!("there is no function `{name}` in this module"),
            };
            self.errors.on(name, &message, help);
            return quote!(::core::unreachable!());
        }
        let mut path = function.path.clone();
        let arguments = self.arguments(&e.args);
        let generics = path.segments.last_mut().map(|last| std::mem::take(&mut last.arguments));
        quote_spanned!(e.span()=> #path::twin #generics (#(#arguments),*))
    }

    /// Can there be a twin beside a function? Of what is outside of the module, rustc knows more.
    fn has_twin(&self, path: &syn::Path) -> bool {
        let known = match path.get_ident() {
            Some(name) => self.module.free(name).is_some() || self.module.import(name).is_some(),
            None => true,
        };
        (known || !self.module.closed) && !self.is_of_std(path)
    }

    fn is_of_std(&self, path: &syn::Path) -> bool {
        let Some(first) = path.segments.first() else { return false };
        let origin = match self.module.import(&first.ident) {
            Some(full) if !full.is_empty() => full[0].clone(),
            _ => first.ident.to_string(),
        };
        let own = path.segments.len() == 1 && self.module.free(&first.ident).is_some();
        !own && matches!(&*origin, "std" | "core" | "alloc")
    }

    /// `Type::f(args)`: with or without `self` among the arguments.
    fn associated_call(&mut self, e: &ExprCall, function: &syn::ExprPath) -> TokenStream {
        let mut twin = function.clone();
        let Some(last) = twin.path.segments.last_mut() else { return quote!() };
        let name = last.ident.clone();
        last.ident = twin_name(&name);
        let of_word = function.path.segments.len() == 2
            && is_word(&function.path.segments[0].ident)
            && !WITHOUT_SELF.contains(&&*name.to_string());
        if (of_word || self.module.takes_self(&name)) && !e.args.is_empty() {
            let receiver = self.receiver(&e.args[0], e.span());
            let arguments = self.arguments(e.args.iter().skip(1));
            return quote_spanned!(e.span()=>
                // SAFETY: the receiver is alive; the twin uses the reference for its address only.
                match unsafe { #receiver } { __r => #twin(__r.0, __r.1, #(#arguments),*) }
            );
        }
        let arguments = self.arguments(&e.args);
        quote_spanned!(e.span()=> #twin(#(#arguments),*))
    }

    /// `receiver.method(args)`.
    pub fn method_call(&mut self, e: &ExprMethodCall) -> TokenStream {
        let (twin, generics) = (twin_name(&e.method), &e.turbofish);
        let m = short_at(e.span());
        if e.method == "clone" && e.args.is_empty() {
            // What is cloned is what the references lead to, not what an `Rc` does.
            let receiver = self.place(&e.receiver);
            return quote_spanned!(e.span()=> #m::clone_of(#receiver));
        }
        if e.method == "ptr_eq" && e.args.len() == 1 {
            // What is compared are the pointers, not what they lead to.
            let (receiver, other) = (self.place(&e.receiver), self.value(&e.args[0]));
            return quote_spanned!(e.span()=> #m::same_object(#receiver, #other));
        }
        let receiver = self.receiver(&e.receiver, e.span());
        let arguments = self.arguments(&e.args);
        // A call with a receiver: rustc finds the twin by the native reference, the first part of
        // `__r`; what the twin uses is the second, and is taken before the others are evaluated.
        quote_spanned!(e.span()=>
            // SAFETY: the receiver is alive; the twin uses the reference for its address only.
            match unsafe { #receiver } {
                __r => (__r.0).#twin #generics (__r.1, #(#arguments),*)
            }
        )
    }

    /// `Type { field: value }`.
    pub fn struct_literal(&mut self, e: &ExprStruct) -> TokenStream {
        let path = &e.path;
        let members: Vec<_> = e.fields.iter().map(|field| field.member.clone()).collect();
        let values = e.fields.iter().map(|field| self.value(&field.expr)).collect();
        let base = e.rest.as_ref().map(|rest| self.value(rest));
        self.construct(e.span(), values, base, |parts| quote!(#path { #(#members: #parts,)* }))
    }

    /// A value of a derived type, which knows where its fields are.
    fn build(
        &mut self,
        at: Span,
        path: &syn::Path,
        values: &Punctuated<Expr, Token![,]>,
    ) -> TokenStream {
        let (m, (bind, names)) = (short_at(at), self.operands(at, values));
        let built =
            quote_spanned!(at=> #m::built(&[#(#names.opnd()),*], #path(#(#names.native()),*)));
        match bind.is_empty() {
            true => built,
            false => quote_spanned!(at=> { #bind #built }),
        }
    }

    /// A value that is made of others. `build` writes the constructor, around values or patterns.
    pub fn construct(
        &mut self,
        at: Span,
        values: Vec<TokenStream>,
        base: Option<TokenStream>,
        build: impl Fn(&[TokenStream]) -> TokenStream,
    ) -> TokenStream {
        let m = short_at(at);
        let name = |prefix: &'static str| {
            move |index: usize| format_ident!("__{prefix}{index}", span = Span::call_site())
        };
        let names: Vec<_> = (0..values.len()).map(name("p")).collect();
        let opnds: Vec<_> = (0..values.len()).map(name("o")).collect();
        let natives: Vec<_> = names.iter().map(|name| quote!(#name.native())).collect();
        let fields: Vec<_> =
            (0..values.len()).map(|index| name("f")(index).to_token_stream()).collect();
        let (mut built, mut pattern) = (build(&natives), build(&fields));
        let (mut rest, mut rest_opnd) = (quote!(), quote!(#m::CONSTANT));
        if let Some(base) = base {
            built = with_rest(&built, &quote!(..__base.native()));
            pattern = with_rest(&pattern, &quote!(..));
            rest = quote!(let __base = #base; let __rest = __base.opnd(););
            rest_opnd = quote!(__rest);
        }
        let (value, name) = match (&values[..], &names[..]) {
            ([value], [name]) => (value.clone(), quote!(#name)),
            _ => (quote!((#(#values,)*)), quote!((#(#names,)*))),
        };
        quote_spanned!(at=> match #value {
            #name => {
                #rest
                #(let #opnds = #names.opnd();)*
                let __x = #built;
                let __parts = match &__x {
                    #pattern => [#(#m::made(#fields, #opnds)),*],
                    _ => #m::never(),
                };
                #m::whole(&raw const __x, #rest_opnd, &__parts, __x)
            }
        })
    }

    fn arguments<'e>(&mut self, args: impl IntoIterator<Item = &'e Expr>) -> Vec<TokenStream> {
        args.into_iter().map(|e| self.value(e)).collect()
    }
}

/// Does a path go through a type there?
fn is_type(name: &Ident) -> bool {
    name.to_string().starts_with(|c: char| c.is_uppercase()) || is_word(name)
}

pub(super) fn is_word(name: &Ident) -> bool {
    matches!(
        &*name.to_string(),
        "u8" | "u16"
            | "u32"
            | "u64"
            | "usize"
            | "i8"
            | "i16"
            | "i32"
            | "i64"
            | "isize"
            | "f32"
            | "f64"
            | "bool"
            | "char"
    )
}

/// A struct expression or pattern with something more before its closing brace.
fn with_rest(tokens: &TokenStream, rest: &TokenStream) -> TokenStream {
    let mut trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
    if let Some(TokenTree::Group(group)) = trees.pop() {
        let inner = group.stream();
        trees.push(TokenTree::Group(proc_macro2::Group::new(
            group.delimiter(),
            quote!(#inner #rest),
        )));
    }
    trees.into_iter().collect()
}
